// An archive that is open: what is in it, and its tensors.
import { quote, refuse } from "../bytes/errors.js";
import { allocate, copyOf } from "../bytes/numbers.js";
import { decodeText } from "../json/strings.js";
import { DTYPES } from "../manifest/dtypes.js";
import { readManifest } from "../manifest/manifest.js";
import { isOfMinor1 } from "../manifest/tensors.js";
import { restoredDigest, tensorDigest } from "../restore/digests.js";
import { fillFromPrototype } from "../restore/filling.js";
import { placesOf } from "../restore/places.js";
import { restoreConstant, restoreStored } from "../restore/stored.js";
import { firstOfVector, neededOfVector } from "../restore/vector.js";
import { decompress, frameSize } from "../zstd/frame.js";
import { dictionary } from "./dictionary.js";
import { COMPACT, HEADER_BYTES, PLAIN, readHeader } from "./header.js";
import { readLimits, within } from "./limits.js";
import { Sections } from "./sections.js";

const MAX_SOURCE_BYTES = 2 ** 26, MOST_ELEMENTS = 2 ** 32 - 1;
const KINDS = {
  prototype: fillFromPrototype,
  "prototype-sign": fillFromPrototype,
  stored: restoreStored,
  constant: restoreConstant,
};

class Archive {
  #sections;
  #byName;
  #vector = null;
  #tools;

  constructor(header, manifest, sections) {
    const { about, architecture, prototype, restored_sha256, tensors } = manifest;
    Object.assign(this, { header, about, architecture, prototype, tensors, restored_sha256 });
    this.sections = [...manifest.sections.values()];
    this.#sections = sections;
    this.#byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    const payload = (name) => sections.payload(name);
    const vector = () => (this.#vector ??= firstOfVector(prototype, payload, neededOfVector(prototype, tensors)));
    this.#tools = { payload, vector, prototype };
  }

  /** One tensor: its dtype, its shape and a typed array; bf16 and f16 as bit patterns in u16. */
  tensor(name) {
    const { dtype, shape, bytes } = this.#restore(this.#find(name));
    return asTensor(dtype, shape, bytes);
  }

  /** Which elements of a tensor are selected: a byte for each, 0 or 1. */
  mask(name) {
    const tensor = this.#find(name);
    if (tensor.sha256 !== null) this.#restore(tensor);
    return this.#places(tensor).selected ?? allocate(Uint8Array, tensor.elements, name).fill(1);
  }

  /** All tensors by their names, once the digest over all of them is compared. */
  restore() {
    const found = new Map();
    this.#compare(this.#digests(found));
    return found;
  }

  /** Check all that the archive promises (sections 8 and 10); the digests of its tensors by name. */
  verify() {
    for (const { name } of this.sections) this.#sections.payload(name);
    this.source();
    const digests = this.#digests(null);
    this.#compare(digests);
    return digests;
  }

  /** The payload of a section, whose digest is compared first. */
  section(name) {
    if (!this.sections.some((section) => section.name === name)) refuse(`the archive has no section ${quote(name)}`);
    return copyOf(this.#sections.payload(name), `the section ${name}`);
  }

  /** The text of the section `source`, or null; it is only read, never run. */
  source() {
    if (!this.sections.some((section) => section.name === "source")) return null;
    const frame = this.#sections.payload("source"), size = frameSize(frame, "the section source");
    if (size < 1 || size > MAX_SOURCE_BYTES) {
      refuse(`the section source: expected a text of 1 to ${MAX_SOURCE_BYTES} bytes, got ${size}`);
    }
    return decodeText(decompress(frame, size, "the section source"), "the section source");
  }

  #find(name) {
    const tensor = this.#byName.get(name);
    if (tensor === undefined) refuse(`the archive has no tensor ${quote(name)}`);
    return tensor.values.kind === "alias" ? this.#byName.get(tensor.values.of) : tensor;
  }

  #places(tensor) {
    const { name, elements } = tensor;
    if (elements > MOST_ELEMENTS) {
      refuse(`${name}: ${elements} elements are more than this reader restores, which is ${MOST_ELEMENTS}`);
    }
    return placesOf(tensor, this.#tools);
  }

  /** Restore a record that is no alias: what it is, its bytes, and its digest where that is needed. */
  #restore(tensor, digested = false) {
    const { name, dtype, shape, values, sha256 } = tensor;
    const bytes = KINDS[values.kind](tensor, this.#places(tensor), this.#tools);
    const digest = digested || sha256 !== null ? tensorDigest(tensor, bytes) : null;
    if (sha256 !== null && digest !== sha256) refuse(`${name}: its digest is not that of what is restored`);
    return { dtype, shape, bytes, digest };
  }

  /** Restore one tensor after the other, keep them where that is asked for, and return their digests. */
  #digests(kept) {
    const digests = new Map();
    for (const record of this.tensors) {
      const { name, values } = record, { of } = values;
      const one = of === undefined ? this.#restore(record, true) : null;
      digests.set(name, one === null ? digests.get(of) : one.digest);
      kept?.set(name, one === null ? kept.get(of) : asTensor(one.dtype, one.shape, one.bytes));
    }
    return digests;
  }

