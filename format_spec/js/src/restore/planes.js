// Planes: the elements that depart from what a record says (section 4.7 of SPEC.md).
import { refuse } from "../bytes/errors.js";
import { allocate } from "../bytes/numbers.js";
import { readMask } from "../codecs/masks.js";

/** A number of up to 24 bits, the least significant one first. */
function bitsAt(bytes, bit, count) {
  const i = Math.floor(bit / 8);
  const word = (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)) >>> (bit % 8);
  return word & ((1 << count) - 1);
}

/** The numbers of those of a tensor's elements that a plane may name and does name. */
function departing({ name, elements, values }, { selected, frozen }, payload) {
  const { positions } = values.plane, free = freeOf(elements, selected, frozen);
  const { codec, ones } = positions;
  const mask = readMask(payload, { codec, size: free, ones, shape: [free], where: `${name}, its plane` });
  const found = allocate(Uint32Array, positions.ones, name);
  for (let i = 0, j = 0, k = 0; i < elements; i++) {
    if ((selected !== null && selected[i] === 0) || (frozen !== null && frozen[i] === 1)) continue;
    if (mask[j++] === 1) found[k++] = i;
  }
  return found;
}

function freeOf(elements, selected, frozen) {
  let free = 0;
  for (let i = 0; i < elements; i++) free += (selected === null ? 1 : selected[i]) - (frozen === null ? 0 : frozen[i]);
  return free;
}

/**
 * Read a tensor's plane.
 * @returns {{elements: Uint32Array, numbers: Float64Array}} which elements depart, and the number of
 *   each; for signs there are no numbers
 */
export function departuresOf(tensor, places, payload) {
  const { plane } = tensor.values, { width, positions } = plane, { name } = tensor;
  const all = payload("planes").subarray(plane.start, plane.start + plane.bytes);
  const elements = departing(tensor, places, all.subarray(0, positions.bytes)), tail = all.subarray(positions.bytes);
  const numbers = allocate(Float64Array, width === 0 ? 0 : elements.length, name);
  let bit = 0;
  for (let k = 0; k < numbers.length; k++, bit += width) {
    const low = Math.min(width, 24);
    numbers[k] = bitsAt(tail, bit, low) + bitsAt(tail, bit + low, width - low) * 2 ** low;
    if (plane.kind === "source" && numbers[k] >= tensor.elements) {
      refuse(`${name}: its plane names element ${numbers[k]}, expected less than ${tensor.elements}`);
    }
  }
  if (bit % 8 > 0 && tail[tail.length - 1] >> bit % 8 !== 0) {
    refuse(`${name}: bits after the last number of its plane are not 0`);
  }
  return { elements, numbers };
}

/** Change the signs of elements of `width` bytes. */
export function changeSigns(bytes, width, elements) {
  for (let k = 0; k < elements.length; k++) bytes[elements[k] * width + width - 1] ^= 0x80;
}
