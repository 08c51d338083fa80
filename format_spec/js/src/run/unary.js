// Functions of one tensor, element by element.
import { refuse } from "../bytes/errors.js";
import { isFloating } from "./tensors.js";
import { mapped } from "./pointwise.js";
import { floating } from "./types.js";

/** Of real numbers: integers are taken as binary32. */
const real = (work) => (make, self) => mapped(make, floating(make, self), work);
/** In the dtype that is given. */
const same = (work) => (make, self) => mapped(make, self, work);
/** Of floating-point numbers: nothing is to be done for integers. */
const rounding = (work) => (make, self) => (isFloating(self.dtype) ? mapped(make, self, work) : self);
const tells = (work) => (make, self) => mapped(make, self, (x) => (work(x) ? 1 : 0), "bool");

/** To the nearest whole number; halves to the even one. */
export function nearest(x) {
  const low = Math.floor(x), rest = x - low;
  return rest < 0.5 ? low : rest > 0.5 ? low + 1 : low % 2 === 0 ? low : low + 1;
}

const SERIES = 2 / Math.sqrt(Math.PI);

/** The error function: its series near 0, a continued fraction for what is left beyond. */
export const erf = (x) => (Math.abs(x) < 2.5 ? series(x) : x !== x ? x : Math.sign(x) * (1 - tail(Math.abs(x))));
export function erfc(x) {
  if (x !== x) return x;
  if (x > 1) return tail(x);
  return x < -2.5 ? 2 - tail(-x) : 1 - series(x);
}

function series(x) {
  const square = x * x;
  let term = x, sum = x;
  for (let n = 1; n < 60; n++) {
    term *= -square / n;
    const more = term / (2 * n + 1);
    sum += more;
    if (Math.abs(more) < 1e-17 * Math.abs(sum)) break;
  }
  return SERIES * sum;
}

function tail(x) {
  if (x > 27) return 0;
  let fraction = 0;
  for (let n = x > 2 ? 60 : 200; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

function neg(make, self) {
  if (self.dtype === "bool") refuse("bool tensors cannot be negated");
  return mapped(make, self, (x) => -x);
}

const sign = same((x) => (x > 0 ? 1 : x < 0 ? -1 : 0)); // that of a NaN is 0
const square = (make, self) => mapped(make, self, (x) => x * x, self.dtype === "bool" ? "i64" : self.dtype);

function inverted(make, self) {
  return mapped(make, self, self.dtype === "bool" ? (x) => 1 - x : (x) => -1 - x);
}

export const KERNELS = {
  abs: same(Math.abs), neg, square, sign, sgn: sign, bitwise_not: inverted, logical_not: tells((x) => x === 0),
  ceil: rounding(Math.ceil), floor: rounding(Math.floor), trunc: rounding(Math.trunc), round: rounding(nearest),
  frac: rounding((x) => x - Math.trunc(x)),
  isnan: tells((x) => x !== x), isinf: tells((x) => Math.abs(x) === Infinity), isfinite: tells(Number.isFinite),
  acos: real(Math.acos), asin: real(Math.asin), atan: real(Math.atan), cos: real(Math.cos), cosh: real(Math.cosh),
  sin: real(Math.sin), sinh: real(Math.sinh), tan: real(Math.tan), tanh: real(Math.tanh),
  erf: real(erf), erfc: real(erfc), exp: real(Math.exp), exp2: real((x) => 2 ** x), expm1: real(Math.expm1),
  log: real(Math.log), log1p: real(Math.log1p), log2: real(Math.log2),
  reciprocal: real((x) => 1 / x), sqrt: real(Math.sqrt), rsqrt: real((x) => 1 / Math.sqrt(x)),
};
