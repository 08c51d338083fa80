// Canonical JSON (section 3.1 of SPEC.md): one spelling for each value, so that whatever is read here
// is what was written, and nothing has to be spelled again to compare it.
import { quote, refuse } from "../bytes/errors.js";
import { fromHex } from "../bytes/numbers.js";
import { isBefore, readString } from "./strings.js";

const MAX_NESTING = 16;
const FREE = new Set(["about", "architecture"]); // here alone there are floating-point numbers
const LOWEST = "9223372036854775808", HIGHEST = "18446744073709551615";
const WORDS = { t: ["true", true], f: ["false", false], n: ["null", null] };

/** Read the manifest: objects without a prototype, arrays, strings, numbers (BigInts from 2^53 on). */
export function parse(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value(1, false);
  if (reader.at !== bytes.length) refuse(`manifest: ${bytes.length - reader.at} bytes follow the value`);
  return value;
}

/** Whether a value is an object of the manifest. */
export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  value(level, free) {
    const c = String.fromCharCode(this.bytes[this.at] ?? 0);
    if (c === '"') return this.string();
    if (c === "{" || c === "[") {
      if (level > MAX_NESTING) refuse(`manifest: expected at most ${MAX_NESTING} levels of objects and arrays`);
      this.at++;
      return c === "{" ? this.object(level, free) : this.array(level, free);
    }
    return c in WORDS ? this.word(...WORDS[c]) : this.integer();
  }

  string() {
    const { text, at } = readString(this.bytes, this.at);
    this.at = at;
    return text;
  }

  /** Take one character if it is there. */
  takes(character) {
    const is = this.bytes[this.at] === character.charCodeAt(0);
    if (is) this.at++;
    return is;
  }

  expect(character) {
    if (!this.takes(character)) refuse(`manifest: expected ${quote(character)} at byte ${this.at} of canonical JSON`);
  }

  word(text, value) {
    for (const character of text) this.expect(character);
    return value;
  }

  integer() {
    const start = this.at, minus = this.takes("-"), first = this.at;
    while (this.bytes[this.at] >= 0x30 && this.bytes[this.at] <= 0x39) this.at++;
    const count = this.at - first, text = String.fromCharCode(...this.bytes.subarray(first, Math.min(this.at, first + 21)));
    const most = minus ? LOWEST : HIGHEST;
    if (count === 0) refuse(`manifest: expected a value of canonical JSON at byte ${start}`);
    if (text[0] === "0" && (count > 1 || minus)) {
      refuse(`manifest: a number at byte ${start} is not spelled as in canonical JSON`);
    }
    if (count > most.length || (count === most.length && text > most)) {
      refuse(`manifest: a number at byte ${start} is not from -2^63 to 2^64 - 1`);
    }
    const number = minus ? -Number(text) : Number(text);
    return Number.isSafeInteger(number) ? number : BigInt(minus ? "-" + text : text);
  }

  array(level, free) {
    const items = [];
    if (this.takes("]")) return items;
    do items.push(this.value(level + 1, free));
    while (this.takes(","));
    this.expect("]");
    return items;
  }

  object(level, free) {
    const found = Object.create(null);
    if (this.takes("}")) return found;
    let before = null, count = 0;
    do {
      if (this.bytes[this.at] !== 0x22) refuse(`manifest: expected a key at byte ${this.at}`);
      const key = this.string();
      if (before !== null && !isBefore(before, key)) {
        refuse(`manifest: the key ${quote(key)} does not come after ${quote(before)}`);
      }
      before = key;
      this.expect(":");
      found[key] = this.value(level + 1, free || (level === 1 && FREE.has(key)));
      count++;
    } while (this.takes(","));
    this.expect("}");
    return "f64" in found ? binary64(found.f64, count, free) : found;
  }
}

/** The number that an object with the key `f64` is. */
function binary64(bits, count, free) {
  if (!free || count !== 1 || typeof bits !== "string" || !/^[0-9a-f]{16}$/.test(bits)) {
    refuse("manifest: the key f64 stands alone, in `about` or `architecture`, with 16 lower-case hex digits");
  }
  return new DataView(fromHex(bits).buffer).getFloat64(0);
}
