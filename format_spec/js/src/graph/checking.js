// What single fields of a graph cannot show: that arguments are of the types that operators take, and
// that every value is used. The kind of a value is the type of a result, or an array of them.
import { refuse } from "../bytes/errors.js";
import { MEMORY_FORMATS } from "./schemas.js";
import { isRef, references, spelled, told } from "./spelling.js";

const MOST_RESULTS = 2 ** 16, TENSOR = "Tensor", INTEGER = "int", LISTED = "Tensor[]";
const FLOATING = ["f32", "f64", "f16", "bf16"], RUNNING = ["batch_norm", "instance_norm"];

/** Refuse a graph whose values and uses do not fit together. */
export function check(graph) {
  const kinds = Array(graph.firstNode).fill(TENSOR), uses = new Uses(graph);
  graph.nodes.forEach((node, i) => {
    const where = `node ${i} (${node.operator})`;
    kinds.push(kindOf(node, kinds, where));
    uses.note(node.args, where);
  });
  for (const ref of references(graph.result)) checkValue({ ref }, [TENSOR, INTEGER], kinds, "result");
  uses.note(graph.result, "result");
  uses.finish(kinds.length);
}

/** Which values are used: all of them have to be, tensors and constants in their order. */
class Uses {
  constructor({ inputs, tensors, firstNode }) {
    this.used = new Set();
    this.tensors = inputs.length;
    this.constants = inputs.length + tensors.length;
    this.nodes = firstNode;
    this.next = { tensors: this.tensors, constants: this.constants };
  }

  note(used, where) {
    for (const index of references(used)) {
      if (index >= this.tensors && index < this.nodes && !this.used.has(index)) {
        const group = index < this.constants ? "tensors" : "constants";
        if (index !== this.next[group]) {
          refuse(`${where}: expected tensors and constants in the order of their first use, got %${index}`);
        }
        this.next[group]++;
      }
      this.used.add(index);
    }
  }

  finish(count) {
    for (let i = this.tensors; i < count; i++) if (!this.used.has(i)) refuse(`value %${i}: expected a use of it`);
  }
}

function kindOf({ operator, schema, args }, kinds, where) {
  const { required, results } = schema, most = schema.args.length;
  if (args.length < required || args.length > most) {
    refuse(`${where}: expected ${required} to ${most} arguments, got ${args.length}`);
  }
  args.forEach((value, i) => checkArgument(value, schema.args[i].type, kinds, `${where} ${schema.args[i].name}`));
  const last = schema.args[args.length - 1];
  if (args.length > 0 && !last.required && spelled(args.at(-1)) === spelled(last.fallback)) {
    refuse(`${where} ${last.name}: expected no default to be told`);
  }
  if (operator === "tuple.get") return taken(args[0], args[1], kinds, where);
  return results.length > 1 ? results : results[0];
}

function taken({ ref }, index, kinds, where) {
  const kind = kinds[ref], most = kind === LISTED ? MOST_RESULTS : kind.length;
  if (typeof index !== "number" || index < 0 || index >= most) {
    refuse(`${where} index: expected a number below ${most}, got ${told(index)}`);
  }
  return kind === LISTED ? TENSOR : kind[index];
}

function checkArgument(value, type, kinds, where) {
  if (value === null && type.optional) return;
  if (type.base === "Any") {
    if (!isRef(value)) refuse(`${where}: expected a value of several results, got ${told(value)}`);
    checkValue(value, [LISTED], kinds, where);
  } else if (type.listed) {
    if (!Array.isArray(value)) refuse(`${where}: expected ${type.told}, got ${told(value)}`);
    for (const item of value) if (item !== null || !type.holes) checkOne(item, type, kinds, where);
  } else checkOne(value, type, kinds, where);
}

const isInteger = (value) => typeof value === "number" || typeof value === "bigint";
const has = (value, key) => value !== null && typeof value === "object" && key in value;
const FITS = {
  Tensor: () => false,
  int: isInteger,
  float: (value) => has(value, "float"),
  bool: (value) => typeof value === "boolean",
  Scalar: (value) => isInteger(value) || typeof value === "boolean" || has(value, "float"),
  str: (value) => has(value, "text"),
  ScalarType: (value) => has(value, "dtype"),
  MemoryFormat: (value) => has(value, "text") && MEMORY_FORMATS.includes(value.text),
};

function checkOne(value, type, kinds, where) {
  if (isRef(value)) {
    if (![TENSOR, INTEGER, "Scalar"].includes(type.base)) refuse(`${where}: expected ${type.told}, got ${told(value)}`);
    checkValue(value, [type.base === TENSOR ? TENSOR : INTEGER], kinds, where);
    return;
  }
  if (!FITS[type.base](value)) refuse(`${where}: expected ${type.told}, got ${told(value)}`);
  if (isInteger(value) && !(value >= -(2 ** 63) && value < 2 ** 63)) {
    refuse(`${where}: expected an integer of 64 bits, got ${told(value)}`);
  }
}

/** Refuse a value that is not there yet, or of another kind; a tuple passes as a list. */
function checkValue({ ref }, expected, kinds, where) {
  if (ref >= kinds.length) refuse(`${where}: expected a value below %${kinds.length}, got %${ref}`);
  const kind = kinds[ref];
  if (!expected.includes(Array.isArray(kind) ? LISTED : kind)) {
    refuse(`${where}: expected ${expected.join(" or ")}, got %${ref}, ${kind}`);
  }
}

/** Refuse names of buffers that are out of order, or that a rule tells. `dtypes` has those of all tensors. */
export function checkBuffers({ buffers, nodes, inputs, tensors }, dtypes) {
  for (let i = 1; i < buffers.length; i++) if (buffers[i - 1] >= buffers[i]) {
    refuse("buffers: expected sorted names, each once");
  }
  const ruled = new Set();
  for (const { operator, args } of nodes) if (RUNNING.includes(operator)) {
    for (const value of args.slice(3, 5)) if (isRef(value)) ruled.add(tensors[value.ref - inputs.length]);
  }
  for (const name of buffers) if (ruled.has(name) || !FLOATING.includes(dtypes.get(name))) {
    refuse(`buffers: expected those alone that no rule tells, got ${name}`);
  }
}
