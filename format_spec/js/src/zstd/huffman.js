// Huffman codes of literals (RFC 8878, section 4.2).
import { refuse } from "../bytes/errors.js";
import { Backwards, peek } from "./bits.js";
import { readTable } from "./fse.js";

const MOST_BITS = 11, MOST_WEIGHT_LOG = 6, MOST_SYMBOLS = 256;
const broken = (what) => refuse(`a zstd frame: ${what}`);

/** Weights by two states of a table that take turns. */
function packedWeights(bytes) {
  const { table, size } = readTable(bytes, MOST_WEIGHT_LOG, MOST_SYMBOLS);
  const stream = new Backwards(bytes.subarray(size)), weights = [];
  const states = [stream.read(table.log), stream.read(table.log)];
  if (stream.missing > 0) broken("weights are cut short");
  for (let turn = 0; ; turn ^= 1) {
    const state = states[turn];
    weights.push(table.symbols[state]);
    states[turn] = table.base[state] + stream.read(table.bits[state]);
    if (weights.length >= MOST_SYMBOLS - 1) broken("there are too many weights");
    if (stream.missing > 0) {
      weights.push(table.symbols[states[turn ^ 1]]);
      return weights;
    }
  }
}

function plainWeights(bytes, count) {
  const weights = [];
  for (let i = 0; i < count; i++) weights.push(i % 2 === 0 ? bytes[i >> 1] >> 4 : bytes[i >> 1] & 15);
  return weights;
}

/**
 * Read a tree at the start of some bytes.
 * @returns its table, `bits` bits wide, and the number of bytes that the tree takes
 */
export function readTree(bytes) {
  if (bytes.length === 0) broken("a Huffman tree is cut short");
  const head = bytes[0], size = 1 + (head < 128 ? head : (head - 126) >> 1);
  if (size > bytes.length) broken("a Huffman tree is cut short");
  const body = bytes.subarray(1, size);
  const weights = head < 128 ? packedWeights(body) : plainWeights(body, head - 127);
  let sum = 0, ones = 0;
  for (const weight of weights) {
    if (weight > MOST_BITS) broken("a Huffman code is too long");
    sum += weight > 0 ? 1 << (weight - 1) : 0;
  }
  if (sum === 0) broken("a Huffman tree is empty");
  const bits = 32 - Math.clz32(sum), left = (1 << bits) - sum;
  if (bits > MOST_BITS) broken("a Huffman code is too long");
  if ((left & (left - 1)) !== 0) broken("a Huffman tree is not complete");
  weights.push(32 - Math.clz32(left));
  for (const weight of weights) ones += weight === 1 ? 1 : 0;
  if (ones < 2 || ones % 2 === 1) broken("a Huffman tree is not complete");
  const table = new Uint16Array(1 << bits); // symbol x 16 + bits of its code
  let place = 0;
  for (let weight = 1; weight <= bits; weight++) {
    weights.forEach((own, symbol) => {
      if (own !== weight) return;
      const end = place + (1 << (weight - 1));
      table.fill((symbol << 4) | (bits + 1 - weight), place, end);
      place = end;
    });
  }
  return { tree: { bits, table }, size };
}

/** Decode one stream, which has to give as many symbols as `out` has room for, and no bit more. */
export function decodeStream(tree, bytes, out) {
  const stream = new Backwards(bytes), { bits, table } = tree, mask = (1 << bits) - 1;
  const { bytes: padded, start } = stream;
  let at = stream.at;
  for (let i = 0; i < out.length; i++) {
    const entry = table[peek(padded, at - bits) & mask];
    out[i] = entry >> 4;
    at -= entry & 15;
    if (at < start) broken("a stream of literals is too short");
  }
  if (at !== start) broken("a stream of literals is too long");
}
