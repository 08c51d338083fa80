// The SHA-256 of some bytes: by Node's own hash where it is there, which is synchronous and uses the
// processor's instructions for it; by ours everywhere else.
import { Sha256 } from "./sha256.js";

const own = () => new Sha256();
const native = globalThis.process?.getBuiltinModule?.("node:crypto");
const start = native === undefined ? own : () => native.createHash("sha256");
const FEW = 1024; // bytes: for so few ours is as fast

/** The 32 bytes of the digest of some runs of bytes, one after the other; there may be a million. */
export function sha256(parts) {
  const size = parts.reduce((sum, part) => sum + part.length, 0), hash = size <= FEW ? own() : start();
  for (const part of parts) hash.update(part);
  return hash.digest();
}
