// What each operator takes and gives, read from the list (section 14.3 of SPEC.md).
import { OPERATORS } from "./operators.js";
import { binary64, text } from "./spelling.js";

export const MEMORY_FORMATS = ["contiguous", "preserve", "channels_last", "channels_last_3d"]; // as ATen counts
const LINE = /^([\w.]+)\((.*)\) -> (.+)$/;
const TYPE = /^(Tensor|int|float|bool|ScalarType|Scalar|str|MemoryFormat|Any)(\?)?(?:\[(\d*)\])?(\?)?$/;

/** The parts between commas that stand in no brackets. */
const split = (told) => told.split(/,(?![^[]*\])/).map((part) => part.trim()).filter((part) => part !== "");

function typeOf(told) {
  const [, base, first, length, last] = TYPE.exec(told), listed = length !== undefined, marked = first !== undefined;
  return { told, base, listed, holes: listed && marked, optional: last !== undefined || (marked && !listed), length };
}

function plain(told, base) {
  if (told === "True" || told === "False") return told === "True";
  if (base === "MemoryFormat") return text(MEMORY_FORMATS[Number(told)]);
  if (told.startsWith('"')) return text(told.slice(1, -1));
  return base === "float" || !/^-?\d+$/.test(told) ? binary64(Number(told)) : Number(told);
}

function defaultOf(told, { base, listed, length }) {
  if (told === "None") return null;
  if (!listed) return plain(told, base);
  if (told.startsWith("[")) return split(told.slice(1, -1)).map((part) => plain(part, base));
  return Array(Number(length || 1)).fill(plain(told, base)); // one number stands for all
}

function argument(told) {
  const [, declared, , fallback] = /^([^=]*)(=(.*))?$/.exec(told), [kind, name] = declared.split(" ");
  const type = typeOf(kind), required = fallback === undefined;
  return { name, type, required, fallback: required ? undefined : defaultOf(fallback, type) };
}

function schema(line) {
  const [, name, told, given] = LINE.exec(line);
  const args = split(told).filter((part) => part !== "*").map(argument);
  const parts = given.startsWith("(") ? split(given.slice(1, -1)) : [given];
  const results = parts.map((part) => part.split(" ")[0]);
  return { name, args, results, required: args.findLastIndex((one) => one.required) + 1 };
}

let known = null;

/** The list: names to schemas. */
export function operators() {
  const lines = () => OPERATORS.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  known ??= new Map(lines().map((line) => [line.slice(0, line.indexOf("(")), schema(line)]));
  return known;
}

