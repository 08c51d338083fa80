// Stored values and constants (sections 4.2 to 4.5 of SPEC.md).
import { refuse } from "../bytes/errors.js";
import { allocate, copyOf, fromHex } from "../bytes/numbers.js";
import { DTYPES } from "../manifest/dtypes.js";
import { decompress } from "../zstd/frame.js";
import { narrow, widen } from "./floats.js";
import { changeSigns, departuresOf } from "./planes.js";

const WORDS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: Uint32Array };

/** The raw form from the shuffled one: bytes that were first of all elements, then second, and so on. */
function unshuffle(bytes, width, name) {
  const out = allocate(Uint8Array, bytes.length, name), count = bytes.length / width;
  for (let b = 0, from = 0; b < width; b++) {
    for (let e = 0, to = b; e < count; e++, to += width) out[to] = bytes[from++];
  }
  return out;
}

/** The raw form of a tensor's stored values, in bytes of its own. */
function rawForm({ name, dtype, values }, payload) {
  const { start, bytes, raw, coding } = values, own = payload("dense").subarray(start, start + bytes);
  let form = coding === "raw" ? copyOf(own, name) : decompress(own, raw, name);
  if (coding === "shuffle-zstd" && values.dtype !== "i4") form = unshuffle(form, DTYPES[values.dtype].bytes, name);
  if (dtype === "bool") {
    for (let i = 0; i < form.length; i++) if (form[i] > 1) refuse(`${name}: expected 0 or 1 for bool, got ${form[i]}`);
  }
  return form;
}

/** Put values where a mask is 1, zeros elsewhere. */
function spread(bytes, selected, width, name) {
  if (selected === null) return bytes;
  const Type = WORDS[width], from = new Type(bytes.buffer, bytes.byteOffset, bytes.length / Type.BYTES_PER_ELEMENT);
  const each = width === 8 ? 2 : 1, out = allocate(Type, selected.length * each, name);
  for (let i = 0, j = 0; i < selected.length; i++) {
    if (selected[i] === 0) continue;
    out[i * each] = from[j++];
    if (each === 2) out[2 * i + 1] = from[j++];
  }
  return new Uint8Array(out.buffer);
}

/** Integers of 4 bits as such of 8. */
function fromNibbles(bytes, count, name) {
  const out = allocate(Int8Array, count, name);
  for (let i = 0; i < count; i++) out[i] = (bytes[i >>> 1] << (i % 2 === 0 ? 28 : 24)) >> 28;
  if (count % 2 === 1 && bytes[bytes.length - 1] >> 4 !== 0) {
    refuse(`${name}: the last four bits of its integers are not 0`);
  }
  return out;
}

/** Integers times scales, rounded to binary32 and then to the tensor's dtype. */
function scaled({ name, dtype, elements, values }, bytes, selected, count) {
  const isNarrow = values.dtype === "i4";
  const integers = isNarrow ? fromNibbles(bytes, count, name) : new Int8Array(bytes.buffer, bytes.byteOffset, count);
  const out = allocate(Float32Array, elements, name), { scale } = values, size = elements / scale.length;
  for (let row = 0, i = 0, j = 0; row < scale.length; row++) {
    const own = scale[row];
    for (let k = 0; k < size; k++, i++) if (selected === null || selected[i] === 1) out[i] = integers[j++] * own;
  }
  return new Uint8Array(narrow(new Uint32Array(out.buffer), dtype, name).buffer);
}

/** Restore a tensor of kind `stored`: its bytes. */
export function restoreStored(tensor, { selected }, { payload }) {
  const { name, dtype, elements, positions, values } = tensor, bytes = rawForm(tensor, payload);
  if (values.scale !== null) return scaled(tensor, bytes, selected, positions === null ? elements : positions.ones);
  if (values.dtype === dtype) return spread(bytes, selected, DTYPES[dtype].bytes, name);
  const wide = widen(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2), values.dtype, name);
  return spread(new Uint8Array(wide.buffer), selected, 4, name);
}

/** Restore a tensor of kind `constant`: its bytes. */
export function restoreConstant(tensor, places, { payload }) {
  const { name, bytes: size, elements, values } = tensor, pattern = fromHex(values.bits), width = pattern.length;
  const out = allocate(Uint8Array, size, name), { selected } = places;
  if (selected === null) {
    out.set(pattern);
    for (let done = width; done < size; done *= 2) out.copyWithin(done, 0, Math.min(done, size - done));
  } else {
    for (let i = 0, at = 0; i < elements; i++, at += width) {
      if (selected[i] === 1) for (let b = 0; b < width; b++) out[at + b] = pattern[b];
    }
  }
  if (values.plane !== null) changeSigns(out, width, departuresOf(tensor, places, payload).elements);
  return out;
}
