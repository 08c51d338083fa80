// The table of normal quantiles (section 5.2 of SPEC.md), by algorithm AS 241, PPND16 (Wichura 1988), which is right
// to about 1 part in 10^16. No quantile is as near to where binary32 rounds the other way as 1 part in 10^12, so
// that the last digits of an engine's logarithm do not matter; the digest says whether all of it is right.
import { refuse } from "../bytes/errors.js";
import { inPieces, toHex } from "../bytes/numbers.js";
import { sha256 } from "../hash/digest.js";

const HALF = 32768;
const DIGEST = "6621a18f629e82396c088501c1095eae46f6d8033b42db7b4158e0f4cf34a0ce";
let table = null;

/** A quotient of two polynomials of degree 7, from the constant term on. */
const ratio = (x, a0, a1, a2, a3, a4, a5, a6, a7, b1, b2, b3, b4, b5, b6, b7) =>
  (((((((a7 * x + a6) * x + a5) * x + a4) * x + a3) * x + a2) * x + a1) * x + a0) /
  (((((((b7 * x + b6) * x + b5) * x + b4) * x + b3) * x + b2) * x + b1) * x + 1);

/** The quantile of 1/2 + q: the middle, from q = 0 to 0.425, and the tail, by the area beyond it, of 2^-17 or more. */
const middle = (q) => q * ratio(0.180625 - q * q,
  3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
  45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727,
  42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867,
  39307.89580009271061, 28729.085735721942674, 5226.495278852854561);

const tail = (area) => ratio(Math.sqrt(-Math.log(area)) - 1.6,
  1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504,
  1.27045825245236838258, 0.24178072517745061177, 0.0227238449892691845833, 7.7454501427834140764e-4,
  2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459,
  0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9);

/** The quantiles of so many places above the middle, and their negatives below it. */
function fill(whole, from, to) {
  for (let k = from; k < to; k++) {
    const q = (2 * k + 1) / (4 * HALF), z = q <= 0.425 ? middle(q) : tail(0.5 - q);
    whole[HALF + k] = z;
    whole[HALF - 1 - k] = -z;
  }
}

/** The 65,536 values of `normal16`, which is made when it is first needed. */
export function normalTable() {
  if (table !== null) return table;
  const whole = new Float32Array(2 * HALF);
  inPieces(HALF, (from, to) => fill(whole, from, to), 512);
  if (toHex(sha256([new Uint8Array(whole.buffer, 4 * HALF)])) !== DIGEST) {
    refuse("the table of normal values is not that of SPEC.md: this machine does not compute as it should");
  }
  table = whole;
  return table;
}
