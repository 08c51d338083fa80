// Arithmetic of one to three tensors, element by element; numbers may stand for tensors.
import { refuse } from "../bytes/errors.js";
import { common, isFloating, stretched, taken, walk } from "./tensors.js";
import { cast, floating, number, plain, resultType, together } from "./types.js";

/** A tensor of a function of each element. */
export function mapped(make, t, work, dtype = t.dtype) {
  const out = make(dtype, t.shape), to = out.data, from = t.data;
  for (let i = 0; i < from.length; i++) to[i] = work(from[i]);
  return out;
}

/** A tensor of a function of the elements of two tensors, stretched to one shape. */
export function zipped(make, a, b, work, dtype = a.dtype) {
  const shape = common([a.shape, b.shape]), out = make(dtype, shape), to = out.data, x = a.data, y = b.data;
  let o = 0;
  walk(shape, [stretched(a, shape), stretched(b, shape)], [0, 0], ([p, q], count, [n, m]) => {
    for (let i = 0; i < count; i++, p += n, q += m) to[o++] = work(x[p], y[q]);
  });
  return out;
}

function three(make, a, b, c, work, dtype) {
  const all = [a, b, c], shape = common(all.map((t) => t.shape)), out = make(dtype, shape), to = out.data;
  const [x, y, z] = all.map((t) => t.data), steps = all.map((t) => stretched(t, shape));
  let o = 0;
  walk(shape, steps, [0, 0, 0], ([p, q, r], count, [n, m, l]) => {
    for (let i = 0; i < count; i++, p += n, q += m, r += l) to[o++] = work(x[p], y[q], z[r]);
  });
  return out;
}

const two = (work) => (make, self, other) => {
  const [a, b] = together(make, [self, other]);
  return zipped(make, a, b, work(a.dtype));
};
const same = (work) => two(() => work);

const truth = (work) => (make, self, other) => {
  const [a, b] = together(make, [self, other]);
  return zipped(make, a, b, (x, y) => (work(x, y) ? 1 : 0), "bool");
};

const twoFloating = (work) => (make, self, other) => {
  const dtype = resultType(self, other);
  const [a, b] = together(make, [self, other], isFloating(dtype) ? dtype : "f32");
  return zipped(make, a, b, work);
};

function added(sign) {
  return (make, self, other, alpha) => {
    const [a, b] = together(make, [self, other]), factor = sign * plain(alpha);
    if (sign < 0 && a.dtype === "bool") refuse("bool tensors cannot be subtracted");
    if (a.dtype === "bool") return zipped(make, a, b, (x, y) => (x + factor * y !== 0 ? 1 : 0));
    return zipped(make, a, b, factor === 1 ? (x, y) => x + y : (x, y) => x + factor * y);
  };
}

const add = added(1), sub = added(-1);

const noZero = (t) => {
  if (!isFloating(t.dtype) && t.data.some((x) => x === 0)) refuse("integers divided by 0");
};
const divided = (work) => (make, self, other) => {
  const [a, b] = together(make, [self, other]);
  noZero(b);
  return zipped(make, a, b, work);
};
const divide = twoFloating((x, y) => x / y);
const floorDivide = divided((x, y) => (Math.abs(x) === Infinity && y !== 0 ? NaN : Math.floor(x / y)));
const truncDivide = divided((x, y) => Math.trunc(x / y));
const remainder = divided((x, y) => {
  const rest = x % y;
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
});

function divideMode(make, self, other, mode) {
  if (mode === null) return divide(make, self, other);
  if (mode !== "floor" && mode !== "trunc") refuse(`rounding_mode: expected floor or trunc, got ${mode}`);
  return (mode === "floor" ? floorDivide : truncDivide)(make, self, other);
}

const power = two((dtype) => (isFloating(dtype) ? raised : (x, y) => Math.trunc(raised(x, y))));
function powerOf(make, self, exponent) {
  if (plain(exponent) < 0 && !isFloating(resultType(self, exponent))) refuse("integers cannot be raised to a negative number");
  return power(make, self, exponent);
}
// Math.pow knows no 1 for a base of 1 and an exponent that is none, or infinite
const raised = (x, y) => (x === 1 ? 1 : x === -1 && Math.abs(y) === Infinity ? 1 : y === 2 ? x * x : x ** y);

const largest = (x, y) => (x !== x ? x : y !== y ? y : x > y ? x : y);
const smallest = (x, y) => (x !== x ? x : y !== y ? y : x < y ? x : y);

function clamp(make, self, least, most) {
  const dtype = resultType(self, least, most);
  let found = cast(make, self, dtype);
  if (least !== null) found = zipped(make, found, cast(make, least, dtype), largest);
  return most === null ? found : zipped(make, found, cast(make, most, dtype), smallest);
}

function where(make, condition, self, other) {
  const [a, b] = together(make, [self, other]);
  return three(make, condition, a, b, (c, x, y) => (c !== 0 ? x : y), a.dtype);
}

function maskedFill(make, self, mask, value) {
  if (mask.dtype !== "bool") refuse("expected a mask of bool");
  const filler = cast(make, number(plain(value), "float"), self.dtype);
  return three(make, mask, filler, self, (c, x, y) => (c !== 0 ? x : y), self.dtype);
}

