// Numbers that a reader types (JSON) or brings (a .npy file), as a model's input.
const ELEMENTS = 2 ** 26; // of one input
const TYPES = {
  bool: [Uint8Array, 0, 1], u8: [Uint8Array, 0, 255], i8: [Int8Array, -128, 127], i16: [Int16Array, -(2 ** 15), 2 ** 15 - 1],
  i32: [Int32Array, -(2 ** 31), 2 ** 31 - 1], i64: [BigInt64Array, -(2 ** 53) + 1, 2 ** 53 - 1],
  f16: [Float32Array], bf16: [Float32Array], f32: [Float32Array], f64: [Float64Array],
};
const NPY = {
  "|b1": Uint8Array, "|u1": Uint8Array, "|i1": Int8Array, "<i2": Int16Array, "<i4": Int32Array, "<i8": BigInt64Array,
  "<u2": Uint16Array, "<u4": Uint32Array, "<f4": Float32Array, "<f8": Float64Array,
};

export const isFloating = (dtype) => TYPES[dtype].length === 1;
export const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1);

/** Nested lists of numbers in JSON: { shape, numbers }. */
export function fromJson(text) {
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("expected numbers in lists, as in [[1, 2.5], [3, 4]], or a .npy file");
  }
  const shape = [];
  for (let one = value; Array.isArray(one); one = one[0]) shape.push(one.length);
  const numbers = [], collect = (one, depth) => {
    if (depth === shape.length) {
      if (typeof one !== "number" && typeof one !== "boolean") throw new Error("expected numbers, or lists of them");
      return numbers.push(Number(one));
    }
    if (!Array.isArray(one) || one.length !== shape[depth]) throw new Error(`expected lists of ${shape[depth]} everywhere at depth ${depth + 1}`);
    return one.forEach((item) => collect(item, depth + 1));
  };
  collect(value, 0);
  return { shape, numbers };
}

/** An array of NumPy: { shape, numbers }. */
export function fromNpy(data) {
  const view = new DataView(data), wide = data.byteLength > 12 && view.getUint8(6) > 1;
  const wrong = (why) => new Error(`it is no array that can be read here: ${why}`);
  if (data.byteLength < 12) throw wrong("it is cut short");
  const start = wide ? 12 : 10, end = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (end > data.byteLength) throw wrong("it is cut short");
  const head = new TextDecoder("latin1").decode(new Uint8Array(data, start, end - start));
  const kind = /'descr': *'([^']*)'/.exec(head)?.[1], sizes = /'shape': *\(([^)]*)\)/.exec(head)?.[1];
  if (NPY[kind] === undefined) throw wrong(`its numbers are ${kind ?? "not told"}, expected one of ${Object.keys(NPY).join(", ")}`);
  if (sizes === undefined || !/^[\d, ]*$/.test(sizes)) throw wrong("its shape is not told");
  const shape = sizes.split(",").filter((size) => size.trim() !== "").map(Number), Type = NPY[kind], length = sizeOf(shape);
  if (/'fortran_order': *True/.test(head) && shape.length > 1) throw wrong("it is in Fortran's order; np.ascontiguousarray gives the other one");
  if (length > ELEMENTS) throw wrong(`it has ${length} numbers, expected at most ${ELEMENTS}`);
  if (data.byteLength - end !== length * Type.BYTES_PER_ELEMENT) throw wrong("it is cut short, or longer than it says");
  return { shape, numbers: new Type(data.slice(end)), kind };
}

/** Numbers in a shape that a graph's input may have: dimensions ahead are 1 where they are left out. */
export function fitted({ shape, numbers }, input, sizes) {
  const wanted = input.shape, missing = wanted.length - shape.length, bounds = new Map(sizes);
  if (shape.length === 1 && wanted.length > 1) { // a plain list: the first size that varies takes what is there
    const open = wanted.findIndex((size) => typeof size === "string");
    const full = wanted.map((size) => (typeof size === "string" ? bounds.get(size).least : size));
    if (open >= 0) full[open] = numbers.length / sizeOf(full.filter((_, i) => i !== open));
    if (full.every(Number.isInteger) && sizeOf(full) === numbers.length) return { shape: full, numbers };
  }
  return { shape: [...Array(Math.max(0, missing)).fill(1), ...shape], numbers };
}

/** Numbers as an array of an input's own kind. */
export function converted(numbers, dtype) {
  const [Type, least, most] = TYPES[dtype];
  if (numbers.length > ELEMENTS) throw new Error(`expected at most ${ELEMENTS} numbers, got ${numbers.length}`);
  if (numbers instanceof Type && dtype !== "bool" && dtype !== "f16" && dtype !== "bf16") return numbers.slice();
  const out = new Type(numbers.length), big = dtype === "i64";
  for (let i = 0; i < out.length; i++) {
    const x = Number(numbers[i]);
    if (least !== undefined && !(Number.isInteger(x) && x >= least && x <= most)) {
      throw new Error(`expected whole numbers from ${least} to ${most}, which ${dtype} is here, got ${x}`);
    }
    out[i] = big ? BigInt(x) : x;
  }
  return out;
}

/** So many zeros, or numbers between -1 and 1, in the smallest shape that an input may have. */
export function example({ shape, dtype }, sizes, random) {
  const bounds = new Map(sizes), full = shape.map((size) => (typeof size === "string" ? bounds.get(size).least : size));
  const length = sizeOf(full);
  if (length > ELEMENTS) throw new Error(`expected at most ${ELEMENTS} numbers, which are ${length} here`);
  const numbers = Array.from({ length }, () => (random && isFloating(dtype) ? Math.round(2e4 * Math.random() - 1e4) / 1e4 : 0));
  return { shape: full, numbers };
}

/** Numbers as nested lists. */
export function nested({ shape, numbers }) {
  if (shape.length === 0) return Number(numbers[0]);
  let rows = Array.from(numbers, Number);
  for (const size of shape.slice(1).reverse()) rows = Array.from({ length: rows.length / size }, (_, i) => rows.slice(i * size, (i + 1) * size));
  return rows;
}
