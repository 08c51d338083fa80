// Tensors as operators hold them: dtype, shape and elements in C order. i64 is held in binary64 (whole
// numbers up to 2^53), f16 and bf16 in binary32. A kernel's first argument makes new tensors, within limits.
import { refuse } from "../bytes/errors.js";

/** The typed array that holds elements of a dtype. */
export const HELD = {
  bool: Uint8Array, u8: Uint8Array, i8: Int8Array, i16: Int16Array, i32: Int32Array, i64: Float64Array,
  bf16: Float32Array, f16: Float32Array, f32: Float32Array, f64: Float64Array,
};

export const isFloating = (dtype) => dtype === "f32" || dtype === "f64" || dtype === "f16" || dtype === "bf16";

export const isTensor = (value) => value !== null && typeof value === "object" && "shape" in value && "dtype" in value;

export const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1);

/** Other sizes for the same elements; one of them may be -1. */
export function view(t, sizes) {
  const shape = [...sizes], whole = sizeOf(t.shape), open = shape.indexOf(-1);
  if (open >= 0) shape[open] = whole / -sizeOf(shape);
  if (sizeOf(shape) !== whole || !shape.every((size) => Number.isInteger(size) && size >= 0)) {
    refuse(`shape ${told(t.shape)} cannot be viewed as ${told(sizes)}`);
  }
  return { dtype: t.dtype, shape, data: t.data };
}

export const told = (shape) => `[${shape.join(", ")}]`;

/** A dimension counted from the front; that of a tensor without any is 0 or -1. */
export function axisOf(dim, rank) {
  const most = Math.max(rank, 1);
  if (!(dim >= -most && dim < most)) refuse(`dimension ${dim} of a tensor that has ${rank}`);
  return dim < 0 ? dim + most : dim;
}

/** So many integers: one, alone or in a list, stands for all. */
export function several(value, count) {
  const given = Array.isArray(value) ? value : [value];
  if (given.length === 1) return Array(count).fill(given[0]);
  if (given.length !== count) refuse(`expected ${count} numbers, got ${given.length}`);
  return given;
}

/** How far apart in the elements the neighbours along each dimension are. */
export function stepsOf(shape) {
  const steps = Array(shape.length);
  for (let i = shape.length - 1, step = 1; i >= 0; step *= shape[i], i--) steps[i] = step;
  return steps;
}

/** The shape that all are stretched to. */
export function common(shapes) {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length)), found = Array(rank).fill(1);
  for (const shape of shapes) shape.forEach((size, i) => {
    const place = rank - shape.length + i;
    if (found[place] !== size && found[place] !== 1 && size !== 1) {
      refuse(`shapes ${shapes.map(told).join(" and ")} do not go together`);
    }
    if (found[place] === 1) found[place] = size;
  });
  return found;
}

/** The steps of a tensor that is stretched to a shape: 0 where it is repeated. */
export function stretched(t, shape) {
  const own = stepsOf(t.shape), ahead = shape.length - t.shape.length;
  if (ahead < 0 || t.shape.some((size, i) => size !== 1 && size !== shape[i + ahead])) {
    refuse(`shape ${told(t.shape)} cannot be stretched to ${told(shape)}`);
  }
  return shape.map((size, i) => (i < ahead || t.shape[i - ahead] !== size ? 0 : own[i - ahead]));
}

/** Dimensions without those of size 1, and with those in one that lie one behind the other for all. */
function joined(shape, steps) {
  const sizes = [], all = steps.map(() => []);
  shape.forEach((size, i) => {
    if (size === 1) return;
    const last = sizes.length - 1;
    if (last >= 0 && steps.every((one, k) => all[k][last] === one[i] * size)) {
      sizes[last] *= size;
      steps.forEach((one, k) => (all[k][last] = one[i]));
    } else {
      sizes.push(size);
      steps.forEach((one, k) => all[k].push(one[i]));
    }
  });
  return { sizes, all };
}

/**
 * Walk some tensors in C order of a shape, run by run: `visit(at, count, by)` gets where each one's run
 * starts, how long it is, and how far apart the run's elements are.
 */
export function walk(shape, steps, starts, visit) {
  if (shape.includes(0)) return;
  const { sizes, all } = joined(shape, steps), last = sizes.length - 1, at = [...starts];
  const count = last < 0 ? 1 : sizes[last], by = all.map((one) => (last < 0 ? 0 : one[last]));
  const place = Array(Math.max(last, 0)).fill(0);
  for (;;) {
    visit(at, count, by);
    let i = last - 1;
    for (; i >= 0; i--) {
      const more = ++place[i] < sizes[i];
      for (let k = 0; k < at.length; k++) at[k] += more ? all[k][i] : -all[k][i] * (sizes[i] - 1);
      if (more) break;
      place[i] = 0;
    }
    if (i < 0) return;
  }
}

/** Copy the elements of a tensor that steps through it find: those of a view, in an order of their own. */
export function taken(make, t, shape, steps, start = 0) {
  const out = make(t.dtype, shape), to = out.data, from = t.data;
  let o = 0;
  walk(shape, [steps], [start], ([at], count, [by]) => {
    if (by === 1) to.set(from.subarray(at, at + count), o);
    else for (let i = 0, a = at; i < count; i++, a += by) to[o + i] = from[a];
    o += count;
  });
  return out;
}

/** A tensor with its dimensions in another order. */
export function permuted(make, t, order) {
  if (order.every((axis, i) => axis === i)) return t;
  const steps = stepsOf(t.shape);
  return taken(make, t, order.map((axis) => t.shape[axis]), order.map((axis) => steps[axis]));
}

/** The part of a tensor from `start` on along one dimension: so many, so far apart. */
export function part(make, t, axis, start, count, step = 1) {
  if (start === 0 && count === t.shape[axis] && step === 1) return t;
  const steps = stepsOf(t.shape), first = start * steps[axis];
  const shape = t.shape.map((size, i) => (i === axis ? count : size));
  return taken(make, t, shape, steps.map((one, i) => (i === axis ? one * step : one)), first);
}

/** The elements at some places along one dimension. */
export function picked(make, t, axis, places) {
  const inner = sizeOf(t.shape.slice(axis + 1)), size = t.shape[axis], outer = sizeOf(t.shape.slice(0, axis));
  const out = make(t.dtype, t.shape.map((one, i) => (i === axis ? places.length : one)));
  for (let n = 0, o = 0; n < outer; n++) for (const place of places) {
    const start = (n * size + place) * inner;
    if (inner === 1) out.data[o] = t.data[start];
    else out.data.set(t.data.subarray(start, start + inner), o);
    o += inner;
  }
  return out;
}

export const withoutAxis = (shape, axis) => shape.filter((_, i) => i !== axis);
