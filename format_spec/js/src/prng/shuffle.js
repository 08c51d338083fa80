// The order of a shuffle (section 6.1 of SPEC.md).
import { allocate } from "../bytes/numbers.js";
import { firstWords } from "./transforms.js";

const DIGITS = 65536;

/** The numbers of the first words of a seed and a stream, by ascending words and then numbers. */
export function shuffledOrder({ seed, stream, length }, what) {
  const words = firstWords(seed, stream, length, what);
  let from = allocate(Uint32Array, length, what), to = allocate(Uint32Array, length, what);
  for (let i = 0; i < length; i++) from[i] = i;
  for (const shift of [0, 16]) {
    const places = new Uint32Array(DIGITS + 1);
    for (let i = 0; i < length; i++) places[((words[i] >>> shift) & 0xffff) + 1]++;
    for (let digit = 0; digit < DIGITS; digit++) places[digit + 1] += places[digit];
    for (let i = 0; i < length; i++) to[places[(words[from[i]] >>> shift) & 0xffff]++] = from[i];
    [from, to] = [to, from];
  }
  return from;
}
