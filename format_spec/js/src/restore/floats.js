// binary16, bf16 and binary32 as bit patterns: what NaNs carry is kept, and every engine agrees.
import { allocate } from "../bytes/numbers.js";

/** Narrow binary32 to binary16: to nearest even, with subnormal results, to infinity from 65,520 on. */
function half(bits) {
  const sign = (bits >>> 16) & 0x8000, size = bits & 0x7fffffff;
  if (size >= 0x477ff000) return sign | 0x7c00;
  if (size >= 0x38800000) return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  const shift = 126 - (size >>> 23); // what is below 2^-25 becomes 0
  if (shift > 24) return sign;
  const digits = (size & 0x7fffff) | 0x800000, kept = digits >>> shift;
  const rest = digits & ((1 << shift) - 1), tie = 1 << (shift - 1);
  return sign | (kept + (rest > tie || (rest === tie && (kept & 1) === 1) ? 1 : 0));
}

const upper = (bits) => (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;

/** Round binary32 to another dtype, bit pattern by bit pattern; none of them is a NaN. */
export function narrow(bits, dtype, what) {
  if (dtype === "f32") return bits;
  const out = allocate(Uint16Array, bits.length, what), rounded = dtype === "f16" ? half : upper;
  for (let i = 0; i < bits.length; i++) out[i] = rounded(bits[i]);
  return out;
}

function widerHalf(bits) {
  const sign = (bits & 0x8000) << 16, exponent = (bits >>> 10) & 31, digits = bits & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (digits << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (digits << 13);
  if (digits === 0) return sign;
  const up = Math.clz32(digits) - 21; // so far to the left that bit 10 is 1
  return sign | ((113 - up) << 23) | (((digits << up) & 0x3ff) << 13);
}

/** Widen bit patterns of `f16` or `bf16` to those of binary32, exactly. */
export function widen(bits, dtype, what) {
  const out = allocate(Uint32Array, bits.length, what);
  for (let i = 0; i < bits.length; i++) out[i] = dtype === "f16" ? widerHalf(bits[i]) : bits[i] << 16;
  return out;
}
