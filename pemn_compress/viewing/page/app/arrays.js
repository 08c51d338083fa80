// Numbers that a reader types or brings, as a model's input.
export const MOST = 2 ** 26; // numbers of one input
const WHOLE = {
  bool: [Uint8Array, 0, 1], u8: [Uint8Array, 0, 255], i8: [Int8Array, -128, 127], i16: [Int16Array, -(2 ** 15), 2 ** 15 - 1],
  i32: [Int32Array, -(2 ** 31), 2 ** 31 - 1], i64: [BigInt64Array, -(2 ** 53) + 1, 2 ** 53 - 1],
}; // the last one of 53 bits: JSON is read so, and the model computed
const FLOATING = {
  f16: [Float32Array, 65520], bf16: [Float32Array, (2 - 2 ** -8) * 2 ** 127], f32: [Float32Array, (2 - 2 ** -24) * 2 ** 127],
  f64: [Float64Array, Infinity],
}; // with the least number that would become infinite

export const isFloating = (dtype) => Object.hasOwn(FLOATING, dtype);
export const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1);

const listed = (sizes) => `(${sizes.join(", ")})`;

/** Numbers in a shape that a graph's input may have: dimensions ahead are 1 where they are left out. */
export function fitted({ shape, numbers, ...more }, input, sizes) {
  const wanted = input.shape, missing = wanted.length - shape.length, bounds = new Map(sizes);
  if (shape.length === 1 && wanted.length > 1) { // a plain list: the first size that varies takes what is there
    const open = wanted.findIndex((size) => typeof size === "string");
    const full = wanted.map((size) => (typeof size === "string" ? bounds.get(size).least : size));
    if (open >= 0) full[open] = numbers.length / sizeOf(full.filter((_, i) => i !== open));
    if (full.every(Number.isInteger) && sizeOf(full) === numbers.length) return { shape: full, numbers, ...more };
  }
  const whole = [...Array(Math.max(0, missing)).fill(1), ...shape];
  if (missing < 0 || wanted.some((size, i) => typeof size === "number" && size !== whole[i])) {
    throw new Error(`expected shape ${listed(wanted)}, got ${listed(shape)}`); // what sizes may be, the reader says
  }
  return { shape: whole, numbers, ...more };
}

/** Numbers as an array of an input's own kind: those of a file as they are, those that were typed if they can be held. */
export function converted({ numbers, told }, dtype) {
  if (told === undefined) return numbers.slice();
  if (numbers.length > MOST) throw new Error(`expected at most ${MOST} numbers, got ${numbers.length}`);
  const [Type, ...limits] = WHOLE[dtype] ?? FLOATING[dtype], out = new Type(numbers.length), isBig = dtype === "i64";
  const isHeld = isFloating(dtype) ? (x) => Math.abs(x) < limits[0] : (x) => Number.isInteger(x) && x >= limits[0] && x <= limits[1];
  const wanted = isFloating(dtype) ? `numbers that ${dtype} can hold` : `whole numbers from ${limits[0]} to ${limits[1]}, which ${dtype} is here`;
  numbers.forEach((x, i) => {
    if (!isHeld(x)) throw new Error(`expected ${wanted}, got ${told(i)}`);
    out[i] = isBig ? BigInt(x) : x;
  });
  return out;
}

/** So many zeros, or numbers between -1 and 1, in the smallest shape that an input may have. */
export function example({ shape, dtype }, sizes, random) {
  const bounds = new Map(sizes), full = shape.map((size) => (typeof size === "string" ? bounds.get(size).least : size));
  const length = sizeOf(full);
  if (length > MOST) throw new Error(`expected at most ${MOST} numbers, which are ${length} here`);
  const numbers = Array.from({ length }, () => (random && isFloating(dtype) ? Math.round(2e4 * Math.random() - 1e4) / 1e4 : 0));
  return { shape: full, numbers, told: (i) => String(numbers[i]) };
}

/** Whether numbers come back as they are from being written as JSON and read. */
export const isWritable = ({ numbers }) => numbers.length > 0 && !(numbers instanceof Uint16Array) // f16, as bits
  && numbers.every((x) => (typeof x === "bigint" ? Number.isSafeInteger(Number(x)) : Number.isFinite(x) && !Object.is(x, -0)));

/** Numbers as nested lists. */
export function nested({ shape, numbers }) {
  if (shape.length === 0) return Number(numbers[0]);
  let rows = Array.from(numbers, Number);
  for (const size of shape.slice(1).reverse()) rows = Array.from({ length: rows.length / size }, (_, i) => rows.slice(i * size, (i + 1) * size));
  return rows;
}
