// Tensors of archives and callers as operators hold them, and back.
import { named, refuse, worded } from "../bytes/errors.js";
import { DTYPES } from "../manifest/dtypes.js";
import { narrow, widen } from "../restore/floats.js";
import { HELD, sizeOf } from "./tensors.js";

/** A tensor of an archive, or of a caller who gives the same kinds of arrays. */
export function held({ dtype, shape, data }, make, where = "a tensor") {
  if (dtype === "f16" || dtype === "bf16") {
    if (data instanceof Float32Array) return rounded({ dtype, shape: [...shape], data: data.slice() });
    return { dtype, shape: [...shape], data: new Float32Array(widen(data, dtype, "a tensor").buffer) };
  }
  if (dtype !== "i64") return { dtype, shape: [...shape], data };
  const out = make(dtype, shape), halves = new Int32Array(data.buffer, data.byteOffset, 2 * data.length);
  for (let i = 0; i < data.length; i++) {
    out.data[i] = halves[2 * i + 1] * 2 ** 32 + (halves[2 * i] >>> 0);
    if (!Number.isSafeInteger(out.data[i])) refuse(`${where}: expected integers of at most 53 bits, which are computed with here, got ${data[i]}`);
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

const listed = (sizes) => `(${sizes.map(worded).join(", ")})`;
const toldInput = ({ name, dtype, shape }) => `${worded(name)} ${dtype} ${listed(shape)}`;
const toldInputs = (graph) => graph.inputs.map(toldInput).join(", ");

/**
 * The inputs of a call as a graph's tensors: an array in its order, or an object by name. What does not fit is
 * said in the words of `pemn run`. A size that the graph leaves open is 1 at least, and one for all inputs that have it.
 */
export function inputsOf(graph, inputs, make) {
  const sizes = new Map(), list = ordered(graph, inputs);
  return graph.inputs.map((one, i) => {
    const where = `input ${named(one.name)}`, { shape, data } = list[i] ?? {}, { dtype } = one;
    const floats = (dtype === "f16" || dtype === "bf16") && data instanceof Float32Array;
    if (!floats && !(data instanceof DTYPES[dtype].Type)) refuse(`${where}: expected ${dtype} in a ${DTYPES[dtype].Type.name}`);
    fit(one, shape, sizes, graph, where);
    if (sizeOf(shape) !== data.length) refuse(`${where}: expected ${sizeOf(shape)} elements for shape ${listed(shape)}, got ${data.length}`);
    if (dtype === "bool" && data.some((x) => x > 1)) refuse(`${where}: expected bytes of 0 and 1`);
    return held({ dtype, shape, data }, make, where);
  });
}

function ordered(graph, inputs) {
  const names = graph.inputs.map((one) => one.name);
  if (Array.isArray(inputs)) {
    return inputs.length === names.length ? inputs : refuse(`inputs: expected ${names.length} (${toldInputs(graph)}), got ${inputs.length}`);
  }
  for (const name of Object.keys(inputs)) if (!names.includes(name)) {
    refuse(`no input ${named(name)}; the ${names.length === 1 ? "only one is" : "inputs are"} ${names.map(named).join(", ")}`);
  }
  return names.map((name) => (Object.hasOwn(inputs, name) ? inputs[name]
    : refuse(`input ${named(name)}: expected ${toldInputs(graph)}, got none of that name`)));
}

/** Refuse a shape; note which size has which value, and from which input. */
function fit({ name, shape: expected }, shape, sizes, graph, where) {
  if (!Array.isArray(shape) || !shape.every((size) => Number.isInteger(size) && size >= 0)) {
    refuse(`${where}: expected shape ${listed(expected)}, got ${Array.isArray(shape) ? listed(shape) : "none"}`);
  }
  if (shape.length !== expected.length) {
    refuse(`${where}: expected ${expected.length} dimensions, ${listed(expected)}, got shape ${listed(shape)}`);
  }
  expected.forEach((size, i) => {
    const found = shape[i];
    if (typeof size === "number") return size === found || refuse(`${where}: expected shape ${listed(expected)}, got ${listed(shape)}`);
    const { least, most } = graph.sizes.get(size), at = `${where}: size ${worded(size)}`;
    if (found < least || (most !== null && found > most)) {
      refuse(`${at}: expected ${most === null ? `at least ${least}` : `${least} to ${most}`}, got ${found}`);
    }
    const known = sizes.get(size);
    if (known === undefined) return sizes.set(size, { found, name });
    return known.found === found || refuse(`${at}: expected ${known.found} as in input ${named(known.name)}, got ${found}`);
  });
}

export const bytesOf = (dtype, count) => count * HELD[dtype].BYTES_PER_ELEMENT;