  #compare(digests) {
    if (restoredDigest(digests) !== this.restored_sha256) {
      refuse("restored_sha256: the digest is not that of the restored tensors");
    }
  }
}

function asTensor(dtype, shape, bytes) {
  const { Type } = DTYPES[dtype];
  const data = new Type(bytes.buffer, bytes.byteOffset, bytes.length / Type.BYTES_PER_ELEMENT);
  return { dtype, shape: [...shape], data };
}

/** What the header says of all tensors, and the version it has, against the manifest. */
function compareTotals(header, { sections, tensors }) {
  let elements = 0, restored = 0;
  for (const tensor of tensors) {
    if (tensor.values.kind === "alias") continue;
    elements += tensor.elements;
    restored += tensor.bytes;
  }
  const totals = { elements, restored, sections: sections.size };
  for (const [key, total] of Object.entries(totals)) if (header[key] !== total) {
    refuse(`header: expected ${total} for ${key}, which the manifest says, got ${header[key]}`);
  }
  const minor = header.coding === COMPACT || tensors.some(isOfMinor1) ? 1 : 0;
  if (header.minor !== minor) refuse(`header: version 1.${header.minor}, expected 1.${minor} for what is in the file`);
}

function manifestBytes(bytes, { stored, raw, coding }) {
  const own = bytes.subarray(HEADER_BYTES, HEADER_BYTES + stored);
  return coding === PLAIN ? own : decompress(own, raw, "manifest", coding === COMPACT ? dictionary() : undefined);
}

function bytesOf(data) {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (!(data instanceof ArrayBuffer)) refuse(`open: expected an ArrayBuffer or a typed array, got ${quote(data)}`);
  return new Uint8Array(data);
}

/**
 * Open an archive: all that listing it needs is checked (steps 1 to 8 of section 10.1).
 * @param {Uint8Array | ArrayBuffer} data the whole file, which is not copied and must not change
 * @param limits see index.d.ts
 * @throws {PemnError} if the file is not a right archive, or is beyond a limit
 */
export function open(data, limits) {
  const bytes = bytesOf(data);
  const most = readLimits(limits), header = readHeader(bytes, most), compact = header.coding === COMPACT;
  const manifest = readManifest(manifestBytes(bytes, header), compact), { prototype } = manifest;
  compareTotals(header, manifest);
  if (prototype !== null) {
    for (const length of [prototype.length, prototype.vector]) {
      within(length, most.elements, "the length of the prototype");
      within(4 * length, most.restoredBytes, "bytes of the prototype");
    }
  }
  return new Archive(header, manifest, new Sections(bytes, manifest, HEADER_BYTES + header.stored, compact));
}
