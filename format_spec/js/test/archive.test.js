// What an archive gives: records, tensors, masks, sections, and one line for whatever is wrong.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { open, PemnError } from "../index.js";
import { dictionary } from "../src/container/dictionary.js";
import { assertRefuses, readFile, readJson, SUITE } from "./suite.js";

const example = (name) => new Uint8Array(readFileSync(new URL(`../examples/${name}`, SUITE)));
const bitsOf = (floats) => Array.from(new Uint32Array(floats.buffer, floats.byteOffset, floats.length), (word) => word.toString(16).padStart(8, "0")).join(" ");

// section 12 of SPEC.md
const RESTORED = {
  "fc.weight": "00000000 beae40e8 3f8bcc47 00000000 becc85d8 00000000 00000000 3f8bcc47",
  "fc.bias": "3e800000 bfc00000",
  "head.weight": "00000000 beae40e8 3f8bcc47 00000000 becc85d8 00000000 00000000 3f8bcc47",
};

test("the example of section 12, in both of its forms", () => {
  for (const name of ["small.pemn", "compact.pemn"]) {
    const archive = open(example(name)), all = archive.restore();
    assert.deepEqual(archive.tensors.map((tensor) => tensor.name), ["fc.weight", "fc.bias", "norm.weight", "steps", "head.weight"]);
    for (const [tensor, expected] of Object.entries(RESTORED)) {
      assert.equal(bitsOf(archive.tensor(tensor).data), expected);
      assert.equal(bitsOf(all.get(tensor).data), expected);
    }
    assert.equal(all.get("fc.weight"), all.get("head.weight"));
    assert.deepEqual(archive.tensor("steps"), { dtype: "i64", shape: [], data: BigInt64Array.of(100n) });
    assert.deepEqual([...archive.mask("head.weight")], [0, 1, 1, 0, 1, 0, 0, 1]);
    assert.deepEqual([...archive.mask("fc.bias")], [1, 1]);
    assert.deepEqual([...archive.section("masks")], [0x96]);
    assert.equal(archive.source(), null);
    assert.equal(archive.about.accuracy, 0.5);
    assert.deepEqual(archive.tensors[4].values, { kind: "alias", of: "fc.weight", plane: null });
  }
});

test("each tensor alone is what it is among all", () => {
  for (const name of Object.keys(readJson("accept/expect.json"))) {
    const archive = open(readFile(`accept/${name}`)), all = archive.restore();
    for (const record of archive.tensors.slice(-4)) {
      const alone = open(readFile(`accept/${name}`)).tensor(record.name);
      assert.deepEqual(alone, all.get(record.name));
      const mask = archive.mask(record.name);
      assert.equal(mask.length, record.elements);
      const { positions } = archive.tensors.find(({ name }) => name === (record.values.of ?? record.name));
      assert.equal(mask.reduce((sum, bit) => sum + bit, 0), positions?.ones ?? record.elements);
    }
  }
});

test("the dictionary is that of the format", () => {
  assert.equal(new TextDecoder().decode(dictionary()), readFileSync(new URL("../dictionary.txt", SUITE), "utf8").replaceAll("\n", ""));
});

test("what is not there, and what is no archive", () => {
  const archive = open(example("small.pemn")), refuses = (call) => assertRefuses(PemnError, String(call), call);
  for (const name of ["", "__proto__", "fc", "\u001b[31m", "x".repeat(1e6), 7, null]) {
    refuses(() => archive.tensor(name));
    refuses(() => archive.mask(name));
    refuses(() => archive.section(name));
  }
  for (const data of [undefined, null, "small.pemn", [137, 80], 3, new Uint8Array(0), new ArrayBuffer(9), new Uint8Array(100)]) refuses(() => open(data));
  const bytes = example("small.pemn");
  for (let size = 0; size < bytes.length; size++) refuses(() => open(bytes.subarray(0, size)));
  for (let at = 0; at < bytes.length; at++) {
    const other = bytes.slice();
    other[at] ^= 1 << at % 8;
    refuses(() => open(other).verify());
  }
});

test("bytes are taken from wherever they are", () => {
  const bytes = example("small.pemn"), wide = new Uint8Array(bytes.length + 3);
  wide.set(bytes, 3);
  for (const data of [bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), wide.subarray(3), new DataView(wide.buffer, 3)]) {
    assert.equal(open(data).verify().size, 5);
  }
});

test("limits of the caller", () => {
  const bytes = example("small.pemn");
  for (const limits of [{ elements: 30 }, { restoredBytes: 127 }, { manifestBytes: 1160 }, { elements: -1 }, { elements: 1.5 }, { elements: NaN }, { weights: 5 }]) {
    assertRefuses(PemnError, JSON.stringify(limits), () => open(bytes, limits));
  }
  assert.equal(open(bytes, { elements: 31, restoredBytes: 128, manifestBytes: 1161 }).verify().size, 5);
});

test("an archive of many tensors", () => {
  const count = 60_000, one = createHash("sha256").update(Buffer.from("0100", "hex")).update(Buffer.of(7)).digest();
  const names = Array.from({ length: count }, (_, i) => `layer.${i}`), restored = createHash("sha256");
  for (const name of [...names].sort()) restored.update(Buffer.from([name.length, 0])).update(name).update(one);
  const tensors = names.map((name) => `{"dtype":"u8","name":"${name}","shape":[],"values":{"bits":"07","kind":"constant"}}`);
  const manifest = Buffer.from(`{"about":{},"architecture":{},"prototype":null,"restored_sha256":"${restored.digest("hex")}","sections":[],"tensors":[${tensors}]}`);
  const header = Buffer.alloc(96);
  example("small.pemn").slice(0, 12).forEach((byte, i) => header.writeUInt8(byte, i));
  for (const [at, value] of [[16, 96 + manifest.length], [24, count], [32, count], [40, manifest.length], [44, manifest.length]]) header.writeUInt32LE(value, at);
  createHash("sha256").update(header.subarray(0, 64)).update(manifest).digest().copy(header, 64);
  const archive = open(Buffer.concat([header, manifest]), { manifestBytes: 2 ** 23 });
  assert.equal(archive.verify().size, count);
  assert.deepEqual(archive.tensor(names[count - 1]), { dtype: "u8", shape: [], data: Uint8Array.of(7) });
});

test("the example of README.md runs", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pemn-"));
  try {
    const [, code] = readFileSync(new URL("../README.md", import.meta.url), "utf8").match(/^```js\n(.*?)^```$/ms);
    const here = code.replace('"pemn-reader"', JSON.stringify(new URL("../index.js", import.meta.url).href));
    assert.notEqual(here, code);
    writeFileSync(join(folder, "model.pemn"), example("small.pemn"));
    writeFileSync(join(folder, "example.mjs"), here.replace('"model.pemn"', JSON.stringify(join(folder, "model.pemn"))));
    await import(pathToFileURL(join(folder, "example.mjs")).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
