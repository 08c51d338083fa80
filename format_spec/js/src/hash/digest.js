// The SHA-256 of some bytes: by Node's own hash where it is there, which is synchronous and uses the
// processor's instructions for it; by ours everywhere else.
import { Sha256 } from "./sha256.js";

const native = globalThis.process?.getBuiltinModule?.("node:crypto");
const start = native === undefined ? () => new Sha256() : () => native.createHash("sha256");

/** The 32 bytes of the digest of some runs of bytes, one after the other; there may be a million. */
export function sha256(parts) {
  const hash = start();
  for (const part of parts) hash.update(part);
  return hash.digest();
}
