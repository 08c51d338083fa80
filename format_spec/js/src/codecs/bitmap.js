// The codec `bitmap` (section 7.1 of SPEC.md).
import { refuse } from "../bytes/errors.js";
import { inPieces } from "../bytes/numbers.js";

/** Write the bits of whole bytes to a mask of one byte for each, and return how many are 1. */
function unpack(payload, mask, from, to) {
  let count = 0;
  for (let b = from, i = 8 * from; b < to; b++, i += 8) {
    const byte = payload[b];
    mask[i] = byte & 1;
    mask[i + 1] = (byte >> 1) & 1;
    mask[i + 2] = (byte >> 2) & 1;
    mask[i + 3] = (byte >> 3) & 1;
    mask[i + 4] = (byte >> 4) & 1;
    mask[i + 5] = (byte >> 5) & 1;
    mask[i + 6] = (byte >> 6) & 1;
    mask[i + 7] = byte >> 7;
    const pairs = byte - ((byte >> 1) & 0x55), fours = (pairs & 0x33) + ((pairs >> 2) & 0x33);
    count += (fours + (fours >> 4)) & 15;
  }
  return count;
}

/** Write the bits of a payload to a mask of one byte for each, and return how many are 1. */
export function readBitmap(payload, mask, { where }) {
  const whole = mask.length >>> 3;
  let count = 0;
  inPieces(whole, (from, to) => (count += unpack(payload, mask, from, to)), 512);
  const rest = mask.length & 7;
  for (let k = 0; k < rest; k++) {
    mask[8 * whole + k] = (payload[whole] >> k) & 1;
    count += mask[8 * whole + k];
  }
  if (rest > 0 && payload[whole] >> rest !== 0) refuse(`${where}: an unused bit of the bitmap is 1`);
  return count;
}
