// The vector that tensors take their values from (section 6.1 of SPEC.md).
import { allocate, copyOf } from "../bytes/numbers.js";
import { shuffledOrder } from "../prng/shuffle.js";
import { firstValues } from "../prng/transforms.js";

const WHAT = "the prototype";

function firstOf(prototype, payload, count) {
  if (prototype.seed !== null) return firstValues(prototype, count, WHAT);
  return new Float32Array(copyOf(payload("prototype"), WHAT).buffer).subarray(0, count);
}

/**
 * The first `count` values of the vector, as binary32.
 * @param {(name: string) => Uint8Array} payload gives a section's bytes
 */
export function firstOfVector(prototype, payload, count) {
  const { length, shuffle } = prototype;
  if (shuffle === null) return firstOf(prototype, payload, count);
  const values = firstOf(prototype, payload, length), order = shuffledOrder(shuffle, WHAT);
  const vector = allocate(Float32Array, count, WHAT);
  for (let j = 0; j < count; j++) vector[j] = values[order[j] % length];
  return vector;
}

/** How much of the vector some tensors need: what is beyond the end of the last one is not made. */
export function neededOfVector(prototype, tensors) {
  let needed = 0;
  for (const { elements, values } of tensors) {
    if (values.kind.startsWith("prototype")) needed = Math.max(needed, values.offset + elements);
  }
  return prototype === null ? 0 : Math.min(needed, prototype.vector);
}

const LONGEST = 4096; // of a run, as of a piece

/** Runs of elements whose values follow one another in the vector: calls `run(from, to, place)`. */
export function inRuns(vector, offset, from, to, run) {
  for (let i = from; i < to; ) {
    const place = (offset + i) % vector.length, end = Math.min(to, i + vector.length - place, i + LONGEST);
    run(i, end, place);
    i = end;
  }
}
