// The manifest as a whole: its fields, and what they say together (sections 3 and 2.2 of SPEC.md).
import { quote, refuse } from "../bytes/errors.js";
import { roundUp } from "../bytes/numbers.js";
import { isObject, parse } from "../json/parse.js";
import { recordsOf } from "./columns.js";
import { array, choice, digest, fields, hex, integer, name } from "./fields.js";
import { readTensors } from "./tensors.js";

const MAX_SECTIONS = 64, MAX_TENSORS = 2 ** 20;
const CRITICAL = { masks: true, planes: true, dense: true, prototype: true, source: false };
const ALIGNED_FROM = 4096, ALIGNMENT = 64;

function readShuffle(value, where) {
  fields(value, where, ["length", "seed", "stream"]);
  return {
    length: integer(value.length, `${where}.length`, 1),
    seed: hex(value.seed, `${where}.seed`, 16),
    stream: hex(value.stream, `${where}.stream`, 16),
  };
}

/** Read the prototype's record; `vector` is the length of what tensors take their values from. */
function readPrototype(value) {
  if (value === null) return null;
  const seeded = "seed" in fields(value, "prototype", ["length"], ["seed", "shuffle", "stream", "transform"]);
  fields(value, "prototype", seeded ? ["length", "seed", "stream", "transform"] : ["length"], ["shuffle"]);
  const length = integer(value.length, "prototype.length", 1);
  const shuffle = "shuffle" in value ? readShuffle(value.shuffle, "prototype.shuffle") : null;
  return {
    length,
    seed: seeded ? hex(value.seed, "prototype.seed", 16) : null,
    stream: seeded ? hex(value.stream, "prototype.stream", 16) : null,
    transform: seeded ? choice(value.transform, "prototype.transform", ["normal16", "uniform24", "sign"]) : null,
    shuffle,
    vector: shuffle === null ? length : shuffle.length,
  };
}

function readSection(value, where, compact) {
  fields(value, where, compact ? ["bytes", "critical", "name"] : ["bytes", "critical", "name", "sha256"]);
  const own = name(value.name, `${where}.name`);
  if (typeof value.critical !== "boolean") {
    refuse(`${where}.critical: expected true or false, got ${quote(value.critical)}`);
  }
  const known = Object.hasOwn(CRITICAL, own);
  if (!known && value.critical) refuse(`${where}: the section ${quote(own)} is not known, and critical`);
  if (known && value.critical !== CRITICAL[own]) {
    refuse(`${where}.critical: expected ${CRITICAL[own]} for the section ${own}`);
  }
  const bytes = integer(value.bytes, `${where}.bytes`, 1);
  const sha256 = compact ? null : digest(value.sha256, `${where}.sha256`);
  return { name: own, bytes, critical: value.critical, known, sha256 };
}

function readSections(value, compact) {
  const sections = new Map();
  array(value, "sections", MAX_SECTIONS).forEach((item, i) => {
    const section = readSection(item, `sections[${i}]`, compact);
    if (sections.has(section.name)) refuse(`sections[${i}].name: ${quote(section.name)} is there already`);
    sections.set(section.name, section);
  });
  return sections;
}

/** Give every payload its place in its section, and return the sizes of the sections. */
function lay(tensors, prototype, compact) {
  const isStored = prototype !== null && prototype.seed === null;
  const ends = { masks: 0, planes: 0, dense: 0, prototype: isStored ? 4 * prototype.length : 0 };
  for (const { positions, values } of tensors) {
    if (positions !== null) {
      positions.start = ends.masks;
      ends.masks += positions.bytes;
    }
    if (values.plane !== null) {
      values.plane.start = ends.planes;
      ends.planes += values.plane.bytes;
    }
    if (values.kind === "stored") {
      const isAligned = !compact && values.coding === "raw" && values.bytes >= ALIGNED_FROM;
      if (isAligned) ends.dense = roundUp(ends.dense, ALIGNMENT);
      values.start = ends.dense;
      ends.dense += values.bytes;
    }
  }
  return ends;
}

/** Read the bytes of a manifest, decompressed. */
export function readManifest(bytes, compact) {
  const value = parse(bytes);
  fields(value, "manifest", ["about", "architecture", "prototype", "restored_sha256", "sections", "tensors"]);
  for (const key of ["about", "architecture"]) if (!isObject(value[key])) {
    refuse(`${key}: expected an object, got ${quote(value[key])}`);
  }
  const prototype = readPrototype(value.prototype);
  const restored = digest(value.restored_sha256, "restored_sha256"), sections = readSections(value.sections, compact);
  const records = compact ? recordsOf(value.tensors, MAX_TENSORS) : array(value.tensors, "tensors", MAX_TENSORS);
  const tensors = readTensors(records, prototype, compact), sizes = lay(tensors, prototype, compact);
  for (const [key, size] of Object.entries(sizes)) {
    const told = sections.get(key)?.bytes ?? 0;
    if (told !== size) refuse(`the section ${key}: expected ${size} bytes for what the records say, got ${told}`);
  }
  const { about, architecture } = value;
  return { about, architecture, prototype, restored_sha256: restored, sections, tensors };
}
