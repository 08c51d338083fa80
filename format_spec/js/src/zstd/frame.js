// One zstd frame (RFC 8878), as section 2.1 of SPEC.md has it: content size declared, no other frame
// around it, blocks within their bounds.
import { refuse } from "../bytes/errors.js";
import { allocate, u16, u32, unsigned } from "../bytes/numbers.js";
import { xxh64 } from "../hash/xxh64.js";
import { readLiterals } from "./literals.js";
import { copySequences } from "./sequences.js";

const MAGIC = 0xfd2fb528, MAX_WINDOW = 2 ** 27, MAX_BLOCK = 131072;
const RAW = 0, RUN = 1, COMPRESSED = 2;
const NOTHING = new Uint8Array(0);

function readHead(bytes, what) {
  if (bytes.length < 5 || u32(bytes, 0) !== MAGIC) refuse(`${what}: expected one zstd frame`);
  const about = bytes[4], single = (about & 32) !== 0, dictionary = [0, 1, 2, 4][about & 3];
  const sized = about >> 6 === 0 ? (single ? 1 : 0) : 1 << (about >> 6);
  let at = 5 + (single ? 0 : 1);
  if (bytes.length < at + dictionary + sized) refuse(`${what}: the zstd frame is cut short`);
  if ((about & 8) !== 0) refuse(`${what}: the zstd frame has a reserved bit`);
  for (let i = 0; i < dictionary; i++) if (bytes[at++] !== 0) refuse(`${what}: the zstd frame names a dictionary`);
  if (sized === 0) refuse(`${what}: the zstd frame does not declare its content size`);
  const size = unsigned(bytes, at, sized) + (sized === 2 ? 256 : 0);
  const window = single ? size : 2 ** (10 + (bytes[5] >> 3)) * (1 + (bytes[5] & 7) / 8);
  if (window > MAX_WINDOW) {
    refuse(`${what}: the zstd frame asks for a window of ${window} bytes, expected at most ${MAX_WINDOW}`);
  }
  return { at: at + sized, size, window, checksum: (about & 4) !== 0 };
}

/** The content size that a frame declares, once its header is in order. */
export const frameSize = (bytes, what) => readHead(bytes, what).size;

/**
 * Decompress a frame that has to declare `size` bytes and end where `bytes` end.
 * @param {Uint8Array} [dictionary] raw content that stands before that of the frame
 * @returns {Uint8Array} of `size` bytes
 */
export function decompress(bytes, size, what, dictionary = NOTHING) {
  const head = readHead(bytes, what);
  if (head.size !== size) refuse(`${what}: the zstd frame declares ${head.size} bytes, expected ${size}`);
  checkBlocks(bytes, head, what);
  const first = dictionary.length, end = first + size, out = allocate(Uint8Array, end, what);
  out.set(dictionary);
  const frame = { tree: null, tables: [null, null, null], last: [1, 4, 8] };
  const most = Math.min(head.window, MAX_BLOCK);
  let { at } = head, to = first, last = false;
  while (!last) {
    const block = readBlock(bytes, at);
    ({ last } = block);
    at += 3;
    if (block.kind !== COMPRESSED && block.size > end - to) {
      refuse(`${what}: the zstd frame holds more than the ${size} bytes that it declares`);
    }
    const body = bytes.subarray(at, at + block.stored);
    if (block.kind === RAW) out.set(body, to);
    else if (block.kind === RUN) out.fill(body[0], to, to + block.size);
    if (block.kind !== COMPRESSED) to += block.size;
    else {
      const read = readLiterals(body, frame, most);
      to = copySequences(body, read.size, read.literals, frame, out, to, Math.min(end, to + most));
    }
    at += block.stored;
  }
  if (to !== end) refuse(`${what}: the zstd frame holds ${to - first} bytes, and declares ${size}`);
  const content = out.subarray(first);
  if (head.checksum && xxh64(content) !== u32(bytes, at)) {
    refuse(`${what}: the zstd frame's checksum is not that of its content`);
  }
  return content;
}

function readBlock(bytes, at) {
  const head = u16(bytes, at) | (bytes[at + 2] << 16), kind = (head >> 1) & 3, size = head >>> 3;
  return { last: (head & 1) === 1, kind, size, stored: kind === RUN ? 1 : size };
}

/** Walk the blocks: their kinds, their sizes, and that the frame ends where its bytes do. */
function checkBlocks(bytes, head, what) {
  const most = Math.min(head.window, MAX_BLOCK);
  let { at } = head, last = false;
  while (!last) {
    if (at + 3 > bytes.length) refuse(`${what}: the zstd frame is cut short`);
    const block = readBlock(bytes, at);
    ({ last } = block);
    if (block.kind > COMPRESSED) refuse(`${what}: a block of the zstd frame is of a reserved kind`);
    if (block.size > most) {
      refuse(`${what}: a block of the zstd frame has ${block.size} bytes, expected at most ${most}`);
    }
    // sizes on which decompressors differ, and which no compressor makes
    if (block.kind === COMPRESSED && (block.size < 3 || block.size === MAX_BLOCK)) {
      refuse(`${what}: a compressed block of the zstd frame has ${block.size} bytes`);
    }
    at += 3 + block.stored;
  }
  at += head.checksum ? 4 : 0;
  if (at > bytes.length) refuse(`${what}: the zstd frame is cut short`);
  if (at < bytes.length) refuse(`${what}: ${bytes.length - at} bytes follow the zstd frame`);
}
