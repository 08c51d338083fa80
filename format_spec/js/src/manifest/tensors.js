// Tensor records (section 4 of SPEC.md).
import { quote, refuse } from "../bytes/errors.js";
import { DTYPES } from "./dtypes.js";
import { array, choice, digest, fields, integer, MAX_ELEMENTS, name } from "./fields.js";
import { readFrozen, readPositions } from "./positions.js";
import { readValues } from "./values.js";

const MAX_RANK = 8;

function readShape(value, where) {
  const shape = array(value, where, MAX_RANK).map((dimension, i) => integer(dimension, `${where}[${i}]`, 1));
  let elements = 1;
  for (const dimension of shape) {
    elements *= dimension;
    if (elements > MAX_ELEMENTS) refuse(`${where}: expected at most ${MAX_ELEMENTS} elements`);
  }
  return { shape, elements };
}

function readTensor(value, where, prototype, compact) {
  fields(value, where, ["dtype", "name", "shape", "values"], ["frozen", "positions", "sha256"]);
  const own = name(value.name, `${where}.name`), dtype = choice(value.dtype, `${where}.dtype`, DTYPES);
  const { shape, elements } = readShape(value.shape, `${where}.shape`);
  const frozen = "frozen" in value ? readFrozen(value.frozen, `${where}.frozen`, elements) : null;
  const fixed = frozen === null ? 0 : frozen.count;
  const among = { all: elements, frozen: fixed, compact };
  const positions = "positions" in value ? readPositions(value.positions, `${where}.positions`, among) : null;
  const selected = positions === null ? elements : positions.ones;
  const tensor = { dtype, shape, selected, free: selected - fixed, prototype, compact };
  const values = readValues(value.values, `${where}.values`, tensor);
  const sha256 = "sha256" in value ? digest(value.sha256, `${where}.sha256`) : null;
  if (frozen !== null && !values.kind.startsWith("prototype")) {
    refuse(`${where}.frozen: expected values of a prototype, got ${values.kind}`);
  }
  if (frozen !== null && positions === null && values.plane === null) {
    refuse(`${where}.frozen: expected positions or a plane`);
  }
  if (values.kind === "alias" && (positions !== null || sha256 !== null)) {
    refuse(`${where}: an alias has neither positions nor a digest`);
  }
  return { name: own, dtype, shape, elements, bytes: elements * DTYPES[dtype].bytes, positions, frozen, values, sha256 };
}

/** Read all records of an archive, in their order. */
export function readTensors(items, prototype, compact) {
  const named = new Map();
  items.forEach((item, i) => {
    const where = `tensors[${i}]`, tensor = readTensor(item, where, prototype, compact);
    if (named.has(tensor.name)) refuse(`${where}.name: ${quote(tensor.name)} is there already`);
    if (tensor.values.kind === "alias") {
      const target = named.get(tensor.values.of);
      if (target === undefined || target.values.kind === "alias") {
        refuse(`${where}.values.of: expected a tensor before this one that is no alias, got ${quote(tensor.values.of)}`);
      }
      if (target.dtype !== tensor.dtype || String(target.shape) !== String(tensor.shape)) {
        refuse(`${where}: expected the dtype and the shape of ${quote(target.name)}`);
      }
    }
    named.set(tensor.name, tensor);
  });
  return [...named.values()];
}

/** Whether a tensor uses something of version 1.1 (section 11). */
export function isOfMinor1({ frozen, positions, values }) {
  return frozen !== null || (positions !== null && positions.predictor !== null) || values.dtype === "i4";
}
