// Fields of the manifest: their types and ranges (section 3.2 of SPEC.md).
import { quote, refuse } from "../bytes/errors.js";
import { isObject } from "../json/parse.js";

export const MAX_ELEMENTS = 2 ** 48 - 1;

/** An object that has all of `needed`, and of others none but `optional`. */
export function fields(value, where, needed, optional = []) {
  if (!isObject(value)) refuse(`${where}: expected an object, got ${quote(value)}`);
  for (const key of needed) if (!(key in value)) refuse(`${where}: the field ${key} is missing`);
  for (const key in value) if (!needed.includes(key) && !optional.includes(key)) {
    refuse(`${where}: the field ${quote(key)} is not known`);
  }
  return value;
}

export function array(value, where, most = Infinity) {
  if (!Array.isArray(value)) refuse(`${where}: expected an array, got ${quote(value)}`);
  if (value.length > most) refuse(`${where}: expected at most ${most} items, got ${value.length}`);
  return value;
}

export function integer(value, where, least = 0, most = MAX_ELEMENTS) {
  if (typeof value !== "number" || value < least || value > most) {
    refuse(`${where}: expected an integer from ${least} to ${most}, got ${quote(value)}`);
  }
  return value;
}

function matching(value, where, pattern, what) {
  if (typeof value !== "string" || !pattern.test(value)) refuse(`${where}: expected ${what}, got ${quote(value)}`);
  return value;
}

/** One of some words; `of` is an array, or an object whose keys they are. */
export function choice(value, where, of) {
  const words = Array.isArray(of) ? of : Object.keys(of);
  if (!words.includes(value)) refuse(`${where}: expected ${words.join(", ")}, got ${quote(value)}`);
  return value;
}

export function hex(value, where, digits) {
  return matching(value, where, new RegExp(`^[0-9a-f]{${digits}}$`), `${digits} lower-case hex digits`);
}

export const digest = (value, where) => hex(value, where, 64);

/** A name of a section or a tensor. */
export function name(value, where) {
  matching(value, where, /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, "a name of letters, digits, _, - and single dots within");
  if (value.length > 255) refuse(`${where}: a name has at most 255 characters, got ${value.length}`);
  return value;
}
