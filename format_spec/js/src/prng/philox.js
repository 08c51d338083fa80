// Words of Philox4x32-10 (section 5.1 of SPEC.md), in halves of 16 bits: a product of two 32-bit
// numbers has 64, more than a number or an instruction of JavaScript holds.
// M0 = 0xD2511F53 and M1 = 0xCD9E8D57 are taken apart below.

/**
 * Fill `out`, from one place to before another, with the words of a stream from block `block` on: a multiple of 4.
 * @param {{low: number, high: number}} seed
 * @param {{low: number, high: number}} stream
 */
export function fillBlocks(seed, stream, block, out, from, to) {
  const t0 = stream.low | 0, t1 = stream.high | 0, s0 = seed.low | 0, s1 = seed.high | 0;
  let j0 = block % 2 ** 32 | 0, j1 = Math.floor(block / 2 ** 32) | 0;
  for (let at = from; at < to; at += 4) {
    let c0 = j0, c1 = j1, c2 = t0, c3 = t1, k0 = s0, k1 = s1;
    for (let round = 0; round < 10; round++) {
      const a = c0 & 0xffff, b = c0 >>> 16, c = c2 & 0xffff, d = c2 >>> 16;
      const x = Math.imul(b, 0x1f53) + (Math.imul(a, 0x1f53) >>> 16) | 0;
      const y = Math.imul(a, 0xd251) + (x & 0xffff) | 0;
      const z = Math.imul(d, 0x8d57) + (Math.imul(c, 0x8d57) >>> 16) | 0;
      const w = Math.imul(c, 0xcd9e) + (z & 0xffff) | 0;
      const high0 = Math.imul(b, 0xd251) + (x >>> 16) + (y >>> 16) | 0;
      const high1 = Math.imul(d, 0xcd9e) + (z >>> 16) + (w >>> 16) | 0;
      const low0 = Math.imul(c0, 0xd2511f53), low1 = Math.imul(c2, 0xcd9e8d57);
      c0 = high1 ^ c1 ^ k0;
      c1 = low1;
      c2 = high0 ^ c3 ^ k1;
      c3 = low0;
      k0 = (k0 + 0x9e3779b9) | 0;
      k1 = (k1 + 0xbb67ae85) | 0;
    }
    out[at] = c0;
    out[at + 1] = c1;
    out[at + 2] = c2;
    out[at + 3] = c3;
    j0 = (j0 + 1) | 0;
    if (j0 === 0) j1 = (j1 + 1) | 0;
  }
}

/** A stream that is `more` further on: the sum as u64. `more` is below 2^53. */
export function later(stream, more) {
  const low = stream.low + more;
  return { low: low % 2 ** 32, high: (stream.high + Math.floor(low / 2 ** 32)) % 2 ** 32 };
}
