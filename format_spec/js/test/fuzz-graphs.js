// Mutated graphs of the suite, read and run: node test/fuzz-graphs.js [rounds] [seed]. Nothing but PemnError comes
// of them, within limits and in bounded time.
import { readdirSync } from "node:fs";
import { graph, open, PemnError, program } from "../index.js";
import { operators } from "../src/graph/schemas.js";
import { DTYPES } from "../src/manifest/dtypes.js";
import { decompress, frameSize } from "../src/zstd/frame.js";
import { readFile, SUITE } from "./suite.js";

const [rounds = 2000, seed = 0] = process.argv.slice(2).map(Number);
const LIMITS = { elements: 2 ** 14, restoredBytes: 2 ** 20, manifestBytes: 2 ** 20 }, SECONDS = 5;

let state = seed + 1;
/** A number below `most`: xorshift, so that a round can be had again. */
function draw(most) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % most;
}
const one = (list) => list[draw(list.length)];

/** The same text in a frame that is not compressed. */
function framed(text, rest) {
  const bytes = Buffer.from(text), body = Buffer.concat([Buffer.alloc(4), bytes, rest]), head = Buffer.alloc(12);
  body.writeUInt32LE(bytes.length, 0);
  head.writeUInt32LE(0xfd2fb528, 0);
  head[4] = 0xa0;
  head.writeUInt32LE(body.length, 5);
  head.writeUIntLE(1 | (body.length << 3), 9, 3);
  return new Uint8Array(Buffer.concat([head, body]));
}

const VALUES = [0, 1, -1, 2, 7, 1000, 2 ** 40, true, false, null, "%0", "%1", "%3", "%9", "#3ff0000000000000", "#7ff8000000000000",
  ":f32", ":i64", ":bf16", "'none", "'same", [], [1], [2, 2], [0], [-1], ["%0", "%0"], [null, "%1"]];
const NAMES = [...operators().keys()];

/** Change an argument, the operator, or how many arguments there are, of a few nodes. */
function mutate(told) {
  for (let times = 1 + draw(3); times > 0; times--) {
    const node = one(told.nodes), kind = draw(6);
    if (kind === 0) told.operators[node[0]] = one(NAMES);
    else if (kind === 1) node.push(one(VALUES));
    else if (kind === 2 && node.length > 2) node.pop();
    else if (kind === 3) one(told.inputs).shape = Array.from({ length: draw(5) }, () => 1 + draw(5));
    else if (node.length > 1) node[1 + draw(node.length - 1)] = one(VALUES);
  }
  const used = [...new Set(told.nodes.map(([place]) => told.operators[place]))].sort();
  for (const node of told.nodes) node[0] = used.indexOf(told.operators[node[0]]);
  told.operators = used;
  told.sizes = Object.fromEntries(Object.entries(told.sizes).filter(([name]) => told.inputs.some(({ shape }) => shape.includes(name))));
  return told;
}

/** Canonical JSON of what has no numbers but whole ones. */
const spelled = (value) => JSON.stringify(value, (_, item) =>
  (item !== null && typeof item === "object" && !Array.isArray(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item));

function ones({ inputs, sizes }) {
  return inputs.map(({ dtype, shape }) => {
    const found = shape.map((size) => Math.max(sizes.get(size)?.least ?? size, 1)), { Type } = DTYPES[dtype];
    return { shape: found, data: new Type(found.reduce((a, b) => a * b, 1)).fill(dtype === "i64" ? 1n : 1) };
  });
}

function outcome(archive) {
  try {
    program(archive, LIMITS)(ones(graph(archive, LIMITS)));
    return "run";
  } catch (error) {
    if (!(error instanceof PemnError) || !/^[ -~]+$/.test(error.message)) throw error;
    return error.message.replace(/[0-9]+/g, "0");
  }
}

const names = readdirSync(new URL("accept/", SUITE)).filter((name) => name.startsWith("graph-")).sort(), told = new Map();
let slowest = 0;
for (let round = 0; round < rounds; round++) {
  const archive = open(readFile(`accept/${one(names)}`)), frame = archive.section("graph");
  const body = Buffer.from(decompress(frame, frameSize(frame, "graph"), "graph")), end = 4 + body.readUInt32LE(0);
  const text = spelled(mutate(JSON.parse(body.subarray(4, end)))), start = process.cpuUsage();
  archive.section = () => framed(text, body.subarray(end));
  try {
    const said = outcome(archive);
    told.set(said, (told.get(said) ?? 0) + 1);
  } catch (error) {
    console.error(`round ${round} of seed ${seed}: ${text}`);
    throw error;
  }
  const { user, system } = process.cpuUsage(start);
  slowest = Math.max(slowest, (user + system) / 1e6);
  if (slowest > SECONDS) throw new Error(`round ${round} of seed ${seed} took ${slowest} seconds: ${text}`);
}
console.log(JSON.stringify({ rounds, seed, run: told.get("run") ?? 0, messages: told.size, slowest_seconds: slowest }));
