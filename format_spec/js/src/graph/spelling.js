// Arguments and trees as a graph spells them (section 14.2 of SPEC.md). A value of another node is { ref },
// a binary64 { float }, a dtype { dtype }, a text { text }; integers, true, false and null are themselves.
import { quote, refuse } from "../bytes/errors.js";
import { fromHex } from "../bytes/numbers.js";
import { array, choice } from "../manifest/fields.js";
import { DTYPES } from "../manifest/dtypes.js";

const MOST_TEXT = 1000, MOST_KEY = 255;
const PRINTABLE = /^(?:[^\p{C}\p{Z}]| )*$/u;

export const binary64 = (float) => ({ float });
export const dtypeOf = (dtype) => ({ dtype });
export const text = (words) => ({ text: words });
export const isRef = (value) => value !== null && typeof value === "object" && "ref" in value;

const isPrintable = (words, most) => [...words].length <= most && PRINTABLE.test(words);

function single(value, where) {
  if (value === null || ["boolean", "number", "bigint"].includes(typeof value)) return value;
  if (typeof value !== "string") refuse(`${where}: expected an argument, got ${quote(value)}`);
  if (/^%(0|[1-9][0-9]{0,8})$/.test(value)) return { ref: Number(value.slice(1)) };
  if (/^#[0-9a-f]{16}$/.test(value)) return binary64(new DataView(fromHex(value.slice(1)).buffer).getFloat64(0));
  if (value.startsWith(":") && Object.hasOwn(DTYPES, value.slice(1))) return dtypeOf(value.slice(1));
  if (value.startsWith("'") && isPrintable(value, MOST_TEXT)) return text(value.slice(1));
  return refuse(`${where}: expected %value, #bits, :dtype or 'text, got ${quote(value)}`);
}

/** Read an argument; lists stand one level deep. */
export const argument = (value, where) =>
  Array.isArray(value) ? value.map((item) => single(item, where)) : single(value, where);

/** Read a tree: { list }, { tuple }, or { dict } as pairs; or a leaf. */
export function tree(value, where) {
  if (!Array.isArray(value)) {
    const leaf = single(value, where);
    if (leaf !== null && typeof leaf === "object" && "dtype" in leaf) refuse(`${where}: expected a leaf, got a dtype`);
    return leaf;
  }
  if (value.length === 0) refuse(`${where}: expected list, tuple or dict first, got nothing`);
  const [kind, ...items] = value;
  choice(kind, where, ["list", "tuple", "dict"]);
  if (kind !== "dict") return { [kind]: items.map((item) => tree(item, where)) };
  if (items.length !== 1) refuse(`${where}: expected one list of pairs after dict`);
  const found = new Map();
  for (const pair of array(items[0], where)) {
    if (array(pair, where).length !== 2) refuse(`${where}: expected pairs of key and tree`);
    const key = keyOf(pair[0], where);
    if (found.has(key)) refuse(`${where}: the key ${quote(key)} is there twice`);
    found.set(key, tree(pair[1], where));
  }
  return { dict: [...found] };
}

function keyOf(key, where) {
  const fits = typeof key === "string" ? isPrintable(key, MOST_KEY) : ["number", "bigint"].includes(typeof key);
  if (!fits) refuse(`${where}: expected a key of up to ${MOST_KEY} printable characters, got ${quote(key)}`);
  return key;
}

/** The numbers of the values that an argument, a tree or a list of them uses, in order. */
export function references(value) {
  if (value === null || typeof value !== "object") return [];
  if (Array.isArray(value)) return value.flatMap(references);
  if ("ref" in value) return [value.ref];
  if ("dict" in value) return value.dict.flatMap(([, item]) => references(item));
  return references(value.list ?? value.tuple ?? null);
}

/** One text for each argument: what has another value, or another type, has another text. */
export function spelled(value) {
  if (Array.isArray(value)) return `[${value.map(spelled).join(",")}]`;
  if (value === null || typeof value !== "object") return String(value);
  if ("float" in value) return `#${Object.is(value.float, -0) ? "-0" : value.float}`;
  return JSON.stringify(value);
}

/** An argument as a message tells it. */
export function told(value) {
  return Array.isArray(value) ? "a list" : quote(spelled(value));
}
