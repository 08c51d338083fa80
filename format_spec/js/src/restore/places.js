// Which elements of a tensor are selected, and which are frozen (sections 4.1 and 4.8 of SPEC.md).
import { refuse } from "../bytes/errors.js";
import { allocate, inPieces } from "../bytes/numbers.js";
import { readMask } from "../codecs/masks.js";
import { magnitudeKeys, selectLowest } from "../prng/choose.js";
import { firstWords } from "../prng/transforms.js";
import { inRuns } from "./vector.js";

/** The mask of frozen elements. */
function frozenOf({ name, elements, frozen, values }, vector) {
  let keys;
  if (frozen.seed !== null) keys = firstWords(frozen.seed, frozen.stream, elements, name);
  else {
    const all = vector(), bits = new Uint32Array(all.buffer, all.byteOffset, all.length);
    keys = allocate(Uint32Array, elements, name);
    inRuns(bits, values.offset, 0, elements, (from, to, place) => {
      for (let i = from, j = place; i < to; i++, j++) keys[i] = bits[j] & 0x7fffffff;
    });
  }
  const mask = allocate(Uint8Array, elements, name);
  selectLowest(keys, frozen.count, mask);
  return mask;
}

/** Change a mask of differences to the one that scores predict with them; return how many are 1. */
function predict(mask, predictor, tensor, frozen) {
  const words = firstWords(predictor.seed, predictor.stream, tensor.elements, tensor.name);
  let keys = words, count = 0;
  if (frozen !== null) {
    let places = 0;
    for (let i = 0; i < words.length; i++) if (frozen[i] === 0) words[places++] = words[i];
    keys = words.subarray(0, places);
  }
  magnitudeKeys(keys);
  const predicted = allocate(Uint8Array, mask.length, tensor.name);
  selectLowest(keys, predictor.ones, predicted);
  inPieces(mask.length, (from, to) => (count += change(mask, predicted, from, to)));
  return count;
}

function change(mask, by, from, to) {
  let count = 0;
  for (let i = from; i < to; i++) {
    const is = mask[i] ^ by[i];
    mask[i] = is;
    count += is;
  }
  return count;
}

/** Put a mask of what is not frozen among frozen elements, which are selected. */
function amongFrozen(mask, frozen, name) {
  const all = allocate(Uint8Array, frozen.length, name);
  for (let i = 0, j = 0; i < all.length; i++) all[i] = frozen[i] === 1 ? 1 : mask[j++];
  return all;
}

/**
 * Find a tensor's selected and frozen elements: masks of a byte for each, or null where all are
 * selected or none is frozen.
 * @param tools `payload(name)` gives a section's bytes, `vector()` the vector of section 6.1
 */
export function placesOf(tensor, { payload, vector }) {
  const { name, elements, shape, positions } = tensor;
  const frozen = tensor.frozen === null ? null : frozenOf(tensor, vector);
  if (positions === null) return { selected: null, frozen };
  const { codec, start, bytes, predictor } = positions, fixed = tensor.frozen?.count ?? 0;
  const size = elements - fixed, own = positions.ones - fixed;
  const ones = predictor === null ? own : predictor.flips;
  const told = { codec, size, ones, shape: fixed > 0 ? [size] : shape, where: name };
  const mask = readMask(payload("masks").subarray(start, start + bytes), told);
  if (predictor !== null) {
    const count = predict(mask, predictor, tensor, frozen);
    if (count !== own) refuse(`${name}: expected ${own} ones in the mask that is predicted, got ${count}`);
  }
  return { selected: frozen === null ? mask : amongFrozen(mask, frozen, name), frozen };
}
