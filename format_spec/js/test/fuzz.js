// Mutated archives of the suite: node fuzz.js ROUNDS SEED
// The digests of a mutated file are mostly put right again, so that what is behind them is reached.
// Whatever a file says, it is accepted or refused with a PemnError, in bounded time.
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { open, PemnError } from "../index.js";
import { readFile, SUITE } from "./suite.js";

const [rounds, seed] = process.argv.slice(2).map(Number);
const LIMITS = { elements: 2 ** 20, restoredBytes: 2 ** 23, manifestBytes: 2 ** 20 };
const SECONDS = 5;
const HEADER = 96;

/** Mulberry32: whole numbers below n. */
function drawer(state) {
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();

/** Change some bytes: bits, digits, runs that are copied, left out or put in. */
function mutate(bytes, other, draw) {
  let made = Array.from(bytes);
  for (let count = 1 + draw(3); count > 0; count--) {
    const at = draw(made.length), size = Math.min(made.length - at, 1 + draw(16)), from = draw(other.length);
    const kind = draw(8);
    if (kind < 2) made[at] ^= 1 << draw(8);
    else if (kind === 2) made[at] = draw(256);
    else if (kind === 3) made.splice(at, size);
    else if (kind === 4) made.splice(at, 0, ...other.subarray(from, from + size));
    else if (kind === 5) made.splice(at, size, ...other.subarray(from, from + size));
    else if (kind === 6) made.splice(at, size, ...Array(size).fill([0, 255, 48, 57][draw(4)]));
    else {
      const digits = made.flatMap((byte, i) => (byte >= 48 && byte <= 57 ? [i] : []));
      if (digits.length > 0) made[digits[draw(digits.length)]] = 48 + draw(10);
    }
    if (made.length === 0) made = [0];
  }
  return Uint8Array.from(made);
}

/** Put right the sizes in the header and the digests of sections, where the file can still be read. */
function mend(bytes) {
  if (bytes.length < HEADER) return bytes;
  const view = new DataView(bytes.buffer), coding = view.getUint32(48, true);
  view.setBigUint64(16, BigInt(bytes.length), true);
  const stored = Math.min(view.getUint32(40, true), bytes.length - HEADER);
  if (coding === 0) mendSections(bytes, stored);
  const covered = coding === 2 ? bytes.length : HEADER + stored;
  bytes.set(sha256(bytes.subarray(0, 64), bytes.subarray(HEADER, covered)), 64);
  return bytes;
}

function mendSections(bytes, stored) {
  const text = Buffer.from(bytes.subarray(HEADER, HEADER + stored)).toString("latin1");
  let sections;
  try {
    ({ sections } = JSON.parse(text));
  } catch {
    return;
  }
  let end = HEADER + stored;
  for (const section of Array.isArray(sections) ? sections : []) {
    const start = Math.ceil(end / 64) * 64, size = Number(section?.bytes);
    end = start + size;
    const at = text.indexOf(String(section?.sha256));
    if (!(end <= bytes.length) || String(section.sha256).length !== 64 || at < 0) return;
    bytes.set(Buffer.from(sha256(bytes.subarray(start, end)).toString("hex")), HEADER + at);
  }
}

/** What comes of a file: "accepted", or the message of a PemnError. Anything else is thrown. */
function outcome(bytes) {
  try {
    const archive = open(bytes, LIMITS);
    for (const { name } of archive.tensors.slice(0, 4)) archive.mask(name);
    archive.verify();
    return "accepted";
  } catch (error) {
    if (!(error instanceof PemnError) || !/^[ -~]+$/.test(error.message)) throw error;
    return error.message;
  }
}

const folder = new URL("accept/", SUITE);
const files = readdirSync(folder).filter((name) => name.endsWith(".pemn")).sort().map((name) => readFile(`accept/${name}`)).filter((bytes) => bytes.length <= 8192);
const draw = drawer(seed), told = new Map();
let slowest = 0;
for (let round = 0; round < rounds; round++) {
  const own = files[draw(files.length)], mutated = mutate(own, files[draw(files.length)], draw), mended = draw(8) > 0 ? mend(mutated) : mutated;
  const start = process.cpuUsage();
  try {
    const said = outcome(mended).replace(/[0-9]+/g, "0");
    told.set(said, (told.get(said) ?? 0) + 1);
  } catch (error) {
    console.error(`round ${round} of seed ${seed}, ${Buffer.from(mended).toString("base64")}`);
    throw error;
  }
  const { user, system } = process.cpuUsage(start);
  slowest = Math.max(slowest, (user + system) / 1e6);
  if (slowest > SECONDS) throw new Error(`round ${round} of seed ${seed} took ${slowest} seconds`);
}
console.log(JSON.stringify({ rounds, seed, accepted: told.get("accepted") ?? 0, messages: told.size, slowest_seconds: slowest }));
