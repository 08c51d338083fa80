// Types of values as operators mix them: PyTorch's promotion (format_spec/OPERATORS.md, Types).
import { refuse } from "../bytes/errors.js";
import { HELD, isFloating, isTensor } from "./tensors.js";

const WIDTH = { bool: 0, u8: 1, i8: 1, i16: 2, i32: 4, i64: 8, f16: 2, bf16: 2, f32: 4, f64: 8 };
const OF_NUMBER = { bool: "bool", int: "i64", float: "f32" };

/** A plain number that is an operand, with its kind: bool, int or float. */
export const number = (value, kind) => ({ number: value, kind });

/** The JavaScript number of a Scalar, or of a tensor of one element. */
export function plain(value) {
  if (!isTensor(value)) return value !== null && typeof value === "object" ? value.number : value;
  if (value.data.length !== 1) refuse(`expected one element, got ${value.data.length}`);
  return value.data[0];
}

function promoted(first, second) {
  if (first === null || second === null || first === second) return first ?? second;
  const floats = [first, second].filter(isFloating);
  if (floats.length === 2 && WIDTH[first] === WIDTH[second]) return "f32"; // f16 and bf16
  if (floats.length > 0) return floats.reduce((a, b) => (WIDTH[b] > WIDTH[a] ? b : a));
  const [narrow, wide] = WIDTH[first] <= WIDTH[second] ? [first, second] : [second, first];
  return narrow === "u8" && wide === "i8" || narrow === "i8" && wide === "u8" ? "i16" : wide;
}

const kindOf = (dtype) => (isFloating(dtype) ? 2 : dtype === "bool" ? 0 : 1);

function byKind(higher, lower) {
  if (higher === null || lower === null) return higher ?? lower;
  return kindOf(lower) > kindOf(higher) ? promoted(higher, lower) : higher;
}

/** The dtype that tensors and plain numbers give; null says nothing. */
export function resultType(...operands) {
  let dimensioned = null, single = null, alone = null;
  for (const one of operands) {
    if (one === null) continue;
    if (!isTensor(one)) alone = promoted(alone, OF_NUMBER[one.kind ?? "float"]);
    else if (one.shape.length > 0) dimensioned = promoted(dimensioned, one.dtype);
    else single = promoted(single, one.dtype);
  }
  return byKind(dimensioned, byKind(single, alone));
}

/** A value as a tensor of a dtype; floating point is cut towards zero where integers are wanted. */
export function cast(make, value, dtype) {
  if (dtype === null) return value;
  if (!isTensor(value)) {
    const held = Number(plain(value)), data = new HELD[dtype](1);
    data[0] = converter(dtype, true)(held);
    return { dtype, shape: [], data };
  }
  if (value.dtype === dtype) return value;
  const out = make(dtype, value.shape), convert = converter(dtype, isFloating(value.dtype)), { data } = value;
  for (let i = 0; i < data.length; i++) out.data[i] = convert(data[i]);
  return out;
}

function converter(dtype, fromFloating) {
  if (dtype === "bool") return (x) => (x !== 0 ? 1 : 0); // a NaN is true
  return fromFloating && dtype === "i64" ? Math.trunc : (x) => x;
}

/** All operands as tensors of one dtype. */
export const together = (make, operands, dtype = resultType(...operands)) =>
  operands.map((one) => cast(make, one, dtype));

/** A floating-point tensor: integers and booleans become binary32. */
export function floating(make, t) {
  return isTensor(t) && isFloating(t.dtype) ? t : cast(make, t, "f32");
}

/** Refuse numbers that are no integers where places are told. */
export function needIntegers(t) {
  if (isFloating(t.dtype)) refuse(`expected integers, got ${t.dtype}`);
  return t;
}

export function needFloating(t) {
  if (!isFloating(t.dtype)) refuse(`expected floating-point numbers, got ${t.dtype}`);
  return t;
}

export function needAlike(...tensors) {
  const names = new Set(tensors.filter((one) => one !== null).map((one) => one.dtype));
  if (names.size > 1) refuse(`expected one dtype, got ${[...names].join(" and ")}`);
}
