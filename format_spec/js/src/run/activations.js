// Activations, and what turns scores into shares.
import { refuse } from "../bytes/errors.js";
import { mapped, zipped } from "./pointwise.js";
import { axisOf, part, permuted, view } from "./tensors.js";
import { cast, floating, needFloating, plain } from "./types.js";
import { erf } from "./unary.js";

const SELU_ALPHA = 1.6732632423543772848170429916717, SELU_SCALE = 1.0507009873554804934193349852946;

const each = (work) => (make, self) => mapped(make, self, work);
/** An activation with numbers of its own. */
const with_ = (work) => (make, self, ...numbers) => mapped(make, self, work(...numbers.map(plain)));

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplusOf = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const between = (x, low, high) => (x < low ? low : x > high ? high : x);

const elu = (alpha, scale, inner) => (x) => (x <= 0 ? Math.expm1(x * inner) * (alpha * scale) : x * scale);

function gelu(make, self, approximate) {
  if (approximate === "none") return mapped(make, self, (x) => x * 0.5 * (1 + erf(x * Math.SQRT1_2)));
  if (approximate !== "tanh") refuse(`approximate: expected none or tanh, got ${approximate}`);
  const factor = Math.sqrt(2 / Math.PI);
  return mapped(make, self, (x) => 0.5 * x * (1 + Math.tanh(factor * (x + 0.044715 * x * x * x))));
}

function prelu(make, self, weight) {
  const rank = self.shape.length, spread = rank > 1 && weight.shape.length > 0;
  const factors = spread ? view(weight, [-1, ...Array(rank - 2).fill(1)]) : weight;
  return zipped(make, self, cast(make, factors, self.dtype), (x, w) => (x > 0 ? x : x * w));
}

function glu(make, self, dim) {
  const axis = axisOf(dim, self.shape.length), half = self.shape[axis] / 2;
  if (!Number.isInteger(half)) refuse(`expected a dimension ${dim} of even size, got ${self.shape[axis]}`);
  const value = part(make, self, axis, 0, half), gate = part(make, self, axis, half, half);
  return zipped(make, value, gate, (x, g) => x * sigmoid(g));
}

/** Turn each of so many rows of numbers into shares, where they are. */
export function softmaxRows(data, rows, width) {
  for (let r = 0, start = 0; r < rows; r++, start += width) {
    let top = -Infinity, total = 0;
    for (let i = start; i < start + width; i++) if (data[i] > top || data[i] !== data[i]) top = data[i];
    for (let i = start; i < start + width; i++) total += data[i] = Math.exp(data[i] - top);
    for (let i = start; i < start + width; i++) data[i] /= total;
  }
}

function logRows(data, rows, width) {
  for (let r = 0, start = 0; r < rows; r++, start += width) {
    let top = -Infinity, total = 0;
    for (let i = start; i < start + width; i++) if (data[i] > top || data[i] !== data[i]) top = data[i];
    for (let i = start; i < start + width; i++) total += Math.exp(data[i] - top);
    const shift = top + Math.log(total);
    for (let i = start; i < start + width; i++) data[i] -= shift;
  }
}

const shares = (work) => (make, self, dim, dtype) => {
  const t = needFloating(cast(make, self, dtype)), rank = t.shape.length, axis = axisOf(dim, rank);
  const order = t.shape.map((_, i) => i).filter((i) => i !== axis), width = rank === 0 ? 1 : t.shape[axis];
  if (rank > 0) order.push(axis);
  const out = make(t.dtype, order.map((i) => t.shape[i]));
  out.data.set(permuted(make, t, order).data);
  work(out.data, width === 0 ? 0 : out.data.length / width, width);
  return permuted(make, out, t.shape.map((_, i) => order.indexOf(i)));
};

export const KERNELS = {
  relu: each((x) => (x > 0 ? x : x !== x ? x : 0)), relu6: each((x) => between(x, 0, 6)),
  hardtanh: with_((low, high) => (x) => between(x, low, high)),
  hardsigmoid: each((x) => between(x + 3, 0, 6) / 6), hardswish: each((x) => (x * between(x + 3, 0, 6)) / 6),
  elu: with_(elu), celu: with_((alpha) => elu(alpha, 1, 1 / alpha)),
  selu: each(elu(SELU_ALPHA, SELU_SCALE, 1)), gelu, silu: each((x) => x / (1 + Math.exp(-x))),
  mish: each((x) => x * Math.tanh(softplusOf(x))),
  softplus: with_((beta, most) => (x) => (x * beta > most ? x : softplusOf(x * beta) / beta)),
  log_sigmoid: each((x) => -softplusOf(-x)), leaky_relu: with_((slope) => (x) => (x > 0 ? x : x * slope)),
  prelu, threshold: with_((limit, low) => (x) => (x <= limit ? low : x)),
  hardshrink: with_((edge) => (x) => (Math.abs(x) <= edge ? 0 : x)),
  softshrink: with_((edge) => (x) => (x > edge ? x - edge : x < -edge ? x + edge : x * 0)), glu,
  sigmoid: (make, self) => mapped(make, floating(make, self), sigmoid),
  "softmax.int": shares(softmaxRows), "log_softmax.int": shares(logRows),
};
