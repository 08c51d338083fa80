// Elements from the prototype (section 6.2 of SPEC.md). The product of two binary32 is exact in
// binary64, so that storing it as binary32 rounds once.
import { allocate } from "../bytes/numbers.js";
import { valueAt } from "../prng/transforms.js";
import { narrow } from "./floats.js";
import { changeSigns, departuresOf } from "./planes.js";
import { inRuns } from "./vector.js";

const SIGN = 0x80000000 | 0;
const asBits = (floats) => new Int32Array(floats.buffer, floats.byteOffset, floats.length);

function fillProducts(out, bits, selected, vector, place, from, to, scale) {
  if (selected === null) {
    for (let i = from, j = place; i < to; i++, j++) out[i] = scale * vector[j];
    return;
  }
  for (let i = from, j = place; i < to; i++, j++) { // without a branch: half of all would be foretold wrongly
    out[i] = scale * vector[j];
    bits[i] &= -selected[i];
  }
}

function fillSigns(out, bits, selected, vector, place, from, to, scale) {
  const given = asBits(vector), own = asBits(Float32Array.of(scale))[0];
  for (let i = from, j = place; i < to; i++, j++) {
    bits[i] = (own ^ (given[j] & SIGN)) & (selected === null ? -1 : -selected[i]);
  }
}

/** Put other values in the place of those that depart; kinds `generation` and `source`. */
function depart(out, tensor, { elements, numbers }, vector, prototype) {
  const { offset, plane, scale, kind } = tensor.values, size = tensor.elements / scale.length;
  for (let k = 0; k < elements.length; k++) {
    const i = elements[k], own = scale[Math.floor(i / size)];
    const drawn = plane.kind === "generation";
    const value = drawn ? valueAt(prototype, plane.stream, numbers[k] + 1, i) : vector[(offset + numbers[k]) % vector.length];
    out[i] = kind === "prototype" ? own * value : value < 0 || Object.is(value, -0) ? -own : own;
  }
}

/** Restore a tensor of kind `prototype` or `prototype-sign`: its bytes. */
export function fillFromPrototype(tensor, places, { payload, vector, prototype }) {
  const { elements, values, dtype, name } = tensor, { scale, offset, plane } = values;
  const out = allocate(Float32Array, elements, name), all = vector(), size = elements / scale.length;
  const fill = values.kind === "prototype" ? fillProducts : fillSigns, bits = asBits(out), { selected } = places;
  for (let row = 0; row < scale.length; row++) {
    inRuns(all, offset, row * size, (row + 1) * size, (from, to, place) => {
      fill(out, bits, selected, all, place, from, to, scale[row]);
    });
  }
  const departures = plane === null ? null : departuresOf(tensor, places, payload);
  if (departures !== null && plane.kind !== "sign") depart(out, tensor, departures, all, prototype);
  const narrowed = narrow(new Uint32Array(out.buffer), dtype, name), bytes = new Uint8Array(narrowed.buffer);
  if (departures !== null && plane.kind === "sign") changeSigns(bytes, narrowed.BYTES_PER_ELEMENT, departures.elements);
  return bytes;
}
