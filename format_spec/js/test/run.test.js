// Graphs: those of the suite that have to be refused, and what is run of the others.
import assert from "node:assert/strict";
import { test } from "node:test";
import { graph, missing, open, PemnError, program, run } from "../index.js";
import { OPERATORS } from "../src/graph/operators.js";
import { operators } from "../src/graph/schemas.js";
import { DTYPES } from "../src/manifest/dtypes.js";
import { KERNELS } from "../src/run/kernels.js";
import { assertRefuses, readFile, readJson } from "./suite.js";

const LIMITS = { elements: 2 ** 20, restoredBytes: 2 ** 26 };

function sizeOf(size, sizes) {
  const bounds = sizes.get(size);
  return bounds === undefined ? size : Math.min(Math.max(bounds.least, 3), bounds.most ?? 3);
}

/** Inputs of ones: what varies is 3 where it may be. */
function ones({ inputs, sizes }) {
  return inputs.map(({ dtype, shape }) => {
    const found = shape.map((size) => sizeOf(size, sizes)), { Type } = DTYPES[dtype];
    const data = new Type(found.reduce((a, b) => a * b, 1));
    return { shape: found, data: data.fill(dtype === "i64" ? 1n : 1) };
  });
}

test("graphs of the suite that break a rule are refused, all before anything large is made", () => {
  for (const [name, by] of Object.entries(readJson("reject-graph/expect.json"))) {
    const archive = open(readFile(`reject-graph/${name}`));
    archive.verify();
    if (by === "reading") assertRefuses(PemnError, name, () => graph(archive, LIMITS));
    else assertRefuses(PemnError, name, () => program(archive, LIMITS)(ones(graph(archive, LIMITS))));
  }
});

test("graphs of the suite are run", () => {
  const names = Object.keys(readJson("accept/expect.json")).filter((name) => name.startsWith("graph-"));
  assert.ok(names.length >= 6);
  for (const name of names) {
    const archive = open(readFile(`accept/${name}`)), inputs = ones(graph(archive));
    const first = program(archive), again = run(archive, inputs);
    assert.deepEqual(first(inputs), again, name);
    assert.deepEqual(first(inputs), again, name); // nothing of a run is left for the next one
  }
});

test("relu(x W^T + b) is what it is, by order and by name", () => {
  const archive = open(readFile("accept/graph-linear.pemn")), x = { shape: [2, 4], data: new Float32Array([1, 2, 3, 4, -1, 0, 2, 5]) };
  const [w, b] = ["fc.weight", "fc.bias"].map((name) => archive.tensor(name).data);
  const expected = [0, 1].flatMap((r) => [0, 1, 2].map((c) =>
    Math.max(0, b[c] + [0, 1, 2, 3].reduce((sum, k) => sum + x.data[4 * r + k] * w[4 * c + k], 0))));
  const found = run(archive, [x]);
  assert.deepEqual([found.dtype, found.shape], ["f32", [2, 3]]);
  found.data.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-6 * Math.max(1, Math.abs(expected[i]))));
  assert.deepEqual(run(archive, { x }), found);
});

test("inputs that do not fit, and archives without a graph, are refused", () => {
  const archive = open(readFile("accept/graph-linear.pemn")), data = new Float32Array(8), fits = { shape: [2, 4], data };
  const wrong = [
    [], [fits, fits], { y: fits }, [{ shape: [2, 5], data: new Float32Array(10) }], [{ shape: [8], data }],
    [{ shape: [2, 4], data: new Float64Array(8) }], [{ shape: [2, 4], data: new Float32Array(7) }], [{ shape: [0, 4], data }],
  ];
  for (const inputs of wrong) assertRefuses(PemnError, JSON.stringify(inputs), () => run(archive, inputs));
  const small = open(readFile("accept/alias.pemn"));
  assert.equal(graph(small), null);
  assertRefuses(PemnError, "no graph", () => run(small, []));
});

test("an operator that is missing is named before anything is computed", () => {
  const archive = open(readFile("accept/graph-linear.pemn")), relu = KERNELS.get("relu");
  KERNELS.delete("relu");
  try {
    assert.deepEqual(missing(graph(archive)), ["relu"]);
    archive.restore = () => assert.fail("restored");
    assert.throws(() => program(archive), (error) => error instanceof PemnError && /: relu: /.test(error.message));
  } finally {
    KERNELS.set("relu", relu);
  }
});

test("kernels are of the list, and the list is read", () => {
  assert.ok(operators().size > 300 && OPERATORS.includes("conv2d("));
  for (const name of KERNELS.keys()) assert.ok(operators().has(name), name);
});
