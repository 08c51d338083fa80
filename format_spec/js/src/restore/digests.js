// Digests of restored tensors (section 8 of SPEC.md).
import { fromHex, toHex } from "../bytes/numbers.js";
import { sha256 } from "../hash/digest.js";
import { DTYPES } from "../manifest/dtypes.js";

/** The digest of one tensor, in hex digits. */
export function tensorDigest({ dtype, shape }, bytes) {
  const head = new DataView(new ArrayBuffer(2 + 8 * shape.length));
  head.setUint8(0, DTYPES[dtype].code);
  head.setUint8(1, shape.length);
  shape.forEach((dimension, i) => {
    head.setUint32(2 + 8 * i, dimension % 2 ** 32, true);
    head.setUint32(6 + 8 * i, Math.floor(dimension / 2 ** 32), true);
  });
  return toHex(sha256([new Uint8Array(head.buffer), bytes]));
}

/** The digest of all tensors: of their names, which are ASCII, and their digests. */
export function restoredDigest(digests) {
  const names = [...digests.keys()].sort((a, b) => (a < b ? -1 : 1)), parts = [];
  for (const name of names) {
    parts.push(Uint8Array.of(name.length & 255, name.length >> 8), new TextEncoder().encode(name), fromHex(digests.get(name)));
  }
  return toHex(sha256(parts));
}
