// Values of a seed and a stream (section 5.2 of SPEC.md).
import { allocate, halves, inPieces } from "../bytes/numbers.js";
import { fillBlocks, later } from "./philox.js";
import { normalTable } from "./table.js";

const WORDS = 256; // at a time
const one = new Uint32Array(4);

/** The first words of a seed and a stream, which are given in hex digits. */
export function firstWords(seed, stream, count, what) {
  const words = allocate(Uint32Array, Math.ceil(count / 4) * 4, what);
  const own = halves(seed), at = halves(stream);
  inPieces(words.length, (from, to) => fillBlocks(own, at, from / 4, words, from, to), WORDS);
  return words.subarray(0, count);
}

const uniform24 = (word) => ((word >>> 8) * 2 + 1 - 2 ** 24) * 2 ** -24;

const TRANSFORMS = {
  normal16: {
    perWord: 2,
    fill(words, out, from, to) {
      const table = normalTable();
      let w = 0;
      for (let i = from + 1; i < to; i += 2, w++) {
        out[i - 1] = table[words[w] & 0xffff];
        out[i] = table[words[w] >>> 16];
      }
      if ((to - from) % 2 === 1) out[to - 1] = table[words[w] & 0xffff];
    },
  },
  uniform24: {
    perWord: 1,
    fill(words, out, from, to) {
      for (let i = from; i < to; i++) out[i] = uniform24(words[i - from]);
    },
  },
  sign: {
    perWord: 1,
    fill(words, out, from, to) {
      for (let i = from; i < to; i++) out[i] = words[i - from] >>> 31 === 1 ? -1 : 1;
    },
  },
};

/** The first values of a prototype with a seed, as binary32. */
export function firstValues({ transform, seed, stream }, count, what) {
  const values = allocate(Float32Array, count, what), { perWord, fill } = TRANSFORMS[transform];
  const words = new Uint32Array(WORDS), own = halves(seed), at = halves(stream);
  inPieces(count, (from, to) => {
    fillBlocks(own, at, from / perWord / 4, words, 0, WORDS);
    fill(words, values, from, to);
  }, WORDS * perWord);
  return values;
}

/** Value i of a prototype's transform and seed, in the stream that is `more` after the one given. */
export function valueAt({ transform, seed }, stream, more, i) {
  const { perWord } = TRANSFORMS[transform], word = Math.floor(i / perWord);
  fillBlocks(halves(seed), later(halves(stream), more), Math.floor(word / 4), one, 0, 4);
  const found = one[word % 4];
  if (transform === "normal16") return normalTable()[i % 2 === 0 ? found & 0xffff : found >>> 16];
  return transform === "sign" ? (found >>> 31 === 1 ? -1 : 1) : uniform24(found);
}
