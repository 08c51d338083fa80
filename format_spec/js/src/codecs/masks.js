// A mask by its codec: one byte for each element, 0 or 1.
import { refuse } from "../bytes/errors.js";
import { allocate } from "../bytes/numbers.js";
import { readBitmap } from "./bitmap.js";
import { readCsr } from "./csr.js";
import { readRice } from "./rice.js";

const CODECS = { bitmap: readBitmap, csr: readCsr, rice: readRice };

/**
 * Decode a payload that has to have `ones` ones.
 * @param {{codec: string, size: number, ones: number, shape: number[], where: string}} told
 * @returns {Uint8Array} of `size` elements
 */
export function readMask(payload, told) {
  const { codec, size, ones, where } = told;
  if (codec === "bitmap" && payload.length !== Math.ceil(size / 8)) {
    refuse(`${where}: expected ${Math.ceil(size / 8)} bytes of bitmap, got ${payload.length}`);
  }
  const mask = allocate(Uint8Array, size, where), count = CODECS[codec](payload, mask, told);
  if (count !== ones) refuse(`${where}: expected ${ones} ones in the mask, got ${count}`);
  return mask;
}
