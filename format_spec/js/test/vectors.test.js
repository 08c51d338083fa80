// The known answers of the suite's folder `vectors`, and those of a few more functions.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { fromHex, halves, toHex } from "../src/bytes/numbers.js";
import { readMask } from "../src/codecs/masks.js";
import { Sha256 } from "../src/hash/sha256.js";
import { xxh64 } from "../src/hash/xxh64.js";
import { fillBlocks, later } from "../src/prng/philox.js";
import { shuffledOrder } from "../src/prng/shuffle.js";
import { normalTable } from "../src/prng/table.js";
import { firstValues, firstWords, valueAt } from "../src/prng/transforms.js";
import { readJson } from "./suite.js";

const GENERATOR = readJson("vectors/generator.json");
const words = (array) => Array.from(array, (word) => word.toString(16).padStart(8, "0")).join(" ");
const bits = (floats) => words(new Uint32Array(floats.buffer, floats.byteOffset, floats.length));

function block(seed, stream, index) {
  const out = new Uint32Array(4);
  fillBlocks(seed, stream, index, out, 0, out.length);
  return words(out);
}

test("blocks of the generator", () => {
  for (const { counter, key, block: expected } of GENERATOR.philox) {
    const [c0, c1, c2, c3, k0, k1] = `${counter} ${key}`.split(" ").map((word) => parseInt(word, 16));
    const index = c0 + c1 * 2 ** 32;
    if (Number.isSafeInteger(index)) assert.equal(block({ low: k0, high: k1 }, { low: c2, high: c3 }, index), expected);
  }
  for (const { seed, stream, index, block: expected } of GENERATOR.blocks) {
    const { low, high } = halves(index);
    if (high < 2 ** 20) assert.equal(block(halves(seed), halves(stream), low + high * 2 ** 32), expected);
  }
  const across = new Uint32Array(8); // blocks 2^32 - 1 and 2^32
  const [first, second] = GENERATOR.blocks;
  fillBlocks(halves(first.seed), halves(first.stream), 2 ** 32 - 1, across, 0, across.length);
  assert.equal(words(across), `${first.block} ${second.block}`);
  assert.deepEqual(later({ low: 2 ** 32 - 1, high: 6 }, 2 ** 32 + 1), { low: 0, high: 8 });
});

test("words and values of a seed and a stream", () => {
  for (const { seed, stream, index, word } of GENERATOR.word) assert.equal(words(firstWords(seed, stream, index + 1, "test").subarray(index)), word);
  for (const told of GENERATOR.streams) {
    assert.equal(words(firstWords(told.seed, told.stream, 64, "test")), told.words);
    for (const transform of ["normal16", "uniform24", "sign"]) {
      const prototype = { transform, seed: told.seed, stream: told.stream }, expected = told[transform].split(" ");
      assert.equal(bits(firstValues(prototype, 64, "test")), told[transform]);
      for (const i of [0, 1, 6, 63]) assert.equal(bits(Float32Array.of(valueAt(prototype, told.stream, 0, i))), expected[i]);
    }
  }
  const long = { transform: "normal16", seed: "000000000000002a", stream: "0000000000000001" }, values = firstValues(long, 50001, "test");
  for (const i of [16383, 16384, 32768, 50000]) assert.equal(values[i], valueAt(long, long.stream, 0, i));
});

test("the table of normal values", () => {
  const table = normalTable();
  for (let k = 0; k < 65536; k += 7) assert.equal(table[k], -table[65535 - k]);
  const upper = new Uint8Array(table.slice(32768).buffer);
  assert.equal(createHash("sha256").update(upper).digest("hex"), "6621a18f629e82396c088501c1095eae46f6d8033b42db7b4158e0f4cf34a0ce");
});

test("orders of shuffles", () => {
  for (const told of GENERATOR.shuffles) {
    const order = shuffledOrder({ ...told, length: told.order.length }, "test");
    assert.deepEqual([...order], told.order);
  }
  const { ties } = GENERATOR, tied = Array.isArray(ties) ? ties : [ties];
  for (const { seed, stream, length, indices, places } of tied) {
    const order = shuffledOrder({ seed, stream, length }, "test");
    assert.deepEqual(places.map((place) => order[place]), indices);
  }
});

/** The mask of a vector as a byte for each element. */
function maskOf({ runs, bits: bitmap, shape, ones }) {
  const size = shape.reduce((a, b) => a * b, 1), mask = new Uint8Array(size);
  if (runs === undefined) return readMask(fromHex(bitmap.replaceAll(" ", "")), { codec: "bitmap", size, ones, shape, where: "test" });
  let at = 0;
  runs.forEach((run, i) => mask.fill(i % 2, at, (at += run)));
  return mask;
}

test("masks by every codec", () => {
  let tried = 0;
  for (const told of readJson("vectors/codecs.json").masks) {
    for (const codec of ["bitmap", "csr", "rice"]) {
      if (typeof told[codec] !== "string") continue;
      const payload = fromHex(told[codec].replaceAll(" ", "")), mask = maskOf(told);
      assert.deepEqual(readMask(payload, { codec, size: mask.length, ones: told.ones, shape: told.shape, where: "test" }), mask);
      tried++;
    }
  }
  assert.ok(tried > 30, `${tried} payloads`);
});

test("SHA-256 in pieces of any size, and XXH64", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * i) >> 3);
  for (let size = 0; size <= 260; size++) {
    const all = bytes.subarray(0, size), hash = new Sha256();
    for (let at = 0, step = 1; at < size; at += step++) hash.update(all.subarray(at, Math.min(size, at + step)));
    assert.equal(toHex(hash.digest()), createHash("sha256").update(all).digest("hex"));
  }
  assert.equal(xxh64(new Uint8Array(0)), 0x51d8e999); // of ef46db3751d8e999
  assert.equal(xxh64(new TextEncoder().encode("abc")), 0xad770999); // of 44bc2cf5ad770999
});
