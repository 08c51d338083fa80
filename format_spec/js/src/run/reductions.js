// Many elements to one: sums, means, extremes, norms, and running sums.
import { refuse } from "../bytes/errors.js";
import { axisOf, isFloating, permuted, sizeOf } from "./tensors.js";
import { cast, floating, needFloating, plain } from "./types.js";

/** The axes that a reduction takes away, each once; none named are all. */
export function axesOf(dim, rank) {
  const dims = dim === null ? [] : [dim].flat();
  if (dims.length === 0) return Array.from({ length: rank }, (_, i) => i);
  const axes = dims.map((one) => axisOf(one, rank));
  if (new Set(axes).size !== axes.length) refuse(`dimensions ${dims.join(", ")}: expected each once`);
  return rank === 0 ? [] : axes;
}

/** A tensor as rows of what is reduced to one: { data, width, rows, shape, kept }, the shape without and with them. */
export function rowsOf(make, t, axes) {
  const rest = t.shape.map((_, i) => i).filter((i) => !axes.includes(i)), last = axes.slice().sort((a, b) => a - b);
  const { data } = permuted(make, t, [...rest, ...last]), width = sizeOf(last.map((i) => t.shape[i]));
  const shape = rest.map((i) => t.shape[i]);
  return { data, width, rows: sizeOf(shape), shape, kept: t.shape.map((size, i) => (axes.includes(i) ? 1 : size)) };
}

/** A number of each row: `work(data, start, width)`. */
function reduced(make, t, axes, keepdim, dtype, work) {
  const { data, width, rows, shape, kept } = rowsOf(make, t, axes), out = make(dtype, keepdim ? kept : shape);
  for (let r = 0; r < rows; r++) out.data[r] = work(data, r * width, width);
  return out;
}

function sum(data, start, width) {
  let total = 0;
  for (let i = start; i < start + width; i++) total += data[i];
  return total;
}

function product(data, start, width) {
  let total = 1;
  for (let i = start; i < start + width; i++) total *= data[i];
  return total;
}

/** What is added up: i64 where it is no floating point and nothing else is asked for. */
const addable = (make, t, dtype) => cast(make, t, dtype ?? (isFloating(t.dtype) ? t.dtype : "i64"));

const total = (work) => (make, self, dim, keepdim, dtype) => {
  const t = addable(make, self, dtype);
  return reduced(make, t, axesOf(dim, t.shape.length), keepdim, t.dtype, work);
};
const sums = total(sum), products = total(product);

function mean(make, self, dim, keepdim, dtype) {
  const t = needFloating(cast(make, self, dtype));
  const work = (data, start, width) => sum(data, start, width) / width;
  return reduced(make, t, axesOf(dim, t.shape.length), keepdim, t.dtype, work);
}

/** Where a row's extreme is: the first of equal ones, a NaN before all others. */
const place = (better) => (data, start, width) => {
  if (width === 0) refuse("expected an element at least");
  let best = start;
  for (let i = start; i < start + width && data[best] === data[best]; i++) {
    if (better(data[i], data[best]) || data[i] !== data[i]) best = i;
  }
  return best - start;
};
const top = place((x, y) => x > y), bottom = place((x, y) => x < y);

const extreme = (where) => (make, self, dim = null, keepdim = false) => {
  const work = (data, start, width) => data[start + where(data, start, width)];
  return reduced(make, self, axesOf(dim, self.shape.length), keepdim, self.dtype, work);
};

const extremeDim = (where) => (make, self, dim, keepdim) => {
  const axes = axesOf([dim], self.shape.length);
  return [extreme(where)(make, self, [dim], keepdim), reduced(make, self, axes, keepdim, "i64", where)];
};

const position = (where) => (make, self, dim, keepdim) =>
  reduced(make, self, axesOf(dim === null ? null : [dim], self.shape.length), keepdim, "i64", where);

const truth = (wanted) => (make, self, dim = null, keepdim = false) =>
  reduced(make, self, axesOf(dim, self.shape.length), keepdim, self.dtype === "u8" ? "u8" : "bool", (data, start, width) => {
    for (let i = start; i < start + width; i++) if ((data[i] !== 0) === wanted) return wanted ? 1 : 0;
    return wanted ? 0 : 1;
  });

function filled(data, start, width) {
  let count = 0;
  for (let i = start; i < start + width; i++) if (data[i] !== 0) count++;
  return count;
}
const countNonzero = (make, self, dim) => reduced(make, self, axesOf(dim, self.shape.length), false, "i64", filled);

