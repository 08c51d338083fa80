// The literals of a compressed block (RFC 8878, section 3.1.1.3.1).
import { refuse } from "../bytes/errors.js";
import { u16 } from "../bytes/numbers.js";
import { decodeStream, readTree } from "./huffman.js";

const RAW = 0, RUN = 1, COMPRESSED = 2;
const broken = (what) => refuse(`a zstd frame: ${what}`);

/** Sizes of raw literals and of runs. */
function plainHead(bytes) {
  const format = (bytes[0] >> 2) & 3, head = format === 1 ? 2 : format === 3 ? 3 : 1;
  if (bytes.length < head) broken("literals are cut short");
  if (head === 1) return { head, count: bytes[0] >> 3 };
  return { head, count: (u16(bytes, 0) | (head === 3 ? bytes[2] << 16 : 0)) >>> 4 };
}

/** Sizes of literals that Huffman's codes were made of. */
function packedHead(bytes) {
  const format = (bytes[0] >> 2) & 3, head = format < 2 ? 3 : format + 2, width = format < 2 ? 10 : 4 * format + 6;
  if (bytes.length < head) broken("literals are cut short");
  let value = 0;
  for (let i = head - 1; i >= 0; i--) value = value * 256 + bytes[i];
  value = Math.floor(value / 16);
  return { head, streams: format === 0 ? 1 : 4, count: value % 2 ** width, size: Math.floor(value / 2 ** width) };
}

/** Four streams, of which the sizes of three are told. */
function decodeFour(tree, bytes, out) {
  if (bytes.length < 6) broken("literals are cut short");
  const part = (out.length + 3) >> 2;
  if (3 * part > out.length) broken("there are too few literals for four streams");
  let at = 6;
  for (let i = 0; i < 4; i++) {
    const size = i < 3 ? u16(bytes, 2 * i) : bytes.length - at;
    if (size < 0 || at + size > bytes.length) broken("literals are cut short");
    decodeStream(tree, bytes.subarray(at, at + size), out.subarray(i * part, i < 3 ? (i + 1) * part : out.length));
    at += size;
  }
}

/**
 * Read the literals at the start of a block.
 * @param frame what goes on from block to block: the last tree among it
 * @returns the literals, and the number of bytes that they take in the block
 */
export function readLiterals(bytes, frame, most) {
  const kind = bytes[0] & 3;
  if (kind === RAW || kind === RUN) {
    const { head, count } = plainHead(bytes), size = kind === RAW ? count : 1;
    if (count > most) broken("a block has more than it may have");
    if (head + size > bytes.length) broken("literals are cut short");
    const literals = kind === RAW ? bytes.subarray(head, head + count) : new Uint8Array(count).fill(bytes[head]);
    return { literals, size: head + size };
  }
  const { head, streams, count, size } = packedHead(bytes);
  if (count > most) broken("a block has more than it may have");
  if (head + size > bytes.length) broken("literals are cut short");
  let body = bytes.subarray(head, head + size);
  if (kind === COMPRESSED) {
    const read = readTree(body);
    frame.tree = read.tree;
    body = body.subarray(read.size);
  }
  if (frame.tree === null) broken("literals take a Huffman tree that is not there");
  const literals = new Uint8Array(count);
  (streams === 1 ? decodeStream : decodeFour)(frame.tree, body, literals);
  return { literals, size: head + size };
}
