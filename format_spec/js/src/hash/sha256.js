// SHA-256 (FIPS 180-4), synchronous: that of the browser is not.
import { blocks } from "./rounds.js";

const START = new Int32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/** A hash that takes its bytes in pieces. */
export class Sha256 {
  #state = START.slice();
  #rest = new Uint8Array(64);
  #held = 0; // bytes in #rest
  #total = 0;

  /** Take more bytes; returns itself. */
  update(bytes) {
    let at = 0;
    this.#total += bytes.length;
    if (this.#held > 0) {
      at = Math.min(64 - this.#held, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#held);
      this.#held += at;
      if (this.#held < 64) return this;
      blocks(this.#state, this.#rest, 0, 1);
      this.#held = 0;
    }
    const whole = Math.floor((bytes.length - at) / 64);
    blocks(this.#state, bytes, at, whole);
    at += 64 * whole;
    this.#held = bytes.length - at;
    this.#rest.set(bytes.subarray(at));
    return this;
  }

  /** The 32 bytes of the digest; nothing can be added after it. */
  digest() {
    const end = new Uint8Array(this.#held < 56 ? 64 : 128);
    const view = new DataView(end.buffer);
    end.set(this.#rest.subarray(0, this.#held));
    end[this.#held] = 0x80;
    view.setUint32(end.length - 8, Math.floor(this.#total / 2 ** 29));
    view.setUint32(end.length - 4, (this.#total % 2 ** 29) * 8);
    blocks(this.#state, end, 0, end.length / 64);
    const words = new DataView(new ArrayBuffer(32));
    for (let i = 0; i < 8; i++) words.setInt32(4 * i, this.#state[i]);
    return new Uint8Array(words.buffer);
  }
}
