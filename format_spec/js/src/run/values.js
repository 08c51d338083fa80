// Tensors of archives and callers as operators hold them, and back.
import { refuse } from "../bytes/errors.js";
import { DTYPES } from "../manifest/dtypes.js";
import { narrow, widen } from "../restore/floats.js";
import { HELD, told } from "./tensors.js";

/** A tensor of an archive, or of a caller who gives the same kinds of arrays. */
export function held({ dtype, shape, data }, make) {
  if (dtype === "f16" || dtype === "bf16") {
    if (data instanceof Float32Array) return rounded({ dtype, shape: [...shape], data: data.slice() });
    return { dtype, shape: [...shape], data: new Float32Array(widen(data, dtype, "a tensor").buffer) };
  }
  if (dtype !== "i64") return { dtype, shape: [...shape], data };
  const out = make(dtype, shape), halves = new Int32Array(data.buffer, data.byteOffset, 2 * data.length);
  for (let i = 0; i < data.length; i++) {
    out.data[i] = halves[2 * i + 1] * 2 ** 32 + (halves[2 * i] >>> 0);
    if (!Number.isSafeInteger(out.data[i])) refuse("an integer of more than 53 bits is not computed with here");
  }
  return out;
}

/** Round what is held wider to its own dtype, where it is. */
export function rounded(t) {
  if (t.dtype !== "f16" && t.dtype !== "bf16") return t;
  const bits = new Uint32Array(t.data.buffer, t.data.byteOffset, t.data.length);
  const wide = new Float32Array(widen(narrow(bits, t.dtype, "a value"), t.dtype, "a value").buffer);
  for (let i = 0; i < wide.length; i++) if (t.data[i] === t.data[i]) t.data[i] = wide[i]; // a NaN stays one
  return t;
}

/** A copy for the caller: f16 and bf16 as Float32Array, i64 as BigInt64Array, all others of their own kind. */
export function given({ dtype, shape, data }) {
  if (dtype !== "i64") return { dtype, shape: [...shape], data: data.slice() };
  const halves = new Int32Array(2 * data.length);
  for (let i = 0; i < data.length; i++) {
    halves[2 * i] = data[i] | 0;
    halves[2 * i + 1] = Math.floor(data[i] / 2 ** 32);
  }
  return { dtype, shape: [...shape], data: new BigInt64Array(halves.buffer) };
}

/** The inputs of a call as a graph's tensors: an array in its order, or an object by name. */
export function inputsOf(graph, inputs, make) {
  const names = graph.inputs.map((one) => one.name), sizes = new Map();
  const list = Array.isArray(inputs) ? inputs : names.map((name) => (Object.hasOwn(inputs, name) ? inputs[name] : undefined));
  const count = Array.isArray(inputs) ? inputs.length : Object.keys(inputs).length;
  if (count !== names.length || list.includes(undefined)) {
    refuse(`inputs: expected ${names.length} (${names.join(", ")}), got others`);
  }
  return graph.inputs.map((one, i) => {
    const where = `input ${one.name}`, { shape, data } = list[i], { dtype } = one;
    const floats = (dtype === "f16" || dtype === "bf16") && data instanceof Float32Array;
    if (!floats && !(data instanceof DTYPES[dtype].Type)) refuse(`${where}: expected ${dtype} in a ${DTYPES[dtype].Type.name}`);
    fit(one, shape, sizes, graph, where);
    if (shape.reduce((a, b) => a * b, 1) !== data.length) refuse(`${where}: ${data.length} elements for shape ${told(shape)}`);
    const t = held({ dtype, shape, data }, make);
    return dtype === "bool" && t.data.some((x) => x > 1) ? refuse(`${where}: expected bytes of 0 and 1`) : t;
  });
}

function fit({ shape: expected }, shape, sizes, graph, where) {
  if (!Array.isArray(shape) || shape.length !== expected.length) refuse(`${where}: expected shape ${told(expected)}`);
  expected.forEach((size, i) => {
    const found = shape[i], { least, most } = graph.sizes.get(size) ?? { least: size, most: size };
    const wanted = sizes.get(size) ?? found;
    if (!Number.isInteger(found) || found < least || (most !== null && found > most) || found !== wanted) {
      refuse(`${where}: expected shape ${told(expected)}, got ${told(shape)}`);
    }
    if (typeof size === "string") sizes.set(size, found);
  });
}

export const bytesOf = (dtype, count) => count * HELD[dtype].BYTES_PER_ELEMENT;
