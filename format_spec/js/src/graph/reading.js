// The section `graph` (section 14 of SPEC.md): every field is checked on its own, then all of them
// together, and nothing is allocated on the word of a field that has not been checked.
import { PemnError, quote, refuse } from "../bytes/errors.js";
import { copyOf, u32 } from "../bytes/numbers.js";
import { isBefore } from "../json/strings.js";
import { isObject, parse } from "../json/parse.js";
import { DTYPES } from "../manifest/dtypes.js";
import { array, choice, fields, integer, MAX_ELEMENTS, name } from "../manifest/fields.js";
import { decompress, frameSize } from "../zstd/frame.js";
import { check, checkBuffers } from "./checking.js";
import { operators } from "./schemas.js";
import { argument, references, tree } from "./spelling.js";

const VERSION = 1, LENGTH_BYTES = 4, MAX_RANK = 8;
const MAX_INPUTS = 2 ** 10, MAX_CONSTANTS = 2 ** 12, MAX_NODES = 2 ** 16, MAX_KEYWORD = 255;
const FIELDS = [
  "buffers", "call", "constants", "inputs", "nodes", "operators", "result", "sizes", "tensors", "version",
];

/**
 * Read the bytes of a section.
 * @param dtypes a Map of the names of the archive's tensors, aliases too, to their dtypes
 * @param limits elements, restoredBytes and manifestBytes, as of an archive
 */
export function readGraph(frame, dtypes, limits) {
  try {
    const most = LENGTH_BYTES + limits.manifestBytes + limits.restoredBytes, size = frameSize(frame, "frame");
    if (size < LENGTH_BYTES || size > most) refuse(`frame: expected ${LENGTH_BYTES} to ${most} bytes, got ${size}`);
    const body = decompress(frame, size, "frame"), length = u32(body, 0);
    const largest = Math.min(limits.manifestBytes, body.length - LENGTH_BYTES);
    if (length < 1 || length > largest) refuse(`text: expected 1 to ${largest} bytes, got ${length}`);
    const end = LENGTH_BYTES + length;
    return read(parse(body.subarray(LENGTH_BYTES, end)), body.subarray(end), dtypes, limits);
  } catch (error) {
    if (!(error instanceof PemnError)) throw error;
    return refuse(`graph: ${error.message.replace(/^manifest: /, "text: ")}`);
  }
}

function read(value, payload, dtypes, limits) {
  fields(value, "text", FIELDS);
  if (value.version !== VERSION) refuse(`version: expected ${VERSION}, got ${quote(value.version)}`);
  const names = namesOfOperators(value.operators), sizes = readSizes(value.sizes);
  const call = fields(value.call, "call", ["args", "kwargs"]);
  if (!isObject(call.kwargs)) refuse("call kwargs: expected an object");
  const known = (one) => {
    if (!dtypes.has(name(one, "tensors"))) refuse(`tensors: expected names of the archive's tensors, got ${one}`);
    return one;
  };
  const graph = {
    inputs: array(value.inputs, "inputs", MAX_INPUTS).map((one) => readInput(one, sizes)),
    tensors: array(value.tensors, "tensors", dtypes.size).map(known),
    constants: readConstants(value.constants, payload, limits),
    nodes: array(value.nodes, "nodes", MAX_NODES).map((one) => readNode(one, names)),
    args: array(call.args, "call args", MAX_INPUTS).map((one) => tree(one, "call")),
    kwargs: Object.entries(call.kwargs).map(([key, one]) => [keyword(key), tree(one, "call")]),
    result: tree(value.result, "result"),
    sizes,
    buffers: array(value.buffers, "buffers", dtypes.size).map(known),
  };
  graph.firstNode = graph.inputs.length + graph.tensors.length + graph.constants.length;
  unique(graph.inputs.map((one) => one.name), "input");
  unique(graph.tensors, "tensor");
  unique(graph.constants.map((one) => one.name), "constant");
  for (const one of graph.constants) if (dtypes.has(one.name)) refuse(`constant ${one.name}: expected no tensor's name`);
  if (new Set(graph.nodes.map((node) => node.operator)).size !== names.length) {
    refuse("operators: expected those that nodes use, got more");
  }
  const named = new Set(graph.inputs.flatMap((one) => one.shape.filter((size) => typeof size === "string")));
  if (named.size !== sizes.size) refuse("sizes: expected those that inputs name, got others");
  const used = [...graph.args, ...graph.kwargs.map(([, item]) => item)].flatMap(references);
  if (used.length !== graph.inputs.length || used.some((ref, i) => ref !== i)) {
    refuse("call: expected all inputs once, in their order, got others");
  }
  check(graph);
  checkBuffers(graph, dtypes);
  return graph;
}

