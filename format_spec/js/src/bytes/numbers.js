// Numbers in bytes. All of this takes a little-endian machine, as all that run JavaScript today are.
import { refuse } from "./errors.js";

if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
  refuse("this machine is not little-endian: no archive can be read here");
}

export const u16 = (bytes, at) => bytes[at] | (bytes[at + 1] << 8);

export const u32 = (bytes, at) => (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;

/** A u64 as a number: exact below 2^53, and 2^53 at least for all others. */
export const u64 = (bytes, at) => u32(bytes, at) + u32(bytes, at + 4) * 2 ** 32;

/** An unsigned integer of 1, 2, 4 or 8 bytes. */
export function unsigned(bytes, at, width) {
  if (width === 1) return bytes[at];
  if (width === 2) return u16(bytes, at);
  return width === 4 ? u32(bytes, at) : u64(bytes, at);
}

/** The least multiple of `step` that is not below a number. */
export const roundUp = (number, step) => Math.ceil(number / step) * step;

export const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** Bytes of hex digits that are known to be such. */
export function fromHex(text) {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** A u64 of 16 hex digits, as its lower and its upper half. */
export const halves = (text) => ({ low: parseInt(text.slice(8), 16), high: parseInt(text.slice(0, 8), 16) });

export function isZero(bytes, from, to) {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}

export function isSame(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const PIECE = 4096;

/**
 * Do something with all of so many elements, piece by piece: `act(from, to)`. An engine compiles well what it has seen
 * return a few times; a loop over millions in one call is compiled while it runs, and that is thrown away at its end.
 */
export function inPieces(count, act, piece = PIECE) {
  for (let from = 0; from < count; from += piece) act(from, Math.min(count, from + piece));
}

/** A typed array, or the error that there is no room for it. */
export function allocate(Type, length, what) {
  try {
    return new Type(length);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return refuse(`${what}: ${length} elements of ${Type.BYTES_PER_ELEMENT} bytes are more than fit in memory here`);
  }
}

/** Some bytes in a buffer of their own. */
export function copyOf(bytes, what) {
  const copy = allocate(Uint8Array, bytes.length, what);
  copy.set(bytes);
  return copy;
}
