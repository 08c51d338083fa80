// Streams of bits of zstd (RFC 8878, section 4.1): those of entropy-coded numbers are read backwards.
import { refuse } from "../bytes/errors.js";

const AHEAD = 8; // bytes of zeros before a stream, for what is read beyond its beginning

/** A stream that is read from its end: the bits below `at` are still to come. */
export class Backwards {
  /** @param {Uint8Array} bytes those of the stream, the last of which has the mark of the end */
  constructor(bytes) {
    const last = bytes.length === 0 ? 0 : bytes[bytes.length - 1];
    if (last === 0) refuse("a zstd frame: a stream of bits has no end mark");
    this.bytes = new Uint8Array(AHEAD + bytes.length + AHEAD);
    this.bytes.set(bytes, AHEAD);
    this.start = 8 * AHEAD;
    this.at = this.start + 8 * bytes.length - (Math.clz32(last) - 24) - 1;
  }

  /** The next number of 0 to 24 bits; beyond the beginning there are zeros. */
  read(count) {
    this.at -= count;
    if (this.at < 0) refuse("a zstd frame: a stream of bits is too short");
    return peek(this.bytes, this.at) & ((1 << count) - 1);
  }

  /** A number of up to 48 bits. */
  readLong(count) {
    if (count <= 24) return this.read(count);
    const high = this.read(count - 24);
    return high * 2 ** 24 + this.read(24);
  }

  /** Bits that were read and are not there. */
  get missing() {
    return this.start - this.at;
  }
}

/** 25 bits or more from a bit's place on. */
export function peek(bytes, at) {
  const i = at >>> 3;
  return (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)) >>> (at & 7);
}
