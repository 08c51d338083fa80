// Single operators, and whole archives, on what a file of cases says: node test/operators.js CASES FOUND.
// A tensor is { dtype, shape, data } with data in base 64; arguments are spelled as in a graph.
import { readFileSync, writeFileSync } from "node:fs";
import { open, PemnError, run } from "../index.js";
import { operators } from "../src/graph/schemas.js";
import { argument } from "../src/graph/spelling.js";
import { DTYPES } from "../src/manifest/dtypes.js";
import { computed, Memory } from "../src/run/interpreter.js";
import { KERNELS } from "../src/run/kernels.js";
import { given, held } from "../src/run/values.js";

const LIMITS = { elements: 2 ** 24, restoredBytes: 2 ** 28 };

function tensor({ dtype, shape, data }) {
  const bytes = new Uint8Array(Buffer.from(data, "base64"));
  return { dtype, shape, data: new DTYPES[dtype].Type(bytes.buffer) };
}

function spelled(value) {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, spelled(item)]));
  if (Array.isArray(value)) return value.map(spelled);
  if (value === null || typeof value !== "object") return value;
  const { dtype, shape, data } = value;
  return { dtype, shape, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") };
}

const isTensor = (value) => typeof value === "object";
const asGiven = (value) => (Array.isArray(value) ? value.map(asGiven) : isTensor(value) ? given(value) : value);

function operator({ name, args, tensors }) {
  if (!KERNELS.has(name)) return { missing: true };
  const memory = new Memory(LIMITS), values = tensors.map((one) => held(tensor(one), memory.make));
  const before = values.map((t) => t.data.slice());
  const node = { operator: name, schema: operators().get(name), args: args.map((one) => argument(one, name)) };
  const found = spelled(asGiven(computed(node, values, memory, 0)));
  const changed = values.some((t, i) => t.data.some((x, k) => !Object.is(x, before[i][k])));
  return changed ? { error: "an argument was changed in place" } : { found };
}

function archive({ archive: path, inputs }) {
  const given = Array.isArray(inputs) ? inputs.map(tensor) : Object.fromEntries(Object.entries(inputs).map(([name, one]) => [name, tensor(one)]));
  return { found: spelled(run(open(readFileSync(path)), given)) };
}

const [cases, found] = process.argv.slice(2);
const told = JSON.parse(readFileSync(cases)).map((one) => {
  try {
    return "archive" in one ? archive(one) : operator(one);
  } catch (error) {
    if (!(error instanceof PemnError)) throw error;
    return { error: error.message };
  }
});
writeFileSync(found, JSON.stringify(told));
