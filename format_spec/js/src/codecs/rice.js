// The codec `rice` (section 7.3 of SPEC.md).
import { refuse } from "../bytes/errors.js";

const MOST_K = 47;

/** Select the elements of a payload in a mask of zeros, and return how many they are. */
export function readRice(payload, mask, { ones, where }) {
  const broken = (what) => refuse(`${where}: rice: ${what}`), size = mask.length;
  if (payload.length === 0) broken("expected a byte at least");
  const k = payload[0] & 63, others = 2 * ones > size, coded = others ? size - ones : ones;
  if (k > MOST_K) broken(`expected a parameter of at most ${MOST_K}, got ${k}`);
  if ((payload[0] & 64) !== 0) broken("bit 6 of the header is 1");
  if (payload[0] >> 7 !== (others ? 1 : 0)) broken(`bit 7 of the header does not agree with ${ones} ones of ${size}`);
  const remainders = payload.length - Math.ceil((coded * k) / 8);
  if (remainders < 1) broken("the payload is too short for the remainders");
  if (others) mask.fill(1);
  const step = 2 ** k, flip = others ? 0 : 1;
  let at = 8, bit = 8 * remainders, next = 0; // `next`: the place after the one before
  for (let j = 0; j < coded; j++) {
    let quotient = 0;
    for (;;) {
      if (at >= 8 * remainders) broken(`there are fewer than ${coded} ones`);
      const left = payload[Math.floor(at / 8)] >> (at & 7);
      if (left === 0) {
        quotient += 8 - (at & 7);
        at += 8 - (at & 7);
        continue;
      }
      const zeros = 31 - Math.clz32(left & -left);
      quotient += zeros;
      at += zeros + 1;
      break;
    }
    let remainder = 0;
    for (let i = 0; i < k; i++, bit++) remainder = remainder * 2 + ((payload[Math.floor(bit / 8)] >> (bit % 8)) & 1);
    next += quotient * step + remainder;
    if (next >= size) broken(`a position is ${next}, expected less than ${size}`);
    mask[next++] = flip;
  }
  if (Math.ceil(at / 8) !== remainders) broken("a byte follows the last one");
  if (at % 8 > 0 && payload[remainders - 1] >> at % 8 !== 0) broken("a padding bit is 1");
  if (bit % 8 > 0 && payload[payload.length - 1] >> bit % 8 !== 0) broken("a padding bit is 1");
  return ones;
}

