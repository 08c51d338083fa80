// The lower 32 bits of XXH64 with seed 0, which a zstd frame may end with. Numbers of 64 bits are
// pairs of 32: [low, high].
const P1 = [0x85ebca87, 0x9e3779b1], P2 = [0x27d4eb4f, 0xc2b2ae3d], P3 = [0x9e3779f9, 0x165667b1];
const P4 = [0xc2b2ae63, 0x85ebca77], P5 = [0x165667c5, 0x27d4eb2f];

function add(a, b) {
  const low = (a[0] >>> 0) + (b[0] >>> 0);
  return [low | 0, (a[1] + b[1] + (low >= 2 ** 32 ? 1 : 0)) | 0];
}

const xor = (a, b) => [a[0] ^ b[0], a[1] ^ b[1]];

/** A rotation by 1 to 31 bits to the left. */
const rotate = (a, n) => [(a[0] << n) | (a[1] >>> (32 - n)), (a[1] << n) | (a[0] >>> (32 - n))];

/** a xor a / 2^n. */
const fold = (a, n) => xor(a, n < 32 ? [(a[0] >>> n) | (a[1] << (32 - n)), a[1] >>> n] : [a[1] >>> (n - 32), 0]);

function multiply(a, b) {
  const x = a[0] & 0xffff, y = a[0] >>> 16, u = b[0] & 0xffff, v = b[0] >>> 16;
  const first = y * u + ((x * u - ((x * u) % 65536)) / 65536);
  const second = x * v + (first % 65536);
  const high = y * v + Math.floor(first / 65536) + Math.floor(second / 65536);
  return [Math.imul(a[0], b[0]), (high + Math.imul(a[0], b[1]) + Math.imul(a[1], b[0])) | 0];
}

const lane = (state, word) => multiply(rotate(add(state, multiply(word, P2)), 31), P1);

/** The lower 32 bits of the hash of some bytes, unsigned. */
export function xxh64(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), size = bytes.length;
  const word = (at) => [view.getInt32(at, true), view.getInt32(at + 4, true)];
  let at = 0, hash = P5;
  if (size >= 32) {
    const minus = [-P1[0] | 0, (P1[0] === 0 ? -P1[1] : ~P1[1]) | 0];
    const lanes = [add(P1, P2), P2, [0, 0], minus];
    for (; at + 32 <= size; at += 32) for (let i = 0; i < 4; i++) lanes[i] = lane(lanes[i], word(at + 8 * i));
    const [a, b, c, d] = lanes;
    hash = add(add(rotate(a, 1), rotate(b, 7)), add(rotate(c, 12), rotate(d, 18)));
    for (const one of lanes) hash = add(multiply(xor(hash, lane([0, 0], one)), P1), P4);
  }
  hash = add(hash, [size % 2 ** 32 | 0, Math.floor(size / 2 ** 32)]);
  for (; at + 8 <= size; at += 8) hash = add(multiply(rotate(xor(hash, lane([0, 0], word(at))), 27), P1), P4);
  if (at + 4 <= size) {
    hash = add(multiply(rotate(xor(hash, multiply([view.getInt32(at, true), 0], P1)), 23), P2), P3);
    at += 4;
  }
  for (; at < size; at++) hash = multiply(rotate(xor(hash, multiply([bytes[at], 0], P5)), 11), P1);
  hash = multiply(fold(hash, 33), P2);
  hash = multiply(fold(hash, 29), P3);
  return fold(hash, 32)[0] >>> 0;
}
