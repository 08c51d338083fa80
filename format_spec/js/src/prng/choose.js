// Elements that a seed chooses (section 5.4 of SPEC.md): the lowest of some keys.
import { inPieces } from "../bytes/numbers.js";

/**
 * Select the k lowest keys, on ties those of the lowest numbers.
 * @param {Uint32Array} keys
 * @param {Uint8Array} mask of as many elements, which becomes 0 or 1
 */
export function selectLowest(keys, k, mask) {
  if (k === 0 || k === keys.length) {
    mask.fill(k === 0 ? 0 : 1);
    return;
  }
  const { bound, ties } = boundOf(keys, k);
  let left = ties;
  inPieces(keys.length, (from, to) => (left = selectBelow(keys, bound, left, mask, from, to)));
}

/** Select keys below a bound, and so many that are it; return how many of these are left. */
function selectBelow(keys, bound, ties, mask, from, to) {
  for (let i = from; i < to; i++) {
    const key = keys[i]; // key < bound, without a branch that nothing foretells
    mask[i] = ((key >>> 1) - (bound >>> 1) - (~key & bound & 1)) >>> 31;
    if (key === bound && ties > 0) {
      mask[i] = 1;
      ties--;
    }
  }
  return ties;
}

/** Count keys by some digit: of all, or (`above` below 32) of those whose digits above it are `same`. */
function countDigits(keys, counts, shift, above, same, from, to) {
  const most = counts.length - 1;
  if (above === 32) {
    for (let i = from; i < to; i++) counts[keys[i] >>> shift]++;
  } else {
    for (let i = from; i < to; i++) if (keys[i] >>> above === same) counts[(keys[i] >>> shift) & most]++;
  }
}

/** The k-th lowest key, and how many of its like are among the k lowest: digit by digit. */
function boundOf(keys, k) {
  const width = keys.length > 2 ** 16 ? 16 : 8, counts = new Uint32Array(1 << width);
  let bound = 0, left = k;
  for (let shift = 32 - width; shift >= 0; shift -= width) {
    counts.fill(0);
    const above = shift + width, same = bound >>> above; // the digits so far are those of the bound
    inPieces(keys.length, (from, to) => countDigits(keys, counts, shift, above, same, from, to));
    let digit = 0;
    for (; counts[digit] < left; digit++) left -= counts[digit];
    bound = (bound | (digit << shift)) >>> 0;
  }
  return { bound, ties: left };
}

/** Make words into the keys of their scores' magnitudes: the greatest has the lowest key. */
export const magnitudeKeys = (words) => inPieces(words.length, (from, to) => toKeys(words, from, to));

function toKeys(words, from, to) {
  for (let i = from; i < to; i++) {
    const q = words[i] >>> 8;
    words[i] = q ^ (-(q >>> 23) & 0xffffff); // the lesser of q and 2^24 - 1 - q
  }
}
