// Values of a seed and a stream (section 5.2 of SPEC.md).
import { allocate, halves } from "../bytes/numbers.js";
import { fillBlocks, later } from "./philox.js";
import { normalTable } from "./table.js";

const CHUNK = 8192; // words at a time
const one = new Uint32Array(4);

/** The first words of a seed and a stream, which are given in hex digits. */
export function firstWords(seed, stream, count, what) {
  const words = allocate(Uint32Array, Math.ceil(count / 4) * 4, what);
  fillBlocks(halves(seed), halves(stream), 0, words);
  return words.subarray(0, count);
}

const uniform24 = (word) => ((word >>> 8) * 2 + 1 - 2 ** 24) * 2 ** -24;

const TRANSFORMS = {
  normal16: {
    perWord: 2,
    fill(words, out) {
      const table = normalTable(), whole = out.length >> 1;
      for (let i = 0; i < whole; i++) {
        out[2 * i] = table[words[i] & 0xffff];
        out[2 * i + 1] = table[words[i] >>> 16];
      }
      if (out.length % 2 === 1) out[2 * whole] = table[words[whole] & 0xffff];
    },
  },
  uniform24: {
    perWord: 1,
    fill(words, out) {
      for (let i = 0; i < out.length; i++) out[i] = uniform24(words[i]);
    },
  },
  sign: {
    perWord: 1,
    fill(words, out) {
      for (let i = 0; i < out.length; i++) out[i] = words[i] >>> 31 === 1 ? -1 : 1;
    },
  },
};

/** The first values of a prototype with a seed, as binary32. */
export function firstValues({ transform, seed, stream }, count, what) {
  const values = allocate(Float32Array, count, what), { perWord, fill } = TRANSFORMS[transform];
  const words = new Uint32Array(Math.min(CHUNK, Math.ceil(count / 4) * 4)), step = words.length * perWord;
  for (let at = 0; at < count; at += step) {
    fillBlocks(halves(seed), halves(stream), at / perWord / 4, words);
    fill(words, values.subarray(at, at + step));
  }
  return values;
}

/** Value i of a prototype's transform and seed, in the stream that is `more` after the one given. */
export function valueAt({ transform, seed }, stream, more, i) {
  const { perWord } = TRANSFORMS[transform], word = Math.floor(i / perWord);
  fillBlocks(halves(seed), later(halves(stream), more), Math.floor(word / 4), one);
  const found = one[word % 4];
  if (transform === "normal16") return normalTable()[i % 2 === 0 ? found & 0xffff : found >>> 16];
  return transform === "sign" ? (found >>> 31 === 1 ? -1 : 1) : uniform24(found);
}
