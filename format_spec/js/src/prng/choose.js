// Elements that a seed chooses (section 5.4 of SPEC.md): the lowest of some keys.

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
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]; // key < bound, without a branch that nothing foretells
    mask[i] = ((key >>> 1) - (bound >>> 1) - (~key & bound & 1)) >>> 31;
    if (key === bound && left > 0) {
      mask[i] = 1;
      left--;
    }
  }
}

/** The k-th lowest key, and how many of its like are among the k lowest: digit by digit. */
function boundOf(keys, k) {
  const width = keys.length > 2 ** 16 ? 16 : 8, most = (1 << width) - 1, counts = new Uint32Array(most + 1);
  let bound = 0, left = k;
  for (let shift = 32 - width; shift >= 0; shift -= width) {
    counts.fill(0);
    const above = shift + width;
    if (above === 32) {
      for (let i = 0; i < keys.length; i++) counts[keys[i] >>> shift]++;
    } else {
      const same = bound >>> above; // keys of which the digits so far are those of the bound
      for (let i = 0; i < keys.length; i++) if (keys[i] >>> above === same) counts[(keys[i] >>> shift) & most]++;
    }
    let digit = 0;
    for (; counts[digit] < left; digit++) left -= counts[digit];
    bound = (bound | (digit << shift)) >>> 0;
  }
  return { bound, ties: left };
}

/** Make words into the keys of their scores' magnitudes: the greatest has the lowest key. */
export function magnitudeKeys(words) {
  for (let i = 0; i < words.length; i++) {
    const q = words[i] >>> 8;
    words[i] = q ^ (-(q >>> 23) & 0xffffff); // the lesser of q and 2^24 - 1 - q
  }
}
