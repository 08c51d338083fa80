// Fixed-point numbers of 96 bits behind the point, in five limbs of 24 bits: limb 0 is the whole part
// and has the sign, the others are from 0 to 2^24 - 1. All of it is exact arithmetic of integers: the
// largest sum of products is below 2^52.
const LIMB = 2 ** 24;

export const LIMBS = 5;

export const fixed = (...limbs) => Float64Array.from({ length: LIMBS }, (_, i) => limbs[i] ?? 0);

/** The nearest binary64, or one next to it; of small negative numbers too. */
export const toNumber = (a) => ((a[0] * LIMB + a[1]) * LIMB + a[2] + (a[3] + a[4] / LIMB) / LIMB) / LIMB / LIMB;

/** out = x, a number from 0 to 2^20, but for what is behind its 96th bit. */
export function fromNumber(out, x) {
  for (let i = 0; i < LIMBS; i++) {
    out[i] = Math.floor(x);
    x = (x - out[i]) * LIMB;
  }
}

/** out = a + sign x b; `out` may be one of them. */
export function add(out, a, b, sign) {
  let carry = 0;
  for (let i = LIMBS - 1; i > 0; i--) {
    const sum = a[i] + sign * b[i] + carry;
    carry = Math.floor(sum / LIMB);
    out[i] = sum - carry * LIMB;
  }
  out[0] = a[0] + sign * b[0] + carry;
}

/** out = a x b, to the last limb or nearly; `out` may not be one of them. */
export function multiply(out, a, b) {
  const a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3], a4 = a[4];
  const b0 = b[0], b1 = b[1], b2 = b[2], b3 = b[3], b4 = b[4];
  const behind = a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1; // what is left out is below 2^-94
  let carry = Math.floor(behind / LIMB);
  const p4 = a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0 + carry;
  carry = Math.floor(p4 / LIMB);
  out[4] = p4 - carry * LIMB;
  const p3 = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + carry;
  carry = Math.floor(p3 / LIMB);
  out[3] = p3 - carry * LIMB;
  const p2 = a0 * b2 + a1 * b1 + a2 * b0 + carry;
  carry = Math.floor(p2 / LIMB);
  out[2] = p2 - carry * LIMB;
  const p1 = a0 * b1 + a1 * b0 + carry;
  carry = Math.floor(p1 / LIMB);
  out[1] = p1 - carry * LIMB;
  out[0] = a0 * b0 + carry;
}

/** out = a / n for a whole n above 0, rounded down; `out` may be a. */
export function divide(out, a, n) {
  let rest = 0;
  for (let i = 0; i < LIMBS; i++) {
    const have = rest * LIMB + a[i];
    out[i] = Math.floor(have / n);
    rest = have - out[i] * n;
  }
}

/** Whether a is from -2^-72 to 2^-72, so that it no longer counts. */
export const isNothing = (a) =>
  (a[0] === 0 && a[1] === 0 && a[2] === 0 && a[3] === 0) ||
  (a[0] === -1 && a[1] === LIMB - 1 && a[2] === LIMB - 1 && a[3] === LIMB - 1);