function namesOfOperators(value) {
  const names = array(value, "operators", operators().size);
  for (const [i, one] of names.entries()) {
    if (!operators().has(one)) refuse(`operators: expected names on the format's list, got ${quote(one)}`);
    if (i > 0 && !isBefore(names[i - 1], one)) refuse("operators: expected sorted names, each once");
  }
  return names;
}

function readSizes(value) {
  if (!isObject(value)) refuse("sizes: expected an object");
  return new Map(Object.entries(value).map(([key, bounds]) => {
    const where = `size ${name(key, "size")}`;
    if (array(bounds, where, 2).length !== 2) refuse(`${where}: expected the least and the greatest`);
    const least = integer(bounds[0], where, 1);
    return [key, { least, most: bounds[1] === null ? null : integer(bounds[1], where, least) }];
  }));
}

function readInput(value, sizes) {
  fields(value, "input", ["dtype", "name", "shape"]);
  const where = `input ${name(value.name, "input")}`;
  const shape = array(value.shape, `${where} shape`, MAX_RANK).map((size) => {
    if (typeof size !== "string") return integer(size, `${where} shape`, 1);
    if (!sizes.has(size)) refuse(`${where} shape: expected a size that is told, got ${quote(size)}`);
    return size;
  });
  return { name: value.name, dtype: choice(value.dtype, where, DTYPES), shape };
}

/** Read the constants; together they take every byte of the payload. */
function readConstants(value, payload, limits) {
  let start = 0;
  const constants = array(value, "constants", MAX_CONSTANTS).map((one) => {
    fields(one, "constant", ["dtype", "name", "shape"]);
    const where = `constant ${name(one.name, "constant")}`, dtype = choice(one.dtype, where, DTYPES);
    const shape = array(one.shape, `${where} shape`, MAX_RANK);
    const count = shape.reduce((product, size) => product * integer(size, `${where} shape`, 1, MAX_ELEMENTS), 1);
    if (count > limits.elements) refuse(`${where}: ${count} elements are beyond the limit of ${limits.elements}`);
    const { bytes, Type } = DTYPES[dtype], end = start + count * bytes;
    if (end > payload.length) refuse(`${where}: expected ${end} bytes of constants up to it, got ${payload.length}`);
    const part = copyOf(payload.subarray(start, end), where);
    if (dtype === "bool" && part.some((byte) => byte > 1)) refuse(`${where}: expected bytes of 0 and 1`);
    start = end;
    return { name: one.name, dtype, shape: [...shape], data: new Type(part.buffer) };
  });
  if (start !== payload.length) refuse(`constants: expected ${start} bytes as told, got ${payload.length}`);
  return constants;
}

function readNode(value, names) {
  const [place, ...args] = array(value, "node", 2 ** 16);
  const operator = names[integer(place, "node operator", 0, names.length - 1)];
  return { operator, schema: operators().get(operator), args: args.map((one) => argument(one, `node of ${operator}`)) };
}

function keyword(key) {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key) || key.length > MAX_KEYWORD) {
    refuse(`call kwargs: expected names of arguments, got ${quote(key)}`);
  }
  return key;
}

function unique(names, kind) {
  if (new Set(names).size !== names.length) refuse(`${kind}: expected unique names, got one twice`);
}
