// What the values of a tensor are (sections 4.2 to 4.7 of SPEC.md).
import { quote, refuse } from "../bytes/errors.js";
import { DTYPES, isMasked } from "./dtypes.js";
import { choice, fields, hex, integer, name } from "./fields.js";
import { readPositions } from "./positions.js";

const WIDEST = { generation: 32, source: 48 };
const LEAST_SCALE = 2 ** -100, LARGEST_SCALE = 2 ** 100;
const WIDENED = { f32: ["f32", "f16", "bf16"] }; // other tensors are stored as they are
const bitsOf = new Uint32Array(1), numberOf = new Float32Array(bitsOf.buffer);

function readScale(value, where) {
  bitsOf[0] = parseInt(hex(value, where, 8), 16);
  const size = Math.abs(numberOf[0]);
  if (!(size >= LEAST_SCALE && size <= LARGEST_SCALE)) {
    refuse(`${where}: expected an absolute value from 2^-100 to 2^100, got ${quote(value)}`);
  }
  return numberOf[0];
}

/** One scale, or one for each index of the first dimension. */
function readScales(value, where, shape) {
  if (!Array.isArray(value)) return Float32Array.of(readScale(value, where));
  if (shape.length === 0 || value.length !== shape[0]) {
    refuse(`${where}: expected ${shape.length === 0 ? "no array" : shape[0] + " scales"}, got ${value.length}`);
  }
  return Float32Array.from(value, (one, i) => readScale(one, `${where}[${i}]`));
}

function readPlane(value, where, tensor, kinds) {
  const kind = choice(fields(value, where, ["kind", "positions"], ["stream", "width"]).kind, `${where}.kind`, kinds);
  const own = kind === "generation" ? ["stream", "width"] : kind === "source" ? ["width"] : [];
  fields(value, where, ["kind", "positions", ...own]);
  const among = { all: tensor.free, frozen: 0, compact: tensor.compact };
  const positions = readPositions(value.positions, `${where}.positions`, among);
  if (positions.predictor !== null) refuse(`${where}.positions.predictor: a plane has none`);
  if (positions.ones === 0) refuse(`${where}.positions.ones: expected 1 at least`);
  const width = kind === "sign" ? 0 : integer(value.width, `${where}.width`, 1, WIDEST[kind]);
  const stream = kind === "generation" ? hex(value.stream, `${where}.stream`, 16) : null;
  if (stream !== null && stream[0] > "7") refuse(`${where}.stream: expected a number below 2^63, got ${quote(stream)}`);
  return { kind, positions, stream, width, bytes: positions.bytes + Math.ceil((positions.ones * width) / 8) };
}

function readFromPrototype(value, where, tensor) {
  fields(value, where, ["kind", "offset", "scale"], ["plane"]);
  const { prototype } = tensor;
  if (!isMasked(tensor.dtype)) {
    refuse(`${where}: expected f32, f16 or bf16 for values of a prototype, got ${tensor.dtype}`);
  }
  if (prototype === null) refuse(`${where}: the archive has no prototype`);
  const kinds = prototype.seed === null ? ["sign", "source"] : ["sign", "generation", "source"];
  return {
    kind: value.kind,
    offset: integer(value.offset, `${where}.offset`, 0, prototype.vector - 1),
    scale: readScales(value.scale, `${where}.scale`, tensor.shape),
    plane: "plane" in value ? readPlane(value.plane, `${where}.plane`, tensor, kinds) : null,
  };
}

function readStored(value, where, tensor) {
  const all = ["coding", "dtype", "kind"];
  fields(value, where, all, ["bytes", "scale"]);
  const coding = choice(value.coding, `${where}.coding`, ["raw", "zstd", "shuffle-zstd"]);
  const follows = tensor.compact && coding === "raw";
  fields(value, where, follows ? all : [...all, "bytes"], ["scale"]);
  const scaled = "scale" in value;
  if (scaled && !isMasked(tensor.dtype)) refuse(`${where}.scale: expected f32, f16 or bf16, got ${tensor.dtype}`);
  const dtype = choice(value.dtype, `${where}.dtype`, scaled ? ["i8", "i4"] : WIDENED[tensor.dtype] ?? [tensor.dtype]);
  const width = dtype === "i4" ? 0.5 : DTYPES[dtype].bytes, raw = Math.ceil(tensor.selected * width);
  const bytes = follows ? raw : integer(value.bytes, `${where}.bytes`);
  if (coding === "raw" ? bytes !== raw : bytes < 1 || bytes >= raw) {
    refuse(`${where}.bytes: expected ${coding === "raw" ? raw : "1 at least, and fewer than " + raw}, got ${bytes}`);
  }
  const scale = scaled ? readScales(value.scale, `${where}.scale`, tensor.shape) : null;
  return { kind: "stored", coding, dtype, bytes, raw, scale, plane: null };
}

function readConstant(value, where, tensor) {
  fields(value, where, ["bits", "kind"], ["plane"]);
  const bits = hex(value.bits, `${where}.bits`, 2 * DTYPES[tensor.dtype].bytes);
  if (tensor.dtype === "bool" && bits > "01") refuse(`${where}.bits: expected 00 or 01 for bool, got ${quote(bits)}`);
  if ("plane" in value && !isMasked(tensor.dtype)) {
    refuse(`${where}.plane: expected f32, f16 or bf16, got ${tensor.dtype}`);
  }
  const plane = "plane" in value ? readPlane(value.plane, `${where}.plane`, tensor, ["sign"]) : null;
  return { kind: "constant", bits, plane };
}

function readAlias(value, where) {
  fields(value, where, ["kind", "of"]);
  return { kind: "alias", of: name(value.of, `${where}.of`), plane: null };
}

const KINDS = {
  prototype: readFromPrototype,
  "prototype-sign": readFromPrototype,
  stored: readStored,
  constant: readConstant,
  alias: readAlias,
};

/**
 * Read the values of a tensor.
 * @param tensor its dtype, shape, `selected` elements, `free` ones (selected and not frozen), the
 *   archive's prototype, and whether the archive is in the compact form
 */
export function readValues(value, where, tensor) {
  const every = ["bits", "bytes", "coding", "dtype", "of", "offset", "plane", "scale"];
  const kind = choice(fields(value, where, ["kind"], every).kind, `${where}.kind`, KINDS);
  return KINDS[kind](value, where, tensor);
}