function addcmul(make, self, first, second, value) {
  const [base, a, b] = together(make, [self, first, second]), factor = plain(value);
  return three(make, base, a, b, (x, y, z) => x + factor * y * z, base.dtype);
}

function addcdiv(make, self, first, second, value) {
  const all = together(make, [self, first, second]).map((t) => floating(make, t)), factor = plain(value);
  return three(make, ...all, (x, y, z) => x + (factor * y) / z, all[0].dtype);
}

function lerp(make, self, end, weight) {
  const dtype = resultType(self, end), all = together(make, [self, end, weight], dtype);
  return three(make, ...all, (x, y, w) => (Math.abs(w) < 0.5 ? x + w * (y - x) : y - (y - x) * (1 - w)), dtype);
}

function nanToNum(make, self, nan, posinf, neginf) {
  if (!isFloating(self.dtype)) return self;
  const most = { f64: Number.MAX_VALUE, f16: 65504, bf16: 3.3895313892515355e38, f32: 3.4028234663852886e38 }[self.dtype];
  const high = posinf ?? most, low = neginf ?? -most;
  return mapped(make, self, (x) => (x !== x ? nan ?? 0 : x === Infinity ? high : x === -Infinity ? low : x));
}

const filled = (make, self, value) => {
  const out = make(self.dtype, self.shape);
  out.data.fill(cast(make, number(plain(value), "float"), self.dtype).data[0]);
  return out;
};
const copy = (make, self, src) => taken(make, cast(make, src, self.dtype), self.shape, stretched(src, self.shape));

/** Of bits, which JavaScript has 32 of. */
const bits = (work, ofBool = work) => two((dtype) => (dtype === "bool" ? ofBool : (x, y) => {
  if (x !== (x | 0) || y !== (y | 0)) refuse("bits of integers beyond 32 bits are not computed here");
  return work(x, y);
}));
const shifted = (work) => two((dtype) => {
  if (isFloating(dtype)) refuse(`expected integers, got ${dtype}`);
  return work;
});
const and = bits((x, y) => x & y), or = bits((x, y) => x | y), xor = bits((x, y) => x ^ y);

export const KERNELS = {
  "add.Scalar": add, "add.Tensor": add, "sub.Scalar": sub, "sub.Tensor": sub,
  "rsub.Scalar": (make, self, other, alpha) => sub(make, other, self, alpha),
  "rsub.Tensor": (make, self, other, alpha) => sub(make, other, self, alpha),
  "mul.Scalar": same((x, y) => x * y), "mul.Tensor": same((x, y) => x * y),
  "div.Scalar": divide, "div.Tensor": divide, "true_divide.Tensor": divide,
  "div.Scalar_mode": divideMode, "div.Tensor_mode": divideMode,
  floor_divide: floorDivide, "floor_divide.Scalar": floorDivide,
  "remainder.Scalar": remainder, "remainder.Tensor": remainder, "fmod.Scalar": divided((x, y) => x % y),
  "pow.Scalar": power, "pow.Tensor_Scalar": powerOf, "pow.Tensor_Tensor": power,
  addcmul, addcdiv, "lerp.Scalar": lerp, "lerp.Tensor": lerp,
  atan2: twoFloating(Math.atan2), hypot: twoFloating(Math.hypot),
  maximum: same(largest), minimum: same(smallest), "max.other": same(largest), "min.other": same(smallest),
  clamp, "clamp.Tensor": clamp, clamp_min: (make, self, least) => clamp(make, self, least, null),
  clamp_max: (make, self, most) => clamp(make, self, null, most),
  "where.self": where, "where.Scalar": where, "where.ScalarSelf": where, "where.ScalarOther": where,
  "masked_fill.Scalar": maskedFill, "masked_fill.Tensor": maskedFill, nan_to_num: nanToNum,
  copy, "fill.Scalar": filled, "fill.Tensor": filled, zero: (make, self) => make(self.dtype, self.shape),
  logical_and: truth((x, y) => x !== 0 && y !== 0), logical_or: truth((x, y) => x !== 0 || y !== 0),
  logical_xor: truth((x, y) => (x !== 0) !== (y !== 0)),
  "__and__.Tensor": and, "__or__.Tensor": or, "__xor__.Tensor": xor,
  "bitwise_and.Scalar": and, "bitwise_and.Tensor": and, "bitwise_or.Scalar": or, "bitwise_or.Tensor": or,
  "bitwise_xor.Tensor": xor, "bitwise_left_shift.Tensor_Scalar": shifted((x, y) => x * 2 ** y),
  "bitwise_right_shift.Tensor_Scalar": shifted((x, y) => Math.floor(x / 2 ** y)),
  ...Object.fromEntries(["Scalar", "Tensor"].flatMap((overload) => Object.entries({
    eq: truth((x, y) => x === y), ne: truth((x, y) => x !== y), lt: truth((x, y) => x < y),
    le: truth((x, y) => x <= y), gt: truth((x, y) => x > y), ge: truth((x, y) => x >= y),
  }).map(([name, kernel]) => [`${name}.${overload}`, kernel]))),
};
