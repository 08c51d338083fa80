// Arrays of NumPy, of either order and either end first, of the type that an input has: as `pemn run` takes them.
import { MOST, sizeOf } from "./arrays.js";

const KINDS = {
  b1: ["bool", "bool", Uint8Array], u1: ["u8", "uint8", Uint8Array], i1: ["i8", "int8", Int8Array], i2: ["i16", "int16", Int16Array],
  i4: ["i32", "int32", Int32Array], i8: ["i64", "int64", BigInt64Array], f2: ["f16", "float16", Uint16Array],
  f4: ["f32", "float32", Float32Array], f8: ["f64", "float64", Float64Array],
  u2: [null, "uint16"], u4: [null, "uint32"], u8: [null, "uint64"], c8: [null, "complex64"], c16: [null, "complex128"],
};
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

const wrong = (why) => new Error(`it is no array that can be read here: ${why}`);

/** What a file says of itself, and where its numbers begin. */
function headOf(data) {
  const bytes = new Uint8Array(data), view = new DataView(data);
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) throw wrong("it does not begin as a .npy file does");
  const start = bytes[6] > 1 ? 12 : 10, isCut = wrong("it is cut short");
  if (bytes.length < start) throw isCut;
  const end = start + (start === 12 ? view.getUint32(8, true) : view.getUint16(8, true));
  if (end > bytes.length) throw isCut;
  const head = new TextDecoder("latin1").decode(bytes.subarray(start, end));
  const kind = /'descr': *'([^']*)'/.exec(head)?.[1] ?? "that is not told", sizes = /'shape': *\(([\d, ]*)\)/.exec(head)?.[1];
  if (sizes === undefined) throw wrong("its shape is not told");
  const shape = sizes.split(",").filter((size) => size.trim() !== "").map(Number);
  return { kind, shape, end, isFortran: /'fortran_order': *True/.test(head) };
}

/** The array in a file for an input of a graph: { shape, numbers }. */
export function fromNpy(data, { dtype }) {
  const { kind, shape, end, isFortran } = headOf(data), [own, name, Type] = KINDS[kind.slice(1)] ?? [null, `numbers of kind ${kind}`];
  const held = dtype === "bf16" ? "f32" : dtype, wanted = Object.values(KINDS).find(([one]) => one === held)[1];
  if (own !== held) {
    const more = dtype === "bf16" ? " (in numpy float32)" : "";
    throw new Error(`expected ${dtype}${more}, got ${name}; convert it with .astype(numpy.${wanted})`);
  }
  const length = sizeOf(shape), width = Type.BYTES_PER_ELEMENT;
  if (length > MOST) throw wrong(`it has ${length} numbers, expected at most ${MOST}`);
  if (data.byteLength - end !== length * width) throw wrong("it is cut short, or longer than it says");
  const bytes = new Uint8Array(data.slice(end));
  if (kind[0] === ">") for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
  const numbers = new Type(bytes.buffer);
  return { shape, numbers: isFortran && shape.length > 1 ? turned(numbers, shape) : numbers };
}

/** The elements in C order of those that stand in Fortran's. */
function turned(numbers, shape) {
  const out = new numbers.constructor(numbers.length), place = shape.map(() => 0), steps = shape.map((_, i) => sizeOf(shape.slice(0, i)));
  for (let i = 0, at = 0; i < out.length; i++) {
    out[i] = numbers[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += steps[axis];
      if (++place[axis] < shape[axis]) break;
      at -= steps[axis] * shape[axis];
      place[axis] = 0;
    }
  }
  return out;
}
