// The table of normal quantiles (section 5.2 of SPEC.md), made with integers.
//
// The text finds each quantile z by Newton's method on the area A(z). Here the area between one
// quantile and the next is taken, which needs fewer terms: with d the distance and f the density,
//   A(z + d) - A(z) = f(z) x d x (sum of t_n / (n + 1)),  f(z + d) = f(z) x (sum of t_n),
//   t_0 = 1, t_1 = -z d, t_(n+1) = -(z d t_n + d^2 t_(n-1)) / (n + 1),
// which is Taylor's series. Between two quantiles the area is 2^-16, and 2^-17 from 0 to the first.
// The steps of Newton's method are divided in binary64: what they lead to is judged by the integers
// alone, and the digest says in the end whether all of it is right.
import { refuse } from "../bytes/errors.js";
import { toHex } from "../bytes/numbers.js";
import { sha256 } from "../hash/digest.js";
import { add, divide, fixed, fromNumber, isNothing, multiply, toNumber } from "./fixed.js";

const HALF = 32768;
const DIGEST = "6621a18f629e82396c088501c1095eae46f6d8033b42db7b4158e0f4cf34a0ce";
const DENSITY_AT_0 = [0, 0x662114, 0xcf50d9, 0x42343f, 0x2cf140]; // 1 / sqrt(2 pi)
const LAST = 2 ** -64; // a step of Newton's method below this one is the last
const MOST_STEPS = 16; // far more than it takes
let table = null;

/** The sums over t_n / (n + 1) and over t_n for z and z + d. */
class Between {
  area = fixed();
  ratio = fixed();
  #zd = fixed();
  #dd = fixed();
  #terms = [fixed(), fixed(), fixed()]; // t_(n-1), t_n, and the next one
  #part = fixed();

  sum(z, d) {
    const { area, ratio } = this, part = this.#part;
    let [before, term, next] = this.#terms;
    multiply(next, z, d);
    multiply(part, d, d);
    for (const number of [before, term, area, ratio, this.#zd, this.#dd]) number.fill(0);
    add(this.#zd, this.#zd, next, -1); // -z d and -d^2
    add(this.#dd, this.#dd, part, -1);
    term[0] = 1;
    for (let n = 1; !isNothing(term) || !isNothing(before); n++) {
      add(ratio, ratio, term, 1);
      divide(part, term, n);
      add(area, area, part, 1);
      multiply(next, this.#zd, term);
      multiply(part, this.#dd, before);
      add(next, next, part, 1);
      divide(next, next, n);
      [before, term, next] = [term, next, before];
    }
  }
}

/** T[32768] to T[65535], before they are rounded to binary32. */
function upperHalf() {
  const z = fixed(), d = fixed(), step = fixed(), gap = fixed(), product = fixed();
  const density = fixed(...DENSITY_AT_0), between = new Between(), found = new Float64Array(HALF);
  for (let k = 0; k < HALF; k++) {
    const area = fixed(0, k === 0 ? 128 : 256); // 2^-17, then 2^-16
    const at = toNumber(z), slope = toNumber(density), u = toNumber(area) / slope;
    fromNumber(d, u * (1 + u * (at / 2 + u * ((2 * at * at + 1) / 6 + (u * (6 * at * at + 7) * at) / 24))));
    for (let count = 0, size = 1; Math.abs(size) >= LAST; count++) {
      if (count === MOST_STEPS) refuse("the table of normal values: no quantile is found");
      between.sum(z, d);
      multiply(product, density, d);
      multiply(gap, product, between.area);
      add(gap, area, gap, -1);
      size = toNumber(gap) / (slope * toNumber(between.ratio));
      fromNumber(step, Math.abs(size));
      add(d, d, step, Math.sign(size));
    }
    add(z, z, d, 1);
    multiply(product, density, between.ratio);
    density.set(product);
    found[k] = toNumber(z); // no quantile is near enough to a tie for this to matter
  }
  return found;
}

/** The 65,536 values of `normal16`, which is made when it is first needed. */
export function normalTable() {
  if (table !== null) return table;
  const half = Float32Array.from(upperHalf()), whole = new Float32Array(2 * HALF);
  if (toHex(sha256([new Uint8Array(half.buffer)])) !== DIGEST) {
    refuse("the table of normal values is not that of SPEC.md: this machine does not compute as it should");
  }
  for (let k = 0; k < HALF; k++) {
    whole[HALF + k] = half[k];
    whole[HALF - 1 - k] = -half[k];
  }
  table = whole;
  return table;
}
