// What the conformance suite is for: every file of it, through `open` and `verify`.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

export const SUITE = new URL("../../conformance/", import.meta.url);
export const readJson = (name) => JSON.parse(readFileSync(new URL(name, SUITE), "utf8"));
export const readFile = (name) => new Uint8Array(readFileSync(new URL(name, SUITE)));

const SECONDS = 10; // the longest that any one file may take, on a busy machine too

function timely(name, work) {
  const start = process.cpuUsage(), result = work(), { user, system } = process.cpuUsage(start);
  assert.ok(user + system < SECONDS * 1e6, `${name} took ${(user + system) / 1e6} seconds`);
  return result;
}

/** Assert that a call refuses: one PemnError of one line of printable ASCII. */
export function assertRefuses(PemnError, name, call) {
  assert.throws(call, (error) => error instanceof PemnError && /^[ -~]{10,400}$/.test(error.message), name);
}

function restoresAll({ open }) {
  const expected = readJson("accept/expect.json"), names = Object.keys(expected);
  assert.deepEqual(readdirSync(new URL("accept/", SUITE)).filter((name) => name.endsWith(".pemn")).sort(), [...names].sort());
  assert.ok(names.length >= 160);
  for (const name of names) {
    const archive = open(readFile(`accept/${name}`)), digests = timely(name, () => archive.verify());
    const got = Object.fromEntries(archive.tensors.map((t) => [t.name, [t.dtype, t.shape, digests.get(t.name)]]));
    assert.deepEqual(got, expected[name].tensors, name);
    assert.equal(archive.restored_sha256, expected[name].restored_sha256, name);
  }
}

function refusesAll({ open, PemnError }) {
  const expected = Object.entries(readJson("reject/expect.json"));
  assert.ok(expected.length >= 390);
  for (const [name, who] of expected) {
    const bytes = readFile(`reject/${name}`);
    timely(name, () => assertRefuses(PemnError, name, () => {
      const archive = open(bytes);
      assert.notEqual(who, "listing", `${name} was listed`);
      if (who === "restoring") archive.restore();
      else archive.verify();
    }));
  }
}

/** Define the tests of a reader, which is what index.js exports. */
export function defineSuite(reader, how) {
  test(`restores what it has to, to the expected digests (${how})`, () => restoresAll(reader));
  test(`refuses what it has to (${how})`, () => refusesAll(reader));
}
