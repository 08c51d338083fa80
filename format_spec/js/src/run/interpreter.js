// A graph, one node after the other: what a value needs is there before it, what nothing needs is let go.
import { PemnError, quote, refuse } from "../bytes/errors.js";
import { allocate } from "../bytes/numbers.js";
import { readGraph } from "../graph/reading.js";
import { isRef, references } from "../graph/spelling.js";
import { KERNELS } from "./kernels.js";
import { HELD, isTensor, sizeOf, told } from "./tensors.js";
import { number } from "./types.js";
import { bytesOf, given, held, inputsOf, rounded } from "./values.js";

const DEFAULTS = { elements: 2 ** 28, restoredBytes: 2 ** 31, manifestBytes: 2 ** 22 };

/** What the model of an archive computes, as it is read and checked, or null where the archive does not say. */
export function graph(archive, limits) {
  if (!archive.sections.some((section) => section.name === "graph")) return null;
  const dtypes = new Map(archive.tensors.map((tensor) => [tensor.name, tensor.dtype]));
  return readGraph(archive.section("graph"), dtypes, { ...DEFAULTS, ...limits });
}

/** The operators of a graph that are not computed here. */
export const missing = (read) => [...new Set(read.nodes.map((node) => node.operator))].filter((name) => !KERNELS.has(name));

/** The model of an archive, restored and checked once: a function of inputs. */
export function program(archive, limits) {
  const read = graph(archive, limits) ?? refuse("the archive holds no graph of what the model computes");
  const lacking = missing(read);
  if (lacking.length > 0) refuse(`graph: cannot be run here: ${lacking.join(", ")}: not among the operators of this reader`);
  const most = { ...DEFAULTS, ...limits }, restored = archive.restore(), memory = new Memory(most);
  const own = [...read.tensors.map((name) => restored.get(name)), ...read.constants].map((t) => held(t, memory.make));
  return (inputs) => evaluated(read, own, inputs, new Memory(most));
}

function evaluated(read, own, inputs, memory) {
  const values = [...inputsOf(read, inputs, memory.make), ...own], last = lastUses(read);
  read.nodes.forEach((node, i) => {
    const index = read.firstNode + i;
    values[index] = computed(node, values, memory, i);
    memory.hold(index, values[index]);
    for (const used of new Set([...references(node.args), index])) if (last.get(used) === index && used >= read.firstNode) {
      values[used] = null;
      memory.free(used);
    }
  });
  return leaf(read.result, values);
}

/** After which value each may go; those of the result stay. */
function lastUses(read) {
  const last = new Map();
  read.nodes.forEach((node, i) => {
    last.set(read.firstNode + i, read.firstNode + i);
    for (const used of references(node.args)) last.set(used, read.firstNode + i);
  });
  for (const used of references(read.result)) last.delete(used);
  return last;
}

function argumentOf(value, type, values) {
  if (Array.isArray(value)) return value.map((item) => argumentOf(item, type, values));
  if (value === null) return null;
  const scalar = type.base === "Scalar";
  if (isRef(value)) {
    const found = values[value.ref];
    return scalar && typeof found === "number" ? number(found, "int") : found;
  }
  if (typeof value !== "object") {
    if (typeof value === "boolean") return scalar ? number(Number(value), "bool") : value;
    return scalar ? number(Number(value), "int") : Number(value);
  }
  if ("float" in value) return scalar ? number(value.float, "float") : value.float;
  return value.text ?? value.dtype;
}

/** The value of a node; `place` is its number in the graph. */
export function computed({ operator, schema, args: told }, values, memory, place) {
  const args = schema.args.map(({ type, fallback }, i) => argumentOf(i < told.length ? told[i] : fallback, type, values));
  try {
    const found = KERNELS.get(operator)(memory.make, ...args);
    for (const one of Array.isArray(found) ? found : [found]) if (isTensor(one)) rounded(one);
    return found;
  } catch (error) {
    if (!(error instanceof PemnError || error instanceof TypeError || error instanceof RangeError)) throw error;
    const why = error instanceof PemnError ? error.message : "its arguments do not go together";
    const message = `graph: node ${place} (${operator}): ${why}; got ${args.slice(0, 8).map(shown).join(", ")}`;
    throw new PemnError(message.slice(0, 390), { number: place, operator, why });
  }
}

function shown(value) {
  if (Array.isArray(value)) return `[${value.slice(0, 8).map(shown).join(", ")}]`;
  return isTensor(value) ? `${value.dtype}${told(value.shape)}` : quote(value?.number ?? value);
}

function leaf(tree, values) {
  if (tree === null || typeof tree !== "object") return tree;
  if (isRef(tree)) return typeof values[tree.ref] === "number" ? values[tree.ref] : given(values[tree.ref]);
  if ("dict" in tree) return new Map(tree.dict.map(([key, item]) => [key, leaf(item, values)]));
  if ("list" in tree || "tuple" in tree) return (tree.list ?? tree.tuple).map((item) => leaf(item, values));
  return tree.float ?? tree.text;
}

/** What values take, each array once however many views of it there are, and the maker of new ones. */
export class Memory {
  #limits;
  #owned = new Map(); // value -> the buffers that it uses
  #users = new Map(); // buffer -> how many values use it
  #bytes = 0;
  #made = 0; // since the last value was noted

  constructor(limits) {
    this.#limits = limits;
    this.make = (dtype, shape) => this.#make(dtype, shape);
  }

  #make(dtype, shape) {
    const count = sizeOf(shape), bytes = bytesOf(dtype, count), { elements, restoredBytes } = this.#limits;
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) refuse(`a tensor of shape ${told(shape)}`);
    if (count > elements) refuse(`${count} elements of one value are beyond the limit of ${elements}`);
    this.#made += bytes;
    if (this.#bytes + this.#made > restoredBytes) refuse(`values take more than the limit of ${restoredBytes} bytes`);
    return { dtype, shape: [...shape], data: allocate(HELD[dtype], count, "a value") };
  }

  /** Note that a value is held; what was made besides it is gone. */
  hold(index, value) {
    const buffers = new Set([value].flat().filter(isTensor).map((t) => t.data.buffer));
    this.#owned.set(index, buffers);
    for (const buffer of buffers) {
      const users = this.#users.get(buffer) ?? 0;
      if (users === 0) this.#bytes += buffer.byteLength;
      this.#users.set(buffer, users + 1);
    }
    this.#made = 0;
  }

  /** Note that a value is let go. */
  free(index) {
    for (const buffer of this.#owned.get(index)) {
      const users = this.#users.get(buffer) - 1;
      if (users > 0) this.#users.set(buffer, users);
      else {
        this.#users.delete(buffer);
        this.#bytes -= buffer.byteLength;
      }
    }
    this.#owned.delete(index);
  }
}

/**
 * What the model of an archive makes of inputs: the section `graph` is run, operator by operator.
 * @param inputs tensors in the graph's order, or an object of them by name
 * @throws {PemnError} without a graph, for one that breaks a rule, for inputs that do not fit, beyond a limit
 */
export const run = (archive, inputs, limits) => program(archive, limits)(inputs);