function logsumexp(make, self, dim, keepdim) {
  const t = floating(make, self);
  return reduced(make, t, axesOf(dim, t.shape.length), keepdim, t.dtype, (data, start, width) => {
    let most = -Infinity, all = 0;
    for (let i = start; i < start + width; i++) if (data[i] > most || data[i] !== data[i]) most = data[i];
    if (most === Infinity || most === -Infinity) most = 0;
    for (let i = start; i < start + width; i++) all += Math.exp(data[i] - most);
    return Math.log(all) + most;
  });
}

function spread(make, self, dim, correction, keepdim, finish) {
  const t = needFloating(self), less = correction === null ? 1 : plain(correction);
  return reduced(make, t, axesOf(dim, t.shape.length), keepdim, t.dtype, (data, start, width) => {
    const middle = sum(data, start, width) / width;
    let squares = 0;
    for (let i = start; i < start + width; i++) squares += (data[i] - middle) ** 2;
    return finish(squares / Math.max(width - less, 0));
  });
}
const asIs = (x) => x;
const spreads = (finish) => (make, self, dim, correction, keepdim) => spread(make, self, dim, correction, keepdim, finish);
const unbiased = (finish) => (make, self, dim, least, keepdim) => spread(make, self, dim, least ? 1 : 0, keepdim, finish);
const withMean = (finish) => (make, self, dim, correction, keepdim) =>
  [spread(make, self, dim, correction, keepdim, finish), mean(make, self, dim, keepdim, null)];

/** What a norm makes of a row: powers are summed, unless the order is infinite. */
function normOf(order) {
  if (order === Infinity || order === -Infinity) return (data, start, width) => {
    const all = Array.from({ length: width }, (_, i) => Math.abs(data[start + i]));
    return all.reduce((a, b) => (a !== a || b !== b ? NaN : order > 0 === b > a ? b : a), order > 0 ? 0 : Infinity);
  };
  const known = [(x) => (x !== 0 ? 1 : 0), Math.abs, (x) => x * x], power = known[order] ?? ((x) => Math.abs(x) ** order);
  const root = order === 0 || order === 1 ? asIs : order === 2 ? Math.sqrt : (x) => x ** (1 / order);
  return (data, start, width) => {
    let all = 0;
    for (let i = start; i < start + width; i++) all += power(data[i]);
    return root(all);
  };
}

function vectorNorm(make, self, order, dim, keepdim, dtype) {
  const t = needFloating(cast(make, self, dtype));
  return reduced(make, t, axesOf(dim, t.shape.length), keepdim, t.dtype, normOf(order === null ? 2 : plain(order)));
}

const running = (work) => (make, self, dim, dtype) => {
  const t = addable(make, self, dtype), rank = t.shape.length, axis = axisOf(dim, rank);
  if (rank === 0) return t;
  const out = make(t.dtype, t.shape), size = t.shape[axis], inner = sizeOf(t.shape.slice(axis + 1));
  for (let start = 0; start < t.data.length; start += size * inner) for (let i = 0; i < inner; i++) {
    let so = t.data[start + i];
    for (let k = 0, at = start + i; k < size; k++, at += inner) {
      if (k > 0) so = work(so, t.data[at]);
      out.data[at] = so;
    }
  }
  return out;
};

const all = truth(false), any = truth(true);

export const KERNELS = {
  sum: (make, self, dtype) => sums(make, self, null, false, dtype), "sum.dim_IntList": sums,
  mean: (make, self, dtype) => mean(make, self, null, false, dtype), "mean.dim": mean,
  prod: (make, self, dtype) => products(make, self, null, false, dtype), "prod.dim_int": products,
  amax: extreme(top), amin: extreme(bottom), max: extreme(top), min: extreme(bottom),
  "max.dim": extremeDim(top), "min.dim": extremeDim(bottom), argmax: position(top), argmin: position(bottom),
  all, "all.dim": all, any, "any.dim": any, count_nonzero: countNonzero, logsumexp,
  "var.correction": spreads(asIs), "std.correction": spreads(Math.sqrt), "var.dim": unbiased(asIs), "std.dim": unbiased(Math.sqrt),
  "var_mean.correction": withMean(asIs), "std_mean.correction": withMean(Math.sqrt), linalg_vector_norm: vectorNorm,
  "norm.Scalar": (make, self, p) => vectorNorm(make, self, p, null, false, null),
  "norm.ScalarOpt_dim": (make, self, p, dim, keepdim) => vectorNorm(make, self, p, dim, keepdim, null),
  "norm.ScalarOpt_dim_dtype": vectorNorm, cumsum: running((a, b) => a + b), cumprod: running((a, b) => a * b),
};
