// Made by format_spec/js/bundle.py of the modules there: change those, not this.
const PEMN = (() => {
"use strict";
const m0 = (() => {
/** What is wrong with an archive, in one line: where, what is expected, what is there. */
class PemnError extends Error {
  /** `node` is the node of a graph that could not be computed, { number, operator, why }, if it was one. */
  constructor(message, node = null) {
    super(message);
    this.name = "PemnError";
    this.node = node;
  }
}

/** Throw a PemnError. */
function refuse(message) {
  throw new PemnError(message);
}

const LONGEST = 60;

const escaped = (text) => text.replace(/[^ -~]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

/** A name as printable ASCII: as it is, and between quotes. */
const worded = (name) => escaped(String(name));
const named = (name) => `'${worded(name)}'`;

/** What a file says, as printable ASCII of a sane length, for a message. */
function quote(value) {
  if (Array.isArray(value)) return "an array";
  if (value === null || typeof value !== "object") {
    const text = String(value);
    const cut = text.length > LONGEST ? text.slice(0, LONGEST) + "..." : text;
    const shown = escaped(cut);
    return typeof value === "string" ? `"${shown}"` : shown;
  }
  return "an object";
}
return { PemnError, named, quote, refuse, worded };
})();
const m1 = (() => {
// Numbers in bytes. All of this takes a little-endian machine, as all that run JavaScript today are.
const { refuse } = m0;

if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
  refuse("this machine is not little-endian: no archive can be read here");
}

const u16 = (bytes, at) => bytes[at] | (bytes[at + 1] << 8);

const u32 = (bytes, at) => (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;

/** A u64 as a number: exact below 2^53, and 2^53 at least for all others. */
const u64 = (bytes, at) => u32(bytes, at) + u32(bytes, at + 4) * 2 ** 32;

/** An unsigned integer of 1, 2, 4 or 8 bytes. */
function unsigned(bytes, at, width) {
  if (width === 1) return bytes[at];
  if (width === 2) return u16(bytes, at);
  return width === 4 ? u32(bytes, at) : u64(bytes, at);
}

/** The least multiple of `step` that is not below a number. */
const roundUp = (number, step) => Math.ceil(number / step) * step;

const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** Bytes of hex digits that are known to be such. */
function fromHex(text) {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** A u64 of 16 hex digits, as its lower and its upper half. */
const halves = (text) => ({ low: parseInt(text.slice(8), 16), high: parseInt(text.slice(0, 8), 16) });

function isZero(bytes, from, to) {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}

function isSame(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const PIECE = 4096;

/**
 * Do something with all of so many elements, piece by piece: `act(from, to)`. An engine compiles well what it has seen
 * return a few times; a loop over millions in one call is compiled while it runs, and that is thrown away at its end.
 */
function inPieces(count, act, piece = PIECE) {
  for (let from = 0; from < count; from += piece) act(from, Math.min(count, from + piece));
}

/** A typed array, or the error that there is no room for it. */
function allocate(Type, length, what) {
  try {
    return new Type(length);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return refuse(`${what}: ${length} elements of ${Type.BYTES_PER_ELEMENT} bytes are more than fit in memory here`);
  }
}

/** Some bytes in a buffer of their own. */
function copyOf(bytes, what) {
  const copy = allocate(Uint8Array, bytes.length, what);
  copy.set(bytes);
  return copy;
}
return { allocate, copyOf, fromHex, halves, inPieces, isSame, isZero, roundUp, toHex, u16, u32, u64, unsigned };
})();
const m2 = (() => {
// Strings of canonical JSON (section 3.1 of SPEC.md).
const { refuse } = m0;

const QUOTE = 0x22, BACKSLASH = 0x5c;
const ESCAPES = { 0x22: '"', 0x5c: "\\", 0x62: "\b", 0x66: "\f", 0x6e: "\n", 0x72: "\r", 0x74: "\t" };
const NAMED = "\b\t\n\f\r"; // these have an escape of their own
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decode UTF-8, or refuse it: overlong forms and surrogates too. */
function decodeText(bytes, what) {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) refuse(`${what}: expected UTF-8`);
    throw error;
  }
}

/** \u00 and two lower-case digits, of a character below U+0020 that has no shorter escape. */
function controlAt(bytes, at) {
  const text = String.fromCharCode(...bytes.subarray(at, at + 4));
  const found = /^00[01][0-9a-f]$/.test(text) ? String.fromCharCode(parseInt(text, 16)) : "";
  if (found === "" || NAMED.includes(found)) {
    refuse(`manifest: an escape at byte ${at} is not the one of canonical JSON`);
  }
  return found;
}

/** Read the string whose opening quote is at `at`: the text, and the place after its end. */
function readString(bytes, at) {
  let start = at + 1, i = start, text = "";
  for (;; i++) {
    if (i >= bytes.length) refuse("manifest: a string does not end");
    const c = bytes[i];
    if (c < 0x20) refuse(`manifest: a control character at byte ${i} is not escaped`);
    if (c !== QUOTE && c !== BACKSLASH) continue;
    if (i > start) text += decodeText(bytes.subarray(start, i), "manifest");
    if (c === QUOTE) return { text, at: i + 1 };
    const short = ESCAPES[bytes[i + 1]];
    if (short === undefined && bytes[i + 1] !== 0x75) {
      refuse(`manifest: an escape at byte ${i} is not one of canonical JSON`);
    }
    text += short ?? controlAt(bytes, i + 2);
    i += short === undefined ? 5 : 1;
    start = i + 1;
  }
}

/** Whether a string comes before another one by code points, which is not the order of UTF-16. */
function isBefore(a, b) {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) if (a[i] !== b[i]) return weight(a.charCodeAt(i)) < weight(b.charCodeAt(i));
  return a.length < b.length;
}

// a surrogate is half of a character above all that stand for themselves
const weight = (unit) => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);
return { decodeText, isBefore, readString };
})();
const m3 = (() => {
// Data types (section 1 of SPEC.md), and the typed array that their elements come in: bf16 and f16 as
// bit patterns, since not every engine has an array of either.
const DTYPES = {
  bool: { code: 0, bytes: 1, Type: Uint8Array },
  u8: { code: 1, bytes: 1, Type: Uint8Array },
  i8: { code: 2, bytes: 1, Type: Int8Array },
  i16: { code: 3, bytes: 2, Type: Int16Array },
  i32: { code: 4, bytes: 4, Type: Int32Array },
  i64: { code: 5, bytes: 8, Type: BigInt64Array },
  bf16: { code: 6, bytes: 2, Type: Uint16Array },
  f16: { code: 7, bytes: 2, Type: Uint16Array },
  f32: { code: 8, bytes: 4, Type: Float32Array },
  f64: { code: 9, bytes: 8, Type: Float64Array },
};

/** Of the dtypes that values of kind `prototype`, scales and signs are for. */
const isMasked = (dtype) => dtype === "f32" || dtype === "f16" || dtype === "bf16";
return { DTYPES, isMasked };
})();
const m4 = (() => {
// Canonical JSON (section 3.1 of SPEC.md): one spelling for each value, so that whatever is read here
// is what was written, and nothing has to be spelled again to compare it.
const { quote, refuse } = m0;
const { fromHex } = m1;
const { isBefore, readString } = m2;

const MAX_NESTING = 16;
const FREE = new Set(["about", "architecture"]); // here alone there are floating-point numbers
const LOWEST = "9223372036854775808", HIGHEST = "18446744073709551615";
const WORDS = { t: ["true", true], f: ["false", false], n: ["null", null] };

/** Read the manifest: objects without a prototype, arrays, strings, numbers (BigInts from 2^53 on). */
function parse(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value(1, false);
  if (reader.at !== bytes.length) refuse(`manifest: ${bytes.length - reader.at} bytes follow the value`);
  return value;
}

/** Whether a value is an object of the manifest. */
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

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
return { isObject, parse };
})();
const m5 = (() => {
// Fields of the manifest: their types and ranges (section 3.2 of SPEC.md).
const { quote, refuse } = m0;
const { isObject } = m4;

const MAX_ELEMENTS = 2 ** 48 - 1;

/** An object that has all of `needed`, and of others none but `optional`. */
function fields(value, where, needed, optional = []) {
  if (!isObject(value)) refuse(`${where}: expected an object, got ${quote(value)}`);
  for (const key of needed) if (!(key in value)) refuse(`${where}: the field ${key} is missing`);
  for (const key in value) if (!needed.includes(key) && !optional.includes(key)) {
    refuse(`${where}: the field ${quote(key)} is not known`);
  }
  return value;
}

function array(value, where, most = Infinity) {
  if (!Array.isArray(value)) refuse(`${where}: expected an array, got ${quote(value)}`);
  if (value.length > most) refuse(`${where}: expected at most ${most} items, got ${value.length}`);
  return value;
}

function integer(value, where, least = 0, most = MAX_ELEMENTS) {
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
function choice(value, where, of) {
  const words = Array.isArray(of) ? of : Object.keys(of);
  if (!words.includes(value)) refuse(`${where}: expected ${words.join(", ")}, got ${quote(value)}`);
  return value;
}

function hex(value, where, digits) {
  return matching(value, where, new RegExp(`^[0-9a-f]{${digits}}$`), `${digits} lower-case hex digits`);
}

const digest = (value, where) => hex(value, where, 64);

/** A name of a section or a tensor. */
function name(value, where) {
  matching(value, where, /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, "a name of letters, digits, _, - and single dots within");
  if (value.length > 255) refuse(`${where}: a name has at most 255 characters, got ${value.length}`);
  return value;
}
return { MAX_ELEMENTS, array, choice, digest, fields, hex, integer, name };
})();
const m6 = (() => {
// Columns of the compact form (section 3.6 of SPEC.md), made into records.
const { refuse } = m0;
const { array, fields, integer, name } = m5;

const NEEDED = ["dtype", "shape", "values"], OPTIONAL = ["frozen", "positions", "sha256"];

function readNames(column, where) {
  const names = [];
  let parts = [];
  for (let i = 0; i < column.length; i += 2) {
    const kept = integer(column[i], `${where}[${i}]`, 0, parts.length), rest = name(column[i + 1], `${where}[${i + 1}]`);
    parts = [...parts.slice(0, kept), ...rest.split(".")];
    names.push(name(parts.join("."), `${where}[${i + 1}]`));
  }
  return names;
}

/** Return tensor records as they are outside the compact form. */
function recordsOf(value, most) {
  const columns = fields(value, "tensors", [...NEEDED, "name"], OPTIONAL);
  for (const key in columns) array(columns[key], `tensors.${key}`, key === "name" ? 2 * most : most);
  const count = columns.dtype.length;
  for (const key in columns) {
    const expected = key === "name" ? 2 * count : count;
    if (columns[key].length !== expected) {
      refuse(`tensors.${key}: expected ${expected} items, got ${columns[key].length}`);
    }
  }
  return readNames(columns.name, "tensors.name").map((own, i) => {
    const record = Object.create(null);
    record.name = own;
    for (const key of NEEDED) record[key] = columns[key][i];
    for (const key of OPTIONAL) if (key in columns && columns[key][i] !== null) record[key] = columns[key][i];
    return record;
  });
}
return { recordsOf };
})();
const m7 = (() => {
// Positions, their predictors, and frozen elements (sections 4.1 and 4.8 of SPEC.md).
const { refuse } = m0;
const { choice, fields, hex, integer } = m5;

const CODECS = ["bitmap", "csr", "rice"];

function readPredictor(value, where, places) {
  fields(value, where, ["kind"], ["flips", "ones", "seed", "stream"]);
  const kind = choice(value.kind, `${where}.kind`, ["none", "scores"]);
  if (kind === "none") {
    fields(value, where, ["kind"]);
    return null;
  }
  fields(value, where, ["flips", "kind", "ones", "seed", "stream"]);
  return {
    kind,
    flips: integer(value.flips, `${where}.flips`, 0, places),
    ones: integer(value.ones, `${where}.ones`, 0, places),
    seed: hex(value.seed, `${where}.seed`, 16),
    stream: hex(value.stream, `${where}.stream`, 16),
  };
}

/**
 * Read the positions of a tensor or a plane.
 * @param {number} all elements that `ones` counts among
 * @param {number} frozen those of them that are frozen, of which the mask says nothing
 */
function readPositions(value, where, { all, frozen, compact }) {
  const codec = choice(fields(value, where, ["codec", "ones"], ["bytes", "predictor"]).codec, `${where}.codec`, CODECS);
  const follows = compact && codec === "bitmap", places = all - frozen;
  fields(value, where, follows ? ["codec", "ones"] : ["bytes", "codec", "ones"], ["predictor"]);
  const size = Math.ceil(places / 8);
  const bytes = follows ? size : integer(value.bytes, `${where}.bytes`);
  if (codec === "bitmap" && bytes !== size) {
    refuse(`${where}.bytes: expected ${size} for a bitmap of ${places} bits, got ${bytes}`);
  }
  const ones = integer(value.ones, `${where}.ones`, frozen, all);
  const predictor = "predictor" in value ? readPredictor(value.predictor, `${where}.predictor`, places) : null;
  return { codec, bytes, ones, predictor };
}

/** Read what says which elements are frozen, of `all`. */
function readFrozen(value, where, all) {
  const seeded = "seed" in fields(value, where, ["count"], ["seed", "stream"]);
  fields(value, where, seeded ? ["count", "seed", "stream"] : ["count"]);
  return {
    count: integer(value.count, `${where}.count`, 1, all - 1),
    seed: seeded ? hex(value.seed, `${where}.seed`, 16) : null,
    stream: seeded ? hex(value.stream, `${where}.stream`, 16) : null,
  };
}
return { readFrozen, readPositions };
})();
const m8 = (() => {
// What the values of a tensor are (sections 4.2 to 4.7 of SPEC.md).
const { quote, refuse } = m0;
const { DTYPES, isMasked } = m3;
const { choice, fields, hex, integer, name } = m5;
const { readPositions } = m7;

const WIDEST = { generation: 32, source: 48 };
const LEAST_SCALE = 2 ** -100, LARGEST_SCALE = 2 ** 100;
const WIDENED = { f32: ["f32", "f16", "bf16"] }; // other tensors are stored as they are
const bitsOf = new Uint32Array(1), numberOf = new Float32Array(bitsOf.buffer);

function readScale(value, where) {
  bitsOf[0] = parseInt(hex(value, where, 8), 16);
  const size = Math.abs(numberOf[0]);
  if (!(size >= LEAST_SCALE && size <= LARGEST_SCALE)) {
    refuse(`${where}: expected an absolute value from 2^-100 to 2^100, got ${quote(value)}`);
  }
  return numberOf[0];
}

/** One scale, or one for each index of the first dimension. */
function readScales(value, where, shape) {
  if (!Array.isArray(value)) return Float32Array.of(readScale(value, where));
  if (shape.length === 0 || value.length !== shape[0]) {
    refuse(`${where}: expected ${shape.length === 0 ? "no array" : shape[0] + " scales"}, got ${value.length}`);
  }
  return Float32Array.from(value, (one, i) => readScale(one, `${where}[${i}]`));
}

function readPlane(value, where, tensor, kinds) {
  const kind = choice(fields(value, where, ["kind", "positions"], ["stream", "width"]).kind, `${where}.kind`, kinds);
  const own = kind === "generation" ? ["stream", "width"] : kind === "source" ? ["width"] : [];
  fields(value, where, ["kind", "positions", ...own]);
  const among = { all: tensor.free, frozen: 0, compact: tensor.compact };
  const positions = readPositions(value.positions, `${where}.positions`, among);
  if (positions.predictor !== null) refuse(`${where}.positions.predictor: a plane has none`);
  if (positions.ones === 0) refuse(`${where}.positions.ones: expected 1 at least`);
  const width = kind === "sign" ? 0 : integer(value.width, `${where}.width`, 1, WIDEST[kind]);
  const stream = kind === "generation" ? hex(value.stream, `${where}.stream`, 16) : null;
  if (stream !== null && stream[0] > "7") refuse(`${where}.stream: expected a number below 2^63, got ${quote(stream)}`);
  return { kind, positions, stream, width, bytes: positions.bytes + Math.ceil((positions.ones * width) / 8) };
}

function readFromPrototype(value, where, tensor) {
  fields(value, where, ["kind", "offset", "scale"], ["plane"]);
  const { prototype } = tensor;
  if (!isMasked(tensor.dtype)) {
    refuse(`${where}: expected f32, f16 or bf16 for values of a prototype, got ${tensor.dtype}`);
  }
  if (prototype === null) refuse(`${where}: the archive has no prototype`);
  const kinds = prototype.seed === null ? ["sign", "source"] : ["sign", "generation", "source"];
  return {
    kind: value.kind,
    offset: integer(value.offset, `${where}.offset`, 0, prototype.vector - 1),
    scale: readScales(value.scale, `${where}.scale`, tensor.shape),
    plane: "plane" in value ? readPlane(value.plane, `${where}.plane`, tensor, kinds) : null,
  };
}

function readStored(value, where, tensor) {
  const all = ["coding", "dtype", "kind"];
  fields(value, where, all, ["bytes", "scale"]);
  const coding = choice(value.coding, `${where}.coding`, ["raw", "zstd", "shuffle-zstd"]);
  const follows = tensor.compact && coding === "raw";
  fields(value, where, follows ? all : [...all, "bytes"], ["scale"]);
  const scaled = "scale" in value;
  if (scaled && !isMasked(tensor.dtype)) refuse(`${where}.scale: expected f32, f16 or bf16, got ${tensor.dtype}`);
  const dtype = choice(value.dtype, `${where}.dtype`, scaled ? ["i8", "i4"] : WIDENED[tensor.dtype] ?? [tensor.dtype]);
  const width = dtype === "i4" ? 0.5 : DTYPES[dtype].bytes, raw = Math.ceil(tensor.selected * width);
  const bytes = follows ? raw : integer(value.bytes, `${where}.bytes`);
  if (coding === "raw" ? bytes !== raw : bytes < 1 || bytes >= raw) {
    refuse(`${where}.bytes: expected ${coding === "raw" ? raw : "1 at least, and fewer than " + raw}, got ${bytes}`);
  }
  const scale = scaled ? readScales(value.scale, `${where}.scale`, tensor.shape) : null;
  return { kind: "stored", coding, dtype, bytes, raw, scale, plane: null };
}

function readConstant(value, where, tensor) {
  fields(value, where, ["bits", "kind"], ["plane"]);
  const bits = hex(value.bits, `${where}.bits`, 2 * DTYPES[tensor.dtype].bytes);
  if (tensor.dtype === "bool" && bits > "01") refuse(`${where}.bits: expected 00 or 01 for bool, got ${quote(bits)}`);
  if ("plane" in value && !isMasked(tensor.dtype)) {
    refuse(`${where}.plane: expected f32, f16 or bf16, got ${tensor.dtype}`);
  }
  const plane = "plane" in value ? readPlane(value.plane, `${where}.plane`, tensor, ["sign"]) : null;
  return { kind: "constant", bits, plane };
}

function readAlias(value, where) {
  fields(value, where, ["kind", "of"]);
  return { kind: "alias", of: name(value.of, `${where}.of`), plane: null };
}

const KINDS = {
  prototype: readFromPrototype,
  "prototype-sign": readFromPrototype,
  stored: readStored,
  constant: readConstant,
  alias: readAlias,
};

/**
 * Read the values of a tensor.
 * @param tensor its dtype, shape, `selected` elements, `free` ones (selected and not frozen), the
 *   archive's prototype, and whether the archive is in the compact form
 */
function readValues(value, where, tensor) {
  const every = ["bits", "bytes", "coding", "dtype", "of", "offset", "plane", "scale"];
  const kind = choice(fields(value, where, ["kind"], every).kind, `${where}.kind`, KINDS);
  return KINDS[kind](value, where, tensor);
}
return { readValues };
})();
const m9 = (() => {
// Tensor records (section 4 of SPEC.md).
const { quote, refuse } = m0;
const { DTYPES } = m3;
const { array, choice, digest, fields, integer, MAX_ELEMENTS, name } = m5;
const { readFrozen, readPositions } = m7;
const { readValues } = m8;

const MAX_RANK = 8;

function readShape(value, where) {
  const shape = array(value, where, MAX_RANK).map((dimension, i) => integer(dimension, `${where}[${i}]`, 1));
  let elements = 1;
  for (const dimension of shape) {
    elements *= dimension;
    if (elements > MAX_ELEMENTS) refuse(`${where}: expected at most ${MAX_ELEMENTS} elements`);
  }
  return { shape, elements };
}

function readTensor(value, where, prototype, compact) {
  fields(value, where, ["dtype", "name", "shape", "values"], ["frozen", "positions", "sha256"]);
  const own = name(value.name, `${where}.name`), dtype = choice(value.dtype, `${where}.dtype`, DTYPES);
  const { shape, elements } = readShape(value.shape, `${where}.shape`);
  const frozen = "frozen" in value ? readFrozen(value.frozen, `${where}.frozen`, elements) : null;
  const fixed = frozen === null ? 0 : frozen.count;
  const among = { all: elements, frozen: fixed, compact };
  const positions = "positions" in value ? readPositions(value.positions, `${where}.positions`, among) : null;
  const selected = positions === null ? elements : positions.ones;
  const tensor = { dtype, shape, selected, free: selected - fixed, prototype, compact };
  const values = readValues(value.values, `${where}.values`, tensor);
  const sha256 = "sha256" in value ? digest(value.sha256, `${where}.sha256`) : null;
  if (frozen !== null && !values.kind.startsWith("prototype")) {
    refuse(`${where}.frozen: expected values of a prototype, got ${values.kind}`);
  }
  if (frozen !== null && positions === null && values.plane === null) {
    refuse(`${where}.frozen: expected positions or a plane`);
  }
  if (values.kind === "alias" && (positions !== null || sha256 !== null)) {
    refuse(`${where}: an alias has neither positions nor a digest`);
  }
  return { name: own, dtype, shape, elements, bytes: elements * DTYPES[dtype].bytes, positions, frozen, values, sha256 };
}

/** Read all records of an archive, in their order. */
function readTensors(items, prototype, compact) {
  const named = new Map();
  items.forEach((item, i) => {
    const where = `tensors[${i}]`, tensor = readTensor(item, where, prototype, compact);
    if (named.has(tensor.name)) refuse(`${where}.name: ${quote(tensor.name)} is there already`);
    if (tensor.values.kind === "alias") {
      const target = named.get(tensor.values.of);
      if (target === undefined || target.values.kind === "alias") {
        refuse(`${where}.values.of: expected a tensor before this one that is no alias, got ${quote(tensor.values.of)}`);
      }
      if (target.dtype !== tensor.dtype || String(target.shape) !== String(tensor.shape)) {
        refuse(`${where}: expected the dtype and the shape of ${quote(target.name)}`);
      }
    }
    named.set(tensor.name, tensor);
  });
  return [...named.values()];
}

/** Whether a tensor uses something of version 1.1 (section 11). */
function isOfMinor1({ frozen, positions, values }) {
  return frozen !== null || (positions !== null && positions.predictor !== null) || values.dtype === "i4";
}
return { isOfMinor1, readTensors };
})();
const m10 = (() => {
// The manifest as a whole: its fields, and what they say together (sections 3 and 2.2 of SPEC.md).
const { quote, refuse } = m0;
const { roundUp } = m1;
const { isObject, parse } = m4;
const { recordsOf } = m6;
const { array, choice, digest, fields, hex, integer, name } = m5;
const { readTensors } = m9;

const MAX_SECTIONS = 64, MAX_TENSORS = 2 ** 20;
const CRITICAL = { masks: true, planes: true, dense: true, prototype: true, source: false };
const ALIGNED_FROM = 4096, ALIGNMENT = 64;

function readShuffle(value, where) {
  fields(value, where, ["length", "seed", "stream"]);
  return {
    length: integer(value.length, `${where}.length`, 1),
    seed: hex(value.seed, `${where}.seed`, 16),
    stream: hex(value.stream, `${where}.stream`, 16),
  };
}

/** Read the prototype's record; `vector` is the length of what tensors take their values from. */
function readPrototype(value) {
  if (value === null) return null;
  const seeded = "seed" in fields(value, "prototype", ["length"], ["seed", "shuffle", "stream", "transform"]);
  fields(value, "prototype", seeded ? ["length", "seed", "stream", "transform"] : ["length"], ["shuffle"]);
  const length = integer(value.length, "prototype.length", 1);
  const shuffle = "shuffle" in value ? readShuffle(value.shuffle, "prototype.shuffle") : null;
  return {
    length,
    seed: seeded ? hex(value.seed, "prototype.seed", 16) : null,
    stream: seeded ? hex(value.stream, "prototype.stream", 16) : null,
    transform: seeded ? choice(value.transform, "prototype.transform", ["normal16", "uniform24", "sign"]) : null,
    shuffle,
    vector: shuffle === null ? length : shuffle.length,
  };
}

function readSection(value, where, compact) {
  fields(value, where, compact ? ["bytes", "critical", "name"] : ["bytes", "critical", "name", "sha256"]);
  const own = name(value.name, `${where}.name`);
  if (typeof value.critical !== "boolean") {
    refuse(`${where}.critical: expected true or false, got ${quote(value.critical)}`);
  }
  const known = Object.hasOwn(CRITICAL, own);
  if (!known && value.critical) refuse(`${where}: the section ${quote(own)} is not known, and critical`);
  if (known && value.critical !== CRITICAL[own]) {
    refuse(`${where}.critical: expected ${CRITICAL[own]} for the section ${own}`);
  }
  const bytes = integer(value.bytes, `${where}.bytes`, 1);
  const sha256 = compact ? null : digest(value.sha256, `${where}.sha256`);
  return { name: own, bytes, critical: value.critical, known, sha256 };
}

function readSections(value, compact) {
  const sections = new Map();
  array(value, "sections", MAX_SECTIONS).forEach((item, i) => {
    const section = readSection(item, `sections[${i}]`, compact);
    if (sections.has(section.name)) refuse(`sections[${i}].name: ${quote(section.name)} is there already`);
    sections.set(section.name, section);
  });
  return sections;
}

/** Give every payload its place in its section, and return the sizes of the sections. */
function lay(tensors, prototype, compact) {
  const isStored = prototype !== null && prototype.seed === null;
  const ends = { masks: 0, planes: 0, dense: 0, prototype: isStored ? 4 * prototype.length : 0 };
  for (const { positions, values } of tensors) {
    if (positions !== null) {
      positions.start = ends.masks;
      ends.masks += positions.bytes;
    }
    if (values.plane !== null) {
      values.plane.start = ends.planes;
      ends.planes += values.plane.bytes;
    }
    if (values.kind === "stored") {
      const isAligned = !compact && values.coding === "raw" && values.bytes >= ALIGNED_FROM;
      if (isAligned) ends.dense = roundUp(ends.dense, ALIGNMENT);
      values.start = ends.dense;
      ends.dense += values.bytes;
    }
  }
  return ends;
}

/** Read the bytes of a manifest, decompressed. */
function readManifest(bytes, compact) {
  const value = parse(bytes);
  fields(value, "manifest", ["about", "architecture", "prototype", "restored_sha256", "sections", "tensors"]);
  for (const key of ["about", "architecture"]) if (!isObject(value[key])) {
    refuse(`${key}: expected an object, got ${quote(value[key])}`);
  }
  const prototype = readPrototype(value.prototype);
  const restored = digest(value.restored_sha256, "restored_sha256"), sections = readSections(value.sections, compact);
  const records = compact ? recordsOf(value.tensors, MAX_TENSORS) : array(value.tensors, "tensors", MAX_TENSORS);
  const tensors = readTensors(records, prototype, compact), sizes = lay(tensors, prototype, compact);
  for (const [key, size] of Object.entries(sizes)) {
    const told = sections.get(key)?.bytes ?? 0;
    if (told !== size) refuse(`the section ${key}: expected ${size} bytes for what the records say, got ${told}`);
  }
  const { about, architecture } = value;
  return { about, architecture, prototype, restored_sha256: restored, sections, tensors };
}
return { readManifest };
})();
const m11 = (() => {
// The 64 rounds of SHA-256 (FIPS 180-4, section 6.2.2), written out: with constants in their places and
// sixteen words of the schedule in variables they take two thirds of the time of a loop over arrays.
// A round changes d and h alone; the names then stand one further, so that nothing is moved.

/** Take `count` blocks of 64 bytes, from `at` on, into a state of eight words. */
function blocks(state, bytes, at, count) {
  let h0 = state[0], h1 = state[1], h2 = state[2], h3 = state[3];
  let h4 = state[4], h5 = state[5], h6 = state[6], h7 = state[7];
  let w0 = 0, w1 = 0, w2 = 0, w3 = 0, w4 = 0, w5 = 0, w6 = 0, w7 = 0;
  let w8 = 0, w9 = 0, w10 = 0, w11 = 0, w12 = 0, w13 = 0, w14 = 0, w15 = 0;
  for (let p = at; count > 0; count--, p += 64) {
    let a = h0, b = h1, c = h2, d = h3, e = h4, f = h5, g = h6, h = h7;
    w0 = (bytes[p + 0] << 24) | (bytes[p + 1] << 16) | (bytes[p + 2] << 8) | bytes[p + 3];
    h = (h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ (e & (f ^ g))) + 1116352408 + w0) | 0;
    d = (d + h) | 0;
    h = (h + ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + ((a & b) ^ (c & (a ^ b)))) | 0;
    w1 = (bytes[p + 4] << 24) | (bytes[p + 5] << 16) | (bytes[p + 6] << 8) | bytes[p + 7];
    g = (g + ((d >>> 6 | d << 26) ^ (d >>> 11 | d << 21) ^ (d >>> 25 | d << 7)) + (f ^ (d & (e ^ f))) + 1899447441 + w1) | 0;
    c = (c + g) | 0;
    g = (g + ((h >>> 2 | h << 30) ^ (h >>> 13 | h << 19) ^ (h >>> 22 | h << 10)) + ((h & a) ^ (b & (h ^ a)))) | 0;
    w2 = (bytes[p + 8] << 24) | (bytes[p + 9] << 16) | (bytes[p + 10] << 8) | bytes[p + 11];
    f = (f + ((c >>> 6 | c << 26) ^ (c >>> 11 | c << 21) ^ (c >>> 25 | c << 7)) + (e ^ (c & (d ^ e))) + -1245643825 + w2) | 0;
    b = (b + f) | 0;
    f = (f + ((g >>> 2 | g << 30) ^ (g >>> 13 | g << 19) ^ (g >>> 22 | g << 10)) + ((g & h) ^ (a & (g ^ h)))) | 0;
    w3 = (bytes[p + 12] << 24) | (bytes[p + 13] << 16) | (bytes[p + 14] << 8) | bytes[p + 15];
    e = (e + ((b >>> 6 | b << 26) ^ (b >>> 11 | b << 21) ^ (b >>> 25 | b << 7)) + (d ^ (b & (c ^ d))) + -373957723 + w3) | 0;
    a = (a + e) | 0;
    e = (e + ((f >>> 2 | f << 30) ^ (f >>> 13 | f << 19) ^ (f >>> 22 | f << 10)) + ((f & g) ^ (h & (f ^ g)))) | 0;
    w4 = (bytes[p + 16] << 24) | (bytes[p + 17] << 16) | (bytes[p + 18] << 8) | bytes[p + 19];
    d = (d + ((a >>> 6 | a << 26) ^ (a >>> 11 | a << 21) ^ (a >>> 25 | a << 7)) + (c ^ (a & (b ^ c))) + 961987163 + w4) | 0;
    h = (h + d) | 0;
    d = (d + ((e >>> 2 | e << 30) ^ (e >>> 13 | e << 19) ^ (e >>> 22 | e << 10)) + ((e & f) ^ (g & (e ^ f)))) | 0;
    w5 = (bytes[p + 20] << 24) | (bytes[p + 21] << 16) | (bytes[p + 22] << 8) | bytes[p + 23];
    c = (c + ((h >>> 6 | h << 26) ^ (h >>> 11 | h << 21) ^ (h >>> 25 | h << 7)) + (b ^ (h & (a ^ b))) + 1508970993 + w5) | 0;
    g = (g + c) | 0;
    c = (c + ((d >>> 2 | d << 30) ^ (d >>> 13 | d << 19) ^ (d >>> 22 | d << 10)) + ((d & e) ^ (f & (d ^ e)))) | 0;
    w6 = (bytes[p + 24] << 24) | (bytes[p + 25] << 16) | (bytes[p + 26] << 8) | bytes[p + 27];
    b = (b + ((g >>> 6 | g << 26) ^ (g >>> 11 | g << 21) ^ (g >>> 25 | g << 7)) + (a ^ (g & (h ^ a))) + -1841331548 + w6) | 0;
    f = (f + b) | 0;
    b = (b + ((c >>> 2 | c << 30) ^ (c >>> 13 | c << 19) ^ (c >>> 22 | c << 10)) + ((c & d) ^ (e & (c ^ d)))) | 0;
    w7 = (bytes[p + 28] << 24) | (bytes[p + 29] << 16) | (bytes[p + 30] << 8) | bytes[p + 31];
    a = (a + ((f >>> 6 | f << 26) ^ (f >>> 11 | f << 21) ^ (f >>> 25 | f << 7)) + (h ^ (f & (g ^ h))) + -1424204075 + w7) | 0;
    e = (e + a) | 0;
    a = (a + ((b >>> 2 | b << 30) ^ (b >>> 13 | b << 19) ^ (b >>> 22 | b << 10)) + ((b & c) ^ (d & (b ^ c)))) | 0;
    w8 = (bytes[p + 32] << 24) | (bytes[p + 33] << 16) | (bytes[p + 34] << 8) | bytes[p + 35];
    h = (h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ (e & (f ^ g))) + -670586216 + w8) | 0;
    d = (d + h) | 0;
    h = (h + ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + ((a & b) ^ (c & (a ^ b)))) | 0;
    w9 = (bytes[p + 36] << 24) | (bytes[p + 37] << 16) | (bytes[p + 38] << 8) | bytes[p + 39];
    g = (g + ((d >>> 6 | d << 26) ^ (d >>> 11 | d << 21) ^ (d >>> 25 | d << 7)) + (f ^ (d & (e ^ f))) + 310598401 + w9) | 0;
    c = (c + g) | 0;
    g = (g + ((h >>> 2 | h << 30) ^ (h >>> 13 | h << 19) ^ (h >>> 22 | h << 10)) + ((h & a) ^ (b & (h ^ a)))) | 0;
    w10 = (bytes[p + 40] << 24) | (bytes[p + 41] << 16) | (bytes[p + 42] << 8) | bytes[p + 43];
    f = (f + ((c >>> 6 | c << 26) ^ (c >>> 11 | c << 21) ^ (c >>> 25 | c << 7)) + (e ^ (c & (d ^ e))) + 607225278 + w10) | 0;
    b = (b + f) | 0;
    f = (f + ((g >>> 2 | g << 30) ^ (g >>> 13 | g << 19) ^ (g >>> 22 | g << 10)) + ((g & h) ^ (a & (g ^ h)))) | 0;
    w11 = (bytes[p + 44] << 24) | (bytes[p + 45] << 16) | (bytes[p + 46] << 8) | bytes[p + 47];
    e = (e + ((b >>> 6 | b << 26) ^ (b >>> 11 | b << 21) ^ (b >>> 25 | b << 7)) + (d ^ (b & (c ^ d))) + 1426881987 + w11) | 0;
    a = (a + e) | 0;
    e = (e + ((f >>> 2 | f << 30) ^ (f >>> 13 | f << 19) ^ (f >>> 22 | f << 10)) + ((f & g) ^ (h & (f ^ g)))) | 0;
    w12 = (bytes[p + 48] << 24) | (bytes[p + 49] << 16) | (bytes[p + 50] << 8) | bytes[p + 51];
    d = (d + ((a >>> 6 | a << 26) ^ (a >>> 11 | a << 21) ^ (a >>> 25 | a << 7)) + (c ^ (a & (b ^ c))) + 1925078388 + w12) | 0;
    h = (h + d) | 0;
    d = (d + ((e >>> 2 | e << 30) ^ (e >>> 13 | e << 19) ^ (e >>> 22 | e << 10)) + ((e & f) ^ (g & (e ^ f)))) | 0;
    w13 = (bytes[p + 52] << 24) | (bytes[p + 53] << 16) | (bytes[p + 54] << 8) | bytes[p + 55];
    c = (c + ((h >>> 6 | h << 26) ^ (h >>> 11 | h << 21) ^ (h >>> 25 | h << 7)) + (b ^ (h & (a ^ b))) + -2132889090 + w13) | 0;
    g = (g + c) | 0;
    c = (c + ((d >>> 2 | d << 30) ^ (d >>> 13 | d << 19) ^ (d >>> 22 | d << 10)) + ((d & e) ^ (f & (d ^ e)))) | 0;
    w14 = (bytes[p + 56] << 24) | (bytes[p + 57] << 16) | (bytes[p + 58] << 8) | bytes[p + 59];
    b = (b + ((g >>> 6 | g << 26) ^ (g >>> 11 | g << 21) ^ (g >>> 25 | g << 7)) + (a ^ (g & (h ^ a))) + -1680079193 + w14) | 0;
    f = (f + b) | 0;
    b = (b + ((c >>> 2 | c << 30) ^ (c >>> 13 | c << 19) ^ (c >>> 22 | c << 10)) + ((c & d) ^ (e & (c ^ d)))) | 0;
    w15 = (bytes[p + 60] << 24) | (bytes[p + 61] << 16) | (bytes[p + 62] << 8) | bytes[p + 63];
    a = (a + ((f >>> 6 | f << 26) ^ (f >>> 11 | f << 21) ^ (f >>> 25 | f << 7)) + (h ^ (f & (g ^ h))) + -1046744716 + w15) | 0;
    e = (e + a) | 0;
    a = (a + ((b >>> 2 | b << 30) ^ (b >>> 13 | b << 19) ^ (b >>> 22 | b << 10)) + ((b & c) ^ (d & (b ^ c)))) | 0;
    w0 = (w0 + (((w1 >>> 7) | (w1 << 25)) ^ ((w1 >>> 18) | (w1 << 14)) ^ (w1 >>> 3)) + w9 + (((w14 >>> 17) | (w14 << 15)) ^ ((w14 >>> 19) | (w14 << 13)) ^ (w14 >>> 10))) | 0;
    h = (h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ (e & (f ^ g))) + -459576895 + w0) | 0;
    d = (d + h) | 0;
    h = (h + ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + ((a & b) ^ (c & (a ^ b)))) | 0;
    w1 = (w1 + (((w2 >>> 7) | (w2 << 25)) ^ ((w2 >>> 18) | (w2 << 14)) ^ (w2 >>> 3)) + w10 + (((w15 >>> 17) | (w15 << 15)) ^ ((w15 >>> 19) | (w15 << 13)) ^ (w15 >>> 10))) | 0;
    g = (g + ((d >>> 6 | d << 26) ^ (d >>> 11 | d << 21) ^ (d >>> 25 | d << 7)) + (f ^ (d & (e ^ f))) + -272742522 + w1) | 0;
    c = (c + g) | 0;
    g = (g + ((h >>> 2 | h << 30) ^ (h >>> 13 | h << 19) ^ (h >>> 22 | h << 10)) + ((h & a) ^ (b & (h ^ a)))) | 0;
    w2 = (w2 + (((w3 >>> 7) | (w3 << 25)) ^ ((w3 >>> 18) | (w3 << 14)) ^ (w3 >>> 3)) + w11 + (((w0 >>> 17) | (w0 << 15)) ^ ((w0 >>> 19) | (w0 << 13)) ^ (w0 >>> 10))) | 0;
    f = (f + ((c >>> 6 | c << 26) ^ (c >>> 11 | c << 21) ^ (c >>> 25 | c << 7)) + (e ^ (c & (d ^ e))) + 264347078 + w2) | 0;
    b = (b + f) | 0;
    f = (f + ((g >>> 2 | g << 30) ^ (g >>> 13 | g << 19) ^ (g >>> 22 | g << 10)) + ((g & h) ^ (a & (g ^ h)))) | 0;
    w3 = (w3 + (((w4 >>> 7) | (w4 << 25)) ^ ((w4 >>> 18) | (w4 << 14)) ^ (w4 >>> 3)) + w12 + (((w1 >>> 17) | (w1 << 15)) ^ ((w1 >>> 19) | (w1 << 13)) ^ (w1 >>> 10))) | 0;
    e = (e + ((b >>> 6 | b << 26) ^ (b >>> 11 | b << 21) ^ (b >>> 25 | b << 7)) + (d ^ (b & (c ^ d))) + 604807628 + w3) | 0;
    a = (a + e) | 0;
    e = (e + ((f >>> 2 | f << 30) ^ (f >>> 13 | f << 19) ^ (f >>> 22 | f << 10)) + ((f & g) ^ (h & (f ^ g)))) | 0;
    w4 = (w4 + (((w5 >>> 7) | (w5 << 25)) ^ ((w5 >>> 18) | (w5 << 14)) ^ (w5 >>> 3)) + w13 + (((w2 >>> 17) | (w2 << 15)) ^ ((w2 >>> 19) | (w2 << 13)) ^ (w2 >>> 10))) | 0;
    d = (d + ((a >>> 6 | a << 26) ^ (a >>> 11 | a << 21) ^ (a >>> 25 | a << 7)) + (c ^ (a & (b ^ c))) + 770255983 + w4) | 0;
    h = (h + d) | 0;
    d = (d + ((e >>> 2 | e << 30) ^ (e >>> 13 | e << 19) ^ (e >>> 22 | e << 10)) + ((e & f) ^ (g & (e ^ f)))) | 0;
    w5 = (w5 + (((w6 >>> 7) | (w6 << 25)) ^ ((w6 >>> 18) | (w6 << 14)) ^ (w6 >>> 3)) + w14 + (((w3 >>> 17) | (w3 << 15)) ^ ((w3 >>> 19) | (w3 << 13)) ^ (w3 >>> 10))) | 0;
    c = (c + ((h >>> 6 | h << 26) ^ (h >>> 11 | h << 21) ^ (h >>> 25 | h << 7)) + (b ^ (h & (a ^ b))) + 1249150122 + w5) | 0;
    g = (g + c) | 0;
    c = (c + ((d >>> 2 | d << 30) ^ (d >>> 13 | d << 19) ^ (d >>> 22 | d << 10)) + ((d & e) ^ (f & (d ^ e)))) | 0;
    w6 = (w6 + (((w7 >>> 7) | (w7 << 25)) ^ ((w7 >>> 18) | (w7 << 14)) ^ (w7 >>> 3)) + w15 + (((w4 >>> 17) | (w4 << 15)) ^ ((w4 >>> 19) | (w4 << 13)) ^ (w4 >>> 10))) | 0;
    b = (b + ((g >>> 6 | g << 26) ^ (g >>> 11 | g << 21) ^ (g >>> 25 | g << 7)) + (a ^ (g & (h ^ a))) + 1555081692 + w6) | 0;
    f = (f + b) | 0;
    b = (b + ((c >>> 2 | c << 30) ^ (c >>> 13 | c << 19) ^ (c >>> 22 | c << 10)) + ((c & d) ^ (e & (c ^ d)))) | 0;
    w7 = (w7 + (((w8 >>> 7) | (w8 << 25)) ^ ((w8 >>> 18) | (w8 << 14)) ^ (w8 >>> 3)) + w0 + (((w5 >>> 17) | (w5 << 15)) ^ ((w5 >>> 19) | (w5 << 13)) ^ (w5 >>> 10))) | 0;
    a = (a + ((f >>> 6 | f << 26) ^ (f >>> 11 | f << 21) ^ (f >>> 25 | f << 7)) + (h ^ (f & (g ^ h))) + 1996064986 + w7) | 0;
    e = (e + a) | 0;
    a = (a + ((b >>> 2 | b << 30) ^ (b >>> 13 | b << 19) ^ (b >>> 22 | b << 10)) + ((b & c) ^ (d & (b ^ c)))) | 0;
    w8 = (w8 + (((w9 >>> 7) | (w9 << 25)) ^ ((w9 >>> 18) | (w9 << 14)) ^ (w9 >>> 3)) + w1 + (((w6 >>> 17) | (w6 << 15)) ^ ((w6 >>> 19) | (w6 << 13)) ^ (w6 >>> 10))) | 0;
    h = (h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ (e & (f ^ g))) + -1740746414 + w8) | 0;
    d = (d + h) | 0;
    h = (h + ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + ((a & b) ^ (c & (a ^ b)))) | 0;
    w9 = (w9 + (((w10 >>> 7) | (w10 << 25)) ^ ((w10 >>> 18) | (w10 << 14)) ^ (w10 >>> 3)) + w2 + (((w7 >>> 17) | (w7 << 15)) ^ ((w7 >>> 19) | (w7 << 13)) ^ (w7 >>> 10))) | 0;
    g = (g + ((d >>> 6 | d << 26) ^ (d >>> 11 | d << 21) ^ (d >>> 25 | d << 7)) + (f ^ (d & (e ^ f))) + -1473132947 + w9) | 0;
    c = (c + g) | 0;
    g = (g + ((h >>> 2 | h << 30) ^ (h >>> 13 | h << 19) ^ (h >>> 22 | h << 10)) + ((h & a) ^ (b & (h ^ a)))) | 0;
    w10 = (w10 + (((w11 >>> 7) | (w11 << 25)) ^ ((w11 >>> 18) | (w11 << 14)) ^ (w11 >>> 3)) + w3 + (((w8 >>> 17) | (w8 << 15)) ^ ((w8 >>> 19) | (w8 << 13)) ^ (w8 >>> 10))) | 0;
    f = (f + ((c >>> 6 | c << 26) ^ (c >>> 11 | c << 21) ^ (c >>> 25 | c << 7)) + (e ^ (c & (d ^ e))) + -1341970488 + w10) | 0;
    b = (b + f) | 0;
    f = (f + ((g >>> 2 | g << 30) ^ (g >>> 13 | g << 19) ^ (g >>> 22 | g << 10)) + ((g & h) ^ (a & (g ^ h)))) | 0;
    w11 = (w11 + (((w12 >>> 7) | (w12 << 25)) ^ ((w12 >>> 18) | (w12 << 14)) ^ (w12 >>> 3)) + w4 + (((w9 >>> 17) | (w9 << 15)) ^ ((w9 >>> 19) | (w9 << 13)) ^ (w9 >>> 10))) | 0;
    e = (e + ((b >>> 6 | b << 26) ^ (b >>> 11 | b << 21) ^ (b >>> 25 | b << 7)) + (d ^ (b & (c ^ d))) + -1084653625 + w11) | 0;
    a = (a + e) | 0;
    e = (e + ((f >>> 2 | f << 30) ^ (f >>> 13 | f << 19) ^ (f >>> 22 | f << 10)) + ((f & g) ^ (h & (f ^ g)))) | 0;
    w12 = (w12 + (((w13 >>> 7) | (w13 << 25)) ^ ((w13 >>> 18) | (w13 << 14)) ^ (w13 >>> 3)) + w5 + (((w10 >>> 17) | (w10 << 15)) ^ ((w10 >>> 19) | (w10 << 13)) ^ (w10 >>> 10))) | 0;
    d = (d + ((a >>> 6 | a << 26) ^ (a >>> 11 | a << 21) ^ (a >>> 25 | a << 7)) + (c ^ (a & (b ^ c))) + -958395405 + w12) | 0;
    h = (h + d) | 0;
    d = (d + ((e >>> 2 | e << 30) ^ (e >>> 13 | e << 19) ^ (e >>> 22 | e << 10)) + ((e & f) ^ (g & (e ^ f)))) | 0;
    w13 = (w13 + (((w14 >>> 7) | (w14 << 25)) ^ ((w14 >>> 18) | (w14 << 14)) ^ (w14 >>> 3)) + w6 + (((w11 >>> 17) | (w11 << 15)) ^ ((w11 >>> 19) | (w11 << 13)) ^ (w11 >>> 10))) | 0;
    c = (c + ((h >>> 6 | h << 26) ^ (h >>> 11 | h << 21) ^ (h >>> 25 | h << 7)) + (b ^ (h & (a ^ b))) + -710438585 + w13) | 0;
    g = (g + c) | 0;
    c = (c + ((d >>> 2 | d << 30) ^ (d >>> 13 | d << 19) ^ (d >>> 22 | d << 10)) + ((d & e) ^ (f & (d ^ e)))) | 0;
    w14 = (w14 + (((w15 >>> 7) | (w15 << 25)) ^ ((w15 >>> 18) | (w15 << 14)) ^ (w15 >>> 3)) + w7 + (((w12 >>> 17) | (w12 << 15)) ^ ((w12 >>> 19) | (w12 << 13)) ^ (w12 >>> 10))) | 0;
    b = (b + ((g >>> 6 | g << 26) ^ (g >>> 11 | g << 21) ^ (g >>> 25 | g << 7)) + (a ^ (g & (h ^ a))) + 113926993 + w14) | 0;
    f = (f + b) | 0;
    b = (b + ((c >>> 2 | c << 30) ^ (c >>> 13 | c << 19) ^ (c >>> 22 | c << 10)) + ((c & d) ^ (e & (c ^ d)))) | 0;
    w15 = (w15 + (((w0 >>> 7) | (w0 << 25)) ^ ((w0 >>> 18) | (w0 << 14)) ^ (w0 >>> 3)) + w8 + (((w13 >>> 17) | (w13 << 15)) ^ ((w13 >>> 19) | (w13 << 13)) ^ (w13 >>> 10))) | 0;
    a = (a + ((f >>> 6 | f << 26) ^ (f >>> 11 | f << 21) ^ (f >>> 25 | f << 7)) + (h ^ (f & (g ^ h))) + 338241895 + w15) | 0;
    e = (e + a) | 0;
    a = (a + ((b >>> 2 | b << 30) ^ (b >>> 13 | b << 19) ^ (b >>> 22 | b << 10)) + ((b & c) ^ (d & (b ^ c)))) | 0;
    w0 = (w0 + (((w1 >>> 7) | (w1 << 25)) ^ ((w1 >>> 18) | (w1 << 14)) ^ (w1 >>> 3)) + w9 + (((w14 >>> 17) | (w14 << 15)) ^ ((w14 >>> 19) | (w14 << 13)) ^ (w14 >>> 10))) | 0;
    h = (h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ (e & (f ^ g))) + 666307205 + w0) | 0;
    d = (d + h) | 0;
    h = (h + ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + ((a & b) ^ (c & (a ^ b)))) | 0;
    w1 = (w1 + (((w2 >>> 7) | (w2 << 25)) ^ ((w2 >>> 18) | (w2 << 14)) ^ (w2 >>> 3)) + w10 + (((w15 >>> 17) | (w15 << 15)) ^ ((w15 >>> 19) | (w15 << 13)) ^ (w15 >>> 10))) | 0;
    g = (g + ((d >>> 6 | d << 26) ^ (d >>> 11 | d << 21) ^ (d >>> 25 | d << 7)) + (f ^ (d & (e ^ f))) + 773529912 + w1) | 0;
    c = (c + g) | 0;
    g = (g + ((h >>> 2 | h << 30) ^ (h >>> 13 | h << 19) ^ (h >>> 22 | h << 10)) + ((h & a) ^ (b & (h ^ a)))) | 0;
    w2 = (w2 + (((w3 >>> 7) | (w3 << 25)) ^ ((w3 >>> 18) | (w3 << 14)) ^ (w3 >>> 3)) + w11 + (((w0 >>> 17) | (w0 << 15)) ^ ((w0 >>> 19) | (w0 << 13)) ^ (w0 >>> 10))) | 0;
    f = (f + ((c >>> 6 | c << 26) ^ (c >>> 11 | c << 21) ^ (c >>> 25 | c << 7)) + (e ^ (c & (d ^ e))) + 1294757372 + w2) | 0;
    b = (b + f) | 0;
    f = (f + ((g >>> 2 | g << 30) ^ (g >>> 13 | g << 19) ^ (g >>> 22 | g << 10)) + ((g & h) ^ (a & (g ^ h)))) | 0;
    w3 = (w3 + (((w4 >>> 7) | (w4 << 25)) ^ ((w4 >>> 18) | (w4 << 14)) ^ (w4 >>> 3)) + w12 + (((w1 >>> 17) | (w1 << 15)) ^ ((w1 >>> 19) | (w1 << 13)) ^ (w1 >>> 10))) | 0;
    e = (e + ((b >>> 6 | b << 26) ^ (b >>> 11 | b << 21) ^ (b >>> 25 | b << 7)) + (d ^ (b & (c ^ d))) + 1396182291 + w3) | 0;
    a = (a + e) | 0;
    e = (e + ((f >>> 2 | f << 30) ^ (f >>> 13 | f << 19) ^ (f >>> 22 | f << 10)) + ((f & g) ^ (h & (f ^ g)))) | 0;
    w4 = (w4 + (((w5 >>> 7) | (w5 << 25)) ^ ((w5 >>> 18) | (w5 << 14)) ^ (w5 >>> 3)) + w13 + (((w2 >>> 17) | (w2 << 15)) ^ ((w2 >>> 19) | (w2 << 13)) ^ (w2 >>> 10))) | 0;
    d = (d + ((a >>> 6 | a << 26) ^ (a >>> 11 | a << 21) ^ (a >>> 25 | a << 7)) + (c ^ (a & (b ^ c))) + 1695183700 + w4) | 0;
    h = (h + d) | 0;
    d = (d + ((e >>> 2 | e << 30) ^ (e >>> 13 | e << 19) ^ (e >>> 22 | e << 10)) + ((e & f) ^ (g & (e ^ f)))) | 0;
    w5 = (w5 + (((w6 >>> 7) | (w6 << 25)) ^ ((w6 >>> 18) | (w6 << 14)) ^ (w6 >>> 3)) + w14 + (((w3 >>> 17) | (w3 << 15)) ^ ((w3 >>> 19) | (w3 << 13)) ^ (w3 >>> 10))) | 0;
    c = (c + ((h >>> 6 | h << 26) ^ (h >>> 11 | h << 21) ^ (h >>> 25 | h << 7)) + (b ^ (h & (a ^ b))) + 1986661051 + w5) | 0;
    g = (g + c) | 0;
    c = (c + ((d >>> 2 | d << 30) ^ (d >>> 13 | d << 19) ^ (d >>> 22 | d << 10)) + ((d & e) ^ (f & (d ^ e)))) | 0;
    w6 = (w6 + (((w7 >>> 7) | (w7 << 25)) ^ ((w7 >>> 18) | (w7 << 14)) ^ (w7 >>> 3)) + w15 + (((w4 >>> 17) | (w4 << 15)) ^ ((w4 >>> 19) | (w4 << 13)) ^ (w4 >>> 10))) | 0;
    b = (b + ((g >>> 6 | g << 26) ^ (g >>> 11 | g << 21) ^ (g >>> 25 | g << 7)) + (a ^ (g & (h ^ a))) + -2117940946 + w6) | 0;
    f = (f + b) | 0;
    b = (b + ((c >>> 2 | c << 30) ^ (c >>> 13 | c << 19) ^ (c >>> 22 | c << 10)) + ((c & d) ^ (e & (c ^ d)))) | 0;
    w7 = (w7 + (((w8 >>> 7) | (w8 << 25)) ^ ((w8 >>> 18) | (w8 << 14)) ^ (w8 >>> 3)) + w0 + (((w5 >>> 17) | (w5 << 15)) ^ ((w5 >>> 19) | (w5 << 13)) ^ (w5 >>> 10))) | 0;
    a = (a + ((f >>> 6 | f << 26) ^ (f >>> 11 | f << 21) ^ (f >>> 25 | f << 7)) + (h ^ (f & (g ^ h))) + -1838011259 + w7) | 0;
    e = (e + a) | 0;
    a = (a + ((b >>> 2 | b << 30) ^ (b >>> 13 | b << 19) ^ (b >>> 22 | b << 10)) + ((b & c) ^ (d & (b ^ c)))) | 0;
    w8 = (w8 + (((w9 >>> 7) | (w9 << 25)) ^ ((w9 >>> 18) | (w9 << 14)) ^ (w9 >>> 3)) + w1 + (((w6 >>> 17) | (w6 << 15)) ^ ((w6 >>> 19) | (w6 << 13)) ^ (w6 >>> 10))) | 0;
    h = (h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ (e & (f ^ g))) + -1564481375 + w8) | 0;
    d = (d + h) | 0;
    h = (h + ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + ((a & b) ^ (c & (a ^ b)))) | 0;
    w9 = (w9 + (((w10 >>> 7) | (w10 << 25)) ^ ((w10 >>> 18) | (w10 << 14)) ^ (w10 >>> 3)) + w2 + (((w7 >>> 17) | (w7 << 15)) ^ ((w7 >>> 19) | (w7 << 13)) ^ (w7 >>> 10))) | 0;
    g = (g + ((d >>> 6 | d << 26) ^ (d >>> 11 | d << 21) ^ (d >>> 25 | d << 7)) + (f ^ (d & (e ^ f))) + -1474664885 + w9) | 0;
    c = (c + g) | 0;
    g = (g + ((h >>> 2 | h << 30) ^ (h >>> 13 | h << 19) ^ (h >>> 22 | h << 10)) + ((h & a) ^ (b & (h ^ a)))) | 0;
    w10 = (w10 + (((w11 >>> 7) | (w11 << 25)) ^ ((w11 >>> 18) | (w11 << 14)) ^ (w11 >>> 3)) + w3 + (((w8 >>> 17) | (w8 << 15)) ^ ((w8 >>> 19) | (w8 << 13)) ^ (w8 >>> 10))) | 0;
    f = (f + ((c >>> 6 | c << 26) ^ (c >>> 11 | c << 21) ^ (c >>> 25 | c << 7)) + (e ^ (c & (d ^ e))) + -1035236496 + w10) | 0;
    b = (b + f) | 0;
    f = (f + ((g >>> 2 | g << 30) ^ (g >>> 13 | g << 19) ^ (g >>> 22 | g << 10)) + ((g & h) ^ (a & (g ^ h)))) | 0;
    w11 = (w11 + (((w12 >>> 7) | (w12 << 25)) ^ ((w12 >>> 18) | (w12 << 14)) ^ (w12 >>> 3)) + w4 + (((w9 >>> 17) | (w9 << 15)) ^ ((w9 >>> 19) | (w9 << 13)) ^ (w9 >>> 10))) | 0;
    e = (e + ((b >>> 6 | b << 26) ^ (b >>> 11 | b << 21) ^ (b >>> 25 | b << 7)) + (d ^ (b & (c ^ d))) + -949202525 + w11) | 0;
    a = (a + e) | 0;
    e = (e + ((f >>> 2 | f << 30) ^ (f >>> 13 | f << 19) ^ (f >>> 22 | f << 10)) + ((f & g) ^ (h & (f ^ g)))) | 0;
    w12 = (w12 + (((w13 >>> 7) | (w13 << 25)) ^ ((w13 >>> 18) | (w13 << 14)) ^ (w13 >>> 3)) + w5 + (((w10 >>> 17) | (w10 << 15)) ^ ((w10 >>> 19) | (w10 << 13)) ^ (w10 >>> 10))) | 0;
    d = (d + ((a >>> 6 | a << 26) ^ (a >>> 11 | a << 21) ^ (a >>> 25 | a << 7)) + (c ^ (a & (b ^ c))) + -778901479 + w12) | 0;
    h = (h + d) | 0;
    d = (d + ((e >>> 2 | e << 30) ^ (e >>> 13 | e << 19) ^ (e >>> 22 | e << 10)) + ((e & f) ^ (g & (e ^ f)))) | 0;
    w13 = (w13 + (((w14 >>> 7) | (w14 << 25)) ^ ((w14 >>> 18) | (w14 << 14)) ^ (w14 >>> 3)) + w6 + (((w11 >>> 17) | (w11 << 15)) ^ ((w11 >>> 19) | (w11 << 13)) ^ (w11 >>> 10))) | 0;
    c = (c + ((h >>> 6 | h << 26) ^ (h >>> 11 | h << 21) ^ (h >>> 25 | h << 7)) + (b ^ (h & (a ^ b))) + -694614492 + w13) | 0;
    g = (g + c) | 0;
    c = (c + ((d >>> 2 | d << 30) ^ (d >>> 13 | d << 19) ^ (d >>> 22 | d << 10)) + ((d & e) ^ (f & (d ^ e)))) | 0;
    w14 = (w14 + (((w15 >>> 7) | (w15 << 25)) ^ ((w15 >>> 18) | (w15 << 14)) ^ (w15 >>> 3)) + w7 + (((w12 >>> 17) | (w12 << 15)) ^ ((w12 >>> 19) | (w12 << 13)) ^ (w12 >>> 10))) | 0;
    b = (b + ((g >>> 6 | g << 26) ^ (g >>> 11 | g << 21) ^ (g >>> 25 | g << 7)) + (a ^ (g & (h ^ a))) + -200395387 + w14) | 0;
    f = (f + b) | 0;
    b = (b + ((c >>> 2 | c << 30) ^ (c >>> 13 | c << 19) ^ (c >>> 22 | c << 10)) + ((c & d) ^ (e & (c ^ d)))) | 0;
    w15 = (w15 + (((w0 >>> 7) | (w0 << 25)) ^ ((w0 >>> 18) | (w0 << 14)) ^ (w0 >>> 3)) + w8 + (((w13 >>> 17) | (w13 << 15)) ^ ((w13 >>> 19) | (w13 << 13)) ^ (w13 >>> 10))) | 0;
    a = (a + ((f >>> 6 | f << 26) ^ (f >>> 11 | f << 21) ^ (f >>> 25 | f << 7)) + (h ^ (f & (g ^ h))) + 275423344 + w15) | 0;
    e = (e + a) | 0;
    a = (a + ((b >>> 2 | b << 30) ^ (b >>> 13 | b << 19) ^ (b >>> 22 | b << 10)) + ((b & c) ^ (d & (b ^ c)))) | 0;
    w0 = (w0 + (((w1 >>> 7) | (w1 << 25)) ^ ((w1 >>> 18) | (w1 << 14)) ^ (w1 >>> 3)) + w9 + (((w14 >>> 17) | (w14 << 15)) ^ ((w14 >>> 19) | (w14 << 13)) ^ (w14 >>> 10))) | 0;
    h = (h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ (e & (f ^ g))) + 430227734 + w0) | 0;
    d = (d + h) | 0;
    h = (h + ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + ((a & b) ^ (c & (a ^ b)))) | 0;
    w1 = (w1 + (((w2 >>> 7) | (w2 << 25)) ^ ((w2 >>> 18) | (w2 << 14)) ^ (w2 >>> 3)) + w10 + (((w15 >>> 17) | (w15 << 15)) ^ ((w15 >>> 19) | (w15 << 13)) ^ (w15 >>> 10))) | 0;
    g = (g + ((d >>> 6 | d << 26) ^ (d >>> 11 | d << 21) ^ (d >>> 25 | d << 7)) + (f ^ (d & (e ^ f))) + 506948616 + w1) | 0;
    c = (c + g) | 0;
    g = (g + ((h >>> 2 | h << 30) ^ (h >>> 13 | h << 19) ^ (h >>> 22 | h << 10)) + ((h & a) ^ (b & (h ^ a)))) | 0;
    w2 = (w2 + (((w3 >>> 7) | (w3 << 25)) ^ ((w3 >>> 18) | (w3 << 14)) ^ (w3 >>> 3)) + w11 + (((w0 >>> 17) | (w0 << 15)) ^ ((w0 >>> 19) | (w0 << 13)) ^ (w0 >>> 10))) | 0;
    f = (f + ((c >>> 6 | c << 26) ^ (c >>> 11 | c << 21) ^ (c >>> 25 | c << 7)) + (e ^ (c & (d ^ e))) + 659060556 + w2) | 0;
    b = (b + f) | 0;
    f = (f + ((g >>> 2 | g << 30) ^ (g >>> 13 | g << 19) ^ (g >>> 22 | g << 10)) + ((g & h) ^ (a & (g ^ h)))) | 0;
    w3 = (w3 + (((w4 >>> 7) | (w4 << 25)) ^ ((w4 >>> 18) | (w4 << 14)) ^ (w4 >>> 3)) + w12 + (((w1 >>> 17) | (w1 << 15)) ^ ((w1 >>> 19) | (w1 << 13)) ^ (w1 >>> 10))) | 0;
    e = (e + ((b >>> 6 | b << 26) ^ (b >>> 11 | b << 21) ^ (b >>> 25 | b << 7)) + (d ^ (b & (c ^ d))) + 883997877 + w3) | 0;
    a = (a + e) | 0;
    e = (e + ((f >>> 2 | f << 30) ^ (f >>> 13 | f << 19) ^ (f >>> 22 | f << 10)) + ((f & g) ^ (h & (f ^ g)))) | 0;
    w4 = (w4 + (((w5 >>> 7) | (w5 << 25)) ^ ((w5 >>> 18) | (w5 << 14)) ^ (w5 >>> 3)) + w13 + (((w2 >>> 17) | (w2 << 15)) ^ ((w2 >>> 19) | (w2 << 13)) ^ (w2 >>> 10))) | 0;
    d = (d + ((a >>> 6 | a << 26) ^ (a >>> 11 | a << 21) ^ (a >>> 25 | a << 7)) + (c ^ (a & (b ^ c))) + 958139571 + w4) | 0;
    h = (h + d) | 0;
    d = (d + ((e >>> 2 | e << 30) ^ (e >>> 13 | e << 19) ^ (e >>> 22 | e << 10)) + ((e & f) ^ (g & (e ^ f)))) | 0;
    w5 = (w5 + (((w6 >>> 7) | (w6 << 25)) ^ ((w6 >>> 18) | (w6 << 14)) ^ (w6 >>> 3)) + w14 + (((w3 >>> 17) | (w3 << 15)) ^ ((w3 >>> 19) | (w3 << 13)) ^ (w3 >>> 10))) | 0;
    c = (c + ((h >>> 6 | h << 26) ^ (h >>> 11 | h << 21) ^ (h >>> 25 | h << 7)) + (b ^ (h & (a ^ b))) + 1322822218 + w5) | 0;
    g = (g + c) | 0;
    c = (c + ((d >>> 2 | d << 30) ^ (d >>> 13 | d << 19) ^ (d >>> 22 | d << 10)) + ((d & e) ^ (f & (d ^ e)))) | 0;
    w6 = (w6 + (((w7 >>> 7) | (w7 << 25)) ^ ((w7 >>> 18) | (w7 << 14)) ^ (w7 >>> 3)) + w15 + (((w4 >>> 17) | (w4 << 15)) ^ ((w4 >>> 19) | (w4 << 13)) ^ (w4 >>> 10))) | 0;
    b = (b + ((g >>> 6 | g << 26) ^ (g >>> 11 | g << 21) ^ (g >>> 25 | g << 7)) + (a ^ (g & (h ^ a))) + 1537002063 + w6) | 0;
    f = (f + b) | 0;
    b = (b + ((c >>> 2 | c << 30) ^ (c >>> 13 | c << 19) ^ (c >>> 22 | c << 10)) + ((c & d) ^ (e & (c ^ d)))) | 0;
    w7 = (w7 + (((w8 >>> 7) | (w8 << 25)) ^ ((w8 >>> 18) | (w8 << 14)) ^ (w8 >>> 3)) + w0 + (((w5 >>> 17) | (w5 << 15)) ^ ((w5 >>> 19) | (w5 << 13)) ^ (w5 >>> 10))) | 0;
    a = (a + ((f >>> 6 | f << 26) ^ (f >>> 11 | f << 21) ^ (f >>> 25 | f << 7)) + (h ^ (f & (g ^ h))) + 1747873779 + w7) | 0;
    e = (e + a) | 0;
    a = (a + ((b >>> 2 | b << 30) ^ (b >>> 13 | b << 19) ^ (b >>> 22 | b << 10)) + ((b & c) ^ (d & (b ^ c)))) | 0;
    w8 = (w8 + (((w9 >>> 7) | (w9 << 25)) ^ ((w9 >>> 18) | (w9 << 14)) ^ (w9 >>> 3)) + w1 + (((w6 >>> 17) | (w6 << 15)) ^ ((w6 >>> 19) | (w6 << 13)) ^ (w6 >>> 10))) | 0;
    h = (h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ (e & (f ^ g))) + 1955562222 + w8) | 0;
    d = (d + h) | 0;
    h = (h + ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + ((a & b) ^ (c & (a ^ b)))) | 0;
    w9 = (w9 + (((w10 >>> 7) | (w10 << 25)) ^ ((w10 >>> 18) | (w10 << 14)) ^ (w10 >>> 3)) + w2 + (((w7 >>> 17) | (w7 << 15)) ^ ((w7 >>> 19) | (w7 << 13)) ^ (w7 >>> 10))) | 0;
    g = (g + ((d >>> 6 | d << 26) ^ (d >>> 11 | d << 21) ^ (d >>> 25 | d << 7)) + (f ^ (d & (e ^ f))) + 2024104815 + w9) | 0;
    c = (c + g) | 0;
    g = (g + ((h >>> 2 | h << 30) ^ (h >>> 13 | h << 19) ^ (h >>> 22 | h << 10)) + ((h & a) ^ (b & (h ^ a)))) | 0;
    w10 = (w10 + (((w11 >>> 7) | (w11 << 25)) ^ ((w11 >>> 18) | (w11 << 14)) ^ (w11 >>> 3)) + w3 + (((w8 >>> 17) | (w8 << 15)) ^ ((w8 >>> 19) | (w8 << 13)) ^ (w8 >>> 10))) | 0;
    f = (f + ((c >>> 6 | c << 26) ^ (c >>> 11 | c << 21) ^ (c >>> 25 | c << 7)) + (e ^ (c & (d ^ e))) + -2067236844 + w10) | 0;
    b = (b + f) | 0;
    f = (f + ((g >>> 2 | g << 30) ^ (g >>> 13 | g << 19) ^ (g >>> 22 | g << 10)) + ((g & h) ^ (a & (g ^ h)))) | 0;
    w11 = (w11 + (((w12 >>> 7) | (w12 << 25)) ^ ((w12 >>> 18) | (w12 << 14)) ^ (w12 >>> 3)) + w4 + (((w9 >>> 17) | (w9 << 15)) ^ ((w9 >>> 19) | (w9 << 13)) ^ (w9 >>> 10))) | 0;
    e = (e + ((b >>> 6 | b << 26) ^ (b >>> 11 | b << 21) ^ (b >>> 25 | b << 7)) + (d ^ (b & (c ^ d))) + -1933114872 + w11) | 0;
    a = (a + e) | 0;
    e = (e + ((f >>> 2 | f << 30) ^ (f >>> 13 | f << 19) ^ (f >>> 22 | f << 10)) + ((f & g) ^ (h & (f ^ g)))) | 0;
    w12 = (w12 + (((w13 >>> 7) | (w13 << 25)) ^ ((w13 >>> 18) | (w13 << 14)) ^ (w13 >>> 3)) + w5 + (((w10 >>> 17) | (w10 << 15)) ^ ((w10 >>> 19) | (w10 << 13)) ^ (w10 >>> 10))) | 0;
    d = (d + ((a >>> 6 | a << 26) ^ (a >>> 11 | a << 21) ^ (a >>> 25 | a << 7)) + (c ^ (a & (b ^ c))) + -1866530822 + w12) | 0;
    h = (h + d) | 0;
    d = (d + ((e >>> 2 | e << 30) ^ (e >>> 13 | e << 19) ^ (e >>> 22 | e << 10)) + ((e & f) ^ (g & (e ^ f)))) | 0;
    w13 = (w13 + (((w14 >>> 7) | (w14 << 25)) ^ ((w14 >>> 18) | (w14 << 14)) ^ (w14 >>> 3)) + w6 + (((w11 >>> 17) | (w11 << 15)) ^ ((w11 >>> 19) | (w11 << 13)) ^ (w11 >>> 10))) | 0;
    c = (c + ((h >>> 6 | h << 26) ^ (h >>> 11 | h << 21) ^ (h >>> 25 | h << 7)) + (b ^ (h & (a ^ b))) + -1538233109 + w13) | 0;
    g = (g + c) | 0;
    c = (c + ((d >>> 2 | d << 30) ^ (d >>> 13 | d << 19) ^ (d >>> 22 | d << 10)) + ((d & e) ^ (f & (d ^ e)))) | 0;
    w14 = (w14 + (((w15 >>> 7) | (w15 << 25)) ^ ((w15 >>> 18) | (w15 << 14)) ^ (w15 >>> 3)) + w7 + (((w12 >>> 17) | (w12 << 15)) ^ ((w12 >>> 19) | (w12 << 13)) ^ (w12 >>> 10))) | 0;
    b = (b + ((g >>> 6 | g << 26) ^ (g >>> 11 | g << 21) ^ (g >>> 25 | g << 7)) + (a ^ (g & (h ^ a))) + -1090935817 + w14) | 0;
    f = (f + b) | 0;
    b = (b + ((c >>> 2 | c << 30) ^ (c >>> 13 | c << 19) ^ (c >>> 22 | c << 10)) + ((c & d) ^ (e & (c ^ d)))) | 0;
    w15 = (w15 + (((w0 >>> 7) | (w0 << 25)) ^ ((w0 >>> 18) | (w0 << 14)) ^ (w0 >>> 3)) + w8 + (((w13 >>> 17) | (w13 << 15)) ^ ((w13 >>> 19) | (w13 << 13)) ^ (w13 >>> 10))) | 0;
    a = (a + ((f >>> 6 | f << 26) ^ (f >>> 11 | f << 21) ^ (f >>> 25 | f << 7)) + (h ^ (f & (g ^ h))) + -965641998 + w15) | 0;
    e = (e + a) | 0;
    a = (a + ((b >>> 2 | b << 30) ^ (b >>> 13 | b << 19) ^ (b >>> 22 | b << 10)) + ((b & c) ^ (d & (b ^ c)))) | 0;
    h0 = (h0 + a) | 0; h1 = (h1 + b) | 0; h2 = (h2 + c) | 0; h3 = (h3 + d) | 0;
    h4 = (h4 + e) | 0; h5 = (h5 + f) | 0; h6 = (h6 + g) | 0; h7 = (h7 + h) | 0;
  }
  state[0] = h0; state[1] = h1; state[2] = h2; state[3] = h3;
  state[4] = h4; state[5] = h5; state[6] = h6; state[7] = h7;
}
return { blocks };
})();
const m12 = (() => {
// SHA-256 (FIPS 180-4), synchronous: that of the browser is not.
const { blocks } = m11;

const START = new Int32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/** A hash that takes its bytes in pieces. */
class Sha256 {
  #state = START.slice();
  #rest = new Uint8Array(64);
  #held = 0; // bytes in #rest
  #total = 0;

  /** Take more bytes; returns itself. */
  update(bytes) {
    let at = 0;
    this.#total += bytes.length;
    if (this.#held > 0) {
      at = Math.min(64 - this.#held, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#held);
      this.#held += at;
      if (this.#held < 64) return this;
      blocks(this.#state, this.#rest, 0, 1);
      this.#held = 0;
    }
    const whole = Math.floor((bytes.length - at) / 64);
    blocks(this.#state, bytes, at, whole);
    at += 64 * whole;
    this.#held = bytes.length - at;
    this.#rest.set(bytes.subarray(at));
    return this;
  }

  /** The 32 bytes of the digest; nothing can be added after it. */
  digest() {
    const end = new Uint8Array(this.#held < 56 ? 64 : 128);
    const view = new DataView(end.buffer);
    end.set(this.#rest.subarray(0, this.#held));
    end[this.#held] = 0x80;
    view.setUint32(end.length - 8, Math.floor(this.#total / 2 ** 29));
    view.setUint32(end.length - 4, (this.#total % 2 ** 29) * 8);
    blocks(this.#state, end, 0, end.length / 64);
    const words = new DataView(new ArrayBuffer(32));
    for (let i = 0; i < 8; i++) words.setInt32(4 * i, this.#state[i]);
    return new Uint8Array(words.buffer);
  }
}
return { Sha256 };
})();
const m13 = (() => {
// The SHA-256 of some bytes: by Node's own hash where it is there, which is synchronous and uses the
// processor's instructions for it; by ours everywhere else.
const { Sha256 } = m12;

const native = globalThis.process?.getBuiltinModule?.("node:crypto");
const start = native === undefined ? () => new Sha256() : () => native.createHash("sha256");

/** The 32 bytes of the digest of some runs of bytes, one after the other; there may be a million. */
function sha256(parts) {
  const hash = start();
  for (const part of parts) hash.update(part);
  return hash.digest();
}
return { sha256 };
})();
const m14 = (() => {
// Digests of restored tensors (section 8 of SPEC.md).
const { fromHex, toHex } = m1;
const { sha256 } = m13;
const { DTYPES } = m3;

/** The digest of one tensor, in hex digits. */
function tensorDigest({ dtype, shape }, bytes) {
  const head = new DataView(new ArrayBuffer(2 + 8 * shape.length));
  head.setUint8(0, DTYPES[dtype].code);
  head.setUint8(1, shape.length);
  shape.forEach((dimension, i) => {
    head.setUint32(2 + 8 * i, dimension % 2 ** 32, true);
    head.setUint32(6 + 8 * i, Math.floor(dimension / 2 ** 32), true);
  });
  return toHex(sha256([new Uint8Array(head.buffer), bytes]));
}

/** The digest of all tensors: of their names, which are ASCII, and their digests. */
function restoredDigest(digests) {
  const names = [...digests.keys()].sort((a, b) => (a < b ? -1 : 1)), parts = [];
  for (const name of names) {
    parts.push(Uint8Array.of(name.length & 255, name.length >> 8), new TextEncoder().encode(name), fromHex(digests.get(name)));
  }
  return toHex(sha256(parts));
}
return { restoredDigest, tensorDigest };
})();
const m15 = (() => {
// Words of Philox4x32-10 (section 5.1 of SPEC.md), in halves of 16 bits: a product of two 32-bit
// numbers has 64, more than a number or an instruction of JavaScript holds.
// M0 = 0xD2511F53 and M1 = 0xCD9E8D57 are taken apart below.

/**
 * Fill `out`, from one place to before another, with the words of a stream from block `block` on: a multiple of 4.
 * @param {{low: number, high: number}} seed
 * @param {{low: number, high: number}} stream
 */
function fillBlocks(seed, stream, block, out, from, to) {
  const t0 = stream.low | 0, t1 = stream.high | 0, s0 = seed.low | 0, s1 = seed.high | 0;
  let j0 = block % 2 ** 32 | 0, j1 = Math.floor(block / 2 ** 32) | 0;
  for (let at = from; at < to; at += 4) {
    let c0 = j0, c1 = j1, c2 = t0, c3 = t1, k0 = s0, k1 = s1;
    for (let round = 0; round < 10; round++) {
      const a = c0 & 0xffff, b = c0 >>> 16, c = c2 & 0xffff, d = c2 >>> 16;
      const x = Math.imul(b, 0x1f53) + (Math.imul(a, 0x1f53) >>> 16) | 0;
      const y = Math.imul(a, 0xd251) + (x & 0xffff) | 0;
      const z = Math.imul(d, 0x8d57) + (Math.imul(c, 0x8d57) >>> 16) | 0;
      const w = Math.imul(c, 0xcd9e) + (z & 0xffff) | 0;
      const high0 = Math.imul(b, 0xd251) + (x >>> 16) + (y >>> 16) | 0;
      const high1 = Math.imul(d, 0xcd9e) + (z >>> 16) + (w >>> 16) | 0;
      const low0 = Math.imul(c0, 0xd2511f53), low1 = Math.imul(c2, 0xcd9e8d57);
      c0 = high1 ^ c1 ^ k0;
      c1 = low1;
      c2 = high0 ^ c3 ^ k1;
      c3 = low0;
      k0 = (k0 + 0x9e3779b9) | 0;
      k1 = (k1 + 0xbb67ae85) | 0;
    }
    out[at] = c0;
    out[at + 1] = c1;
    out[at + 2] = c2;
    out[at + 3] = c3;
    j0 = (j0 + 1) | 0;
    if (j0 === 0) j1 = (j1 + 1) | 0;
  }
}

/** A stream that is `more` further on: the sum as u64. `more` is below 2^53. */
function later(stream, more) {
  const low = stream.low + more;
  return { low: low % 2 ** 32, high: (stream.high + Math.floor(low / 2 ** 32)) % 2 ** 32 };
}
return { fillBlocks, later };
})();
const m16 = (() => {
// The table of normal quantiles (section 5.2 of SPEC.md), by algorithm AS 241, PPND16 (Wichura 1988), which is right
// to about 1 part in 10^16. No quantile is as near to where binary32 rounds the other way as 1 part in 10^12, so
// that the last digits of an engine's logarithm do not matter; the digest says whether all of it is right.
const { refuse } = m0;
const { inPieces, toHex } = m1;
const { sha256 } = m13;

const HALF = 32768;
const DIGEST = "6621a18f629e82396c088501c1095eae46f6d8033b42db7b4158e0f4cf34a0ce";
let table = null;

/** A quotient of two polynomials of degree 7, from the constant term on. */
const ratio = (x, a0, a1, a2, a3, a4, a5, a6, a7, b1, b2, b3, b4, b5, b6, b7) =>
  (((((((a7 * x + a6) * x + a5) * x + a4) * x + a3) * x + a2) * x + a1) * x + a0) /
  (((((((b7 * x + b6) * x + b5) * x + b4) * x + b3) * x + b2) * x + b1) * x + 1);

/** The quantile of 1/2 + q: the middle, from q = 0 to 0.425, and the tail, by the area beyond it, of 2^-17 or more. */
const middle = (q) => q * ratio(0.180625 - q * q,
  3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
  45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727,
  42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867,
  39307.89580009271061, 28729.085735721942674, 5226.495278852854561);

const tail = (area) => ratio(Math.sqrt(-Math.log(area)) - 1.6,
  1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504,
  1.27045825245236838258, 0.24178072517745061177, 0.0227238449892691845833, 7.7454501427834140764e-4,
  2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459,
  0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9);

/** The quantiles of so many places above the middle, and their negatives below it. */
function fill(whole, from, to) {
  for (let k = from; k < to; k++) {
    const q = (2 * k + 1) / (4 * HALF), z = q <= 0.425 ? middle(q) : tail(0.5 - q);
    whole[HALF + k] = z;
    whole[HALF - 1 - k] = -z;
  }
}

/** The 65,536 values of `normal16`, which is made when it is first needed. */
function normalTable() {
  if (table !== null) return table;
  const whole = new Float32Array(2 * HALF);
  inPieces(HALF, (from, to) => fill(whole, from, to), 512);
  if (toHex(sha256([new Uint8Array(whole.buffer, 4 * HALF)])) !== DIGEST) {
    refuse("the table of normal values is not that of SPEC.md: this machine does not compute as it should");
  }
  table = whole;
  return table;
}
return { normalTable };
})();
const m17 = (() => {
// Values of a seed and a stream (section 5.2 of SPEC.md).
const { allocate, halves, inPieces } = m1;
const { fillBlocks, later } = m15;
const { normalTable } = m16;

const WORDS = 256; // at a time
const one = new Uint32Array(4);

/** The first words of a seed and a stream, which are given in hex digits. */
function firstWords(seed, stream, count, what) {
  const words = allocate(Uint32Array, Math.ceil(count / 4) * 4, what);
  const own = halves(seed), at = halves(stream);
  inPieces(words.length, (from, to) => fillBlocks(own, at, from / 4, words, from, to), WORDS);
  return words.subarray(0, count);
}

const uniform24 = (word) => ((word >>> 8) * 2 + 1 - 2 ** 24) * 2 ** -24;

const TRANSFORMS = {
  normal16: {
    perWord: 2,
    fill(words, out, from, to) {
      const table = normalTable();
      let w = 0;
      for (let i = from + 1; i < to; i += 2, w++) {
        out[i - 1] = table[words[w] & 0xffff];
        out[i] = table[words[w] >>> 16];
      }
      if ((to - from) % 2 === 1) out[to - 1] = table[words[w] & 0xffff];
    },
  },
  uniform24: {
    perWord: 1,
    fill(words, out, from, to) {
      for (let i = from; i < to; i++) out[i] = uniform24(words[i - from]);
    },
  },
  sign: {
    perWord: 1,
    fill(words, out, from, to) {
      for (let i = from; i < to; i++) out[i] = words[i - from] >>> 31 === 1 ? -1 : 1;
    },
  },
};

/** The first values of a prototype with a seed, as binary32. */
function firstValues({ transform, seed, stream }, count, what) {
  const values = allocate(Float32Array, count, what), { perWord, fill } = TRANSFORMS[transform];
  const words = new Uint32Array(WORDS), own = halves(seed), at = halves(stream);
  inPieces(count, (from, to) => {
    fillBlocks(own, at, from / perWord / 4, words, 0, WORDS);
    fill(words, values, from, to);
  }, WORDS * perWord);
  return values;
}

/** Value i of a prototype's transform and seed, in the stream that is `more` after the one given. */
function valueAt({ transform, seed }, stream, more, i) {
  const { perWord } = TRANSFORMS[transform], word = Math.floor(i / perWord);
  fillBlocks(halves(seed), later(halves(stream), more), Math.floor(word / 4), one, 0, 4);
  const found = one[word % 4];
  if (transform === "normal16") return normalTable()[i % 2 === 0 ? found & 0xffff : found >>> 16];
  return transform === "sign" ? (found >>> 31 === 1 ? -1 : 1) : uniform24(found);
}
return { firstValues, firstWords, valueAt };
})();
const m18 = (() => {
// binary16, bf16 and binary32 as bit patterns: what NaNs carry is kept, and every engine agrees.
const { allocate } = m1;

/** Narrow binary32 to binary16: to nearest even, with subnormal results, to infinity from 65,520 on. */
function half(bits) {
  const sign = (bits >>> 16) & 0x8000, size = bits & 0x7fffffff;
  if (size >= 0x477ff000) return sign | 0x7c00;
  if (size >= 0x38800000) return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  const shift = 126 - (size >>> 23); // what is below 2^-25 becomes 0
  if (shift > 24) return sign;
  const digits = (size & 0x7fffff) | 0x800000, kept = digits >>> shift;
  const rest = digits & ((1 << shift) - 1), tie = 1 << (shift - 1);
  return sign | (kept + (rest > tie || (rest === tie && (kept & 1) === 1) ? 1 : 0));
}

const upper = (bits) => (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;

/** Round binary32 to another dtype, bit pattern by bit pattern; none of them is a NaN. */
function narrow(bits, dtype, what) {
  if (dtype === "f32") return bits;
  const out = allocate(Uint16Array, bits.length, what), rounded = dtype === "f16" ? half : upper;
  for (let i = 0; i < bits.length; i++) out[i] = rounded(bits[i]);
  return out;
}

function widerHalf(bits) {
  const sign = (bits & 0x8000) << 16, exponent = (bits >>> 10) & 31, digits = bits & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (digits << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (digits << 13);
  if (digits === 0) return sign;
  const up = Math.clz32(digits) - 21; // so far to the left that bit 10 is 1
  return sign | ((113 - up) << 23) | (((digits << up) & 0x3ff) << 13);
}

/** Widen bit patterns of `f16` or `bf16` to those of binary32, exactly. */
function widen(bits, dtype, what) {
  const out = allocate(Uint32Array, bits.length, what);
  for (let i = 0; i < bits.length; i++) out[i] = dtype === "f16" ? widerHalf(bits[i]) : bits[i] << 16;
  return out;
}
return { narrow, widen };
})();
const m19 = (() => {
// The codec `bitmap` (section 7.1 of SPEC.md).
const { refuse } = m0;
const { inPieces } = m1;

/** Write the bits of whole bytes to a mask of one byte for each, and return how many are 1. */
function unpack(payload, mask, from, to) {
  let count = 0;
  for (let b = from, i = 8 * from; b < to; b++, i += 8) {
    const byte = payload[b];
    mask[i] = byte & 1;
    mask[i + 1] = (byte >> 1) & 1;
    mask[i + 2] = (byte >> 2) & 1;
    mask[i + 3] = (byte >> 3) & 1;
    mask[i + 4] = (byte >> 4) & 1;
    mask[i + 5] = (byte >> 5) & 1;
    mask[i + 6] = (byte >> 6) & 1;
    mask[i + 7] = byte >> 7;
    const pairs = byte - ((byte >> 1) & 0x55), fours = (pairs & 0x33) + ((pairs >> 2) & 0x33);
    count += (fours + (fours >> 4)) & 15;
  }
  return count;
}

/** Write the bits of a payload to a mask of one byte for each, and return how many are 1. */
function readBitmap(payload, mask, { where }) {
  const whole = mask.length >>> 3;
  let count = 0;
  inPieces(whole, (from, to) => (count += unpack(payload, mask, from, to)), 512);
  const rest = mask.length & 7;
  for (let k = 0; k < rest; k++) {
    mask[8 * whole + k] = (payload[whole] >> k) & 1;
    count += mask[8 * whole + k];
  }
  if (rest > 0 && payload[whole] >> rest !== 0) refuse(`${where}: an unused bit of the bitmap is 1`);
  return count;
}
return { readBitmap };
})();
const m20 = (() => {
// The codec `csr` (section 7.2 of SPEC.md).
const { refuse } = m0;
const { unsigned } = m1;

const widthOf = (most) => (most < 256 ? 1 : most < 65536 ? 2 : most < 2 ** 32 ? 4 : 8);

/** Select the elements of a payload in a mask of zeros, and return how many they are. */
function readCsr(payload, mask, { ones, shape, where }) {
  const rows = shape.length < 2 ? 1 : shape[0], columns = mask.length / rows;
  const pointer = widthOf(ones), index = widthOf(columns - 1);
  const size = (rows + 1) * pointer + ones * index;
  if (payload.length !== size) refuse(`${where}: expected ${size} bytes of csr, got ${payload.length}`);
  if (unsigned(payload, 0, pointer) !== 0) refuse(`${where}: the first pointer of csr is not 0`);
  let at = (rows + 1) * pointer, done = 0;
  for (let row = 0; row < rows; row++) {
    const end = unsigned(payload, (row + 1) * pointer, pointer);
    if (end < done || end > ones) refuse(`${where}: the pointers of csr do not ascend to ${ones}`);
    let before = -1;
    for (; done < end; done++, at += index) {
      const column = unsigned(payload, at, index);
      if (column <= before || column >= columns) {
        refuse(`${where}: the indices of row ${row} of csr do not ascend below ${columns}`);
      }
      mask[row * columns + column] = 1;
      before = column;
    }
  }
  if (done !== ones) refuse(`${where}: the last pointer of csr is ${done}, expected ${ones}`);
  return done;
}
return { readCsr };
})();
const m21 = (() => {
// The codec `rice` (section 7.3 of SPEC.md).
const { refuse } = m0;

const MOST_K = 47;

/** Select the elements of a payload in a mask of zeros, and return how many they are. */
function readRice(payload, mask, { ones, where }) {
  const broken = (what) => refuse(`${where}: rice: ${what}`), size = mask.length;
  if (payload.length === 0) broken("expected a byte at least");
  const k = payload[0] & 63, others = 2 * ones > size, coded = others ? size - ones : ones;
  if (k > MOST_K) broken(`expected a parameter of at most ${MOST_K}, got ${k}`);
  if ((payload[0] & 64) !== 0) broken("bit 6 of the header is 1");
  if (payload[0] >> 7 !== (others ? 1 : 0)) broken(`bit 7 of the header does not agree with ${ones} ones of ${size}`);
  const remainders = payload.length - Math.ceil((coded * k) / 8);
  if (remainders < 1) broken("the payload is too short for the remainders");
  if (others) mask.fill(1);
  const step = 2 ** k, flip = others ? 0 : 1;
  let at = 8, bit = 8 * remainders, next = 0; // `next`: the place after the one before
  for (let j = 0; j < coded; j++) {
    let quotient = 0;
    for (;;) {
      if (at >= 8 * remainders) broken(`there are fewer than ${coded} ones`);
      const left = payload[Math.floor(at / 8)] >> (at & 7);
      if (left === 0) {
        quotient += 8 - (at & 7);
        at += 8 - (at & 7);
        continue;
      }
      const zeros = 31 - Math.clz32(left & -left);
      quotient += zeros;
      at += zeros + 1;
      break;
    }
    let remainder = 0;
    for (let i = 0; i < k; i++, bit++) remainder = remainder * 2 + ((payload[Math.floor(bit / 8)] >> (bit % 8)) & 1);
    next += quotient * step + remainder;
    if (next >= size) broken(`a position is ${next}, expected less than ${size}`);
    mask[next++] = flip;
  }
  if (Math.ceil(at / 8) !== remainders) broken("a byte follows the last one");
  if (at % 8 > 0 && payload[remainders - 1] >> at % 8 !== 0) broken("a padding bit is 1");
  if (bit % 8 > 0 && payload[payload.length - 1] >> bit % 8 !== 0) broken("a padding bit is 1");
  return ones;
}

return { readRice };
})();
const m22 = (() => {
// A mask by its codec: one byte for each element, 0 or 1.
const { refuse } = m0;
const { allocate } = m1;
const { readBitmap } = m19;
const { readCsr } = m20;
const { readRice } = m21;

const CODECS = { bitmap: readBitmap, csr: readCsr, rice: readRice };

/**
 * Decode a payload that has to have `ones` ones.
 * @param {{codec: string, size: number, ones: number, shape: number[], where: string}} told
 * @returns {Uint8Array} of `size` elements
 */
function readMask(payload, told) {
  const { codec, size, ones, where } = told;
  if (codec === "bitmap" && payload.length !== Math.ceil(size / 8)) {
    refuse(`${where}: expected ${Math.ceil(size / 8)} bytes of bitmap, got ${payload.length}`);
  }
  const mask = allocate(Uint8Array, size, where), count = CODECS[codec](payload, mask, told);
  if (count !== ones) refuse(`${where}: expected ${ones} ones in the mask, got ${count}`);
  return mask;
}
return { readMask };
})();
const m23 = (() => {
// Planes: the elements that depart from what a record says (section 4.7 of SPEC.md).
const { refuse } = m0;
const { allocate } = m1;
const { readMask } = m22;

/** A number of up to 24 bits, the least significant one first. */
function bitsAt(bytes, bit, count) {
  const i = Math.floor(bit / 8);
  const word = (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)) >>> (bit % 8);
  return word & ((1 << count) - 1);
}

/** The numbers of those of a tensor's elements that a plane may name and does name. */
function departing({ name, elements, values }, { selected, frozen }, payload) {
  const { positions } = values.plane, free = freeOf(elements, selected, frozen);
  const { codec, ones } = positions;
  const mask = readMask(payload, { codec, size: free, ones, shape: [free], where: `${name}, its plane` });
  const found = allocate(Uint32Array, positions.ones, name);
  for (let i = 0, j = 0, k = 0; i < elements; i++) {
    if ((selected !== null && selected[i] === 0) || (frozen !== null && frozen[i] === 1)) continue;
    if (mask[j++] === 1) found[k++] = i;
  }
  return found;
}

function freeOf(elements, selected, frozen) {
  let free = 0;
  for (let i = 0; i < elements; i++) free += (selected === null ? 1 : selected[i]) - (frozen === null ? 0 : frozen[i]);
  return free;
}

/**
 * Read a tensor's plane.
 * @returns {{elements: Uint32Array, numbers: Float64Array}} which elements depart, and the number of
 *   each; for signs there are no numbers
 */
function departuresOf(tensor, places, payload) {
  const { plane } = tensor.values, { width, positions } = plane, { name } = tensor;
  const all = payload("planes").subarray(plane.start, plane.start + plane.bytes);
  const elements = departing(tensor, places, all.subarray(0, positions.bytes)), tail = all.subarray(positions.bytes);
  const numbers = allocate(Float64Array, width === 0 ? 0 : elements.length, name);
  let bit = 0;
  for (let k = 0; k < numbers.length; k++, bit += width) {
    const low = Math.min(width, 24);
    numbers[k] = bitsAt(tail, bit, low) + bitsAt(tail, bit + low, width - low) * 2 ** low;
    if (plane.kind === "source" && numbers[k] >= tensor.elements) {
      refuse(`${name}: its plane names element ${numbers[k]}, expected less than ${tensor.elements}`);
    }
  }
  if (bit % 8 > 0 && tail[tail.length - 1] >> bit % 8 !== 0) {
    refuse(`${name}: bits after the last number of its plane are not 0`);
  }
  return { elements, numbers };
}

/** Change the signs of elements of `width` bytes. */
function changeSigns(bytes, width, elements) {
  for (let k = 0; k < elements.length; k++) bytes[elements[k] * width + width - 1] ^= 0x80;
}
return { changeSigns, departuresOf };
})();
const m24 = (() => {
// The order of a shuffle (section 6.1 of SPEC.md).
const { allocate } = m1;
const { firstWords } = m17;

const DIGITS = 65536;

/** The numbers of the first words of a seed and a stream, by ascending words and then numbers. */
function shuffledOrder({ seed, stream, length }, what) {
  const words = firstWords(seed, stream, length, what);
  let from = allocate(Uint32Array, length, what), to = allocate(Uint32Array, length, what);
  for (let i = 0; i < length; i++) from[i] = i;
  for (const shift of [0, 16]) {
    const places = new Uint32Array(DIGITS + 1);
    for (let i = 0; i < length; i++) places[((words[i] >>> shift) & 0xffff) + 1]++;
    for (let digit = 0; digit < DIGITS; digit++) places[digit + 1] += places[digit];
    for (let i = 0; i < length; i++) to[places[(words[from[i]] >>> shift) & 0xffff]++] = from[i];
    [from, to] = [to, from];
  }
  return from;
}
return { shuffledOrder };
})();
const m25 = (() => {
// The vector that tensors take their values from (section 6.1 of SPEC.md).
const { allocate, copyOf } = m1;
const { shuffledOrder } = m24;
const { firstValues } = m17;

const WHAT = "the prototype";

function firstOf(prototype, payload, count) {
  if (prototype.seed !== null) return firstValues(prototype, count, WHAT);
  return new Float32Array(copyOf(payload("prototype"), WHAT).buffer).subarray(0, count);
}

/**
 * The first `count` values of the vector, as binary32.
 * @param {(name: string) => Uint8Array} payload gives a section's bytes
 */
function firstOfVector(prototype, payload, count) {
  const { length, shuffle } = prototype;
  if (shuffle === null) return firstOf(prototype, payload, count);
  const values = firstOf(prototype, payload, length), order = shuffledOrder(shuffle, WHAT);
  const vector = allocate(Float32Array, count, WHAT);
  for (let j = 0; j < count; j++) vector[j] = values[order[j] % length];
  return vector;
}

/** How much of the vector some tensors need: what is beyond the end of the last one is not made. */
function neededOfVector(prototype, tensors) {
  let needed = 0;
  for (const { elements, values } of tensors) {
    if (values.kind.startsWith("prototype")) needed = Math.max(needed, values.offset + elements);
  }
  return prototype === null ? 0 : Math.min(needed, prototype.vector);
}

const LONGEST = 4096; // of a run, as of a piece

/** Runs of elements whose values follow one another in the vector: calls `run(from, to, place)`. */
function inRuns(vector, offset, from, to, run) {
  for (let i = from; i < to; ) {
    const place = (offset + i) % vector.length, end = Math.min(to, i + vector.length - place, i + LONGEST);
    run(i, end, place);
    i = end;
  }
}
return { firstOfVector, inRuns, neededOfVector };
})();
const m26 = (() => {
// Elements from the prototype (section 6.2 of SPEC.md). The product of two binary32 is exact in
// binary64, so that storing it as binary32 rounds once.
const { allocate } = m1;
const { valueAt } = m17;
const { narrow } = m18;
const { changeSigns, departuresOf } = m23;
const { inRuns } = m25;

const SIGN = 0x80000000 | 0;
const asBits = (floats) => new Int32Array(floats.buffer, floats.byteOffset, floats.length);

function fillProducts(out, bits, selected, vector, place, from, to, scale) {
  if (selected === null) {
    for (let i = from, j = place; i < to; i++, j++) out[i] = scale * vector[j];
    return;
  }
  for (let i = from, j = place; i < to; i++, j++) { // without a branch: half of all would be foretold wrongly
    out[i] = scale * vector[j];
    bits[i] &= -selected[i];
  }
}

function fillSigns(out, bits, selected, vector, place, from, to, scale) {
  const given = asBits(vector), own = asBits(Float32Array.of(scale))[0];
  for (let i = from, j = place; i < to; i++, j++) {
    bits[i] = (own ^ (given[j] & SIGN)) & (selected === null ? -1 : -selected[i]);
  }
}

/** Put other values in the place of those that depart; kinds `generation` and `source`. */
function depart(out, tensor, { elements, numbers }, vector, prototype) {
  const { offset, plane, scale, kind } = tensor.values, size = tensor.elements / scale.length;
  for (let k = 0; k < elements.length; k++) {
    const i = elements[k], own = scale[Math.floor(i / size)];
    const drawn = plane.kind === "generation";
    const value = drawn ? valueAt(prototype, plane.stream, numbers[k] + 1, i) : vector[(offset + numbers[k]) % vector.length];
    out[i] = kind === "prototype" ? own * value : value < 0 || Object.is(value, -0) ? -own : own;
  }
}

/** Restore a tensor of kind `prototype` or `prototype-sign`: its bytes. */
function fillFromPrototype(tensor, places, { payload, vector, prototype }) {
  const { elements, values, dtype, name } = tensor, { scale, offset, plane } = values;
  const out = allocate(Float32Array, elements, name), all = vector(), size = elements / scale.length;
  const fill = values.kind === "prototype" ? fillProducts : fillSigns, bits = asBits(out), { selected } = places;
  for (let row = 0; row < scale.length; row++) {
    inRuns(all, offset, row * size, (row + 1) * size, (from, to, place) => {
      fill(out, bits, selected, all, place, from, to, scale[row]);
    });
  }
  const departures = plane === null ? null : departuresOf(tensor, places, payload);
  if (departures !== null && plane.kind !== "sign") depart(out, tensor, departures, all, prototype);
  const narrowed = narrow(new Uint32Array(out.buffer), dtype, name), bytes = new Uint8Array(narrowed.buffer);
  if (departures !== null && plane.kind === "sign") changeSigns(bytes, narrowed.BYTES_PER_ELEMENT, departures.elements);
  return bytes;
}
return { fillFromPrototype };
})();
const m27 = (() => {
// Elements that a seed chooses (section 5.4 of SPEC.md): the lowest of some keys.
const { inPieces } = m1;

/**
 * Select the k lowest keys, on ties those of the lowest numbers.
 * @param {Uint32Array} keys
 * @param {Uint8Array} mask of as many elements, which becomes 0 or 1
 */
function selectLowest(keys, k, mask) {
  if (k === 0 || k === keys.length) {
    mask.fill(k === 0 ? 0 : 1);
    return;
  }
  const { bound, ties } = boundOf(keys, k);
  let left = ties;
  inPieces(keys.length, (from, to) => (left = selectBelow(keys, bound, left, mask, from, to)));
}

/** Select keys below a bound, and so many that are it; return how many of these are left. */
function selectBelow(keys, bound, ties, mask, from, to) {
  for (let i = from; i < to; i++) {
    const key = keys[i]; // key < bound, without a branch that nothing foretells
    mask[i] = ((key >>> 1) - (bound >>> 1) - (~key & bound & 1)) >>> 31;
    if (key === bound && ties > 0) {
      mask[i] = 1;
      ties--;
    }
  }
  return ties;
}

/** Count keys by some digit: of all, or (`above` below 32) of those whose digits above it are `same`. */
function countDigits(keys, counts, shift, above, same, from, to) {
  const most = counts.length - 1;
  if (above === 32) {
    for (let i = from; i < to; i++) counts[keys[i] >>> shift]++;
  } else {
    for (let i = from; i < to; i++) if (keys[i] >>> above === same) counts[(keys[i] >>> shift) & most]++;
  }
}

/** The k-th lowest key, and how many of its like are among the k lowest: digit by digit. */
function boundOf(keys, k) {
  const width = keys.length > 2 ** 16 ? 16 : 8, counts = new Uint32Array(1 << width);
  let bound = 0, left = k;
  for (let shift = 32 - width; shift >= 0; shift -= width) {
    counts.fill(0);
    const above = shift + width, same = bound >>> above; // the digits so far are those of the bound
    inPieces(keys.length, (from, to) => countDigits(keys, counts, shift, above, same, from, to));
    let digit = 0;
    for (; counts[digit] < left; digit++) left -= counts[digit];
    bound = (bound | (digit << shift)) >>> 0;
  }
  return { bound, ties: left };
}

/** Make words into the keys of their scores' magnitudes: the greatest has the lowest key. */
const magnitudeKeys = (words) => inPieces(words.length, (from, to) => toKeys(words, from, to));

function toKeys(words, from, to) {
  for (let i = from; i < to; i++) {
    const q = words[i] >>> 8;
    words[i] = q ^ (-(q >>> 23) & 0xffffff); // the lesser of q and 2^24 - 1 - q
  }
}
return { magnitudeKeys, selectLowest };
})();
const m28 = (() => {
// Which elements of a tensor are selected, and which are frozen (sections 4.1 and 4.8 of SPEC.md).
const { refuse } = m0;
const { allocate, inPieces } = m1;
const { readMask } = m22;
const { magnitudeKeys, selectLowest } = m27;
const { firstWords } = m17;
const { inRuns } = m25;

/** The mask of frozen elements. */
function frozenOf({ name, elements, frozen, values }, vector) {
  let keys;
  if (frozen.seed !== null) keys = firstWords(frozen.seed, frozen.stream, elements, name);
  else {
    const all = vector(), bits = new Uint32Array(all.buffer, all.byteOffset, all.length);
    keys = allocate(Uint32Array, elements, name);
    inRuns(bits, values.offset, 0, elements, (from, to, place) => {
      for (let i = from, j = place; i < to; i++, j++) keys[i] = bits[j] & 0x7fffffff;
    });
  }
  const mask = allocate(Uint8Array, elements, name);
  selectLowest(keys, frozen.count, mask);
  return mask;
}

/** Change a mask of differences to the one that scores predict with them; return how many are 1. */
function predict(mask, predictor, tensor, frozen) {
  const words = firstWords(predictor.seed, predictor.stream, tensor.elements, tensor.name);
  let keys = words, count = 0;
  if (frozen !== null) {
    let places = 0;
    for (let i = 0; i < words.length; i++) if (frozen[i] === 0) words[places++] = words[i];
    keys = words.subarray(0, places);
  }
  magnitudeKeys(keys);
  const predicted = allocate(Uint8Array, mask.length, tensor.name);
  selectLowest(keys, predictor.ones, predicted);
  inPieces(mask.length, (from, to) => (count += change(mask, predicted, from, to)));
  return count;
}

function change(mask, by, from, to) {
  let count = 0;
  for (let i = from; i < to; i++) {
    const is = mask[i] ^ by[i];
    mask[i] = is;
    count += is;
  }
  return count;
}

/** Put a mask of what is not frozen among frozen elements, which are selected. */
function amongFrozen(mask, frozen, name) {
  const all = allocate(Uint8Array, frozen.length, name);
  for (let i = 0, j = 0; i < all.length; i++) all[i] = frozen[i] === 1 ? 1 : mask[j++];
  return all;
}

/**
 * Find a tensor's selected and frozen elements: masks of a byte for each, or null where all are
 * selected or none is frozen.
 * @param tools `payload(name)` gives a section's bytes, `vector()` the vector of section 6.1
 */
function placesOf(tensor, { payload, vector }) {
  const { name, elements, shape, positions } = tensor;
  const frozen = tensor.frozen === null ? null : frozenOf(tensor, vector);
  if (positions === null) return { selected: null, frozen };
  const { codec, start, bytes, predictor } = positions, fixed = tensor.frozen?.count ?? 0;
  const size = elements - fixed, own = positions.ones - fixed;
  const ones = predictor === null ? own : predictor.flips;
  const told = { codec, size, ones, shape: fixed > 0 ? [size] : shape, where: name };
  const mask = readMask(payload("masks").subarray(start, start + bytes), told);
  if (predictor !== null) {
    const count = predict(mask, predictor, tensor, frozen);
    if (count !== own) refuse(`${name}: expected ${own} ones in the mask that is predicted, got ${count}`);
  }
  return { selected: frozen === null ? mask : amongFrozen(mask, frozen, name), frozen };
}
return { placesOf };
})();
const m29 = (() => {
// The lower 32 bits of XXH64 with seed 0, which a zstd frame may end with. Numbers of 64 bits are
// pairs of 32: [low, high].
const P1 = [0x85ebca87, 0x9e3779b1], P2 = [0x27d4eb4f, 0xc2b2ae3d], P3 = [0x9e3779f9, 0x165667b1];
const P4 = [0xc2b2ae63, 0x85ebca77], P5 = [0x165667c5, 0x27d4eb2f];

function add(a, b) {
  const low = (a[0] >>> 0) + (b[0] >>> 0);
  return [low | 0, (a[1] + b[1] + (low >= 2 ** 32 ? 1 : 0)) | 0];
}

const xor = (a, b) => [a[0] ^ b[0], a[1] ^ b[1]];

/** A rotation by 1 to 31 bits to the left. */
const rotate = (a, n) => [(a[0] << n) | (a[1] >>> (32 - n)), (a[1] << n) | (a[0] >>> (32 - n))];

/** a xor a / 2^n. */
const fold = (a, n) => xor(a, n < 32 ? [(a[0] >>> n) | (a[1] << (32 - n)), a[1] >>> n] : [a[1] >>> (n - 32), 0]);

function multiply(a, b) {
  const x = a[0] & 0xffff, y = a[0] >>> 16, u = b[0] & 0xffff, v = b[0] >>> 16;
  const first = y * u + ((x * u - ((x * u) % 65536)) / 65536);
  const second = x * v + (first % 65536);
  const high = y * v + Math.floor(first / 65536) + Math.floor(second / 65536);
  return [Math.imul(a[0], b[0]), (high + Math.imul(a[0], b[1]) + Math.imul(a[1], b[0])) | 0];
}

const lane = (state, word) => multiply(rotate(add(state, multiply(word, P2)), 31), P1);

/** The lower 32 bits of the hash of some bytes, unsigned. */
function xxh64(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), size = bytes.length;
  const word = (at) => [view.getInt32(at, true), view.getInt32(at + 4, true)];
  let at = 0, hash = P5;
  if (size >= 32) {
    const minus = [-P1[0] | 0, (P1[0] === 0 ? -P1[1] : ~P1[1]) | 0];
    const lanes = [add(P1, P2), P2, [0, 0], minus];
    for (; at + 32 <= size; at += 32) for (let i = 0; i < 4; i++) lanes[i] = lane(lanes[i], word(at + 8 * i));
    const [a, b, c, d] = lanes;
    hash = add(add(rotate(a, 1), rotate(b, 7)), add(rotate(c, 12), rotate(d, 18)));
    for (const one of lanes) hash = add(multiply(xor(hash, lane([0, 0], one)), P1), P4);
  }
  hash = add(hash, [size % 2 ** 32 | 0, Math.floor(size / 2 ** 32)]);
  for (; at + 8 <= size; at += 8) hash = add(multiply(rotate(xor(hash, lane([0, 0], word(at))), 27), P1), P4);
  if (at + 4 <= size) {
    hash = add(multiply(rotate(xor(hash, multiply([view.getInt32(at, true), 0], P1)), 23), P2), P3);
    at += 4;
  }
  for (; at < size; at++) hash = multiply(rotate(xor(hash, multiply([bytes[at], 0], P5)), 11), P1);
  hash = multiply(fold(hash, 33), P2);
  hash = multiply(fold(hash, 29), P3);
  return fold(hash, 32)[0] >>> 0;
}
return { xxh64 };
})();
const m30 = (() => {
// Streams of bits of zstd (RFC 8878, section 4.1): those of entropy-coded numbers are read backwards.
const { refuse } = m0;

const AHEAD = 8; // bytes of zeros before a stream, for what is read beyond its beginning

/** A stream that is read from its end: the bits below `at` are still to come. */
class Backwards {
  /** @param {Uint8Array} bytes those of the stream, the last of which has the mark of the end */
  constructor(bytes) {
    const last = bytes.length === 0 ? 0 : bytes[bytes.length - 1];
    if (last === 0) refuse("a zstd frame: a stream of bits has no end mark");
    this.bytes = new Uint8Array(AHEAD + bytes.length + AHEAD);
    this.bytes.set(bytes, AHEAD);
    this.start = 8 * AHEAD;
    this.at = this.start + 8 * bytes.length - (Math.clz32(last) - 24) - 1;
  }

  /** The next number of 0 to 24 bits; beyond the beginning there are zeros. */
  read(count) {
    this.at -= count;
    if (this.at < 0) refuse("a zstd frame: a stream of bits is too short");
    return peek(this.bytes, this.at) & ((1 << count) - 1);
  }

  /** A number of up to 48 bits. */
  readLong(count) {
    if (count <= 24) return this.read(count);
    const high = this.read(count - 24);
    return high * 2 ** 24 + this.read(24);
  }

  /** Bits that were read and are not there. */
  get missing() {
    return this.start - this.at;
  }
}

/** 25 bits or more from a bit's place on. */
function peek(bytes, at) {
  const i = at >>> 3;
  return (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)) >>> (at & 7);
}
return { Backwards, peek };
})();
const m31 = (() => {
// Finite state entropy (RFC 8878, section 4.1): tables, and how a frame says them.
const { refuse } = m0;

const broken = (what) => refuse(`a zstd frame: ${what}`);

const topBit = (n) => 31 - Math.clz32(n);

/** A table of states: each has a symbol, and the next one is `base` + some more `bits`. */
function tableOf(counts, log) {
  const size = 1 << log, step = (size >> 1) + (size >> 3) + 3;
  const symbols = new Uint8Array(size), bits = new Uint8Array(size), base = new Uint16Array(size);
  const next = new Uint16Array(counts.length);
  let high = size - 1, place = 0;
  counts.forEach((count, symbol) => {
    next[symbol] = Math.abs(count);
    if (count === -1) symbols[high--] = symbol;
  });
  counts.forEach((count, symbol) => {
    for (let i = 0; i < count; i++) {
      symbols[place] = symbol;
      do place = (place + step) & (size - 1);
      while (place > high);
    }
  });
  for (let i = 0; i < size; i++) {
    const state = next[symbols[i]]++;
    bits[i] = log - topBit(state);
    base[i] = (state << bits[i]) - size;
  }
  return { log, symbols, bits, base };
}

/** The table that always gives one symbol, and takes no bits. */
function always(symbol) {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), base: new Uint16Array(1) };
}

/**
 * Read a table's description at the start of some bytes.
 * @returns the table, and the number of bytes that its description takes
 */
function readTable(bytes, mostLog, mostSymbols) {
  let at = 0;
  const read = (count) => {
    let value = 0;
    for (let i = 0; i < count; i++, at++) {
      if (at >> 3 >= bytes.length) broken("a table is cut short");
      value |= ((bytes[at >> 3] >> (at & 7)) & 1) << i;
    }
    return value;
  };
  const log = read(4) + 5, counts = [];
  if (log > mostLog) broken("a table is larger than it may be");
  let left = 1 << log;
  while (left > 0) {
    const count = topBit(left + 1) + 1, low = (1 << (count - 1)) - 1;
    const short = (1 << count) - 1 - (left + 1); // so many values take a bit less
    let value = read(count);
    if ((value & low) < short) {
      at--;
      value &= low;
    } else if (value > low) value -= short;
    counts.push(value - 1);
    left -= Math.abs(value - 1);
    for (let more = value === 1 ? 3 : 0; more === 3; ) {
      more = read(2);
      for (let i = 0; i < more; i++) counts.push(0);
      if (counts.length > mostSymbols) break;
    }
    if (left < 0 || counts.length > mostSymbols) broken("a table has more than it may have");
  }
  return { table: tableOf(counts, log), size: (at + 7) >> 3 };
}
return { always, readTable, tableOf };
})();
const m32 = (() => {
// Huffman codes of literals (RFC 8878, section 4.2).
const { refuse } = m0;
const { Backwards, peek } = m30;
const { readTable } = m31;

const MOST_BITS = 11, MOST_WEIGHT_LOG = 6, MOST_SYMBOLS = 256;
const broken = (what) => refuse(`a zstd frame: ${what}`);

/** Weights by two states of a table that take turns. */
function packedWeights(bytes) {
  const { table, size } = readTable(bytes, MOST_WEIGHT_LOG, MOST_SYMBOLS);
  const stream = new Backwards(bytes.subarray(size)), weights = [];
  const states = [stream.read(table.log), stream.read(table.log)];
  if (stream.missing > 0) broken("weights are cut short");
  for (let turn = 0; ; turn ^= 1) {
    const state = states[turn];
    weights.push(table.symbols[state]);
    states[turn] = table.base[state] + stream.read(table.bits[state]);
    if (weights.length >= MOST_SYMBOLS - 1) broken("there are too many weights");
    if (stream.missing > 0) {
      weights.push(table.symbols[states[turn ^ 1]]);
      return weights;
    }
  }
}

function plainWeights(bytes, count) {
  const weights = [];
  for (let i = 0; i < count; i++) weights.push(i % 2 === 0 ? bytes[i >> 1] >> 4 : bytes[i >> 1] & 15);
  return weights;
}

/**
 * Read a tree at the start of some bytes.
 * @returns its table, `bits` bits wide, and the number of bytes that the tree takes
 */
function readTree(bytes) {
  if (bytes.length === 0) broken("a Huffman tree is cut short");
  const head = bytes[0], size = 1 + (head < 128 ? head : (head - 126) >> 1);
  if (size > bytes.length) broken("a Huffman tree is cut short");
  const body = bytes.subarray(1, size);
  const weights = head < 128 ? packedWeights(body) : plainWeights(body, head - 127);
  let sum = 0, ones = 0;
  for (const weight of weights) {
    if (weight > MOST_BITS) broken("a Huffman code is too long");
    sum += weight > 0 ? 1 << (weight - 1) : 0;
  }
  if (sum === 0) broken("a Huffman tree is empty");
  const bits = 32 - Math.clz32(sum), left = (1 << bits) - sum;
  if (bits > MOST_BITS) broken("a Huffman code is too long");
  if ((left & (left - 1)) !== 0) broken("a Huffman tree is not complete");
  weights.push(32 - Math.clz32(left));
  for (const weight of weights) ones += weight === 1 ? 1 : 0;
  if (ones < 2 || ones % 2 === 1) broken("a Huffman tree is not complete");
  const table = new Uint16Array(1 << bits); // symbol x 16 + bits of its code
  let place = 0;
  for (let weight = 1; weight <= bits; weight++) {
    weights.forEach((own, symbol) => {
      if (own !== weight) return;
      const end = place + (1 << (weight - 1));
      table.fill((symbol << 4) | (bits + 1 - weight), place, end);
      place = end;
    });
  }
  return { tree: { bits, table }, size };
}

/** Decode one stream, which has to give as many symbols as `out` has room for, and no bit more. */
function decodeStream(tree, bytes, out) {
  const stream = new Backwards(bytes), { bits, table } = tree, mask = (1 << bits) - 1;
  const { bytes: padded, start } = stream;
  let at = stream.at;
  for (let i = 0; i < out.length; i++) {
    const entry = table[peek(padded, at - bits) & mask];
    out[i] = entry >> 4;
    at -= entry & 15;
    if (at < start) broken("a stream of literals is too short");
  }
  if (at !== start) broken("a stream of literals is too long");
}
return { decodeStream, readTree };
})();
const m33 = (() => {
// The literals of a compressed block (RFC 8878, section 3.1.1.3.1).
const { refuse } = m0;
const { u16 } = m1;
const { decodeStream, readTree } = m32;

const RAW = 0, RUN = 1, COMPRESSED = 2;
const broken = (what) => refuse(`a zstd frame: ${what}`);

/** Sizes of raw literals and of runs. */
function plainHead(bytes) {
  const format = (bytes[0] >> 2) & 3, head = format === 1 ? 2 : format === 3 ? 3 : 1;
  if (bytes.length < head) broken("literals are cut short");
  if (head === 1) return { head, count: bytes[0] >> 3 };
  return { head, count: (u16(bytes, 0) | (head === 3 ? bytes[2] << 16 : 0)) >>> 4 };
}

/** Sizes of literals that Huffman's codes were made of. */
function packedHead(bytes) {
  const format = (bytes[0] >> 2) & 3, head = format < 2 ? 3 : format + 2, width = format < 2 ? 10 : 4 * format + 6;
  if (bytes.length < head) broken("literals are cut short");
  let value = 0;
  for (let i = head - 1; i >= 0; i--) value = value * 256 + bytes[i];
  value = Math.floor(value / 16);
  return { head, streams: format === 0 ? 1 : 4, count: value % 2 ** width, size: Math.floor(value / 2 ** width) };
}

/** Four streams, of which the sizes of three are told. */
function decodeFour(tree, bytes, out) {
  if (bytes.length < 6) broken("literals are cut short");
  const part = (out.length + 3) >> 2;
  if (3 * part > out.length) broken("there are too few literals for four streams");
  let at = 6;
  for (let i = 0; i < 4; i++) {
    const size = i < 3 ? u16(bytes, 2 * i) : bytes.length - at;
    if (size < 0 || at + size > bytes.length) broken("literals are cut short");
    decodeStream(tree, bytes.subarray(at, at + size), out.subarray(i * part, i < 3 ? (i + 1) * part : out.length));
    at += size;
  }
}

/**
 * Read the literals at the start of a block.
 * @param frame what goes on from block to block: the last tree among it
 * @returns the literals, and the number of bytes that they take in the block
 */
function readLiterals(bytes, frame, most) {
  const kind = bytes[0] & 3;
  if (kind === RAW || kind === RUN) {
    const { head, count } = plainHead(bytes), size = kind === RAW ? count : 1;
    if (count > most) broken("a block has more than it may have");
    if (head + size > bytes.length) broken("literals are cut short");
    const literals = kind === RAW ? bytes.subarray(head, head + count) : new Uint8Array(count).fill(bytes[head]);
    return { literals, size: head + size };
  }
  const { head, streams, count, size } = packedHead(bytes);
  if (count > most) broken("a block has more than it may have");
  if (head + size > bytes.length) broken("literals are cut short");
  let body = bytes.subarray(head, head + size);
  if (kind === COMPRESSED) {
    const read = readTree(body);
    frame.tree = read.tree;
    body = body.subarray(read.size);
  }
  if (frame.tree === null) broken("literals take a Huffman tree that is not there");
  const literals = new Uint8Array(count);
  (streams === 1 ? decodeStream : decodeFour)(frame.tree, body, literals);
  return { literals, size: head + size };
}
return { readLiterals };
})();
const m34 = (() => {
// The sequences of a compressed block, and what they copy (RFC 8878, sections 3.1.1.3.2 and 3.1.1.4).
const { refuse } = m0;
const { u16 } = m1;
const { Backwards } = m30;
const { always, readTable, tableOf } = m31;

const broken = (what) => refuse(`a zstd frame: ${what}`);
const repeated = (...pairs) => pairs.flatMap(([value, count]) => Array(count).fill(value));
const upTo = (count, first) => Array.from({ length: count }, (_, i) => first + i);

// of each kind of code: the most symbols and the largest log of a table, and the table that needs none
const LENGTHS = {
  symbols: 36, log: 9,
  usual: tableOf([4, 3, ...repeated([2, 11]), 1, 1, 1, ...repeated([2, 9]), 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1], 6),
};
const OFFSETS = {
  symbols: 32, log: 8,
  usual: tableOf([...repeated([1, 6], [2, 3], [1, 15], [-1, 5])], 5),
};
const MATCHES = {
  symbols: 53, log: 9,
  usual: tableOf([1, 4, 3, ...repeated([2, 6], [1, 37], [-1, 7])], 6),
};
const LENGTH_BITS = [...repeated([0, 16], [1, 4], [2, 2], [3, 2]), 4, ...upTo(11, 6)];
const MATCH_BITS = [...repeated([0, 32], [1, 4], [2, 2], [3, 2], [4, 2]), 5, ...upTo(10, 7)];

/** The least length of each code: that of the code before it, and all that its bits can add. */
function bases(bits, first) {
  const found = [first];
  for (let i = 1; i < bits.length; i++) found.push(found[i - 1] + 2 ** bits[i - 1]);
  return found;
}
const LENGTH_BASE = bases(LENGTH_BITS, 0), MATCH_BASE = bases(MATCH_BITS, 3);

/** The tables of a block: the usual ones, one symbol, one that is told, or that of the block before. */
function readTables(bytes, at, frame) {
  if (at >= bytes.length) broken("sequences are cut short");
  const modes = bytes[at++];
  if ((modes & 3) !== 0) broken("the modes of sequences have a reserved bit");
  [LENGTHS, OFFSETS, MATCHES].forEach((kind, i) => {
    const mode = (modes >> (6 - 2 * i)) & 3;
    if (mode === 0) frame.tables[i] = kind.usual;
    else if (mode === 1) {
      if (at >= bytes.length || bytes[at] >= kind.symbols) broken("a code of sequences is not known");
      frame.tables[i] = always(bytes[at++]);
    } else if (mode === 2) {
      const read = readTable(bytes.subarray(at), kind.log, kind.symbols);
      frame.tables[i] = read.table;
      at += read.size;
    } else if (frame.tables[i] === null) broken("sequences take a table that is not there");
  });
  return at;
}

/** How far back a match is, and what the last three were. */
function distance(value, length, last) {
  if (value > 3) {
    last.copyWithin(1, 0, 2);
    last[0] = value - 3;
    return last[0];
  }
  const which = value - 1 + (length === 0 ? 1 : 0);
  const found = which === 3 ? last[0] - 1 : last[which];
  if (which > 1) last[2] = last[1];
  if (which > 0) last[1] = last[0];
  last[0] = found;
  return found;
}

function readCount(bytes, at) {
  const first = bytes[at];
  if (first < 128) return { count: first, at: at + 1 };
  if (first < 255) return { count: ((first - 128) << 8) + bytes[at + 1], at: at + 2 };
  return { count: u16(bytes, at + 1) + 0x7f00, at: at + 3 };
}

/**
 * Carry out the sequences at `at` of a block: copy literals and matches to `out` from `to` on.
 * @returns the end of what is written, at most `end`
 */
function copySequences(bytes, start, literals, frame, out, to, end) {
  if (start >= bytes.length) broken("sequences are cut short");
  let { count, at } = readCount(bytes, start), used = 0;
  if (at > bytes.length) broken("sequences are cut short");
  if (count === 0 && at < bytes.length) broken("bytes follow the sequences");
  if (count > 0) {
    at = readTables(bytes, at, frame);
    const [lengths, offsets, matches] = frame.tables, stream = new Backwards(bytes.subarray(at));
    let a = stream.read(lengths.log), b = stream.read(offsets.log), c = stream.read(matches.log);
    for (; count > 0; count--) {
      const code = offsets.symbols[b], match = matches.symbols[c], own = lengths.symbols[a];
      const value = 2 ** code + stream.readLong(code);
      const size = MATCH_BASE[match] + stream.read(MATCH_BITS[match]);
      const length = LENGTH_BASE[own] + stream.read(LENGTH_BITS[own]);
      if (count > 1) {
        a = lengths.base[a] + stream.read(lengths.bits[a]);
        c = matches.base[c] + stream.read(matches.bits[c]);
        b = offsets.base[b] + stream.read(offsets.bits[b]);
      }
      if (stream.missing > 0) broken("sequences are cut short");
      if (length > literals.length - used) broken("sequences take more literals than there are");
      if (length + size > end - to) broken("a block has more than it may have");
      for (let i = 0; i < length; i++) out[to++] = literals[used++];
      const back = distance(value, length, frame.last);
      if (back < 1 || back > to) broken("a match reaches back before the beginning");
      if (back >= size) out.copyWithin(to, to - back, to - back + size);
      else for (let i = 0; i < size; i++) out[to + i] = out[to + i - back];
      to += size;
    }
    if (stream.missing !== 0) broken("bits follow the sequences");
  }
  const rest = literals.length - used;
  if (rest > end - to) broken("a block has more than it may have");
  out.set(literals.subarray(used), to);
  return to + rest;
}
return { copySequences };
})();
const m35 = (() => {
// One zstd frame (RFC 8878), as section 2.1 of SPEC.md has it: content size declared, no other frame
// around it, blocks within their bounds.
const { refuse } = m0;
const { allocate, u16, u32, unsigned } = m1;
const { xxh64 } = m29;
const { readLiterals } = m33;
const { copySequences } = m34;

const MAGIC = 0xfd2fb528, MAX_WINDOW = 2 ** 27, MAX_BLOCK = 131072;
const RAW = 0, RUN = 1, COMPRESSED = 2;
const NOTHING = new Uint8Array(0);

function readHead(bytes, what) {
  if (bytes.length < 5 || u32(bytes, 0) !== MAGIC) refuse(`${what}: expected one zstd frame`);
  const about = bytes[4], single = (about & 32) !== 0, dictionary = [0, 1, 2, 4][about & 3];
  const sized = about >> 6 === 0 ? (single ? 1 : 0) : 1 << (about >> 6);
  let at = 5 + (single ? 0 : 1);
  if (bytes.length < at + dictionary + sized) refuse(`${what}: the zstd frame is cut short`);
  if ((about & 8) !== 0) refuse(`${what}: the zstd frame has a reserved bit`);
  for (let i = 0; i < dictionary; i++) if (bytes[at++] !== 0) refuse(`${what}: the zstd frame names a dictionary`);
  if (sized === 0) refuse(`${what}: the zstd frame does not declare its content size`);
  const size = unsigned(bytes, at, sized) + (sized === 2 ? 256 : 0);
  const window = single ? size : 2 ** (10 + (bytes[5] >> 3)) * (1 + (bytes[5] & 7) / 8);
  if (window > MAX_WINDOW) {
    refuse(`${what}: the zstd frame asks for a window of ${window} bytes, expected at most ${MAX_WINDOW}`);
  }
  return { at: at + sized, size, window, checksum: (about & 4) !== 0 };
}

/** The content size that a frame declares, once its header is in order. */
const frameSize = (bytes, what) => readHead(bytes, what).size;

/**
 * Decompress a frame that has to declare `size` bytes and end where `bytes` end.
 * @param {Uint8Array} [dictionary] raw content that stands before that of the frame
 * @returns {Uint8Array} of `size` bytes
 */
function decompress(bytes, size, what, dictionary = NOTHING) {
  const head = readHead(bytes, what);
  if (head.size !== size) refuse(`${what}: the zstd frame declares ${head.size} bytes, expected ${size}`);
  checkBlocks(bytes, head, what);
  const first = dictionary.length, end = first + size, out = allocate(Uint8Array, end, what);
  out.set(dictionary);
  const frame = { tree: null, tables: [null, null, null], last: [1, 4, 8] };
  const most = Math.min(head.window, MAX_BLOCK);
  let { at } = head, to = first, last = false;
  while (!last) {
    const block = readBlock(bytes, at);
    ({ last } = block);
    at += 3;
    if (block.kind !== COMPRESSED && block.size > end - to) {
      refuse(`${what}: the zstd frame holds more than the ${size} bytes that it declares`);
    }
    const body = bytes.subarray(at, at + block.stored);
    if (block.kind === RAW) out.set(body, to);
    else if (block.kind === RUN) out.fill(body[0], to, to + block.size);
    if (block.kind !== COMPRESSED) to += block.size;
    else {
      const read = readLiterals(body, frame, most);
      to = copySequences(body, read.size, read.literals, frame, out, to, Math.min(end, to + most));
    }
    at += block.stored;
  }
  if (to !== end) refuse(`${what}: the zstd frame holds ${to - first} bytes, and declares ${size}`);
  const content = out.subarray(first);
  if (head.checksum && xxh64(content) !== u32(bytes, at)) {
    refuse(`${what}: the zstd frame's checksum is not that of its content`);
  }
  return content;
}

function readBlock(bytes, at) {
  const head = u16(bytes, at) | (bytes[at + 2] << 16), kind = (head >> 1) & 3, size = head >>> 3;
  return { last: (head & 1) === 1, kind, size, stored: kind === RUN ? 1 : size };
}

/** Walk the blocks: their kinds, their sizes, and that the frame ends where its bytes do. */
function checkBlocks(bytes, head, what) {
  const most = Math.min(head.window, MAX_BLOCK);
  let { at } = head, last = false;
  while (!last) {
    if (at + 3 > bytes.length) refuse(`${what}: the zstd frame is cut short`);
    const block = readBlock(bytes, at);
    ({ last } = block);
    if (block.kind > COMPRESSED) refuse(`${what}: a block of the zstd frame is of a reserved kind`);
    if (block.size > most) {
      refuse(`${what}: a block of the zstd frame has ${block.size} bytes, expected at most ${most}`);
    }
    // sizes on which decompressors differ, and which no compressor makes
    if (block.kind === COMPRESSED && (block.size < 3 || block.size === MAX_BLOCK)) {
      refuse(`${what}: a compressed block of the zstd frame has ${block.size} bytes`);
    }
    at += 3 + block.stored;
  }
  at += head.checksum ? 4 : 0;
  if (at > bytes.length) refuse(`${what}: the zstd frame is cut short`);
  if (at < bytes.length) refuse(`${what}: ${bytes.length - at} bytes follow the zstd frame`);
}
return { decompress, frameSize };
})();
const m36 = (() => {
// Stored values and constants (sections 4.2 to 4.5 of SPEC.md).
const { refuse } = m0;
const { allocate, copyOf, fromHex } = m1;
const { DTYPES } = m3;
const { decompress } = m35;
const { narrow, widen } = m18;
const { changeSigns, departuresOf } = m23;

const WORDS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: Uint32Array };

/** The raw form from the shuffled one: bytes that were first of all elements, then second, and so on. */
function unshuffle(bytes, width, name) {
  const out = allocate(Uint8Array, bytes.length, name), count = bytes.length / width;
  for (let b = 0, from = 0; b < width; b++) {
    for (let e = 0, to = b; e < count; e++, to += width) out[to] = bytes[from++];
  }
  return out;
}

/** The raw form of a tensor's stored values, in bytes of its own. */
function rawForm({ name, dtype, values }, payload) {
  const { start, bytes, raw, coding } = values, own = payload("dense").subarray(start, start + bytes);
  let form = coding === "raw" ? copyOf(own, name) : decompress(own, raw, name);
  if (coding === "shuffle-zstd" && values.dtype !== "i4") form = unshuffle(form, DTYPES[values.dtype].bytes, name);
  if (dtype === "bool") {
    for (let i = 0; i < form.length; i++) if (form[i] > 1) refuse(`${name}: expected 0 or 1 for bool, got ${form[i]}`);
  }
  return form;
}

/** Put values where a mask is 1, zeros elsewhere. */
function spread(bytes, selected, width, name) {
  if (selected === null) return bytes;
  const Type = WORDS[width], from = new Type(bytes.buffer, bytes.byteOffset, bytes.length / Type.BYTES_PER_ELEMENT);
  const each = width === 8 ? 2 : 1, out = allocate(Type, selected.length * each, name);
  for (let i = 0, j = 0; i < selected.length; i++) {
    if (selected[i] === 0) continue;
    out[i * each] = from[j++];
    if (each === 2) out[2 * i + 1] = from[j++];
  }
  return new Uint8Array(out.buffer);
}

/** Integers of 4 bits as such of 8. */
function fromNibbles(bytes, count, name) {
  const out = allocate(Int8Array, count, name);
  for (let i = 0; i < count; i++) out[i] = (bytes[i >>> 1] << (i % 2 === 0 ? 28 : 24)) >> 28;
  if (count % 2 === 1 && bytes[bytes.length - 1] >> 4 !== 0) {
    refuse(`${name}: the last four bits of its integers are not 0`);
  }
  return out;
}

/** Integers times scales, rounded to binary32 and then to the tensor's dtype. */
function scaled({ name, dtype, elements, values }, bytes, selected, count) {
  const isNarrow = values.dtype === "i4";
  const integers = isNarrow ? fromNibbles(bytes, count, name) : new Int8Array(bytes.buffer, bytes.byteOffset, count);
  const out = allocate(Float32Array, elements, name), { scale } = values, size = elements / scale.length;
  for (let row = 0, i = 0, j = 0; row < scale.length; row++) {
    const own = scale[row];
    for (let k = 0; k < size; k++, i++) if (selected === null || selected[i] === 1) out[i] = integers[j++] * own;
  }
  return new Uint8Array(narrow(new Uint32Array(out.buffer), dtype, name).buffer);
}

/** Restore a tensor of kind `stored`: its bytes. */
function restoreStored(tensor, { selected }, { payload }) {
  const { name, dtype, elements, positions, values } = tensor, bytes = rawForm(tensor, payload);
  if (values.scale !== null) return scaled(tensor, bytes, selected, positions === null ? elements : positions.ones);
  if (values.dtype === dtype) return spread(bytes, selected, DTYPES[dtype].bytes, name);
  const wide = widen(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2), values.dtype, name);
  return spread(new Uint8Array(wide.buffer), selected, 4, name);
}

/** Restore a tensor of kind `constant`: its bytes. */
function restoreConstant(tensor, places, { payload }) {
  const { name, bytes: size, elements, values } = tensor, pattern = fromHex(values.bits), width = pattern.length;
  const out = allocate(Uint8Array, size, name), { selected } = places;
  if (selected === null) {
    out.set(pattern);
    for (let done = width; done < size; done *= 2) out.copyWithin(done, 0, Math.min(done, size - done));
  } else {
    for (let i = 0, at = 0; i < elements; i++, at += width) {
      if (selected[i] === 1) for (let b = 0; b < width; b++) out[at + b] = pattern[b];
    }
  }
  if (values.plane !== null) changeSigns(out, width, departuresOf(tensor, places, payload).elements);
  return out;
}
return { restoreConstant, restoreStored };
})();
const m37 = (() => {
// The dictionary of the compact form: the lines of ../../../dictionary.txt (section 3.6 of SPEC.md).
const { refuse } = m0;
const { toHex } = m1;
const { sha256 } = m13;

const DIGEST = "685bb04febf80d40155a05b91af0b625d274beec66bc0709febdac9064f2a418";
const LINES = String.raw`
"bf16","f16","f64","i32","u8","i8","bool","i64"],"sha256":[null,"[{"bytes":1
2,"codec":"csr","ones":3},null,{"kind":"alias","of":"embedding.weight"},"tra
nsformer.h.0.attn.c_attn.weight",2,"1.ln_1.weight",4,"ln_2.bias",4,"mlp.c_fc
.weight",5,"c_proj.weight",0,"wte.weight",0,"lm_head.weight",0,"features.0.0
.weight",1,"classifier.1.weight",0,"downsample.0.weight",3,"downsample.1.run
ning_var",2,"shortcut.0.weight",0,"layer1.0.conv1.weight",0,"layer2.1.bn2.ru
nning_mean",0,"layer4.0.conv3.weight",0,"backbone.0,"encoder.layers.0.self_a
ttn.in_proj_weight",4,"out_proj.bias",3,"linear1.weight",0,"blocks.0.attenti
on.in_proj_weight",3,"in_proj_bias",3,"out_proj.weight",4,"bias",2,"norm2.we
ight",2,"mlp.0.weight",4,"bias",3,"2.weight",4,"bias",1,"1.norm1.weight",0,"
class_token",0,"position",0,"norm.weight",0,"head.weight",0,"fc.weight","qkv
.weight","proj.weight","fc1.weight","fc2.bias""about":{"accuracy":{"correct"
:5,"data":"npz:digits","total":359},"classes":["airplane","automobile","bird
","cat","deer","dog","frog","horse","ship","truck"],["0","1","2","3","4","5"
,"6","7","8","9"],"input":{"mean":[{"f64":"3fd45f306dc9c883"}],"shape":[1,8,
8],"std":[{"f64":"3fe0000000000000"}]},"mean":[{"f64":"3fdf0a3d70a3d70a"},{"
f64":"3fdd2f1a9fbe76c9"},{"f64":"3fd9fbe76c8b4396"}],"shape":[3,224,224],"st
d":[{"f64":"3fcd4fdf3b645a1d"},{"f64":"3fccac083126e979"},{"f64":"3fcccccccc
cccccd"}]},"mean":[{"f64":"3fe03a29c779a6b5"},{"f64":"3fdf22d0e5604189"},{"f
64":"3fdc37b4a2339c0f"}],"shape":[3,32,32],"std":[{"f64":"3fd11b71758e2196"}
,{"f64":"3fd068db8bac710d"},{"f64":"3fd1ad42c3c9eecc"}]},"settings":{"balanc
e":"budget":"global","density":{"f64":"3fb999999999999a"},"distribution":"ka
iming-uniform","distribution":"signed-constant","layer_density":[],"order":"
shuffle","pruning":"ranking":"signed","renewal":"iterand","renewal":"recycle
","value_dtype":"int8","strategy":"magnitude","strategy":"dense","strategy":
"mask","strategy":"mp","batchnorm":"frozen","bias":false,"entry":"build_mode
l","kind":"source","kind":"none","search":"biprop","search":"supermask","sea
rch":"sign","scaling":"prototype",{"about":{"accuracy":{"correct":8600,"data
":"cifar10","total":10000},"input":{"mean":[{"f64":"3fdf7318fc504817"},{"f64
":"3fdedc5d63886595"},{"f64":"3fdc9374bc6a7efa"}],"shape":[3,32,32],"std":[{
"f64":"3fcfa0f9096bb98c"},{"f64":"3fcf2b020c49ba5e"},{"f64":"3fd0be0ded288ce
7"}]},"settings":{"density":{"f64":"3fe0000000000000"},"distribution":"kaimi
ng-normal","ratio":{"f64":"3f847ae147ae147b"},"scale_by_density":true,"scale
_by_density":false,"scaling":"layer","search":"edge-popup","seed":0,"strateg
y":"rp"},"training":{"epochs":100,"recipe":"pemn-resnet","recipe":"default"}
,"writer":"pemn-compress 0.1.0"},"architecture":{"arguments":{"channels":1,"
classes":10,"image_size":8},"arguments":{"channels":3,"classes":10,"depth":6
,"dim":64,"image_size":32,"kernel_size":3,"patch_size":2,"width":16},"batchn
orm":"learned","bias":true,"kind":"registered","name":"vit"},"name":"mlp"},"
name":"convmixer"},"name":"resnet20"},"name":"resnet9"},"name":"resnet32"},"
prototype":null,"restored_sha256":""prototype":{"length":369,"seed":"0000000
000000000","shuffle":{"length":36864,"seed":"0000000000000000","stream":"000
0000000000001"},"stream":"0000000000000000","transform":"uniform24"},"transf
orm":"sign"},"transform":"normal16"},"restored_sha256":"","sections":[{"byte
s":1234,"critical":true,"name":"planes"},{"bytes":33542,"critical":true,"nam
e":"masks"},{"bytes":2772,"critical":true,"name":"dense"},{"bytes":345,"crit
ical":false,"name":"source"}],"tensors":["offset":0,"scale":"3e90d0c3"},"sca
le":"3e2737f0"},"scale":"3d3504f3"},"scale":"3cb504f3"},"scale":"3e4ee116"},
"scale":"3db504f3"},"scale":"3d800000"},"scale":"3caaaaab"},"scale":"3cf15be
f"},"scale":"3d2aaaab"},"scale":"3e3504f3"},"scale":"3e000000"},"scale":"3e8
b5948"},"scale":"3d715bef"},"scale":"3daaaaab"},"scale":"3df15bef"},"scale":
"3ef15bef","offset":36864,"scale":{"kind":"prototype","offset":0,"plane":{"k
ind":"generation","positions":{"bytes":345,"codec":"rice","ones":67},"stream
":"0000010000000000","width":2},"plane":{"kind":"source","positions":{"bytes
":890,"codec":"rice","ones":123},"width":12},"scale":"{"kind":"prototype-sig
n","offset":0,"plane":{"kind":"sign","positions":{"codec":"bitmap","ones":23
4}},"scale":"3e8b5948"},{"kind":"prototype","offset":0,"plane":{"kind":"sign
","positions":{"bytes":123,"codec":"rice","ones":45}},"scale":["{"bytes":105
0,"coding":"shuffle-zstd","dtype":"f32","kind":"stored"},{"bytes":345,"codin
g":"zstd","dtype":"i8","kind":"stored","scale":"3c{"coding":"raw","dtype":"i
4","kind":"stored","scale":["3c23d70a","3d{"coding":"raw","dtype":"f32","kin
d":"stored"},{"coding":"raw","dtype":"i8","kind":"stored","scale":"3c23d70a"
},{"coding":"raw","dtype":"i8","kind":"stored","scale":"3d"shape":[[256,64],
[256],[10,256],[10],[512,512,3,3],[512],[256,256,3,3],[256],[128,64,3,3],[12
8],[64,1,3,3],[64],[64,64,1,1],[64],[64],[64],[64],[],[64,64,3,3],[64],[64],
[64],[64],[],[64,32,3,3],[32,32,3,3],[32],[32],[32],[32],[],[32,16,3,3],[16,
16,3,3],[16],[16],[16],[16],[],[16,3,3,3],"tensors":{"dtype":["f32","f32","f
32","f32","f32","f32","i64","f32","f32","f32","f32","f32","f32","i64","froze
n":[null,{"count":1024,"seed":"0000000000000000","stream":"0000000200000000"
},"name":[0,"0.0.weight",2,"bias",1,"2.weight",2,"bias",2,"running_mean",2,"
running_var",2,"num_batches_tracked",0,"1.depthwise.0.weight",3,"bias",2,"2.
weight",3,"bias",3,"running_mean",3,"running_var",3,"num_batches_tracked",1,
"pointwise.0.weight",3,"bias",2,"2.weight",3,"bias",3,"running_mean",3,"runn
ing_var",3,"num_batches_tracked",0,"2.weight",1,"bias",0,"conv.weight",0,"bn
.weight",1,"bias",1,"running_mean",1,"running_var",1,"num_batches_tracked",0
,"stages.0.0.conv1.weight",3,"bn1.weight",4,"bias",4,"running_mean",4,"runni
ng_var",4,"num_batches_tracked",3,"conv2.weight",3,"bn2.weight",4,"bias",4,"
running_mean",4,"running_var",4,"num_batches_tracked",2,"1.conv1.weight",3,"
bn1.weight",4,"bias",4,"running_mean",4,"running_var",4,"num_batches_tracked
",1,"1.0.conv1.weight",3,"positions":[{"codec":"bitmap","ones":1152},null,nu
ll,null,null,null,null,null,{"codec":"bitmap","ones":216},null,{"bytes":345,
"codec":"rice","ones":1152,"predictor":{"flips":234,"kind":"scores","ones":1
152,"seed":"0000000000000000","stream":"0000000100000000"}},null,null,null,n
ull,null,"values":[{"kind":"prototype","offset":0,"scale":"3df15bef"},{"codi
ng":"raw","dtype":"f16","kind":"stored"},{"coding":"raw","dtype":"f16","kind
":"stored"},{"coding":"raw","dtype":"f16","kind":"stored"},{"bits":"00000000
","kind":"constant"},{"bits":"0000803f","kind":"constant"},{"bits":"00000000
00000000","kind":"constant"},{"kind":"prototype","offset":0,"scale":"3df15be
f"},{"coding":"raw","dtype":"f16","kind":"stored"}]}}
`;
let bytes = null;

/** The bytes of the dictionary: its lines without their ends. */
function dictionary() {
  if (bytes !== null) return bytes;
  const made = new TextEncoder().encode(LINES.replaceAll("\n", ""));
  if (toHex(sha256([made])) !== DIGEST) {
    refuse("the dictionary of the compact form is not that of SPEC.md: this copy of the reader is damaged");
  }
  bytes = made;
  return bytes;
}
return { dictionary };
})();
const m38 = (() => {
// Limits of the caller (section 10.2 of SPEC.md).
const { refuse } = m0;

const DEFAULTS = { elements: 2 ** 30, restoredBytes: 2 ** 32, manifestBytes: 2 ** 22 };

/** The limits of a caller, with those of the reference reader for what is not told. */
function readLimits(given = {}) {
  const limits = { ...DEFAULTS, ...given };
  for (const [key, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULTS, key)) refuse(`limits: expected ${Object.keys(DEFAULTS).join(", ")}, got ${key}`);
    if (!Number.isSafeInteger(value) || value < 0) {
      refuse(`limits.${key}: expected a whole number from 0 to 2^53 - 1, got ${value}`);
    }
  }
  return limits;
}

function within(value, limit, what) {
  if (value > limit) refuse(`${what}: ${value} is beyond the limit of ${limit}; whoever trusts the file can raise it`);
}
return { readLimits, within };
})();
const m39 = (() => {
// The header (section 2.1 of SPEC.md): steps 1 to 4 of section 10.1.
const { refuse } = m0;
const { isSame, isZero, u16, u32, u64 } = m1;
const { sha256 } = m13;
const { within } = m38;

const HEADER_BYTES = 96, COMPACT = 2, PLAIN = 0;
const MAGIC = [0x89, 0x50, 0x45, 0x4d, 0x4e, 0x0d, 0x0a, 0x1a];
const MAX_SECTIONS = 64, MAX_MANIFEST_BYTES = 2 ** 26, MAX_COMPACT_BYTES = 2 ** 24, MAX_COMPACT_MANIFEST = 2 ** 20;

function readHeader(bytes, limits) {
  if (bytes.length < MAGIC.length || !isSame(bytes.subarray(0, MAGIC.length), MAGIC)) {
    refuse("not a .pemn archive: the first 8 bytes are not its magic");
  }
  if (bytes.length < HEADER_BYTES) {
    refuse(`the archive is cut short: expected ${HEADER_BYTES} bytes of header at least, got ${bytes.length}`);
  }
  const major = u16(bytes, 8), minor = u16(bytes, 10);
  if (major !== 1 || minor > 1) {
    refuse(`version ${major}.${minor} of the format is not known here; this reader knows 1.0 and 1.1`);
  }
  const header = {
    major, minor, sections: u32(bytes, 12), length: u64(bytes, 16), elements: u64(bytes, 24), restored: u64(bytes, 32),
    stored: u32(bytes, 40), raw: u32(bytes, 44), coding: u32(bytes, 48),
  };
  const { sections, length, stored, raw, coding } = header;
  if (length !== bytes.length) refuse(`header: expected a file of ${length} bytes, got ${bytes.length}`);
  if (sections > MAX_SECTIONS) refuse(`header: expected at most ${MAX_SECTIONS} sections, got ${sections}`);
  if (coding > (minor === 0 ? 1 : COMPACT)) {
    refuse(`header: coding ${coding} of the manifest is not known in version ${major}.${minor}`);
  }
  if (stored > length - HEADER_BYTES) refuse(`header: a manifest of ${stored} bytes does not fit in the file`);
  if (raw > MAX_MANIFEST_BYTES) {
    refuse(`header: expected a manifest of at most ${MAX_MANIFEST_BYTES} bytes, got ${raw}`);
  }
  if (coding === PLAIN && stored !== raw) refuse(`header: expected a stored manifest of ${raw} bytes, got ${stored}`);
  if (coding === COMPACT && length > MAX_COMPACT_BYTES) {
    refuse(`header: expected at most ${MAX_COMPACT_BYTES} bytes in the compact form, got ${length}`);
  }
  if (coding === COMPACT && raw > MAX_COMPACT_MANIFEST) {
    refuse(`header: expected at most ${MAX_COMPACT_MANIFEST} bytes of manifest in the compact form, got ${raw}`);
  }
  if (!isZero(bytes, 52, 64)) refuse("header: reserved bytes are not 0");
  within(raw, limits.manifestBytes, "bytes of the manifest");
  within(header.elements, limits.elements, "elements");
  within(header.restored, limits.restoredBytes, "restored bytes");
  const covered = coding === COMPACT ? length : HEADER_BYTES + stored;
  const digest = sha256([bytes.subarray(0, 64), bytes.subarray(HEADER_BYTES, covered)]);
  if (!isSame(digest, bytes.subarray(64, HEADER_BYTES))) {
    refuse("header: its digest is not that of what is there: the file is damaged");
  }
  return header;
}
return { COMPACT, HEADER_BYTES, PLAIN, readHeader };
})();
const m40 = (() => {
// Where sections are, and their payloads, whose digests are compared before any byte is used.
const { quote, refuse } = m0;
const { isZero, roundUp, toHex } = m1;
const { sha256 } = m13;

const ALIGNMENT = 64;

class Sections {
  #bytes;
  #manifest;
  #checked = new Set();

  /** Lay the sections of a manifest from `end` on, and check the padding and the end of the file. */
  constructor(bytes, manifest, end, compact) {
    this.#bytes = bytes;
    this.#manifest = manifest;
    for (const section of manifest.sections.values()) {
      const start = compact ? end : roundUp(end, ALIGNMENT);
      if (start + section.bytes > bytes.length) {
        refuse(`the section ${section.name}: its ${section.bytes} bytes do not fit in the file`);
      }
      if (!isZero(bytes, end, start)) refuse(`the section ${section.name}: the padding before it is not 0`);
      section.start = start;
      end = start + section.bytes;
    }
    if (end !== bytes.length) refuse(`${bytes.length - end} bytes follow the last section`);
  }

  /** The payload of a section; no bytes for a section of payloads that have none. */
  payload(name) {
    const section = this.#manifest.sections.get(name);
    if (section === undefined) return this.#bytes.subarray(0, 0);
    const payload = this.#bytes.subarray(section.start, section.start + section.bytes);
    if (!this.#checked.has(name)) {
      if (section.sha256 !== null && toHex(sha256([payload])) !== section.sha256) {
        refuse(`the section ${quote(name)}: its digest is not that of what is there: the file is damaged`);
      }
      if (name === "dense") this.#checkGaps(payload);
      if (name === "prototype") checkFinite(payload);
      this.#checked.add(name);
    }
    return payload;
  }

  /** Bytes before aligned payloads are 0 (section 4.6). */
  #checkGaps(payload) {
    let end = 0;
    for (const { name, values } of this.#manifest.tensors) {
      if (values.kind !== "stored") continue;
      if (!isZero(payload, end, values.start)) refuse(`the section dense: the gap before ${name} is not 0`);
      end = values.start + values.bytes;
    }
  }
}

/** Stored values of a prototype are finite, whether a tensor takes them or not (section 3.4). */
function checkFinite(payload) {
  for (let at = 2; at < payload.length; at += 4) {
    if ((payload[at] & 0x80) !== 0 && (payload[at + 1] & 0x7f) === 0x7f) {
      refuse(`the section prototype: value ${(at - 2) / 4} is not finite`);
    }
  }
}
return { Sections };
})();
const m41 = (() => {
// An archive that is open: what is in it, and its tensors.
const { quote, refuse } = m0;
const { allocate, copyOf } = m1;
const { decodeText } = m2;
const { DTYPES } = m3;
const { readManifest } = m10;
const { isOfMinor1 } = m9;
const { restoredDigest, tensorDigest } = m14;
const { fillFromPrototype } = m26;
const { placesOf } = m28;
const { restoreConstant, restoreStored } = m36;
const { firstOfVector, neededOfVector } = m25;
const { decompress, frameSize } = m35;
const { dictionary } = m37;
const { COMPACT, HEADER_BYTES, PLAIN, readHeader } = m39;
const { readLimits, within } = m38;
const { Sections } = m40;

const MAX_SOURCE_BYTES = 2 ** 26, MOST_ELEMENTS = 2 ** 32 - 1;
const KINDS = {
  prototype: fillFromPrototype,
  "prototype-sign": fillFromPrototype,
  stored: restoreStored,
  constant: restoreConstant,
};

class Archive {
  #sections;
  #byName;
  #vector = null;
  #tools;

  constructor(header, manifest, sections) {
    const { about, architecture, prototype, restored_sha256, tensors } = manifest;
    Object.assign(this, { header, about, architecture, prototype, tensors, restored_sha256 });
    this.sections = [...manifest.sections.values()];
    this.#sections = sections;
    this.#byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    const payload = (name) => sections.payload(name);
    const vector = () => (this.#vector ??= firstOfVector(prototype, payload, neededOfVector(prototype, tensors)));
    this.#tools = { payload, vector, prototype };
  }

  /** One tensor: its dtype, its shape and a typed array; bf16 and f16 as bit patterns in u16. */
  tensor(name) {
    const { dtype, shape, bytes } = this.#restore(this.#find(name));
    return asTensor(dtype, shape, bytes);
  }

  /** Which elements of a tensor are selected: a byte for each, 0 or 1. */
  mask(name) {
    const tensor = this.#find(name);
    if (tensor.sha256 !== null) this.#restore(tensor);
    return this.#places(tensor).selected ?? allocate(Uint8Array, tensor.elements, name).fill(1);
  }

  /** All tensors by their names, once the digest over all of them is compared. */
  restore() {
    const found = new Map();
    this.#compare(this.#digests(found));
    return found;
  }

  /** Check all that the archive promises (sections 8 and 10); the digests of its tensors by name. */
  verify() {
    for (const { name } of this.sections) this.#sections.payload(name);
    this.source();
    const digests = this.#digests(null);
    this.#compare(digests);
    return digests;
  }

  /** The payload of a section, whose digest is compared first. */
  section(name) {
    if (!this.sections.some((section) => section.name === name)) refuse(`the archive has no section ${quote(name)}`);
    return copyOf(this.#sections.payload(name), `the section ${name}`);
  }

  /** The text of the section `source`, or null; it is only read, never run. */
  source() {
    if (!this.sections.some((section) => section.name === "source")) return null;
    const frame = this.#sections.payload("source"), size = frameSize(frame, "the section source");
    if (size < 1 || size > MAX_SOURCE_BYTES) {
      refuse(`the section source: expected a text of 1 to ${MAX_SOURCE_BYTES} bytes, got ${size}`);
    }
    return decodeText(decompress(frame, size, "the section source"), "the section source");
  }

  #find(name) {
    const tensor = this.#byName.get(name);
    if (tensor === undefined) refuse(`the archive has no tensor ${quote(name)}`);
    return tensor.values.kind === "alias" ? this.#byName.get(tensor.values.of) : tensor;
  }

  #places(tensor) {
    const { name, elements } = tensor;
    if (elements > MOST_ELEMENTS) {
      refuse(`${name}: ${elements} elements are more than this reader restores, which is ${MOST_ELEMENTS}`);
    }
    return placesOf(tensor, this.#tools);
  }

  /** Restore a record that is no alias: what it is, its bytes, and its digest where that is needed. */
  #restore(tensor, digested = false) {
    const { name, dtype, shape, values, sha256 } = tensor;
    const bytes = KINDS[values.kind](tensor, this.#places(tensor), this.#tools);
    const digest = digested || sha256 !== null ? tensorDigest(tensor, bytes) : null;
    if (sha256 !== null && digest !== sha256) refuse(`${name}: its digest is not that of what is restored`);
    return { dtype, shape, bytes, digest };
  }

  /** Restore one tensor after the other, keep them where that is asked for, and return their digests. */
  #digests(kept) {
    const digests = new Map();
    for (const record of this.tensors) {
      const { name, values } = record, { of } = values;
      const one = of === undefined ? this.#restore(record, true) : null;
      digests.set(name, one === null ? digests.get(of) : one.digest);
      kept?.set(name, one === null ? kept.get(of) : asTensor(one.dtype, one.shape, one.bytes));
    }
    return digests;
  }

  #compare(digests) {
    if (restoredDigest(digests) !== this.restored_sha256) {
      refuse("restored_sha256: the digest is not that of the restored tensors");
    }
  }
}

function asTensor(dtype, shape, bytes) {
  const { Type } = DTYPES[dtype];
  const data = new Type(bytes.buffer, bytes.byteOffset, bytes.length / Type.BYTES_PER_ELEMENT);
  return { dtype, shape: [...shape], data };
}

/** What the header says of all tensors, and the version it has, against the manifest. */
function compareTotals(header, { sections, tensors }) {
  let elements = 0, restored = 0;
  for (const tensor of tensors) {
    if (tensor.values.kind === "alias") continue;
    elements += tensor.elements;
    restored += tensor.bytes;
  }
  const totals = { elements, restored, sections: sections.size };
  for (const [key, total] of Object.entries(totals)) if (header[key] !== total) {
    refuse(`header: expected ${total} for ${key}, which the manifest says, got ${header[key]}`);
  }
  const minor = header.coding === COMPACT || tensors.some(isOfMinor1) ? 1 : 0;
  if (header.minor !== minor) refuse(`header: version 1.${header.minor}, expected 1.${minor} for what is in the file`);
}

function manifestBytes(bytes, { stored, raw, coding }) {
  const own = bytes.subarray(HEADER_BYTES, HEADER_BYTES + stored);
  return coding === PLAIN ? own : decompress(own, raw, "manifest", coding === COMPACT ? dictionary() : undefined);
}

function bytesOf(data) {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (!(data instanceof ArrayBuffer)) refuse(`open: expected an ArrayBuffer or a typed array, got ${quote(data)}`);
  return new Uint8Array(data);
}

/**
 * Open an archive: all that listing it needs is checked (steps 1 to 8 of section 10.1).
 * @param {Uint8Array | ArrayBuffer} data the whole file, which is not copied and must not change
 * @param limits see index.d.ts
 * @throws {PemnError} if the file is not a right archive, or is beyond a limit
 */
function open(data, limits) {
  const bytes = bytesOf(data);
  const most = readLimits(limits), header = readHeader(bytes, most), compact = header.coding === COMPACT;
  const manifest = readManifest(manifestBytes(bytes, header), compact), { prototype } = manifest;
  compareTotals(header, manifest);
  if (prototype !== null) {
    for (const length of [prototype.length, prototype.vector]) {
      within(length, most.elements, "the length of the prototype");
      within(4 * length, most.restoredBytes, "bytes of the prototype");
    }
  }
  return new Archive(header, manifest, new Sections(bytes, manifest, HEADER_BYTES + header.stored, compact));
}
return { open };
})();
const m42 = (() => {
// The closed list of operators: the lines of ../../../operators.txt (section 14.3 of SPEC.md).
const OPERATORS = String.raw`
# The operators of a graph, version 1: name(arguments) -> results, as in PyTorch's ATen 2.6, without what places a tensor in memory.
__and__.Tensor(Tensor self, Tensor other) -> Tensor
__or__.Tensor(Tensor self, Tensor other) -> Tensor
__xor__.Tensor(Tensor self, Tensor other) -> Tensor
_to_copy(Tensor self, *, ScalarType? dtype=None, MemoryFormat? memory_format=None) -> Tensor
_unsafe_index.Tensor(Tensor self, Tensor?[] indices) -> Tensor
_unsafe_view(Tensor self, int[] size) -> Tensor
abs(Tensor self) -> Tensor
acos(Tensor self) -> Tensor
adaptive_avg_pool1d(Tensor self, int[1] output_size) -> Tensor
adaptive_avg_pool2d(Tensor self, int[2] output_size) -> Tensor
adaptive_avg_pool3d(Tensor self, int[3] output_size) -> Tensor
adaptive_max_pool1d(Tensor self, int[1] output_size) -> (Tensor, Tensor)
adaptive_max_pool2d(Tensor self, int[2] output_size) -> (Tensor, Tensor)
add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor
add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor
addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor
addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor
addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor
adjoint(Tensor self) -> Tensor
affine_grid_generator(Tensor theta, int[] size, bool align_corners) -> Tensor
all(Tensor self) -> Tensor
all.dim(Tensor self, int dim, bool keepdim=False) -> Tensor
amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor
amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor
any(Tensor self) -> Tensor
any.dim(Tensor self, int dim, bool keepdim=False) -> Tensor
arange(Scalar end, *, ScalarType? dtype=None) -> Tensor
arange.start(Scalar start, Scalar end, *, ScalarType? dtype=None) -> Tensor
arange.start_step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None) -> Tensor
argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor
argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor
argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor
asin(Tensor self) -> Tensor
atan(Tensor self) -> Tensor
atan2(Tensor self, Tensor other) -> Tensor
avg_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], bool ceil_mode=False, bool count_include_pad=True) -> Tensor
avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor
avg_pool3d(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor
baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor
batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor
bitwise_and.Scalar(Tensor self, Scalar other) -> Tensor
bitwise_and.Tensor(Tensor self, Tensor other) -> Tensor
bitwise_left_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor
bitwise_not(Tensor self) -> Tensor
bitwise_or.Scalar(Tensor self, Scalar other) -> Tensor
bitwise_or.Tensor(Tensor self, Tensor other) -> Tensor
bitwise_right_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor
bitwise_xor.Tensor(Tensor self, Tensor other) -> Tensor
bmm(Tensor self, Tensor mat2) -> Tensor
broadcast_to(Tensor self, int[] size) -> Tensor
cat(Tensor[] tensors, int dim=0) -> Tensor
cdist(Tensor x1, Tensor x2, float p=2., int? compute_mode=None) -> Tensor
ceil(Tensor self) -> Tensor
celu(Tensor self, Scalar alpha=1.) -> Tensor
channel_shuffle(Tensor self, int groups) -> Tensor
chunk(Tensor self, int chunks, int dim=0) -> Tensor[]
clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor
clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor
clamp_max(Tensor self, Scalar max) -> Tensor
clamp_min(Tensor self, Scalar min) -> Tensor
clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor
col2im(Tensor self, int[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor
concat(Tensor[] tensors, int dim=0) -> Tensor
concatenate(Tensor[] tensors, int dim=0) -> Tensor
constant_pad_nd(Tensor self, int[] pad, Scalar value=0) -> Tensor
contiguous(Tensor self, *, MemoryFormat memory_format=0) -> Tensor
conv1d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=[1], int[1] padding=[0], int[1] dilation=[1], int groups=1) -> Tensor
conv1d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=[1], str padding="valid", int[1] dilation=[1], int groups=1) -> Tensor
conv2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=[1, 1], int[2] padding=[0, 0], int[2] dilation=[1, 1], int groups=1) -> Tensor
conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=[1, 1], str padding="valid", int[2] dilation=[1, 1], int groups=1) -> Tensor
conv3d(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=[1, 1, 1], int[3] padding=[0, 0, 0], int[3] dilation=[1, 1, 1], int groups=1) -> Tensor
conv3d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=[1, 1, 1], str padding="valid", int[3] dilation=[1, 1, 1], int groups=1) -> Tensor
conv_transpose1d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=[1], int[1] padding=[0], int[1] output_padding=[0], int groups=1, int[1] dilation=[1]) -> Tensor
conv_transpose2d.input(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=[1, 1], int[2] padding=[0, 0], int[2] output_padding=[0, 0], int groups=1, int[2] dilation=[1, 1]) -> Tensor
conv_transpose3d.input(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=[1, 1, 1], int[3] padding=[0, 0, 0], int[3] output_padding=[0, 0, 0], int groups=1, int[3] dilation=[1, 1, 1]) -> Tensor
copy(Tensor self, Tensor src) -> Tensor
cos(Tensor self) -> Tensor
cosh(Tensor self) -> Tensor
cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor
count_nonzero(Tensor self, int? dim=None) -> Tensor
cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor
cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor
diagonal(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor
diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor
diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor
div.Scalar(Tensor self, Scalar other) -> Tensor
div.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor
div.Tensor(Tensor self, Tensor other) -> Tensor
div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor
dot(Tensor self, Tensor tensor) -> Tensor
einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor
elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor
embedding(Tensor weight, Tensor indices, int padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor
eq.Scalar(Tensor self, Scalar other) -> Tensor
eq.Tensor(Tensor self, Tensor other) -> Tensor
erf(Tensor self) -> Tensor
erfc(Tensor self) -> Tensor
exp(Tensor self) -> Tensor
exp2(Tensor self) -> Tensor
expand(Tensor self, int[] size, *, bool implicit=False) -> Tensor
expand_as(Tensor self, Tensor other) -> Tensor
expm1(Tensor self) -> Tensor
eye(int n, *, ScalarType? dtype=None) -> Tensor
eye.m(int n, int m, *, ScalarType? dtype=None) -> Tensor
fill.Scalar(Tensor self, Scalar value) -> Tensor
fill.Tensor(Tensor self, Tensor value) -> Tensor
flatten.using_ints(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor
flip(Tensor self, int[] dims) -> Tensor
floor(Tensor self) -> Tensor
floor_divide(Tensor self, Tensor other) -> Tensor
floor_divide.Scalar(Tensor self, Scalar other) -> Tensor
fmod.Scalar(Tensor self, Scalar other) -> Tensor
frac(Tensor self) -> Tensor
full(int[] size, Scalar fill_value, *, ScalarType? dtype=None) -> Tensor
full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None, MemoryFormat? memory_format=None) -> Tensor
gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor
ge.Scalar(Tensor self, Scalar other) -> Tensor
ge.Tensor(Tensor self, Tensor other) -> Tensor
gelu(Tensor self, *, str approximate="none") -> Tensor
glu(Tensor self, int dim=-1) -> Tensor
grid_sampler(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor
group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enabled=True) -> Tensor
gru.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)
gt.Scalar(Tensor self, Scalar other) -> Tensor
gt.Tensor(Tensor self, Tensor other) -> Tensor
hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor
hardsigmoid(Tensor self) -> Tensor
hardswish(Tensor self) -> Tensor
hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor
hstack(Tensor[] tensors) -> Tensor
hypot(Tensor self, Tensor other) -> Tensor
im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor
index.Tensor(Tensor self, Tensor?[] indices) -> Tensor
index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor
index_fill.int_Scalar(Tensor self, int dim, Tensor index, Scalar value) -> Tensor
index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor
index_select(Tensor self, int dim, Tensor index) -> Tensor
instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool use_input_stats, float momentum, float eps, bool cudnn_enabled) -> Tensor
isfinite(Tensor self) -> Tensor
isinf(Tensor self) -> Tensor
isnan(Tensor self) -> Tensor
layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enable=True) -> Tensor
le.Scalar(Tensor self, Scalar other) -> Tensor
le.Tensor(Tensor self, Tensor other) -> Tensor
leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor
lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor
lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor
linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor
linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor
linspace(Scalar start, Scalar end, int steps, *, ScalarType? dtype=None) -> Tensor
log(Tensor self) -> Tensor
log1p(Tensor self) -> Tensor
log2(Tensor self) -> Tensor
log_sigmoid(Tensor self) -> Tensor
log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor
logical_and(Tensor self, Tensor other) -> Tensor
logical_not(Tensor self) -> Tensor
logical_or(Tensor self, Tensor other) -> Tensor
logical_xor(Tensor self, Tensor other) -> Tensor
logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor
lstm.input(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)
lt.Scalar(Tensor self, Scalar other) -> Tensor
lt.Tensor(Tensor self, Tensor other) -> Tensor
mT(Tensor self) -> Tensor
masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor
masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor
masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor
matmul(Tensor self, Tensor other) -> Tensor
max(Tensor self) -> Tensor
max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)
max.other(Tensor self, Tensor other) -> Tensor
max_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], int[1] dilation=[1], bool ceil_mode=False) -> Tensor
max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor
max_pool2d_with_indices(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> (Tensor, Tensor)
max_pool3d(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, int[3] dilation=1, bool ceil_mode=False) -> Tensor
maximum(Tensor self, Tensor other) -> Tensor
mean(Tensor self, *, ScalarType? dtype=None) -> Tensor
mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor
meshgrid.indexing(Tensor[] tensors, *, str indexing) -> Tensor[]
min(Tensor self) -> Tensor
min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)
min.other(Tensor self, Tensor other) -> Tensor
minimum(Tensor self, Tensor other) -> Tensor
mish(Tensor self) -> Tensor
mm(Tensor self, Tensor mat2) -> Tensor
movedim.int(Tensor self, int source, int destination) -> Tensor
movedim.intlist(Tensor self, int[] source, int[] destination) -> Tensor
mul.Scalar(Tensor self, Scalar other) -> Tensor
mul.Tensor(Tensor self, Tensor other) -> Tensor
mv(Tensor self, Tensor vec) -> Tensor
nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor
narrow(Tensor self, int dim, int start, int length) -> Tensor
ne.Scalar(Tensor self, Scalar other) -> Tensor
ne.Tensor(Tensor self, Tensor other) -> Tensor
neg(Tensor self) -> Tensor
new_full(Tensor self, int[] size, Scalar fill_value, *, ScalarType? dtype=None) -> Tensor
new_ones(Tensor self, int[] size, *, ScalarType? dtype=None) -> Tensor
new_zeros(Tensor self, int[] size, *, ScalarType? dtype=None) -> Tensor
norm.Scalar(Tensor self, Scalar p=2) -> Tensor
norm.ScalarOpt_dim(Tensor self, Scalar? p, int[1] dim, bool keepdim=False) -> Tensor
norm.ScalarOpt_dim_dtype(Tensor self, Scalar? p, int[1] dim, bool keepdim, *, ScalarType dtype) -> Tensor
numpy_T(Tensor self) -> Tensor
one_hot(Tensor self, int num_classes=-1) -> Tensor
ones(int[] size, *, ScalarType? dtype=None) -> Tensor
ones_like(Tensor self, *, ScalarType? dtype=None, MemoryFormat? memory_format=None) -> Tensor
outer(Tensor self, Tensor vec2) -> Tensor
pad(Tensor self, int[] pad, str mode="constant", float? value=None) -> Tensor
pairwise_distance(Tensor x1, Tensor x2, float p=2., float eps=9.9999999999999995e-07, bool keepdim=False) -> Tensor
permute(Tensor self, int[] dims) -> Tensor
pixel_shuffle(Tensor self, int upscale_factor) -> Tensor
pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor
pow.Scalar(Scalar self, Tensor exponent) -> Tensor
pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor
pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor
prelu(Tensor self, Tensor weight) -> Tensor
prod(Tensor self, *, ScalarType? dtype=None) -> Tensor
prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor
reciprocal(Tensor self) -> Tensor
reflection_pad1d(Tensor self, int[2] padding) -> Tensor
reflection_pad2d(Tensor self, int[4] padding) -> Tensor
relu(Tensor self) -> Tensor
relu6(Tensor self) -> Tensor
remainder.Scalar(Tensor self, Scalar other) -> Tensor
remainder.Tensor(Tensor self, Tensor other) -> Tensor
repeat(Tensor self, int[] repeats) -> Tensor
repeat_interleave.self_Tensor(Tensor self, Tensor repeats, int? dim=None, *, int? output_size=None) -> Tensor
repeat_interleave.self_int(Tensor self, int repeats, int? dim=None, *, int? output_size=None) -> Tensor
replication_pad1d(Tensor self, int[2] padding) -> Tensor
replication_pad2d(Tensor self, int[4] padding) -> Tensor
reshape(Tensor self, int[] shape) -> Tensor
reshape_as(Tensor self, Tensor other) -> Tensor
rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor
rnn_relu.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)
rnn_tanh.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)
roll(Tensor self, int[1] shifts, int[1] dims=[]) -> Tensor
rot90(Tensor self, int k=1, int[] dims=[0, 1]) -> Tensor
round(Tensor self) -> Tensor
rsqrt(Tensor self) -> Tensor
rsub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor
rsub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor
scalar_tensor(Scalar s, *, ScalarType? dtype=None) -> Tensor
scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0., bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor
scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor
scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor
scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor
scatter_reduce.two(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> Tensor
select.int(Tensor self, int dim, int index) -> Tensor
select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor
selu(Tensor self) -> Tensor
sgn(Tensor self) -> Tensor
sigmoid(Tensor self) -> Tensor
sign(Tensor self) -> Tensor
silu(Tensor self) -> Tensor
sin(Tensor self) -> Tensor
sinh(Tensor self) -> Tensor
size.add(int a, int b) -> int
size.floordiv(int a, int b) -> int
size.max(int a, int b) -> int
size.min(int a, int b) -> int
size.mod(int a, int b) -> int
size.mul(int a, int b) -> int
size.neg(int a) -> int
size.sub(int a, int b) -> int
slice.Tensor(Tensor self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor
slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor
softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor
softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor
softshrink(Tensor self, Scalar lambd=0.5) -> Tensor
sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)
split.Tensor(Tensor self, int split_size, int dim=0) -> Tensor[]
split.sizes(Tensor self, int[] split_size, int dim=0) -> Tensor[]
split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]
sqrt(Tensor self) -> Tensor
square(Tensor self) -> Tensor
squeeze(Tensor self) -> Tensor
squeeze.dim(Tensor self, int dim) -> Tensor
squeeze.dims(Tensor self, int[] dim) -> Tensor
stack(Tensor[] tensors, int dim=0) -> Tensor
std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor
std.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor
std_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, Tensor)
sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor
sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor
sum(Tensor self, *, ScalarType? dtype=None) -> Tensor
sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor
swapaxes(Tensor self, int axis0, int axis1) -> Tensor
swapdims(Tensor self, int dim0, int dim1) -> Tensor
sym_size.int(Tensor self, int dim) -> int
t(Tensor self) -> Tensor
take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor
tan(Tensor self) -> Tensor
tanh(Tensor self) -> Tensor
tensor_split.sections(Tensor self, int sections, int dim=0) -> Tensor[]
threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor
tile(Tensor self, int[] dims) -> Tensor
to.dtype(Tensor self, ScalarType dtype, bool copy=False, MemoryFormat? memory_format=None) -> Tensor
topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)
transpose.int(Tensor self, int dim0, int dim1) -> Tensor
tril(Tensor self, int diagonal=0) -> Tensor
triu(Tensor self, int diagonal=0) -> Tensor
true_divide.Tensor(Tensor self, Tensor other) -> Tensor
trunc(Tensor self) -> Tensor
tuple.get(Any[] values, int index) -> Any
type_as(Tensor self, Tensor other) -> Tensor
unbind.int(Tensor self, int dim=0) -> Tensor[]
unflatten.int(Tensor self, int dim, int[] sizes) -> Tensor
unfold(Tensor self, int dimension, int size, int step) -> Tensor
unsafe_chunk(Tensor self, int chunks, int dim=0) -> Tensor[]
unsafe_split.Tensor(Tensor self, int split_size, int dim=0) -> Tensor[]
unsqueeze(Tensor self, int dim) -> Tensor
upsample_bicubic2d.vec(Tensor input, int[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor
upsample_bilinear2d.vec(Tensor input, int[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor
upsample_linear1d.vec(Tensor input, int[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor
upsample_nearest1d.vec(Tensor input, int[]? output_size, float[]? scale_factors) -> Tensor
upsample_nearest2d.vec(Tensor input, int[]? output_size, float[]? scale_factors) -> Tensor
upsample_nearest3d.vec(Tensor input, int[]? output_size, float[]? scale_factors) -> Tensor
upsample_trilinear3d.vec(Tensor input, int[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor
var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor
var.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor
var_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, Tensor)
view(Tensor self, int[] size) -> Tensor
view_as(Tensor self, Tensor other) -> Tensor
vstack(Tensor[] tensors) -> Tensor
where.Scalar(Tensor condition, Scalar self, Scalar other) -> Tensor
where.ScalarOther(Tensor condition, Tensor self, Scalar other) -> Tensor
where.ScalarSelf(Tensor condition, Scalar self, Tensor other) -> Tensor
where.self(Tensor condition, Tensor self, Tensor other) -> Tensor
zero(Tensor self) -> Tensor
zeros(int[] size, *, ScalarType? dtype=None) -> Tensor
zeros_like(Tensor self, *, ScalarType? dtype=None, MemoryFormat? memory_format=None) -> Tensor
`;
return { OPERATORS };
})();
const m43 = (() => {
// Arguments and trees as a graph spells them (section 14.2 of SPEC.md). A value of another node is { ref },
// a binary64 { float }, a dtype { dtype }, a text { text }; integers, true, false and null are themselves.
const { quote, refuse } = m0;
const { fromHex } = m1;
const { array, choice } = m5;
const { DTYPES } = m3;

const MOST_TEXT = 1000, MOST_KEY = 255;
const PRINTABLE = /^(?:[^\p{C}\p{Z}]| )*$/u;

const binary64 = (float) => ({ float });
const dtypeOf = (dtype) => ({ dtype });
const text = (words) => ({ text: words });
const isRef = (value) => value !== null && typeof value === "object" && "ref" in value;

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
const argument = (value, where) =>
  Array.isArray(value) ? value.map((item) => single(item, where)) : single(value, where);

/** Read a tree: { list }, { tuple }, or { dict } as pairs; or a leaf. */
function tree(value, where) {
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
function references(value) {
  if (value === null || typeof value !== "object") return [];
  if (Array.isArray(value)) return value.flatMap(references);
  if ("ref" in value) return [value.ref];
  if ("dict" in value) return value.dict.flatMap(([, item]) => references(item));
  return references(value.list ?? value.tuple ?? null);
}

/** One text for each argument: what has another value, or another type, has another text. */
function spelled(value) {
  if (Array.isArray(value)) return `[${value.map(spelled).join(",")}]`;
  if (value === null || typeof value !== "object") return String(value);
  if ("float" in value) return `#${Object.is(value.float, -0) ? "-0" : value.float}`;
  return JSON.stringify(value);
}

/** An argument as a message tells it. */
function told(value) {
  return Array.isArray(value) ? "a list" : quote(spelled(value));
}
return { argument, binary64, isRef, references, spelled, text, told, tree };
})();
const m44 = (() => {
// What each operator takes and gives, read from the list (section 14.3 of SPEC.md).
const { OPERATORS } = m42;
const { binary64, text } = m43;

const MEMORY_FORMATS = ["contiguous", "preserve", "channels_last", "channels_last_3d"]; // as ATen counts
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
function operators() {
  const lines = () => OPERATORS.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  known ??= new Map(lines().map((line) => [line.slice(0, line.indexOf("(")), schema(line)]));
  return known;
}

return { MEMORY_FORMATS, operators };
})();
const m45 = (() => {
// What single fields of a graph cannot show: that arguments are of the types that operators take, and
// that every value is used. The kind of a value is the type of a result, or an array of them.
const { refuse } = m0;
const { MEMORY_FORMATS } = m44;
const { isRef, references, spelled, told } = m43;

const MOST_RESULTS = 2 ** 16, TENSOR = "Tensor", INTEGER = "int", LISTED = "Tensor[]";
const FLOATING = ["f32", "f64", "f16", "bf16"], RUNNING = ["batch_norm", "instance_norm"];

/** Refuse a graph whose values and uses do not fit together. */
function check(graph) {
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
function checkBuffers({ buffers, nodes, inputs, tensors }, dtypes) {
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
return { check, checkBuffers };
})();
const m46 = (() => {
// The section `graph` (section 14 of SPEC.md): every field is checked on its own, then all of them
// together, and nothing is allocated on the word of a field that has not been checked.
const { PemnError, quote, refuse } = m0;
const { copyOf, u32 } = m1;
const { isBefore } = m2;
const { isObject, parse } = m4;
const { DTYPES } = m3;
const { array, choice, fields, integer, MAX_ELEMENTS, name } = m5;
const { decompress, frameSize } = m35;
const { check, checkBuffers } = m45;
const { operators } = m44;
const { argument, references, tree } = m43;

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
function readGraph(frame, dtypes, limits) {
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
return { readGraph };
})();
const m47 = (() => {
// Tensors as operators hold them: dtype, shape and elements in C order. i64 is held in binary64 (whole
// numbers up to 2^53), f16 and bf16 in binary32. A kernel's first argument makes new tensors, within limits.
const { refuse } = m0;

/** The typed array that holds elements of a dtype. */
const HELD = {
  bool: Uint8Array, u8: Uint8Array, i8: Int8Array, i16: Int16Array, i32: Int32Array, i64: Float64Array,
  bf16: Float32Array, f16: Float32Array, f32: Float32Array, f64: Float64Array,
};

const isFloating = (dtype) => dtype === "f32" || dtype === "f64" || dtype === "f16" || dtype === "bf16";

const isTensor = (value) => value !== null && typeof value === "object" && "shape" in value && "dtype" in value;

const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1);

/** Other sizes for the same elements; one of them may be -1. */
function view(t, sizes) {
  const shape = [...sizes], whole = sizeOf(t.shape), open = shape.indexOf(-1);
  if (open >= 0) shape[open] = whole / -sizeOf(shape);
  if (sizeOf(shape) !== whole || !shape.every((size) => Number.isInteger(size) && size >= 0)) {
    refuse(`shape ${told(t.shape)} cannot be viewed as ${told(sizes)}`);
  }
  return { dtype: t.dtype, shape, data: t.data };
}

const told = (shape) => `[${shape.join(", ")}]`;

/** A dimension counted from the front; that of a tensor without any is 0 or -1. */
function axisOf(dim, rank) {
  const most = Math.max(rank, 1);
  if (!(dim >= -most && dim < most)) refuse(`dimension ${dim} of a tensor that has ${rank}`);
  return dim < 0 ? dim + most : dim;
}

/** So many integers: one, alone or in a list, stands for all. */
function several(value, count) {
  const given = Array.isArray(value) ? value : [value];
  if (given.length === 1) return Array(count).fill(given[0]);
  if (given.length !== count) refuse(`expected ${count} numbers, got ${given.length}`);
  return given;
}

/** How far apart in the elements the neighbours along each dimension are. */
function stepsOf(shape) {
  const steps = Array(shape.length);
  for (let i = shape.length - 1, step = 1; i >= 0; step *= shape[i], i--) steps[i] = step;
  return steps;
}

/** The shape that all are stretched to. */
function common(shapes) {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length)), found = Array(rank).fill(1);
  for (const shape of shapes) shape.forEach((size, i) => {
    const place = rank - shape.length + i;
    if (found[place] !== size && found[place] !== 1 && size !== 1) {
      refuse(`shapes ${shapes.map(told).join(" and ")} do not go together`);
    }
    if (found[place] === 1) found[place] = size;
  });
  return found;
}

/** The steps of a tensor that is stretched to a shape: 0 where it is repeated. */
function stretched(t, shape) {
  const own = stepsOf(t.shape), ahead = shape.length - t.shape.length;
  if (ahead < 0 || t.shape.some((size, i) => size !== 1 && size !== shape[i + ahead])) {
    refuse(`shape ${told(t.shape)} cannot be stretched to ${told(shape)}`);
  }
  return shape.map((size, i) => (i < ahead || t.shape[i - ahead] !== size ? 0 : own[i - ahead]));
}

/** Dimensions without those of size 1, and with those in one that lie one behind the other for all. */
function joined(shape, steps) {
  const sizes = [], all = steps.map(() => []);
  shape.forEach((size, i) => {
    if (size === 1) return;
    const last = sizes.length - 1;
    if (last >= 0 && steps.every((one, k) => all[k][last] === one[i] * size)) {
      sizes[last] *= size;
      steps.forEach((one, k) => (all[k][last] = one[i]));
    } else {
      sizes.push(size);
      steps.forEach((one, k) => all[k].push(one[i]));
    }
  });
  return { sizes, all };
}

/**
 * Walk some tensors in C order of a shape, run by run: `visit(at, count, by)` gets where each one's run
 * starts, how long it is, and how far apart the run's elements are.
 */
function walk(shape, steps, starts, visit) {
  if (shape.includes(0)) return;
  const { sizes, all } = joined(shape, steps), last = sizes.length - 1, at = [...starts];
  const count = last < 0 ? 1 : sizes[last], by = all.map((one) => (last < 0 ? 0 : one[last]));
  const place = Array(Math.max(last, 0)).fill(0);
  for (;;) {
    visit(at, count, by);
    let i = last - 1;
    for (; i >= 0; i--) {
      const more = ++place[i] < sizes[i];
      for (let k = 0; k < at.length; k++) at[k] += more ? all[k][i] : -all[k][i] * (sizes[i] - 1);
      if (more) break;
      place[i] = 0;
    }
    if (i < 0) return;
  }
}

/** Copy the elements of a tensor that steps through it find: those of a view, in an order of their own. */
function taken(make, t, shape, steps, start = 0) {
  const out = make(t.dtype, shape), to = out.data, from = t.data;
  let o = 0;
  walk(shape, [steps], [start], ([at], count, [by]) => {
    if (by === 1) to.set(from.subarray(at, at + count), o);
    else for (let i = 0, a = at; i < count; i++, a += by) to[o + i] = from[a];
    o += count;
  });
  return out;
}

/** A tensor with its dimensions in another order. */
function permuted(make, t, order) {
  if (order.every((axis, i) => axis === i)) return t;
  const steps = stepsOf(t.shape);
  return taken(make, t, order.map((axis) => t.shape[axis]), order.map((axis) => steps[axis]));
}

/** The part of a tensor from `start` on along one dimension: so many, so far apart. */
function part(make, t, axis, start, count, step = 1) {
  if (start === 0 && count === t.shape[axis] && step === 1) return t;
  const steps = stepsOf(t.shape), first = start * steps[axis];
  const shape = t.shape.map((size, i) => (i === axis ? count : size));
  return taken(make, t, shape, steps.map((one, i) => (i === axis ? one * step : one)), first);
}

/** The elements at some places along one dimension. */
function picked(make, t, axis, places) {
  const inner = sizeOf(t.shape.slice(axis + 1)), size = t.shape[axis], outer = sizeOf(t.shape.slice(0, axis));
  const out = make(t.dtype, t.shape.map((one, i) => (i === axis ? places.length : one)));
  for (let n = 0, o = 0; n < outer; n++) for (const place of places) {
    const start = (n * size + place) * inner;
    if (inner === 1) out.data[o] = t.data[start];
    else out.data.set(t.data.subarray(start, start + inner), o);
    o += inner;
  }
  return out;
}

const withoutAxis = (shape, axis) => shape.filter((_, i) => i !== axis);
return { HELD, axisOf, common, isFloating, isTensor, part, permuted, picked, several, sizeOf, stepsOf, stretched, taken, told, view, walk, withoutAxis };
})();
const m48 = (() => {
// Types of values as operators mix them: PyTorch's promotion (format_spec/OPERATORS.md, Types).
const { refuse } = m0;
const { HELD, isFloating, isTensor } = m47;

const WIDTH = { bool: 0, u8: 1, i8: 1, i16: 2, i32: 4, i64: 8, f16: 2, bf16: 2, f32: 4, f64: 8 };
const OF_NUMBER = { bool: "bool", int: "i64", float: "f32" };

/** A plain number that is an operand, with its kind: bool, int or float. */
const number = (value, kind) => ({ number: value, kind });

/** The JavaScript number of a Scalar, or of a tensor of one element. */
function plain(value) {
  if (!isTensor(value)) return value !== null && typeof value === "object" ? value.number : value;
  if (value.data.length !== 1) refuse(`expected one element, got ${value.data.length}`);
  return value.data[0];
}

function promoted(first, second) {
  if (first === null || second === null || first === second) return first ?? second;
  const floats = [first, second].filter(isFloating);
  if (floats.length === 2 && WIDTH[first] === WIDTH[second]) return "f32"; // f16 and bf16
  if (floats.length > 0) return floats.reduce((a, b) => (WIDTH[b] > WIDTH[a] ? b : a));
  const [narrow, wide] = WIDTH[first] <= WIDTH[second] ? [first, second] : [second, first];
  return narrow === "u8" && wide === "i8" || narrow === "i8" && wide === "u8" ? "i16" : wide;
}

const kindOf = (dtype) => (isFloating(dtype) ? 2 : dtype === "bool" ? 0 : 1);

function byKind(higher, lower) {
  if (higher === null || lower === null) return higher ?? lower;
  return kindOf(lower) > kindOf(higher) ? promoted(higher, lower) : higher;
}

/** The dtype that tensors and plain numbers give; null says nothing. */
function resultType(...operands) {
  let dimensioned = null, single = null, alone = null;
  for (const one of operands) {
    if (one === null) continue;
    if (!isTensor(one)) alone = promoted(alone, OF_NUMBER[one.kind ?? "float"]);
    else if (one.shape.length > 0) dimensioned = promoted(dimensioned, one.dtype);
    else single = promoted(single, one.dtype);
  }
  return byKind(dimensioned, byKind(single, alone));
}

/** A value as a tensor of a dtype; floating point is cut towards zero where integers are wanted. */
function cast(make, value, dtype) {
  if (dtype === null) return value;
  if (!isTensor(value)) {
    const held = Number(plain(value)), data = new HELD[dtype](1);
    data[0] = converter(dtype, true)(held);
    return { dtype, shape: [], data };
  }
  if (value.dtype === dtype) return value;
  const out = make(dtype, value.shape), convert = converter(dtype, isFloating(value.dtype)), { data } = value;
  for (let i = 0; i < data.length; i++) out.data[i] = convert(data[i]);
  return out;
}

function converter(dtype, fromFloating) {
  if (dtype === "bool") return (x) => (x !== 0 ? 1 : 0); // a NaN is true
  return fromFloating && dtype === "i64" ? Math.trunc : (x) => x;
}

/** All operands as tensors of one dtype. */
const together = (make, operands, dtype = resultType(...operands)) =>
  operands.map((one) => cast(make, one, dtype));

/** A floating-point tensor: integers and booleans become binary32. */
function floating(make, t) {
  return isTensor(t) && isFloating(t.dtype) ? t : cast(make, t, "f32");
}

/** Refuse numbers that are no integers where places are told. */
function needIntegers(t) {
  if (isFloating(t.dtype)) refuse(`expected integers, got ${t.dtype}`);
  return t;
}

function needFloating(t) {
  if (!isFloating(t.dtype)) refuse(`expected floating-point numbers, got ${t.dtype}`);
  return t;
}

function needAlike(...tensors) {
  const names = new Set(tensors.filter((one) => one !== null).map((one) => one.dtype));
  if (names.size > 1) refuse(`expected one dtype, got ${[...names].join(" and ")}`);
}
return { cast, floating, needAlike, needFloating, needIntegers, number, plain, resultType, together };
})();
const m49 = (() => {
// Arithmetic of one to three tensors, element by element; numbers may stand for tensors.
const { refuse } = m0;
const { common, isFloating, stretched, taken, walk } = m47;
const { cast, floating, number, plain, resultType, together } = m48;

/** A tensor of a function of each element. */
function mapped(make, t, work, dtype = t.dtype) {
  const out = make(dtype, t.shape), to = out.data, from = t.data;
  for (let i = 0; i < from.length; i++) to[i] = work(from[i]);
  return out;
}

/** A tensor of a function of the elements of two tensors, stretched to one shape. */
function zipped(make, a, b, work, dtype = a.dtype) {
  const shape = common([a.shape, b.shape]), out = make(dtype, shape), to = out.data, x = a.data, y = b.data;
  let o = 0;
  walk(shape, [stretched(a, shape), stretched(b, shape)], [0, 0], ([p, q], count, [n, m]) => {
    for (let i = 0; i < count; i++, p += n, q += m) to[o++] = work(x[p], y[q]);
  });
  return out;
}

function three(make, a, b, c, work, dtype) {
  const all = [a, b, c], shape = common(all.map((t) => t.shape)), out = make(dtype, shape), to = out.data;
  const [x, y, z] = all.map((t) => t.data), steps = all.map((t) => stretched(t, shape));
  let o = 0;
  walk(shape, steps, [0, 0, 0], ([p, q, r], count, [n, m, l]) => {
    for (let i = 0; i < count; i++, p += n, q += m, r += l) to[o++] = work(x[p], y[q], z[r]);
  });
  return out;
}

const two = (work) => (make, self, other) => {
  const [a, b] = together(make, [self, other]);
  return zipped(make, a, b, work(a.dtype));
};
const same = (work) => two(() => work);

const truth = (work) => (make, self, other) => {
  const [a, b] = together(make, [self, other]);
  return zipped(make, a, b, (x, y) => (work(x, y) ? 1 : 0), "bool");
};

const twoFloating = (work) => (make, self, other) => {
  const dtype = resultType(self, other);
  const [a, b] = together(make, [self, other], isFloating(dtype) ? dtype : "f32");
  return zipped(make, a, b, work);
};

function added(sign) {
  return (make, self, other, alpha) => {
    const [a, b] = together(make, [self, other]), factor = sign * plain(alpha);
    if (sign < 0 && a.dtype === "bool") refuse("bool tensors cannot be subtracted");
    if (a.dtype === "bool") return zipped(make, a, b, (x, y) => (x + factor * y !== 0 ? 1 : 0));
    return zipped(make, a, b, factor === 1 ? (x, y) => x + y : (x, y) => x + factor * y);
  };
}

const add = added(1), sub = added(-1);

const noZero = (t) => {
  if (!isFloating(t.dtype) && t.data.some((x) => x === 0)) refuse("integers divided by 0");
};
const divided = (work) => (make, self, other) => {
  const [a, b] = together(make, [self, other]);
  noZero(b);
  return zipped(make, a, b, work);
};
const divide = twoFloating((x, y) => x / y);
const floorDivide = divided((x, y) => (Math.abs(x) === Infinity && y !== 0 ? NaN : Math.floor(x / y)));
const truncDivide = divided((x, y) => Math.trunc(x / y));
const remainder = divided((x, y) => {
  const rest = x % y;
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
});

function divideMode(make, self, other, mode) {
  if (mode === null) return divide(make, self, other);
  if (mode !== "floor" && mode !== "trunc") refuse(`rounding_mode: expected floor or trunc, got ${mode}`);
  return (mode === "floor" ? floorDivide : truncDivide)(make, self, other);
}

const power = two((dtype) => (isFloating(dtype) ? raised : (x, y) => Math.trunc(raised(x, y))));
function powerOf(make, self, exponent) {
  if (plain(exponent) < 0 && !isFloating(resultType(self, exponent))) refuse("integers cannot be raised to a negative number");
  return power(make, self, exponent);
}
// Math.pow knows no 1 for a base of 1 and an exponent that is none, or infinite
const raised = (x, y) => (x === 1 ? 1 : x === -1 && Math.abs(y) === Infinity ? 1 : y === 2 ? x * x : x ** y);

const largest = (x, y) => (x !== x ? x : y !== y ? y : x > y ? x : y);
const smallest = (x, y) => (x !== x ? x : y !== y ? y : x < y ? x : y);

function clamp(make, self, least, most) {
  const dtype = resultType(self, least, most);
  let found = cast(make, self, dtype);
  if (least !== null) found = zipped(make, found, cast(make, least, dtype), largest);
  return most === null ? found : zipped(make, found, cast(make, most, dtype), smallest);
}

function where(make, condition, self, other) {
  const [a, b] = together(make, [self, other]);
  return three(make, condition, a, b, (c, x, y) => (c !== 0 ? x : y), a.dtype);
}

function maskedFill(make, self, mask, value) {
  if (mask.dtype !== "bool") refuse("expected a mask of bool");
  const filler = cast(make, number(plain(value), "float"), self.dtype);
  return three(make, mask, filler, self, (c, x, y) => (c !== 0 ? x : y), self.dtype);
}

function addcmul(make, self, first, second, value) {
  const [base, a, b] = together(make, [self, first, second]), factor = plain(value);
  return three(make, base, a, b, (x, y, z) => x + factor * y * z, base.dtype);
}

function addcdiv(make, self, first, second, value) {
  const all = together(make, [self, first, second]).map((t) => floating(make, t)), factor = plain(value);
  return three(make, ...all, (x, y, z) => x + (factor * y) / z, all[0].dtype);
}

function lerp(make, self, end, weight) {
  const dtype = resultType(self, end), all = together(make, [self, end, weight], dtype);
  return three(make, ...all, (x, y, w) => (Math.abs(w) < 0.5 ? x + w * (y - x) : y - (y - x) * (1 - w)), dtype);
}

function nanToNum(make, self, nan, posinf, neginf) {
  if (!isFloating(self.dtype)) return self;
  const most = { f64: Number.MAX_VALUE, f16: 65504, bf16: 3.3895313892515355e38, f32: 3.4028234663852886e38 }[self.dtype];
  const high = posinf ?? most, low = neginf ?? -most;
  return mapped(make, self, (x) => (x !== x ? nan ?? 0 : x === Infinity ? high : x === -Infinity ? low : x));
}

const filled = (make, self, value) => {
  const out = make(self.dtype, self.shape);
  out.data.fill(cast(make, number(plain(value), "float"), self.dtype).data[0]);
  return out;
};
const copy = (make, self, src) => taken(make, cast(make, src, self.dtype), self.shape, stretched(src, self.shape));

/** Of bits, which JavaScript has 32 of. */
const bits = (work, ofBool = work) => two((dtype) => (dtype === "bool" ? ofBool : (x, y) => {
  if (x !== (x | 0) || y !== (y | 0)) refuse("bits of integers beyond 32 bits are not computed here");
  return work(x, y);
}));
const shifted = (work) => two((dtype) => {
  if (isFloating(dtype)) refuse(`expected integers, got ${dtype}`);
  return work;
});
const and = bits((x, y) => x & y), or = bits((x, y) => x | y), xor = bits((x, y) => x ^ y);

const KERNELS = {
  "add.Scalar": add, "add.Tensor": add, "sub.Scalar": sub, "sub.Tensor": sub,
  "rsub.Scalar": (make, self, other, alpha) => sub(make, other, self, alpha),
  "rsub.Tensor": (make, self, other, alpha) => sub(make, other, self, alpha),
  "mul.Scalar": same((x, y) => x * y), "mul.Tensor": same((x, y) => x * y),
  "div.Scalar": divide, "div.Tensor": divide, "true_divide.Tensor": divide,
  "div.Scalar_mode": divideMode, "div.Tensor_mode": divideMode,
  floor_divide: floorDivide, "floor_divide.Scalar": floorDivide,
  "remainder.Scalar": remainder, "remainder.Tensor": remainder, "fmod.Scalar": divided((x, y) => x % y),
  "pow.Scalar": power, "pow.Tensor_Scalar": powerOf, "pow.Tensor_Tensor": power,
  addcmul, addcdiv, "lerp.Scalar": lerp, "lerp.Tensor": lerp,
  atan2: twoFloating(Math.atan2), hypot: twoFloating(Math.hypot),
  maximum: same(largest), minimum: same(smallest), "max.other": same(largest), "min.other": same(smallest),
  clamp, "clamp.Tensor": clamp, clamp_min: (make, self, least) => clamp(make, self, least, null),
  clamp_max: (make, self, most) => clamp(make, self, null, most),
  "where.self": where, "where.Scalar": where, "where.ScalarSelf": where, "where.ScalarOther": where,
  "masked_fill.Scalar": maskedFill, "masked_fill.Tensor": maskedFill, nan_to_num: nanToNum,
  copy, "fill.Scalar": filled, "fill.Tensor": filled, zero: (make, self) => make(self.dtype, self.shape),
  logical_and: truth((x, y) => x !== 0 && y !== 0), logical_or: truth((x, y) => x !== 0 || y !== 0),
  logical_xor: truth((x, y) => (x !== 0) !== (y !== 0)),
  "__and__.Tensor": and, "__or__.Tensor": or, "__xor__.Tensor": xor,
  "bitwise_and.Scalar": and, "bitwise_and.Tensor": and, "bitwise_or.Scalar": or, "bitwise_or.Tensor": or,
  "bitwise_xor.Tensor": xor, "bitwise_left_shift.Tensor_Scalar": shifted((x, y) => x * 2 ** y),
  "bitwise_right_shift.Tensor_Scalar": shifted((x, y) => Math.floor(x / 2 ** y)),
  ...Object.fromEntries(["Scalar", "Tensor"].flatMap((overload) => Object.entries({
    eq: truth((x, y) => x === y), ne: truth((x, y) => x !== y), lt: truth((x, y) => x < y),
    le: truth((x, y) => x <= y), gt: truth((x, y) => x > y), ge: truth((x, y) => x >= y),
  }).map(([name, kernel]) => [`${name}.${overload}`, kernel]))),
};
return { KERNELS, mapped, zipped };
})();
const m50 = (() => {
// Functions of one tensor, element by element.
const { refuse } = m0;
const { isFloating } = m47;
const { mapped } = m49;
const { floating } = m48;

/** Of real numbers: integers are taken as binary32. */
const real = (work) => (make, self) => mapped(make, floating(make, self), work);
/** In the dtype that is given. */
const same = (work) => (make, self) => mapped(make, self, work);
/** Of floating-point numbers: nothing is to be done for integers. */
const rounding = (work) => (make, self) => (isFloating(self.dtype) ? mapped(make, self, work) : self);
const tells = (work) => (make, self) => mapped(make, self, (x) => (work(x) ? 1 : 0), "bool");

/** To the nearest whole number; halves to the even one. */
function nearest(x) {
  const low = Math.floor(x), rest = x - low;
  return rest < 0.5 ? low : rest > 0.5 ? low + 1 : low % 2 === 0 ? low : low + 1;
}

const SERIES = 2 / Math.sqrt(Math.PI);

/** The error function: its series near 0, a continued fraction for what is left beyond. */
const erf = (x) => (Math.abs(x) < 2.5 ? series(x) : x !== x ? x : Math.sign(x) * (1 - tail(Math.abs(x))));
function erfc(x) {
  if (x !== x) return x;
  if (x > 1) return tail(x);
  return x < -2.5 ? 2 - tail(-x) : 1 - series(x);
}

function series(x) {
  const square = x * x;
  let term = x, sum = x;
  for (let n = 1; n < 60; n++) {
    term *= -square / n;
    const more = term / (2 * n + 1);
    sum += more;
    if (Math.abs(more) < 1e-17 * Math.abs(sum)) break;
  }
  return SERIES * sum;
}

function tail(x) {
  if (x > 27) return 0;
  let fraction = 0;
  for (let n = x > 2 ? 60 : 200; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

function neg(make, self) {
  if (self.dtype === "bool") refuse("bool tensors cannot be negated");
  return mapped(make, self, (x) => -x);
}

const sign = same((x) => (x > 0 ? 1 : x < 0 ? -1 : 0)); // that of a NaN is 0
const square = (make, self) => mapped(make, self, (x) => x * x, self.dtype === "bool" ? "i64" : self.dtype);

function inverted(make, self) {
  return mapped(make, self, self.dtype === "bool" ? (x) => 1 - x : (x) => -1 - x);
}

const KERNELS = {
  abs: same(Math.abs), neg, square, sign, sgn: sign, bitwise_not: inverted, logical_not: tells((x) => x === 0),
  ceil: rounding(Math.ceil), floor: rounding(Math.floor), trunc: rounding(Math.trunc), round: rounding(nearest),
  frac: rounding((x) => x - Math.trunc(x)),
  isnan: tells((x) => x !== x), isinf: tells((x) => Math.abs(x) === Infinity), isfinite: tells(Number.isFinite),
  acos: real(Math.acos), asin: real(Math.asin), atan: real(Math.atan), cos: real(Math.cos), cosh: real(Math.cosh),
  sin: real(Math.sin), sinh: real(Math.sinh), tan: real(Math.tan), tanh: real(Math.tanh),
  erf: real(erf), erfc: real(erfc), exp: real(Math.exp), exp2: real((x) => 2 ** x), expm1: real(Math.expm1),
  log: real(Math.log), log1p: real(Math.log1p), log2: real(Math.log2),
  reciprocal: real((x) => 1 / x), sqrt: real(Math.sqrt), rsqrt: real((x) => 1 / Math.sqrt(x)),
};
return { KERNELS, erf, nearest };
})();
const m51 = (() => {
// Activations, and what turns scores into shares.
const { refuse } = m0;
const { mapped, zipped } = m49;
const { axisOf, part, permuted, view } = m47;
const { cast, floating, needFloating, plain } = m48;
const { erf } = m50;

const SELU_ALPHA = 1.6732632423543772848170429916717, SELU_SCALE = 1.0507009873554804934193349852946;

const each = (work) => (make, self) => mapped(make, self, work);
/** An activation with numbers of its own. */
const with_ = (work) => (make, self, ...numbers) => mapped(make, self, work(...numbers.map(plain)));

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplusOf = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const between = (x, low, high) => (x < low ? low : x > high ? high : x);

const elu = (alpha, scale, inner) => (x) => (x <= 0 ? Math.expm1(x * inner) * (alpha * scale) : x * scale);

function gelu(make, self, approximate) {
  if (approximate === "none") return mapped(make, self, (x) => x * 0.5 * (1 + erf(x * Math.SQRT1_2)));
  if (approximate !== "tanh") refuse(`approximate: expected none or tanh, got ${approximate}`);
  const factor = Math.sqrt(2 / Math.PI);
  return mapped(make, self, (x) => 0.5 * x * (1 + Math.tanh(factor * (x + 0.044715 * x * x * x))));
}

function prelu(make, self, weight) {
  const rank = self.shape.length, spread = rank > 1 && weight.shape.length > 0;
  const factors = spread ? view(weight, [-1, ...Array(rank - 2).fill(1)]) : weight;
  return zipped(make, self, cast(make, factors, self.dtype), (x, w) => (x > 0 ? x : x * w));
}

function glu(make, self, dim) {
  const axis = axisOf(dim, self.shape.length), half = self.shape[axis] / 2;
  if (!Number.isInteger(half)) refuse(`expected a dimension ${dim} of even size, got ${self.shape[axis]}`);
  const value = part(make, self, axis, 0, half), gate = part(make, self, axis, half, half);
  return zipped(make, value, gate, (x, g) => x * sigmoid(g));
}

/** Turn each of so many rows of numbers into shares, where they are. */
function softmaxRows(data, rows, width) {
  for (let r = 0, start = 0; r < rows; r++, start += width) {
    let top = -Infinity, total = 0;
    for (let i = start; i < start + width; i++) if (data[i] > top || data[i] !== data[i]) top = data[i];
    for (let i = start; i < start + width; i++) total += data[i] = Math.exp(data[i] - top);
    for (let i = start; i < start + width; i++) data[i] /= total;
  }
}

function logRows(data, rows, width) {
  for (let r = 0, start = 0; r < rows; r++, start += width) {
    let top = -Infinity, total = 0;
    for (let i = start; i < start + width; i++) if (data[i] > top || data[i] !== data[i]) top = data[i];
    for (let i = start; i < start + width; i++) total += Math.exp(data[i] - top);
    const shift = top + Math.log(total);
    for (let i = start; i < start + width; i++) data[i] -= shift;
  }
}

const shares = (work) => (make, self, dim, dtype) => {
  const t = needFloating(cast(make, self, dtype)), rank = t.shape.length, axis = axisOf(dim, rank);
  const order = t.shape.map((_, i) => i).filter((i) => i !== axis), width = rank === 0 ? 1 : t.shape[axis];
  if (rank > 0) order.push(axis);
  const out = make(t.dtype, order.map((i) => t.shape[i]));
  out.data.set(permuted(make, t, order).data);
  work(out.data, width === 0 ? 0 : out.data.length / width, width);
  return permuted(make, out, t.shape.map((_, i) => order.indexOf(i)));
};

const KERNELS = {
  relu: each((x) => (x > 0 ? x : x !== x ? x : 0)), relu6: each((x) => between(x, 0, 6)),
  hardtanh: with_((low, high) => (x) => between(x, low, high)),
  hardsigmoid: each((x) => between(x + 3, 0, 6) / 6), hardswish: each((x) => (x * between(x + 3, 0, 6)) / 6),
  elu: with_(elu), celu: with_((alpha) => elu(alpha, 1, 1 / alpha)),
  selu: each(elu(SELU_ALPHA, SELU_SCALE, 1)), gelu, silu: each((x) => x / (1 + Math.exp(-x))),
  mish: each((x) => x * Math.tanh(softplusOf(x))),
  softplus: with_((beta, most) => (x) => (x * beta > most ? x : softplusOf(x * beta) / beta)),
  log_sigmoid: each((x) => -softplusOf(-x)), leaky_relu: with_((slope) => (x) => (x > 0 ? x : x * slope)),
  prelu, threshold: with_((limit, low) => (x) => (x <= limit ? low : x)),
  hardshrink: with_((edge) => (x) => (Math.abs(x) <= edge ? 0 : x)),
  softshrink: with_((edge) => (x) => (x > edge ? x - edge : x < -edge ? x + edge : x * 0)), glu,
  sigmoid: (make, self) => mapped(make, floating(make, self), sigmoid),
  "softmax.int": shares(softmaxRows), "log_softmax.int": shares(logRows),
};
return { KERNELS };
})();
const m52 = (() => {
// Products of matrices in plain loops: both are packed into panels of four, and sixteen sums are kept in
// registers, in binary64. A matrix is its elements, where it starts, and its steps: { data, start, row, column }.
const WIDTH = 4;

/** Pack `count` lines of `depth` numbers into panels of four lines each, filled up with zeros. */
function packed(data, start, line, along, count, depth) {
  const panels = new Float64Array(Math.ceil(count / WIDTH) * WIDTH * depth);
  for (let i = 0; i < count; i++) {
    let to = (i - (i % WIDTH)) * depth + (i % WIDTH), from = start + i * line;
    for (let k = 0; k < depth; k++, to += WIDTH, from += along) panels[to] = data[from];
  }
  return panels;
}

/** The left matrix of products, packed once for all of them: `rows` lines of `depth`. */
const left = (a, rows, depth) => packed(a.data, a.start, a.row, a.column, rows, depth);

/** Write a product: `out` from `at` on, in lines of `columns`, gets the packed left matrix times `b`. */
function times(panels, b, rows, columns, depth, out, at) {
  const sums = new Float64Array(WIDTH * WIDTH), others = packed(b.data, b.start, b.column, b.row, columns, depth);
  for (let j = 0; j < columns; j += WIDTH) for (let i = 0; i < rows; i += WIDTH) {
    block(panels, i * depth, others, j * depth, depth, sums);
    const down = Math.min(WIDTH, rows - i), across = Math.min(WIDTH, columns - j);
    for (let r = 0; r < down; r++) for (let c = 0; c < across; c++) out[at + (i + r) * columns + j + c] = sums[WIDTH * r + c];
  }
}

/** Write sixteen sums: each of four lines with each of four others. */
function block(A, x, B, y, depth, sums) {
  let c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0;
  let c20 = 0, c21 = 0, c22 = 0, c23 = 0, c30 = 0, c31 = 0, c32 = 0, c33 = 0;
  for (const end = x + WIDTH * depth; x < end; x += WIDTH, y += WIDTH) {
    const a0 = A[x], a1 = A[x + 1], a2 = A[x + 2], a3 = A[x + 3];
    const b0 = B[y], b1 = B[y + 1], b2 = B[y + 2], b3 = B[y + 3];
    c00 += a0 * b0; c01 += a0 * b1; c02 += a0 * b2; c03 += a0 * b3;
    c10 += a1 * b0; c11 += a1 * b1; c12 += a1 * b2; c13 += a1 * b3;
    c20 += a2 * b0; c21 += a2 * b1; c22 += a2 * b2; c23 += a2 * b3;
    c30 += a3 * b0; c31 += a3 * b1; c32 += a3 * b2; c33 += a3 * b3;
  }
  sums[0] = c00; sums[1] = c01; sums[2] = c02; sums[3] = c03;
  sums[4] = c10; sums[5] = c11; sums[6] = c12; sums[7] = c13;
  sums[8] = c20; sums[9] = c21; sums[10] = c22; sums[11] = c23;
  sums[12] = c30; sums[13] = c31; sums[14] = c32; sums[15] = c33;
}
return { left, times };
})();
const m53 = (() => {
// Products of matrices, and what is made of them.
const { refuse } = m0;
const { left, times } = m52;
const { zipped } = m49;
const { common, permuted, sizeOf, stepsOf, stretched, taken, told, view, walk } = m47;
const { needAlike, plain, together } = m48;

/** The product of two tensors of two dimensions or more, whose dimensions ahead are stretched to one shape. */
function product(make, a, b) {
  const [rows, depth] = a.shape.slice(-2), [inner, columns] = b.shape.slice(-2);
  if (depth !== inner) refuse(`a product of shapes ${told(a.shape)} and ${told(b.shape)}`);
  const ahead = common([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  const out = make(a.dtype, [...ahead, rows, columns]);
  const steps = [[a, rows * depth], [b, depth * columns]].map(([t, size]) =>
    stretched({ shape: t.shape.slice(0, -2) }, ahead).map((step) => step * size));
  let at = 0, before = -1, panels = null;
  walk(ahead, steps, [0, 0], ([p, q], count, [n, m]) => {
    for (let i = 0; i < count; i++, p += n, q += m, at += rows * columns) {
      if (p !== before) panels = left({ data: a.data, start: p, row: depth, column: 1 }, rows, depth);
      before = p;
      times(panels, { data: b.data, start: q, row: columns, column: 1 }, rows, columns, depth, out.data, at);
    }
  });
  return out;
}

function matmul(make, self, other) {
  needAlike(self, other);
  const [n, m] = [self.shape.length, other.shape.length];
  if (n === 0 || m === 0) refuse("expected at least 1 dimension");
  if (n > 2 && m === 2) { // one large product in place of many small ones
    const flat = product(make, view(self, [sizeOf(self.shape.slice(0, -1)), self.shape.at(-1)]), other);
    return view(flat, [...self.shape.slice(0, -1), other.shape[1]]);
  }
  const a = n === 1 ? view(self, [1, ...self.shape]) : self, b = m === 1 ? view(other, [...other.shape, 1]) : other;
  const found = product(make, a, b), ahead = found.shape.slice(0, -2);
  return view(found, [...ahead, ...(n === 1 ? [] : found.shape.slice(-2, -1)), ...(m === 1 ? [] : found.shape.slice(-1))]);
}

const ranked = (first, second) => (make, self, other) => {
  if (self.shape.length !== first || other.shape.length !== second) {
    refuse(`expected ${first} and ${second} dimensions, got shapes ${told(self.shape)} and ${told(other.shape)}`);
  }
  if (first === 3 && self.shape[0] !== other.shape[0]) refuse(`batches of ${self.shape[0]} and ${other.shape[0]}`);
  return matmul(make, self, other);
};
const mm = ranked(2, 2), bmm = ranked(3, 3);

const plus = (work) => (make, self, a, b, beta, alpha) => {
  needAlike(self, a, b);
  const found = work(make, a, b), more = plain(beta), factor = plain(alpha);
  // with 0 it does not matter what is in it, not even a NaN
  return zipped(make, found, self, more === 0 ? (x) => factor * x : (x, y) => factor * x + more * y);
};

/** Rows of `input` times those of `weight`, plus a bias. */
function linear(make, input, weight, bias) {
  needAlike(input, weight, bias);
  if (weight.shape.length !== 2 || input.shape.at(-1) !== weight.shape[1]) {
    refuse(`an input of shape ${told(input.shape)} for weights of ${told(weight.shape)}`);
  }
  const [columns, depth] = weight.shape, rows = sizeOf(input.shape.slice(0, -1));
  const out = make(input.dtype, [...input.shape.slice(0, -1), columns]);
  const panels = left({ data: input.data, start: 0, row: depth, column: 1 }, rows, depth);
  times(panels, { data: weight.data, start: 0, row: 1, column: depth }, rows, columns, depth, out.data, 0);
  return bias === null ? out : zipped(make, out, bias, (x, y) => x + y);
}

function outer(make, self, other) {
  const [a, b] = together(make, [self, other]);
  if (a.shape.length !== 1 || b.shape.length !== 1) refuse("expected 1 dimension each");
  return zipped(make, view(a, [-1, 1]), b, (x, y) => x * y);
}

/** The letters of each term and of the output; dots become letters of their own, counted from the last dimension. */
function lettersOf(equation, tensors) {
  const [terms, output] = equation.replace(/ /g, "").split("->"), parts = terms.split(",");
  let most = 0;
  const dots = (count) => Array.from({ length: count }, (_, i) => String(count - 1 - i));
  const spelledOut = (term, count) => {
    const [ahead, behind] = term.split("...");
    most = behind === undefined ? most : Math.max(most, count);
    return behind === undefined ? [...term] : [...ahead, ...dots(count), ...behind];
  };
  const ranks = parts.map((term, i) => (tensors[i]?.shape.length ?? 0) - [...term.replace("...", "")].length);
  if (parts.length !== tensors.length || ranks.some((more) => more < 0)) {
    refuse(`equation ${equation} for ${tensors.length} tensors`);
  }
  const letters = parts.map((term, i) => spelledOut(term, ranks[i])), all = letters.flat();
  const single = [...new Set(all)].filter((c) => all.filter((other) => other === c).length === 1 && !/\d/.test(c)).sort();
  return { letters, kept: output === undefined ? [...dots(most), ...single] : spelledOut(output, most) };
}

/** Sums of products by letters: of two tensors, and the next one, until one is left. */
function einsum(make, equation, tensors) {
  needAlike(...tensors);
  const { letters, kept } = lettersOf(equation, tensors);
  const size = new Map(letters.flatMap((term, i) => term.map((c, k) => [c, tensors[i].shape[k]])));
  const fits = letters.every((term, i) => term.every((c, k) => tensors[i].shape[k] === size.get(c)));
  if (!fits || !kept.every((c) => size.has(c)) || letters.some((term, i) => term.length !== tensors[i].shape.length)) {
    refuse(`equation ${equation} for shapes ${tensors.map((t) => told(t.shape)).join(" and ")}`);
  }
  const terms = letters.map((term) => [...new Set(term)]), one = { dtype: tensors[0].dtype, shape: [], data: new tensors[0].data.constructor([1]) };
  const parts = tensors.map((t, i) => spread(make, t, letters[i], terms[i], size)); // a letter twice in a term is a diagonal
  if (parts.length === 1) return summed(make, [parts[0], one], [terms[0], []], kept, size);
  let [found, x] = [parts[0], terms[0]];
  for (let i = 1; i < parts.length; i++) {
    const later = new Set(terms.slice(i + 1).flat()), all = [...new Set([...x, ...terms[i]])];
    const wanted = i === parts.length - 1 ? kept : all.filter((c) => later.has(c) || kept.includes(c));
    [found, x] = [summed(make, [found, parts[i]], [x, terms[i]], wanted, size), wanted];
  }
  return found;
}

/** Sums of products of two tensors by their letters, each once in a term. */
function summed(make, [a, b], [x, y], kept, size) {
  const both = kept.filter((c) => x.includes(c) && y.includes(c)), gone = [...new Set([...x, ...y])].filter((c) => !kept.includes(c));
  const mine = kept.filter((c) => x.includes(c) && !y.includes(c)), theirs = kept.filter((c) => !x.includes(c));
  const count = (some) => some.reduce((n, c) => n * size.get(c), 1);
  const first = spread(make, a, x, [...both, ...mine, ...gone], size);
  const second = spread(make, b, y, [...both, ...gone, ...theirs], size);
  const [batch, rows, depth, columns] = [both, mine, gone, theirs].map(count), order = [...both, ...mine, ...theirs];
  const found = product(make, view(first, [batch, rows, depth]), view(second, [batch, depth, columns]));
  return permuted(make, view(found, order.map((c) => size.get(c))), kept.map((c) => order.indexOf(c)));
}

/** A tensor with its letters in another order; it is repeated along those that it lacks, and a letter twice is its diagonal. */
function spread(make, t, own, wanted, size) {
  const steps = stepsOf(t.shape), along = wanted.map((c) => own.reduce((sum, other, i) => sum + (other === c ? steps[i] : 0), 0));
  return taken(make, t, wanted.map((c) => size.get(c)), along);
}

const KERNELS = {
  matmul, mm, bmm, mv: ranked(2, 1), dot: ranked(1, 1), outer, addmm: plus(mm), baddbmm: plus(bmm), linear, einsum,
};
return { KERNELS, product };
})();
const m54 = (() => {
// Other shapes of the same elements, joins, parts, repetitions.
const { refuse } = m0;
const { axisOf, part, permuted, picked, several, sizeOf, stepsOf, stretched, taken, told, view, withoutAxis } = m47;
const { cast, resultType } = m48;

const same = (make, self) => self;
const toDtype = (make, self, dtype) => cast(make, self, dtype);
const viewed = (make, self, shape) => view(self, shape);
const viewAs = (make, self, other) => view(self, other.shape);

function flatten(make, self, first, last) {
  const rank = self.shape.length, from = axisOf(first, rank), to = axisOf(last, rank);
  if (from > to) refuse("expected start_dim before end_dim");
  return view(self, [...self.shape.slice(0, from), sizeOf(self.shape.slice(from, to + 1)), ...self.shape.slice(to + 1)]);
}

function unflatten(make, self, dim, sizes) {
  const axis = axisOf(dim, self.shape.length), inner = [...sizes], open = inner.indexOf(-1);
  if (open >= 0) inner[open] = self.shape[axis] / -sizeOf(inner);
  if (sizeOf(inner) !== self.shape[axis]) refuse(`size ${self.shape[axis]} cannot be unflattened to ${told(sizes)}`);
  return view(self, [...self.shape.slice(0, axis), ...inner, ...self.shape.slice(axis + 1)]);
}

function squeeze(make, self, dim = null) {
  const rank = self.shape.length, axes = dim === null ? null : [dim].flat().map((one) => axisOf(one, rank));
  return view(self, self.shape.filter((size, i) => size !== 1 || (axes !== null && !axes.includes(i))));
}

function unsqueeze(make, self, dim) {
  const axis = axisOf(dim, self.shape.length + 1);
  return view(self, [...self.shape.slice(0, axis), 1, ...self.shape.slice(axis)]);
}

function permute(make, self, dims) {
  const order = dims.map((dim) => axisOf(dim, self.shape.length));
  if (order.length !== self.shape.length || new Set(order).size !== order.length) {
    refuse(`an order of ${told(dims)} for shape ${told(self.shape)}`);
  }
  return permuted(make, self, order);
}

function transpose(make, self, first, second) {
  const rank = self.shape.length, order = self.shape.map((_, i) => i), [a, b] = [axisOf(first, rank), axisOf(second, rank)];
  if (rank > 0) [order[a], order[b]] = [b, a];
  return permuted(make, self, order);
}

const lastTwo = (make, self) => (self.shape.length === 0 ? self : transpose(make, self, -2, -1));
const reversed = (make, self) => permuted(make, self, self.shape.map((_, i) => i).reverse());

function turned(make, self) {
  if (self.shape.length > 2) refuse(`t: expected at most 2 dimensions, got ${self.shape.length}`);
  return reversed(make, self);
}

function movedim(make, self, source, destination) {
  const rank = self.shape.length;
  if ([source].flat().length !== [destination].flat().length) refuse("expected as many dimensions from as to");
  const from = [source].flat().map((one) => axisOf(one, rank));
  const to = [destination].flat().map((one) => axisOf(one, rank));
  const rest = self.shape.map((_, i) => i).filter((i) => !from.includes(i));
  const order = Array(rank).fill(null);
  to.forEach((place, i) => (order[place] = from[i]));
  return permuted(make, self, order.map((axis) => axis ?? rest.shift()));
}

function expand(make, self, size) {
  const ahead = size.length - self.shape.length;
  const shape = size.map((one, i) => (one === -1 && i >= ahead ? self.shape[i - ahead] : one));
  if (ahead < 0 || self.shape.some((own, i) => own !== 1 && own !== shape[i + ahead]) || Math.min(0, ...shape) < 0) {
    refuse(`shape ${told(self.shape)} cannot be expanded to ${told(size)}`);
  }
  return told(shape) === told(self.shape) ? self : taken(make, self, shape, stretched(self, shape));
}

function narrow(make, self, dim, start, length) {
  const axis = axisOf(dim, self.shape.length), size = self.shape[axis], first = start < 0 ? start + size : start;
  if (length < 0 || first < 0 || first > size - length) refuse(`narrow: ${start} and ${length} of a size of ${size}`);
  return part(make, self, axis, first, length);
}

function select(make, self, dim, index) {
  const axis = axisOf(dim, self.shape.length), size = self.shape[axis], place = index < 0 ? index + size : index;
  if (self.shape.length === 0 || !(place >= 0 && place < size)) refuse(`index ${index} of a size of ${size}`);
  return view(part(make, self, axis, place, 1), withoutAxis(self.shape, axis));
}

/** Where a slice begins and how many it takes; what is out of bounds is cut. */
function sliced(size, start, end, step) {
  if (!(step >= 1)) refuse(`step: expected at least 1, got ${step}`);
  const cut = (place) => Math.min(Math.max(place < 0 ? place + size : place, 0), size);
  const first = cut(start ?? 0), last = cut(end ?? size);
  return { first, count: Math.max(0, Math.ceil((last - first) / step)) };
}

function slice(make, self, dim, start, end, step) {
  const axis = axisOf(dim, self.shape.length), { first, count } = sliced(self.shape[axis], start, end, step);
  return part(make, self, axis, first, count, step);
}

function splitSizes(make, self, sizes, dim) {
  const axis = axisOf(dim, self.shape.length), whole = sizes.reduce((sum, size) => sum + size, 0);
  if (whole !== self.shape[axis] || Math.min(0, ...sizes) < 0) {
    refuse(`sizes ${told(sizes)} of a dimension of ${self.shape[axis]}`);
  }
  let start = 0;
  return sizes.map((size) => part(make, self, axis, (start += size) - size, size));
}

function split(make, self, each, dim) {
  const size = self.shape[axisOf(dim, self.shape.length)];
  if (each < 0 || (each === 0 && size > 0)) refuse(`split_size: expected at least 1, got ${each}`);
  const count = size === 0 ? 1 : Math.ceil(size / each);
  if (count > 2 ** 16) refuse(`${count} parts are more than can be named`);
  return splitSizes(make, self, Array.from({ length: count }, (_, i) => Math.min(each, size - i * each)), dim);
}

function chunk(make, self, chunks, dim) {
  const size = self.shape[axisOf(dim, self.shape.length)];
  if (!(chunks >= 1 && chunks <= 2 ** 16)) refuse(`chunks: expected 1 to ${2 ** 16}, got ${chunks}`);
  return size > 0 ? split(make, self, Math.ceil(size / chunks), dim) : splitSizes(make, self, Array(chunks).fill(0), dim);
}

function tensorSplit(make, self, sections, dim) {
  const size = self.shape[axisOf(dim, self.shape.length)];
  if (!(sections >= 1 && sections <= 2 ** 16)) refuse(`sections: expected 1 to ${2 ** 16}, got ${sections}`);
  const each = Math.floor(size / sections), more = size % sections;
  return splitSizes(make, self, Array.from({ length: sections }, (_, i) => each + (i < more ? 1 : 0)), dim);
}

function unbind(make, self, dim) {
  const size = self.shape[axisOf(dim, self.shape.length)];
  if (size > 2 ** 16) refuse(`${size} parts are more than can be named`);
  return Array.from({ length: size }, (_, place) => select(make, self, dim, place));
}

function unfold(make, self, dim, size, step) {
  if (self.shape.length === 0) return slice(make, view(self, [1]), 0, 0, size, 1);
  const axis = axisOf(dim, self.shape.length), count = Math.floor((self.shape[axis] - size) / step) + 1;
  if (!(step >= 1) || size < 0 || count < 1) refuse(`windows of ${size} in steps of ${step} of a size of ${self.shape[axis]}`);
  const steps = stepsOf(self.shape), shape = self.shape.map((one, i) => (i === axis ? count : one));
  return taken(make, self, [...shape, size], [...steps.map((one, i) => (i === axis ? one * step : one)), steps[axis]]);
}

function diagonal(make, self, offset, dim1, dim2) {
  const rank = self.shape.length, [a, b] = [axisOf(dim1, rank), axisOf(dim2, rank)], steps = stepsOf(self.shape);
  if (a === b) refuse("expected two dimensions");
  const down = Math.max(-offset, 0), across = Math.max(offset, 0);
  const count = Math.max(0, Math.min(self.shape[a] - down, self.shape[b] - across));
  const rest = self.shape.map((_, i) => i).filter((i) => i !== a && i !== b);
  const shape = [...rest.map((i) => self.shape[i]), count], along = [...rest.map((i) => steps[i]), steps[a] + steps[b]];
  return taken(make, self, shape, along, down * steps[a] + across * steps[b]);
}

function cat(make, tensors, dim) {
  const dtype = resultType(...tensors), filled = tensors.filter((t) => t.shape.length !== 1 || t.shape[0] !== 0);
  const kept = filled.length > 0 ? filled : tensors.slice(0, 1); // one of shape (0,) goes with every shape
  if (kept.length === 0) refuse("expected a tensor at least");
  const [{ shape }] = kept, axis = axisOf(dim, shape.length), ahead = sizeOf(shape.slice(0, axis));
  const rest = told(withoutAxis(shape, axis));
  if (shape.length === 0 || kept.some((t) => t.shape.length !== shape.length || told(withoutAxis(t.shape, axis)) !== rest)) {
    refuse(`shapes ${kept.map((one) => told(one.shape)).join(" and ")} cannot be joined`);
  }
  const out = make(dtype, shape.map((size, i) => (i === axis ? kept.reduce((sum, t) => sum + t.shape[i], 0) : size)));
  const parts = kept.map((t) => cast(make, t, dtype)), runs = parts.map((t) => sizeOf(t.shape.slice(axis)));
  for (let n = 0, o = 0; n < ahead; n++) parts.forEach(({ data }, i) => {
    out.data.set(data.subarray(n * runs[i], (n + 1) * runs[i]), o);
    o += runs[i];
  });
  return out;
}

function stack(make, tensors, dim) {
  if (tensors.length === 0) refuse("expected a tensor at least");
  const axis = axisOf(dim, tensors[0].shape.length + 1);
  return cat(make, tensors.map((t) => unsqueeze(make, t, axis)), axis);
}

const atLeast = (t, rank) => (t.shape.length >= rank ? t : view(t, [...Array(rank - t.shape.length).fill(1), ...t.shape]));
const vstack = (make, tensors) => cat(make, tensors.map((t) => atLeast(t, 2)), 0);
const hstack = (make, tensors) => cat(make, tensors.map((t) => atLeast(t, 1)), tensors[0].shape.length <= 1 ? 0 : 1);

function repeat(make, self, repeats) {
  if (repeats.length < self.shape.length || Math.min(0, ...repeats) < 0) {
    refuse(`repeats ${told(repeats)} of a tensor of ${self.shape.length} dimensions`);
  }
  const shape = atLeast(self, repeats.length).shape, steps = stepsOf(shape);
  const out = taken(make, self, repeats.flatMap((one, i) => [one, shape[i]]), repeats.flatMap((_, i) => [0, steps[i]]));
  return view(out, repeats.map((one, i) => one * shape[i]));
}

function tile(make, self, dims) {
  const ahead = Math.max(0, self.shape.length - dims.length);
  return repeat(make, self, [...Array(ahead).fill(1), ...dims]);
}

function repeatEach(make, self, repeats, dim) {
  const flat = dim === null ? view(self, [-1]) : self, axis = axisOf(dim ?? 0, flat.shape.length), size = flat.shape[axis];
  const counts = typeof repeats === "number" ? Array(size).fill(repeats) : several([...repeats.data], size);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (Math.min(0, ...counts) < 0) refuse("repeats: expected no numbers below 0");
  const places = make("i64", [total]).data;
  counts.reduce((at, count, place) => places.fill(place, at, at + count) && at + count, 0);
  return picked(make, flat, axis, places);
}

const counted = (count) => Array.from({ length: count }, (_, i) => i);

function roll(make, self, shifts, dims) {
  const axes = [dims].flat();
  if (axes.length === 0) return view(roll(make, view(self, [-1]), shifts, [0]), self.shape);
  return axes.reduce((t, dim, i) => {
    const axis = axisOf(dim, t.shape.length), size = t.shape[axis], by = several(shifts, axes.length)[i];
    return size === 0 ? t : picked(make, t, axis, counted(size).map((place) => (((place - by) % size) + size) % size));
  }, self);
}

function flip(make, self, dims) {
  return dims.reduce((t, dim) => {
    const axis = axisOf(dim, t.shape.length);
    return picked(make, t, axis, counted(t.shape[axis]).reverse());
  }, self);
}

/** Turned by quarters in the plane of two dimensions. */
function rot90(make, self, k, dims) {
  if (dims.length !== 2) refuse(`expected two dimensions, got ${dims.length}`);
  const turns = ((k % 4) + 4) % 4, [first, second] = dims;
  if (turns === 0) return self;
  if (turns === 2) return flip(make, self, dims);
  return turns === 1 ? transpose(make, flip(make, self, [second]), first, second) : flip(make, transpose(make, self, first, second), [second]);
}

const rearranged = (make, t, apart, order, shape) => view(permuted(make, view(t, apart), order), shape);

function pixelShuffle(make, self, r) {
  const [channels, height, width] = self.shape.slice(-3), ahead = self.shape.slice(0, -3);
  const n = ahead.length, c = channels / (r * r);
  const order = [...ahead.keys(), n, n + 3, n + 1, n + 4, n + 2];
  return rearranged(make, self, [...ahead, c, r, r, height, width], order, [...ahead, c, height * r, width * r]);
}

function pixelUnshuffle(make, self, r) {
  const [c, height, width] = self.shape.slice(-3), ahead = self.shape.slice(0, -3), n = ahead.length;
  const order = [...ahead.keys(), n, n + 2, n + 4, n + 1, n + 3], [h, w] = [height / r, width / r];
  return rearranged(make, self, [...ahead, c, h, r, w, r], order, [...ahead, c * r * r, h, w]);
}

function channelShuffle(make, self, groups) {
  const [batch, channels, ...rest] = self.shape, order = [0, 2, 1, ...rest.map((_, i) => i + 3)];
  return rearranged(make, self, [batch, groups, channels / groups, ...rest], order, self.shape);
}

function meshgrid(make, tensors, indexing) {
  if (indexing !== "xy" && indexing !== "ij") refuse(`indexing: expected xy or ij, got ${indexing}`);
  const swaps = indexing === "xy" && tensors.length > 1, sizes = tensors.map((t) => sizeOf(t.shape));
  const order = tensors.map((_, i) => i);
  if (swaps) [order[0], order[1]] = [1, 0];
  const shape = order.map((i) => sizes[i]);
  return tensors.map((t, i) => taken(make, t, shape, order.map((k) => (k === i ? 1 : 0))));
}

const triangle = (keeps) => (make, self, diagonal) => {
  const [height, width] = self.shape.slice(-2), out = make(self.dtype, self.shape);
  out.data.set(self.data);
  for (let i = 0; i < out.data.length; i++) {
    const row = Math.floor(i / width) % height;
    if (!keeps((i % width) - row, diagonal)) out.data[i] = 0;
  }
  return out;
};

const KERNELS = {
  clone: same, contiguous: same, "to.dtype": toDtype, _to_copy: toDtype,
  type_as: (make, self, other) => cast(make, self, other.dtype),
  view: viewed, _unsafe_view: viewed, reshape: viewed, view_as: viewAs, reshape_as: viewAs,
  "flatten.using_ints": flatten, "unflatten.int": unflatten, squeeze, "squeeze.dim": squeeze, "squeeze.dims": squeeze, unsqueeze,
  permute, "transpose.int": transpose, swapdims: transpose, swapaxes: transpose, adjoint: lastTwo, mT: lastTwo, t: turned,
  numpy_T: reversed, "movedim.int": movedim, "movedim.intlist": movedim, expand, broadcast_to: expand,
  expand_as: (make, self, other) => expand(make, self, other.shape), narrow, "select.int": select, "slice.Tensor": slice,
  "split.Tensor": split, "unsafe_split.Tensor": split, "split.sizes": splitSizes, split_with_sizes: splitSizes,
  chunk, unsafe_chunk: chunk, "tensor_split.sections": tensorSplit, "unbind.int": unbind, unfold, diagonal,
  cat, concat: cat, concatenate: cat, stack, hstack, vstack, repeat, tile,
  "repeat_interleave.self_int": repeatEach, "repeat_interleave.self_Tensor": repeatEach, roll, flip, rot90,
  pixel_shuffle: pixelShuffle, pixel_unshuffle: pixelUnshuffle, channel_shuffle: channelShuffle,
  "meshgrid.indexing": meshgrid, tril: triangle((across, most) => across <= most), triu: triangle((across, least) => across >= least),
};
return { KERNELS, cat, sliced };
})();
const m55 = (() => {
// Scaled dot-product attention.
const { refuse } = m0;
const { product } = m53;
const { common, permuted, stretched, walk } = m47;
const { mapped } = m49;
const { KERNELS: SHAPES } = m54;

function swapped(make, t) {
  const rank = t.shape.length, order = t.shape.map((_, i) => i);
  return permuted(make, t, [...order.slice(0, rank - 2), rank - 1, rank - 2]);
}

function attention(make, query, key, value, mask, dropout, isCausal, scale, grouped) {
  if (dropout !== 0) refuse("dropout is no part of an evaluating graph: expected dropout_p = 0");
  if (isCausal && mask !== null) refuse("expected a mask or is_causal, got both");
  const factor = scale ?? 1 / Math.sqrt(query.shape.at(-1));
  let [k, v] = [key, value];
  if (grouped) {
    const times = query.shape.at(-3) / key.shape.at(-3);
    [k, v] = [k, v].map((t) => SHAPES["repeat_interleave.self_int"](make, t, times, -3));
  }
  const scores = product(make, mapped(make, query, (x) => x * factor), swapped(make, k)), { shape, data } = scores;
  const [rows, width] = shape.slice(-2);
  if (mask !== null) {
    if (common([mask.shape, shape]).some((size, i) => size !== shape[i])) refuse("a mask that is larger than the scores");
    masked(scores, mask);
  }
  for (let start = 0, row = 0; start < data.length; start += width, row++) {
    if (isCausal) data.fill(-Infinity, start + Math.min(width, (row % rows) + 1), start + width);
    shares(data, start, width);
  }
  return product(make, scores, v);
}

function masked({ shape, data }, mask) {
  let o = 0;
  walk(shape, [stretched(mask, shape)], [0], ([at], count, [by]) => {
    for (let i = 0; i < count; i++, at += by, o++) {
      if (mask.dtype !== "bool") data[o] += mask.data[at];
      else if (mask.data[at] === 0) data[o] = -Infinity;
    }
  });
}

/** Scores to shares; a row that sees nothing gets zeros, and no NaN. */
function shares(data, start, width) {
  let top = -Infinity, total = 0;
  for (let i = start; i < start + width; i++) if (data[i] > top || data[i] !== data[i]) top = data[i];
  if (top === -Infinity) top = 0;
  for (let i = start; i < start + width; i++) total += data[i] = Math.exp(data[i] - top);
  if (total !== 0) for (let i = start; i < start + width; i++) data[i] /= total;
}

const KERNELS = { scaled_dot_product_attention: attention };
return { KERNELS };
})();
const m56 = (() => {
// Convolutions of one to three dimensions, all as of three: patches as columns, and one product for each
// image and group.
const { refuse } = m0;
const { left, times } = m52;
const { several, sizeOf, told, view } = m47;
const { needAlike } = m48;

/** The size of a convolution's output. */
function outSize(size, kernel, stride, pads, dilation) {
  const found = Math.floor((size + pads - dilation * (kernel - 1) - 1) / stride) + 1;
  if (!(found >= 1 && Math.min(kernel, stride, dilation) >= 1)) refuse(`a kernel of ${kernel} for a size of ${size + pads}`);
  return found;
}

/** Numbers for three dimensions: what is missing ahead is filled up. */
const three = (numbers, filler) => [...Array(3 - numbers.length).fill(filler), ...numbers];

/** What a convolution does to sizes, for three dimensions each. */
function plan(rank, sizes, kernel, stride, pads, dilation) {
  return {
    sizes: three(sizes, 1), kernel: three(kernel, 1), stride: three(several(stride, rank), 1),
    before: three(pads.map(([first]) => first), 0), dilation: three(several(dilation, rank), 1),
  };
}

/** Call `visit(tap, output line, first, last, where)` for each line of outputs that meets the input. */
function lines({ sizes, kernel, stride, before, dilation }, outs, visit) {
  const [depth, height, width] = sizes, [D, H, W] = outs;
  let tap = 0;
  for (let kd = 0; kd < kernel[0]; kd++) for (let kh = 0; kh < kernel[1]; kh++) for (let kw = 0; kw < kernel[2]; kw++, tap++) {
    const shift = kw * dilation[2] - before[2], step = stride[2];
    const first = Math.max(0, Math.ceil(-shift / step)), last = Math.min(W, Math.floor((width - 1 - shift) / step) + 1);
    if (first >= last) continue;
    for (let od = 0; od < D; od++) {
      const d = od * stride[0] + kd * dilation[0] - before[0];
      if (d < 0 || d >= depth) continue;
      for (let oh = 0; oh < H; oh++) {
        const h = oh * stride[1] + kh * dilation[1] - before[1];
        if (h >= 0 && h < height) visit(tap, (od * H + oh) * W, first, last, (d * height + h) * width + first * step + shift);
      }
    }
  }
}

/** Write patches of so many channels as lines of places: a line for each channel and tap. */
function fillColumns(columns, data, start, channels, how, outs) {
  const places = sizeOf(outs), whole = sizeOf(how.sizes), taps = sizeOf(how.kernel), step = how.stride[2];
  columns.fill(0);
  for (let c = 0; c < channels; c++) lines(how, outs, (tap, line, first, last, where) => {
    let from = start + c * whole + where, to = (c * taps + tap) * places + line + first;
    for (let i = first; i < last; i++, from += step) columns[to++] = data[from];
  });
}

function checked(input, weight, bias, rank) {
  needAlike(input, weight, bias);
  if (![rank + 1, rank + 2].includes(input.shape.length) || weight.shape.length !== rank + 2) {
    refuse(`expected ${rank} dimensions besides batch and channels`);
  }
}

function addBias(out, bias, channels, places) {
  if (bias === null) return;
  if (bias.data.length !== channels) refuse(`a bias of ${bias.data.length} for ${channels} channels`);
  for (let i = 0, at = 0; at < out.length; i++) {
    const more = bias.data[i % channels];
    for (const end = at + places; at < end; at++) out[at] += more;
  }
}

function convolve(make, input, weight, bias, stride, pads, dilation, groups) {
  const rank = pads.length;
  checked(input, weight, bias, rank);
  if (input.shape.length === rank + 1) {
    const found = convolve(make, view(input, [1, ...input.shape]), weight, bias, stride, pads, dilation, groups);
    return view(found, found.shape.slice(1));
  }
  const [count, channels, ...sizes] = input.shape, [outs, inner, ...kernel] = weight.shape;
  if (Math.min(...pads.flat()) < 0 || groups < 1 || channels !== inner * groups || outs % groups !== 0) {
    refuse(`${channels} channels in ${groups} groups for weights of ${told(weight.shape)}`);
  }
  const how = plan(rank, sizes, kernel, stride, pads, dilation), steps = several(stride, rank), apart = several(dilation, rank);
  const found = sizes.map((size, i) => outSize(size, kernel[i], steps[i], pads[i][0] + pads[i][1], apart[i]));
  const out = make(input.dtype, [count, outs, ...found]), target = three(found, 1), places = sizeOf(found);
  const work = groups === channels && outs === channels && groups > 1 ? depthwise : grouped;
  work(make, input, weight, out, how, target, { count, channels, outs, inner, groups, places });
  addBias(out.data, bias, outs, places);
  return out;
}

function grouped(make, input, weight, out, how, target, { count, channels, outs, inner, groups, places }) {
  const whole = sizeOf(how.sizes), taps = sizeOf(how.kernel), depth = inner * taps, rows = outs / groups;
  const asIs = taps === 1 && whole === places && how.stride.every((step) => step === 1) && how.before.every((pad) => pad === 0);
  const columns = asIs ? input : make(input.dtype, [depth, places]);
  for (let g = 0; g < groups; g++) {
    const panels = left({ data: weight.data, start: g * rows * depth, row: depth, column: 1 }, rows, depth);
    for (let n = 0; n < count; n++) {
      const start = (n * channels + g * inner) * whole;
      if (!asIs) fillColumns(columns.data, input.data, start, inner, how, target);
      const b = { data: columns.data, start: asIs ? start : 0, row: places, column: 1 };
      times(panels, b, rows, places, depth, out.data, (n * outs + g * rows) * places);
    }
  }
}

/** Each channel's own convolution: a pass over the outputs for each tap. */
function depthwise(make, input, weight, out, how, target, { count, channels, places }) {
  const whole = sizeOf(how.sizes), taps = sizeOf(how.kernel), step = how.stride[2];
  const from = input.data, to = out.data;
  for (let n = 0; n < count * channels; n++) lines(how, target, (tap, line, first, last, where) => {
    const factor = weight.data[(n % channels) * taps + tap];
    let at = n * whole + where, o = n * places + line + first;
    for (let i = first; i < last; i++, at += step, o++) to[o] += factor * from[at];
  });
}

const conv = (rank) => (make, input, weight, bias, stride, padding, dilation, groups) => {
  const pads = several(padding, rank).map((pad) => [pad, pad]);
  return convolve(make, input, weight, bias, stride, pads, dilation, groups);
};

const convPadding = (rank) => (make, input, weight, bias, stride, padding, dilation, groups) => {
  if (padding !== "valid" && padding !== "same") refuse(`padding: expected valid or same, got ${padding}`);
  if (padding === "same" && several(stride, rank).some((step) => step !== 1)) {
    refuse("padding same goes with strides of 1 alone");
  }
  const pads = several(dilation, rank).map((apart, i) => {
    const more = padding === "same" ? apart * (weight.shape[i + 2] - 1) : 0;
    return [Math.floor(more / 2), Math.ceil(more / 2)];
  });
  return convolve(make, input, weight, bias, stride, pads, dilation, groups);
};

const convTranspose = (rank) => (make, input, weight, bias, stride, padding, more, groups, dilation) => {
  checked(input, weight, bias, rank);
  if (input.shape.length === rank + 1) {
    const single = view(input, [1, ...input.shape]);
    const found = convTranspose(rank)(make, single, weight, bias, stride, padding, more, groups, dilation);
    return view(found, found.shape.slice(1));
  }
  const [count, channels, ...sizes] = input.shape, [each, ...kernel] = weight.shape.slice(1), outs = each * groups;
  if (groups < 1 || channels !== weight.shape[0] || channels % groups !== 0) {
    refuse(`${channels} channels for weights of ${told(weight.shape)}`);
  }
  const [steps, pads, extra, apart] = [stride, padding, more, dilation].map((one) => several(one, rank));
  const found = sizes.map((size, i) => (size - 1) * steps[i] - 2 * pads[i] + apart[i] * (kernel[i] - 1) + extra[i] + 1);
  if (Math.min(...found, ...steps, ...apart) < 1) refuse(`an output of sizes ${told(found)}`);
  // the way back of a convolution from the output to the input
  const how = plan(rank, found, kernel, steps, pads.map((pad) => [pad, pad]), apart), target = three(sizes, 1);
  const places = sizeOf(sizes), taps = sizeOf(kernel), inner = channels / groups, rows = each * taps, whole = sizeOf(found);
  const out = make(input.dtype, [count, outs, ...found]), columns = make(input.dtype, [rows, places]);
  for (let g = 0; g < groups; g++) {
    const panels = left({ data: weight.data, start: g * inner * rows, row: 1, column: rows }, rows, inner);
    for (let n = 0; n < count; n++) {
      const b = { data: input.data, start: (n * channels + g * inner) * places, row: places, column: 1 };
      times(panels, b, rows, places, inner, columns.data, 0);
      for (let c = 0; c < each; c++) lines(how, target, (tap, line, first, last, where) => {
        let at = (n * outs + g * each + c) * whole + where, from = (c * taps + tap) * places + line + first;
        for (let i = first; i < last; i++, at += how.stride[2]) out.data[at] += columns.data[from++];
      });
    }
  }
  addBias(out.data, bias, outs, whole);
  return out;
};

function im2col(make, self, size, dilation, padding, stride) {
  if (self.shape.length === 3) {
    const found = im2col(make, view(self, [1, ...self.shape]), size, dilation, padding, stride);
    return view(found, found.shape.slice(1));
  }
  const [count, channels, ...sizes] = self.shape, kernel = several(size, 2), pads = several(padding, 2);
  if (Math.min(...pads) < 0) refuse(`pads ${told(pads)}`);
  const how = plan(2, sizes, kernel, stride, pads.map((pad) => [pad, pad]), dilation);
  const found = sizes.map((one, i) => outSize(one, kernel[i], several(stride, 2)[i], 2 * pads[i], several(dilation, 2)[i]));
  const lineCount = channels * sizeOf(kernel), places = sizeOf(found), out = make(self.dtype, [count, lineCount, places]);
  for (let n = 0; n < count; n++) {
    const columns = out.data.subarray(n * lineCount * places, (n + 1) * lineCount * places);
    fillColumns(columns, self.data, n * channels * sizeOf(sizes), channels, how, three(found, 1));
  }
  return out;
}

/** Patches put back where they come from, and added up where they meet. */
function col2im(make, self, outputSize, size, dilation, padding, stride) {
  if (self.shape.length === 2) {
    const found = col2im(make, view(self, [1, ...self.shape]), outputSize, size, dilation, padding, stride);
    return view(found, found.shape.slice(1));
  }
  const sizes = several(outputSize, 2), kernel = several(size, 2), pads = several(padding, 2), taps = sizeOf(kernel);
  if (self.shape.length !== 3 || Math.min(...pads, ...sizes) < 0) refuse(`patches of shape ${told(self.shape)} for sizes ${told(sizes)}`);
  const [count, lineCount, given] = self.shape, channels = lineCount / taps, whole = sizeOf(sizes);
  const how = plan(2, sizes, kernel, stride, pads.map((pad) => [pad, pad]), dilation);
  const found = sizes.map((one, i) => outSize(one, kernel[i], several(stride, 2)[i], 2 * pads[i], several(dilation, 2)[i]));
  const places = sizeOf(found), target = three(found, 1), step = how.stride[2];
  if (given !== places || !Number.isInteger(channels)) refuse(`patches of shape ${told(self.shape)}, expected ${places} of ${taps} each`);
  const out = make(self.dtype, [count, channels, ...sizes]);
  for (let c = 0; c < count * channels; c++) lines(how, target, (tap, line, first, last, where) => {
    let at = c * whole + where, from = (c * taps + tap) * places + line + first;
    for (let i = first; i < last; i++, at += step) out.data[at] += self.data[from++];
  });
  return out;
}

const KERNELS = {
  conv1d: conv(1), conv2d: conv(2), conv3d: conv(3),
  "conv1d.padding": convPadding(1), "conv2d.padding": convPadding(2), "conv3d.padding": convPadding(3),
  conv_transpose1d: convTranspose(1), "conv_transpose2d.input": convTranspose(2), "conv_transpose3d.input": convTranspose(3),
  im2col, col2im,
};
return { KERNELS, three };
})();
const m57 = (() => {
// Many elements to one: sums, means, extremes, norms, and running sums.
const { refuse } = m0;
const { axisOf, isFloating, permuted, sizeOf } = m47;
const { cast, floating, needFloating, plain } = m48;

/** The axes that a reduction takes away, each once; none named are all. */
function axesOf(dim, rank) {
  const dims = dim === null ? [] : [dim].flat();
  if (dims.length === 0) return Array.from({ length: rank }, (_, i) => i);
  const axes = dims.map((one) => axisOf(one, rank));
  if (new Set(axes).size !== axes.length) refuse(`dimensions ${dims.join(", ")}: expected each once`);
  return rank === 0 ? [] : axes;
}

/** A tensor as rows of what is reduced to one: { data, width, rows, shape, kept }, the shape without and with them. */
function rowsOf(make, t, axes) {
  const rest = t.shape.map((_, i) => i).filter((i) => !axes.includes(i)), last = axes.slice().sort((a, b) => a - b);
  const { data } = permuted(make, t, [...rest, ...last]), width = sizeOf(last.map((i) => t.shape[i]));
  const shape = rest.map((i) => t.shape[i]);
  return { data, width, rows: sizeOf(shape), shape, kept: t.shape.map((size, i) => (axes.includes(i) ? 1 : size)) };
}

/** A number of each row: `work(data, start, width)`. */
function reduced(make, t, axes, keepdim, dtype, work) {
  const { data, width, rows, shape, kept } = rowsOf(make, t, axes), out = make(dtype, keepdim ? kept : shape);
  for (let r = 0; r < rows; r++) out.data[r] = work(data, r * width, width);
  return out;
}

function sum(data, start, width) {
  let total = 0;
  for (let i = start; i < start + width; i++) total += data[i];
  return total;
}

function product(data, start, width) {
  let total = 1;
  for (let i = start; i < start + width; i++) total *= data[i];
  return total;
}

/** What is added up: i64 where it is no floating point and nothing else is asked for. */
const addable = (make, t, dtype) => cast(make, t, dtype ?? (isFloating(t.dtype) ? t.dtype : "i64"));

const total = (work) => (make, self, dim, keepdim, dtype) => {
  const t = addable(make, self, dtype);
  return reduced(make, t, axesOf(dim, t.shape.length), keepdim, t.dtype, work);
};
const sums = total(sum), products = total(product);

function mean(make, self, dim, keepdim, dtype) {
  const t = needFloating(cast(make, self, dtype));
  const work = (data, start, width) => sum(data, start, width) / width;
  return reduced(make, t, axesOf(dim, t.shape.length), keepdim, t.dtype, work);
}

/** Where a row's extreme is: the first of equal ones, a NaN before all others. */
const place = (better) => (data, start, width) => {
  if (width === 0) refuse("expected an element at least");
  let best = start;
  for (let i = start; i < start + width && data[best] === data[best]; i++) {
    if (better(data[i], data[best]) || data[i] !== data[i]) best = i;
  }
  return best - start;
};
const top = place((x, y) => x > y), bottom = place((x, y) => x < y);

const extreme = (where) => (make, self, dim = null, keepdim = false) => {
  const work = (data, start, width) => data[start + where(data, start, width)];
  return reduced(make, self, axesOf(dim, self.shape.length), keepdim, self.dtype, work);
};

const extremeDim = (where) => (make, self, dim, keepdim) => {
  const axes = axesOf([dim], self.shape.length);
  return [extreme(where)(make, self, [dim], keepdim), reduced(make, self, axes, keepdim, "i64", where)];
};

const position = (where) => (make, self, dim, keepdim) =>
  reduced(make, self, axesOf(dim === null ? null : [dim], self.shape.length), keepdim, "i64", where);

const truth = (wanted) => (make, self, dim = null, keepdim = false) =>
  reduced(make, self, axesOf(dim, self.shape.length), keepdim, self.dtype === "u8" ? "u8" : "bool", (data, start, width) => {
    for (let i = start; i < start + width; i++) if ((data[i] !== 0) === wanted) return wanted ? 1 : 0;
    return wanted ? 0 : 1;
  });

function filled(data, start, width) {
  let count = 0;
  for (let i = start; i < start + width; i++) if (data[i] !== 0) count++;
  return count;
}
const countNonzero = (make, self, dim) => reduced(make, self, axesOf(dim, self.shape.length), false, "i64", filled);

function logsumexp(make, self, dim, keepdim) {
  const t = floating(make, self);
  return reduced(make, t, axesOf(dim, t.shape.length), keepdim, t.dtype, (data, start, width) => {
    let most = -Infinity, all = 0;
    for (let i = start; i < start + width; i++) if (data[i] > most || data[i] !== data[i]) most = data[i];
    if (most === Infinity || most === -Infinity) most = 0;
    for (let i = start; i < start + width; i++) all += Math.exp(data[i] - most);
    return Math.log(all) + most;
  });
}

function spread(make, self, dim, correction, keepdim, finish) {
  const t = needFloating(self), less = correction === null ? 1 : plain(correction);
  return reduced(make, t, axesOf(dim, t.shape.length), keepdim, t.dtype, (data, start, width) => {
    const middle = sum(data, start, width) / width;
    let squares = 0;
    for (let i = start; i < start + width; i++) squares += (data[i] - middle) ** 2;
    return finish(squares / Math.max(width - less, 0));
  });
}
const asIs = (x) => x;
const spreads = (finish) => (make, self, dim, correction, keepdim) => spread(make, self, dim, correction, keepdim, finish);
const unbiased = (finish) => (make, self, dim, least, keepdim) => spread(make, self, dim, least ? 1 : 0, keepdim, finish);
const withMean = (finish) => (make, self, dim, correction, keepdim) =>
  [spread(make, self, dim, correction, keepdim, finish), mean(make, self, dim, keepdim, null)];

/** What a norm makes of a row: powers are summed, unless the order is infinite. */
function normOf(order) {
  if (order === Infinity || order === -Infinity) return (data, start, width) => {
    const all = Array.from({ length: width }, (_, i) => Math.abs(data[start + i]));
    return all.reduce((a, b) => (a !== a || b !== b ? NaN : order > 0 === b > a ? b : a), order > 0 ? 0 : Infinity);
  };
  const known = [(x) => (x !== 0 ? 1 : 0), Math.abs, (x) => x * x], power = known[order] ?? ((x) => Math.abs(x) ** order);
  const root = order === 0 || order === 1 ? asIs : order === 2 ? Math.sqrt : (x) => x ** (1 / order);
  return (data, start, width) => {
    let all = 0;
    for (let i = start; i < start + width; i++) all += power(data[i]);
    return root(all);
  };
}

function vectorNorm(make, self, order, dim, keepdim, dtype) {
  const t = needFloating(cast(make, self, dtype));
  return reduced(make, t, axesOf(dim, t.shape.length), keepdim, t.dtype, normOf(order === null ? 2 : plain(order)));
}

const running = (work) => (make, self, dim, dtype) => {
  const t = addable(make, self, dtype), rank = t.shape.length, axis = axisOf(dim, rank);
  if (rank === 0) return t;
  const out = make(t.dtype, t.shape), size = t.shape[axis], inner = sizeOf(t.shape.slice(axis + 1));
  for (let start = 0; start < t.data.length; start += size * inner) for (let i = 0; i < inner; i++) {
    let so = t.data[start + i];
    for (let k = 0, at = start + i; k < size; k++, at += inner) {
      if (k > 0) so = work(so, t.data[at]);
      out.data[at] = so;
    }
  }
  return out;
};

const all = truth(false), any = truth(true);

const KERNELS = {
  sum: (make, self, dtype) => sums(make, self, null, false, dtype), "sum.dim_IntList": sums,
  mean: (make, self, dtype) => mean(make, self, null, false, dtype), "mean.dim": mean,
  prod: (make, self, dtype) => products(make, self, null, false, dtype), "prod.dim_int": products,
  amax: extreme(top), amin: extreme(bottom), max: extreme(top), min: extreme(bottom),
  "max.dim": extremeDim(top), "min.dim": extremeDim(bottom), argmax: position(top), argmin: position(bottom),
  all, "all.dim": all, any, "any.dim": any, count_nonzero: countNonzero, logsumexp,
  "var.correction": spreads(asIs), "std.correction": spreads(Math.sqrt), "var.dim": unbiased(asIs), "std.dim": unbiased(Math.sqrt),
  "var_mean.correction": withMean(asIs), "std_mean.correction": withMean(Math.sqrt), linalg_vector_norm: vectorNorm,
  "norm.Scalar": (make, self, p) => vectorNorm(make, self, p, null, false, null),
  "norm.ScalarOpt_dim": (make, self, p, dim, keepdim) => vectorNorm(make, self, p, dim, keepdim, null),
  "norm.ScalarOpt_dim_dtype": vectorNorm, cumsum: running((a, b) => a + b), cumprod: running((a, b) => a * b),
};
return { KERNELS };
})();
const m58 = (() => {
// How far apart the elements, or the rows, of tensors are.
const { refuse } = m0;
const { zipped } = m49;
const { KERNELS: REDUCTIONS } = m57;
const { cat } = m54;
const { axisOf, common, part, stretched, taken, told, view } = m47;
const { needAlike, needFloating } = m48;

const norm = (make, t, order, dim, keepdim = false) => REDUCTIONS.linalg_vector_norm(make, t, order, [dim], keepdim, null);

function cdist(make, x1, x2, p) {
  needAlike(needFloating(x1), x2);
  if (Math.min(x1.shape.length, x2.shape.length) < 2 || x1.shape.at(-1) !== x2.shape.at(-1)) {
    refuse(`rows of shapes ${told(x1.shape)} and ${told(x2.shape)}`);
  }
  const a = view(x1, [...x1.shape.slice(0, -1), 1, x1.shape.at(-1)]), b = view(x2, [...x2.shape.slice(0, -2), 1, ...x2.shape.slice(-2)]);
  return norm(make, zipped(make, a, b, (x, y) => x - y), p, -1);
}

function pairwiseDistance(make, x1, x2, p, eps, keepdim) {
  needAlike(needFloating(x1), x2);
  return norm(make, zipped(make, x1, x2, (x, y) => x - y + eps), p, -1, keepdim);
}

function cosineSimilarity(make, x1, x2, dim, eps) {
  needAlike(needFloating(x1), x2);
  const shape = common([x1.shape, x2.shape]), whole = [x1, x2].map((t) => taken(make, t, shape, stretched(t, shape)));
  const units = whole.map((t) => zipped(make, t, norm(make, t, 2, dim, true), (x, length) => x / Math.max(length, eps)));
  return REDUCTIONS["sum.dim_IntList"](make, zipped(make, ...units, (x, y) => x * y), [dim], false, null);
}

function diff(make, self, n, dim, prepend, append) {
  const axis = axisOf(dim, self.shape.length), parts = [prepend, self, append].filter((t) => t !== null);
  if (n < 0 || self.shape.length === 0) refuse(`differences of order ${n} of shape ${told(self.shape)}`);
  let found = parts.length === 1 ? self : cat(make, parts, axis);
  const work = self.dtype === "bool" ? (x, y) => (x !== y ? 1 : 0) : (x, y) => x - y;
  for (let turn = 0; turn < n && found.shape[axis] > 0; turn++) {
    const count = found.shape[axis] - 1;
    found = zipped(make, part(make, found, axis, 1, count), part(make, found, axis, 0, count), work);
  }
  return found;
}

const KERNELS = { cdist, pairwise_distance: pairwiseDistance, cosine_similarity: cosineSimilarity, diff };
return { KERNELS };
})();
const m59 = (() => {
// Elements chosen by number: taken out, put in. Nothing is changed in place.
const { refuse } = m0;
const { axisOf, common, picked, sizeOf, stepsOf, stretched, taken, told, view, walk } = m47;
const { needIntegers, plain } = m48;
const { sliced } = m54;

/** Refuse numbers below 0, and those beyond. */
function natural(index, size) {
  for (const i of needIntegers(index).data) if (!(i >= 0 && i < size)) refuse(`index ${i} of a size of ${size}`);
  return index;
}

function embedding(make, weight, indices) {
  const found = picked(make, weight, 0, natural(indices, weight.shape[0]).data);
  return view(found, [...indices.shape, ...weight.shape.slice(1)]);
}

function indexSelect(make, self, dim, index) {
  const flat = self.shape.length === 0 ? view(self, [1]) : self, axis = axisOf(dim, self.shape.length);
  const found = picked(make, flat, axis, natural(index, flat.shape[axis]).data);
  return self.shape.length === 0 ? view(found, []) : found;
}

/** Tensors of indices as whole numbers: a mask is the places where it is true. */
function asNumbers(make, indices, self) {
  const found = [];
  for (const index of indices) {
    if (index === null || (index.dtype !== "bool" && index.dtype !== "u8")) {
      found.push(index);
      continue;
    }
    const sizes = self.shape.slice(found.length, found.length + index.shape.length);
    if (told(sizes) !== told(index.shape)) refuse(`a mask of shape ${told(index.shape)} for dimensions of ${told(sizes)}`);
    const places = [];
    index.data.forEach((is, i) => is !== 0 && places.push(i));
    stepsOf(index.shape).forEach((step, axis) => {
      const numbers = make("i64", [places.length]);
      places.forEach((place, i) => (numbers.data[i] = Math.floor(place / step) % index.shape[axis]));
      found.push(numbers);
    });
  }
  if (found.length > self.shape.length) refuse(`${found.length} indices for a tensor of ${self.shape.length} dimensions`);
  while (found.length < self.shape.length) found.push(null);
  return found;
}

/** Which dimensions indices choose of, those that stand whole before and behind, and the shape of the result. */
function layoutOf(all, self) {
  const places = all.map((_, i) => i), axes = places.filter((i) => all[i] !== null), rest = places.filter((i) => all[i] === null);
  const inner = common(axes.map((i) => all[i].shape)), together = axes.length > 0 && axes.at(-1) - axes[0] === axes.length - 1;
  const ahead = together ? rest.filter((i) => i < axes[0]) : [], behind = rest.filter((i) => !ahead.includes(i));
  const size = (some) => some.map((i) => self.shape[i]);
  return { axes, ahead, behind, inner, size, shape: [...size(ahead), ...inner, ...size(behind)] };
}

/** Call `visit(place)` for each element that indices choose, in the order of the result; `begin(shape)` gives it. */
function chosen(make, self, indices, begin) {
  const all = asNumbers(make, indices, self), steps = stepsOf(self.shape);
  const { axes, ahead, behind, inner, size, shape } = layoutOf(all, self);
  const visit = begin(shape), offsets = make("f64", inner).data;
  for (const axis of axes) addOffsets(offsets, all[axis], inner, self.shape[axis], steps[axis]);
  const step = (some) => some.map((i) => steps[i]);
  walk([...size(ahead), 1], [[...step(ahead), 0]], [0], ([first], more, [gap]) => {
    for (let j = 0, at = first; j < more; j++, at += gap) for (const offset of offsets) {
      walk(size(behind), [step(behind)], [at + offset], ([from], count, [by]) => {
        for (let i = 0; i < count; i++, from += by) visit(from);
      });
    }
  });
}

/** Add where the numbers of one dimension lead to; those below 0 count from its end. */
function addOffsets(offsets, numbers, inner, size, step) {
  let o = 0;
  needIntegers(numbers);
  walk(inner, [stretched(numbers, inner)], [0], ([at], count, [by]) => {
    for (let i = 0; i < count; i++, at += by) {
      const place = numbers.data[at] < 0 ? numbers.data[at] + size : numbers.data[at];
      if (!(place >= 0 && place < size)) refuse(`index ${numbers.data[at]} of a size of ${size}`);
      offsets[o++] += place * step;
    }
  });
}

function index(make, self, indices) {
  let out = null, o = 0;
  chosen(make, self, indices, (shape) => {
    out = make(self.dtype, shape);
    return (place) => (out.data[o++] = self.data[place]);
  });
  return out;
}

const copied = (make, self) => {
  const out = make(self.dtype, self.shape);
  out.data.set(self.data);
  return out;
};

function indexPut(make, self, indices, values, accumulate) {
  const out = copied(make, self);
  chosen(make, self, indices, (shape) => {
    const found = taken(make, values, shape, stretched(values, shape)).data;
    let o = 0;
    return (place) => (out.data[place] = accumulate ? out.data[place] + found[o++] : found[o++]);
  });
  return out;
}

/** The place in a tensor of each element of an index along one dimension. */
function grid(self, dim, index) {
  const shape = self.shape.length === 0 ? [1] : self.shape, numbers = index.shape.length === 0 ? [1] : index.shape;
  const axis = axisOf(dim, shape.length), steps = stepsOf(shape), places = new Float64Array(sizeOf(numbers));
  if (shape.length !== numbers.length || numbers.some((size, i) => i !== axis && size > shape[i])) {
    refuse(`an index of shape ${told(index.shape)} for a tensor of ${told(self.shape)}`);
  }
  natural(index, shape[axis]);
  let o = 0;
  walk([...numbers, 1], [[...steps.map((step, i) => (i === axis ? 0 : step)), 0]], [0], ([at], count, [by]) => {
    for (let i = 0; i < count; i++, at += by, o++) places[o] = at + index.data[o] * steps[axis];
  });
  return places;
}

function gather(make, self, dim, index) {
  const out = make(self.dtype, index.shape);
  grid(self, dim, index).forEach((place, i) => (out.data[i] = self.data[place]));
  return out;
}

function takeAlong(make, self, indices, dim) {
  if (dim === null) return indexSelect(make, view(self, [-1]), 0, view(indices, [-1]));
  const axis = axisOf(dim, self.shape.length), but = (shape) => shape.map((size, i) => (i === axis ? 1 : size));
  const rest = common([but(self.shape), but(indices.shape)]), whole = (t) => {
    const shape = rest.map((size, i) => (i === axis ? t.shape[axis] : size));
    return taken(make, t, shape, stretched(t, shape));
  };
  return gather(make, whole(self), dim, whole(indices));
}

const scatter = (work) => (make, self, dim, index, src) => {
  const out = copied(make, self), places = grid(self, dim, index);
  const value = work.fromNumber ? () => plain(src) : sourceOf(src, index);
  places.forEach((place, i) => (out.data[place] = work.put(out.data[place], value(i))));
  return out;
};

/** Elements of a source in the order of an index that is no larger than it. */
function sourceOf(src, index) {
  if (src.shape.length !== index.shape.length || index.shape.some((size, i) => size > src.shape[i])) {
    refuse(`a source of shape ${told(src.shape)} for an index of ${told(index.shape)}`);
  }
  const steps = stepsOf(src.shape), found = new Float64Array(sizeOf(index.shape));
  let o = 0;
  walk(index.shape, [steps], [0], ([at], count, [by]) => {
    for (let i = 0; i < count; i++, at += by) found[o++] = src.data[at];
  });
  return (i) => found[i];
}

function oneHot(make, self, classes) {
  const count = classes === -1 ? self.data.reduce((a, b) => Math.max(a, b), -1) + 1 : classes;
  natural(self, count);
  const out = make("i64", [...self.shape, count]);
  self.data.forEach((place, i) => (out.data[i * count + place] = 1));
  return out;
}

/** A tensor with a part along one dimension replaced. */
function replaced(make, self, src, axis, first, count, step) {
  const out = copied(make, self), shape = self.shape.map((size, i) => (i === axis ? count : size));
  const steps = stepsOf(self.shape), own = steps.map((one, i) => (i === axis ? one * step : one));
  walk(shape, [own, stretched(src, shape)], [first * steps[axis], 0], ([to, from], run, [n, m]) => {
    for (let i = 0; i < run; i++, to += n, from += m) out.data[to] = src.data[from];
  });
  return out;
}

function selectScatter(make, self, src, dim, index) {
  const axis = axisOf(dim, self.shape.length), size = self.shape[axis], place = index < 0 ? index + size : index;
  if (!(place >= 0 && place < size)) refuse(`index ${index} of a size of ${size}`);
  return replaced(make, self, view(src, [...src.shape.slice(0, axis), 1, ...src.shape.slice(axis)]), axis, place, 1, 1);
}

function sliceScatter(make, self, src, dim, start, end, step) {
  const axis = axisOf(dim, self.shape.length), { first, count } = sliced(self.shape[axis], start, end, step);
  return replaced(make, self, src, axis, first, count, step);
}

const KERNELS = {
  embedding, index_select: indexSelect, "index.Tensor": index, "_unsafe_index.Tensor": index, index_put: indexPut,
  gather, take_along_dim: takeAlong, one_hot: oneHot, "scatter.src": scatter({ put: (_, y) => y }),
  "scatter.value": scatter({ put: (_, y) => y, fromNumber: true }), scatter_add: scatter({ put: (x, y) => x + y }),
  select_scatter: selectScatter, slice_scatter: sliceScatter,
};
return { KERNELS, copied, grid, natural, sourceOf };
})();
const m60 = (() => {
// Tensors made of numbers, and whole numbers made of sizes.
const { refuse } = m0;
const { axisOf, told } = m47;
const { cast, number, plain, resultType } = m48;

function made(make, shape, value, dtype) {
  if (Math.min(0, ...shape) < 0) refuse(`expected sizes of at least 0, got ${told(shape)}`);
  const out = make(dtype, shape), filler = cast(make, value, dtype).data[0];
  if (filler !== 0) out.data.fill(filler);
  return out;
}

const zero = number(0, "int"), one = number(1, "int");
const full = (make, size, value, dtype) => made(make, size, value, dtype ?? resultType(value));
const filled = (value) => (make, size, dtype) => made(make, size, value, dtype ?? "f32");
const like = (value) => (make, self, dtype) => made(make, self.shape, value, dtype ?? self.dtype);

function arange(make, start, end, step, dtype) {
  const [first, last, by] = [start, end, step].map(plain), whole = [start, end, step].every((x) => x.kind === "int");
  if (by === 0 || (last - first) * by < 0) refuse(`a range from ${first} to ${last} in steps of ${by}`);
  const out = make(dtype ?? (whole ? "i64" : "f32"), [Math.ceil((last - first) / by)]), cuts = out.dtype === "i64";
  for (let i = 0; i < out.data.length; i++) out.data[i] = cuts ? Math.trunc(first + i * by) : first + i * by;
  return out;
}

function linspace(make, start, end, steps, dtype) {
  const out = make(dtype ?? "f32", [steps]), [first, last] = [plain(start), plain(end)], by = (last - first) / (steps - 1);
  if (steps === 1) out.data[0] = first;
  else for (let i = 0; i < steps; i++) {
    const x = i < Math.floor(steps / 2) ? first + by * i : last - by * (steps - 1 - i);
    out.data[i] = out.dtype === "i64" ? Math.trunc(x) : x;
  }
  return out;
}

function eye(make, rows, columns, dtype) {
  const out = make(dtype ?? "f32", [rows, columns]);
  for (let i = 0; i < Math.min(rows, columns); i++) out.data[i * (columns + 1)] = 1;
  return out;
}

/** A whole number that is exact. */
function whole(value) {
  if (!Number.isSafeInteger(value)) refuse(`a size of ${value} is none of 53 bits`);
  return value;
}
const size = (work) => (make, a, b) => whole(work(a, b));

function divided(a, b) {
  if (b === 0) refuse("integers divided by 0");
  return Math.floor(a / b);
}

const KERNELS = {
  full, zeros: filled(zero), ones: filled(one), zeros_like: like(zero), ones_like: like(one),
  full_like: (make, self, value, dtype) => made(make, self.shape, value, dtype ?? self.dtype),
  new_full: (make, self, shape, value, dtype) => made(make, shape, value, dtype ?? self.dtype),
  new_zeros: (make, self, shape, dtype) => made(make, shape, zero, dtype ?? self.dtype),
  new_ones: (make, self, shape, dtype) => made(make, shape, one, dtype ?? self.dtype),
  scalar_tensor: (make, value, dtype) => cast(make, value, dtype ?? "f32"),
  arange: (make, end, dtype) => arange(make, zero, end, one, dtype),
  "arange.start": (make, start, end, dtype) => arange(make, start, end, one, dtype), "arange.start_step": arange,
  linspace, eye: (make, n, dtype) => eye(make, n, n, dtype), "eye.m": eye,
  "tuple.get": (make, values, index) => values[index] ?? refuse(`result ${index} of ${values.length}`),
  "sym_size.int": (make, self, dim) => self.shape[axisOf(dim, self.shape.length)],
  "size.add": size((a, b) => a + b), "size.sub": size((a, b) => a - b), "size.mul": size((a, b) => a * b),
  "size.floordiv": size(divided), "size.mod": size((a, b) => a - b * divided(a, b)),
  "size.max": size(Math.max), "size.min": size(Math.min), "size.neg": size((a) => -a),
};
return { KERNELS };
})();
const m61 = (() => {
// Normalisation: sums in binary64, rounded once.
const { refuse } = m0;
const { sizeOf, told } = m47;

/** Refuse numbers for each channel, or element, of another count. */
function sized(count, ...given) {
  for (const one of given) if (one !== null && one.data.length !== count) refuse(`${one.data.length} numbers for ${count}`);
}

/** Normalise lines of numbers: each gets `scale` and `shift` of `of(line)`, which may be its own moments. */
function applied(make, input, length, of) {
  const out = make(input.dtype, input.shape), from = input.data, to = out.data;
  for (let line = 0, at = 0; at < from.length; line++) {
    const { scale, shift } = of(line, at);
    for (const end = at + length; at < end; at++) to[at] = from[at] * scale + shift;
  }
  return out;
}

function moments(data, start, length) {
  let sum = 0, squares = 0;
  for (let i = start; i < start + length; i++) sum += data[i];
  const mean = sum / length;
  for (let i = start; i < start + length; i++) squares += (data[i] - mean) ** 2;
  return { mean, variance: squares / length };
}

function scaled({ mean, variance }, weight, bias, eps) {
  const scale = (weight ?? 1) / Math.sqrt(variance + eps);
  return { scale, shift: (bias ?? 0) - mean * scale };
}

function batchNorm(make, input, weight, bias, mean, variance, training, momentum, eps) {
  const channels = input.shape[1], length = sizeOf(input.shape.slice(2));
  if (input.shape.length < 2) refuse(`expected at least 2 dimensions, got shape ${told(input.shape)}`);
  sized(channels, weight, bias, mean, variance);
  const running = (c) => ({ mean: mean.data[c], variance: variance.data[c] });
  const own = training || mean === null ? (c) => channelMoments(input, c, length) : running;
  const all = Array.from({ length: channels }, (_, c) => scaled(own(c), weight?.data[c], bias?.data[c], eps));
  return applied(make, input, length, (line) => all[line % channels]);
}

function channelMoments({ data, shape: [count, channels] }, c, length) {
  const own = new Float64Array(count * length);
  for (let n = 0; n < count; n++) {
    const start = (n * channels + c) * length;
    own.set(data.subarray(start, start + length), n * length);
  }
  return moments(own, 0, own.length);
}

function instanceNorm(make, input, weight, bias, mean, variance, ofInput, momentum, eps) {
  if (!ofInput) return batchNorm(make, input, weight, bias, mean, variance, false, momentum, eps);
  const channels = input.shape[1], length = sizeOf(input.shape.slice(2));
  sized(channels, weight, bias);
  return applied(make, input, length, (line, at) =>
    scaled(moments(input.data, at, length), weight?.data[line % channels], bias?.data[line % channels], eps));
}

function groupNorm(make, input, groups, weight, bias, eps) {
  const [, channels] = input.shape, length = sizeOf(input.shape.slice(2)), each = channels / groups;
  if (groups < 1 || !Number.isInteger(each)) refuse(`${channels} channels in ${groups} groups`);
  sized(channels, weight, bias);
  let own = null;
  return applied(make, input, length, (line, at) => {
    if (line % each === 0) own = moments(input.data, at, each * length);
    return scaled(own, weight?.data[line % channels], bias?.data[line % channels], eps);
  });
}

/** The elements that are normalised together: those of the last dimensions. */
function inner(input, shape) {
  const last = input.shape.slice(input.shape.length - shape.length);
  if (shape.length === 0 || told(last) !== told(shape)) {
    refuse(`expected last dimensions of ${told(shape)}, got shape ${told(input.shape)}`);
  }
  return sizeOf(shape);
}

const perRow = (statistics) => (make, input, shape, weight, bias, eps) => {
  const width = inner(input, shape);
  sized(width, weight, bias);
  const out = make(input.dtype, input.shape), from = input.data, to = out.data;
  for (let start = 0; start < from.length; start += width) {
    const { scale, shift } = statistics(from, start, width, eps);
    for (let i = 0; i < width; i++) {
      const factor = weight === null ? 1 : weight.data[i], more = bias === null ? 0 : bias.data[i];
      to[start + i] = (from[start + i] * scale + shift) * factor + more;
    }
  }
  return out;
};

const layerNorm = perRow((data, start, width, eps) => scaled(moments(data, start, width), null, null, eps));
const rms = perRow((data, start, width, eps) => {
  let squares = 0;
  for (let i = start; i < start + width; i++) squares += data[i] * data[i];
  return { scale: 1 / Math.sqrt(squares / width + eps), shift: 0 };
});
const rmsNorm = (make, input, shape, weight, eps) =>
  rms(make, input, shape, weight, null, eps ?? (input.dtype === "f64" ? 2 ** -52 : 2 ** -23));

const KERNELS = {
  batch_norm: batchNorm, instance_norm: instanceNorm, group_norm: groupNorm, layer_norm: layerNorm, rms_norm: rmsNorm,
};
return { KERNELS };
})();
const m62 = (() => {
// Elements in the order of their values: stable, a NaN is the greatest.
const { refuse } = m0;
const { axisOf, picked, sizeOf } = m47;

function sort(make, self, dim, descending) {
  const rank = self.shape.length, axis = axisOf(dim, rank);
  const values = make(self.dtype, self.shape), places = make("i64", self.shape);
  const size = rank === 0 ? 1 : self.shape[axis], inner = sizeOf(self.shape.slice(axis + 1)), { data } = self;
  const sign = descending ? -1 : 1, rises = (x, y) => (x !== x ? (y !== y ? 0 : 1) : y !== y ? -1 : x - y);
  for (let start = 0; start < data.length; start += size * inner) for (let i = start; i < start + inner; i++) {
    const order = Array.from({ length: size }, (_, k) => k);
    order.sort((a, b) => {
      const [x, y] = [data[i + a * inner], data[i + b * inner]];
      return x === y ? 0 : sign * rises(x, y);
    });
    order.forEach((from, k) => {
      values.data[i + k * inner] = data[i + from * inner];
      places.data[i + k * inner] = from;
    });
  }
  return [values, places];
}

function topk(make, self, k, dim, largest) {
  const rank = self.shape.length, axis = axisOf(dim, rank), size = rank === 0 ? 1 : self.shape[axis];
  if (!(k >= 0 && k <= size)) refuse(`k = ${k} of a dimension of ${size}`);
  const all = sort(make, self, dim, largest), first = Array.from({ length: k }, (_, i) => i);
  return rank === 0 ? all : all.map((t) => picked(make, t, axis, first));
}

const KERNELS = { sort, argsort: (make, self, dim, descending) => sort(make, self, dim, descending)[1], topk };
return { KERNELS };
})();
const m63 = (() => {
// Tensors with edges added, or cut off where a number is negative.
const { refuse } = m0;
const { picked, stepsOf, told, walk } = m47;
const { cast, number, plain } = m48;

/** Before and after for each dimension; pairs are given from the last one backwards. */
function sidesOf(pad, rank) {
  if (pad.length % 2 !== 0 || pad.length > 2 * rank) refuse(`pads ${told(pad)} of a tensor of ${rank} dimensions`);
  return Array.from({ length: rank }, (_, i) => {
    const at = 2 * (rank - 1 - i);
    return at < pad.length ? [pad[at], pad[at + 1]] : [0, 0];
  });
}

function constantPad(make, self, pad, value) {
  const sides = sidesOf(pad, self.shape.length), shape = self.shape.map((size, i) => size + sides[i][0] + sides[i][1]);
  if (Math.min(0, ...shape) < 0) refuse(`pads ${told(pad)} of shape ${told(self.shape)}`);
  const out = make(self.dtype, shape), filler = cast(make, number(plain(value) ?? 0, "float"), self.dtype).data[0];
  if (filler !== 0) out.data.fill(filler);
  const kept = self.shape.map((size, i) => Math.max(0, size + Math.min(sides[i][0], 0) + Math.min(sides[i][1], 0)));
  const [from, to] = [stepsOf(self.shape), stepsOf(shape)];
  const start = (steps, sign) => steps.reduce((at, step, i) => at + step * Math.max(0, sign * sides[i][0]), 0);
  walk([...kept, 1], [[...from, 0], [...to, 0]], [start(from, -1), start(to, 1)], ([a, o], count, [n, m]) => {
    for (let i = 0; i < count; i++, a += n, o += m) out.data[o] = self.data[a];
  });
  return out;
}

/** Edges made of the tensor's own elements: `where(place, size)` says which one stands there. */
const padded = (where, most) => (make, self, pad) => sidesOf(pad, self.shape.length).reduce((t, [before, after], axis) => {
  const size = t.shape[axis];
  if (Math.max(before, after) > most(size)) refuse(`pads ${told(pad)} of shape ${told(self.shape)}`);
  if (before === 0 && after === 0) return t;
  const count = Math.max(0, size + before + after);
  return picked(make, t, axis, make("i64", [count]).data.map((_, i) => where(i - before, size)));
}, self);

function mirrored(place, size) {
  const from = Math.abs(place);
  return from >= size ? 2 * (size - 1) - from : from;
}

const reflection = padded(mirrored, (size) => size - 1);
const replication = padded((place, size) => Math.min(Math.max(place, 0), size - 1), (size) => (size > 0 ? 2 ** 48 : 0));
const circular = padded((place, size) => ((place % size) + size) % size, (size) => size);
const MODES = { reflect: reflection, replicate: replication, circular };

function pad(make, self, sides, mode, value) {
  if (mode === "constant") return constantPad(make, self, sides, value ?? 0);
  if (!Object.hasOwn(MODES, mode)) refuse(`mode: expected constant, ${Object.keys(MODES).join(", ")}, got ${mode}`);
  return MODES[mode](make, self, sides);
}

const KERNELS = {
  pad, constant_pad_nd: constantPad, reflection_pad1d: reflection, reflection_pad2d: reflection,
  replication_pad1d: replication, replication_pad2d: replication,
};
return { KERNELS };
})();
const m64 = (() => {
// Pooling of one to three dimensions, all as of three.
const { refuse } = m0;
const { three } = m56;
const { isFloating, several, sizeOf, told } = m47;

const MOST_WINDOWS = 2 ** 24; // of an adaptive pooling, along one dimension

/** How many windows there are; the last one starts inside, with `ceil` too. */
function pooledSize(size, kernel, stride, pad, dilation, ceil) {
  if (Math.min(kernel, stride, dilation) < 1 || pad < 0 || 2 * pad > dilation * (kernel - 1) + 1) {
    refuse(`a window of ${kernel} with pads of ${pad} and steps of ${stride}`);
  }
  const free = size + 2 * pad - dilation * (kernel - 1) - 1;
  let found = (ceil ? Math.ceil(free / stride) : Math.floor(free / stride)) + 1;
  if (ceil && (found - 1) * stride >= size + pad) found--;
  if (found < 1) refuse(`a window of ${kernel} for a size of ${size}`);
  return found;
}

function checkRank(t, rank) {
  if (![rank + 1, rank + 2].includes(t.shape.length)) {
    refuse(`expected ${rank + 1} or ${rank + 2} dimensions, got shape ${told(t.shape)}`);
  }
}

/** Windows along each of three dimensions: { first, last, step } of the input for each output. */
function windows(t, rank, kernelSize, stride, padding, dilation, ceil) {
  checkRank(t, rank);
  const kernel = several(kernelSize, rank), isGiven = !(Array.isArray(stride) && stride.length === 0);
  const steps = isGiven ? several(stride, rank) : kernel;
  const pads = several(padding, rank), apart = several(dilation, rank), inner = t.shape.slice(-rank);
  const along = inner.map((size, i) => {
    const count = pooledSize(size, kernel[i], steps[i], pads[i], apart[i], ceil);
    return Array.from({ length: count }, (_, place) => {
      const start = place * steps[i] - pads[i], end = start + apart[i] * (kernel[i] - 1) + 1;
      const first = start < 0 ? start + Math.ceil(-start / apart[i]) * apart[i] : start;
      return { first, last: Math.min(end, size), step: apart[i], padded: Math.min(end, size + pads[i]) - start };
    });
  });
  return { along: three(along, [{ first: 0, last: 1, step: 1, padded: 1 }]), sizes: along.map((one) => one.length) };
}

/** Windows of an adaptive pooling, which cover the input. */
function adaptive(t, rank, outputSize) {
  checkRank(t, rank);
  const sizes = several(outputSize, rank);
  if (!sizes.every((size) => size >= 0 && size <= MOST_WINDOWS)) {
    refuse(`sizes ${told(sizes)}: expected at most ${MOST_WINDOWS} each`);
  }
  const along = t.shape.slice(-rank).map((size, i) =>
    Array.from({ length: sizes[i] }, (_, place) => {
      const first = Math.floor((place * size) / sizes[i]), last = Math.ceil(((place + 1) * size) / sizes[i]);
      return { first, last, step: 1, padded: last - first };
    }));
  return { along: three(along, [{ first: 0, last: 1, step: 1, padded: 1 }]), sizes };
}

/** Call `visit(output, start of the image, windows of the three dimensions)` for each output. */
function pooled(make, t, rank, { along, sizes }, visit) {
  const ahead = t.shape.slice(0, -rank), whole = sizeOf(t.shape.slice(-rank)), images = sizeOf(ahead);
  const out = make(t.dtype, [...ahead, ...sizes]);
  let o = 0;
  for (let n = 0; n < images; n++) for (const d of along[0]) for (const h of along[1]) for (const w of along[2]) {
    visit(out.data, o++, n * whole, d, h, w);
  }
  return out;
}

function maxOf(make, t, rank, how, places = null) {
  const [height, width] = three(t.shape.slice(-rank), 1).slice(1), { data } = t;
  return pooled(make, t, rank, how, (out, o, start, D, H, W) => {
    let best = -Infinity, place = -1;
    for (let d = D.first; d < D.last; d += D.step) for (let h = H.first; h < H.last; h += H.step) {
      const line = (d * height + h) * width;
      for (let w = W.first; w < W.last; w += W.step) {
        const x = data[start + line + w];
        if (x > best || place < 0 || (x !== x && best === best)) {
          best = x;
          place = line + w;
        }
      }
    }
    out[o] = best;
    if (places !== null) places[o] = place;
  });
}

const maxPool = (rank) => (make, self, kernel, stride, padding, dilation, ceil) =>
  maxOf(make, self, rank, windows(self, rank, kernel, stride, padding, dilation, ceil));

function withPlaces(make, self, rank, how) {
  const places = make("i64", [...self.shape.slice(0, -rank), ...how.sizes]);
  return [maxOf(make, self, rank, how, places.data), places];
}

function averages(make, t, rank, how, divisorOf) {
  const [height, width] = three(t.shape.slice(-rank), 1).slice(1), { data } = t;
  return pooled(make, t, rank, how, (out, o, start, D, H, W) => {
    let sum = 0;
    for (let d = D.first; d < D.last; d++) for (let h = H.first; h < H.last; h++) {
      const line = start + (d * height + h) * width;
      for (let w = W.first; w < W.last; w++) sum += data[line + w];
    }
    out[o] = isFloating(t.dtype) ? sum / divisorOf(D, H, W) : Math.trunc(sum / divisorOf(D, H, W));
  });
}

const inside = (...windows) => windows.reduce((product, { first, last }) => product * (last - first), 1);
const padded = (...windows) => windows.reduce((product, one) => product * one.padded, 1);

const avgPool = (rank) => (make, self, kernel, stride, padding, ceil, countPad, divisor = null) => {
  if (divisor === 0) refuse("divisor_override: expected another number than 0");
  const how = windows(self, rank, kernel, stride, padding, 1, ceil);
  return averages(make, self, rank, how, divisor !== null ? () => divisor : countPad ? padded : inside);
};

const adaptiveAvg = (rank) => (make, self, size) => averages(make, self, rank, adaptive(self, rank, size), inside);
const adaptiveMax = (rank) => (make, self, size) => withPlaces(make, self, rank, adaptive(self, rank, size));

const KERNELS = {
  max_pool1d: maxPool(1), max_pool2d: maxPool(2), max_pool3d: maxPool(3),
  max_pool2d_with_indices: (make, self, kernel, stride, padding, dilation, ceil) =>
    withPlaces(make, self, 2, windows(self, 2, kernel, stride, padding, dilation, ceil)),
  avg_pool1d: avgPool(1), avg_pool2d: avgPool(2), avg_pool3d: avgPool(3),
  adaptive_avg_pool1d: adaptiveAvg(1), adaptive_avg_pool2d: adaptiveAvg(2), adaptive_avg_pool3d: adaptiveAvg(3),
  adaptive_max_pool1d: adaptiveMax(1), adaptive_max_pool2d: adaptiveMax(2),
};
return { KERNELS };
})();
const m65 = (() => {
// Recurrent layers, step by step: both directions, projections, several layers.
const { refuse } = m0;
const { left, times } = m52;
const { KERNELS: PRODUCTS } = m53;
const { permuted, sizeOf, told } = m47;
const { cat } = m54;
const { needFloating } = m48;

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/**
 * Steps write the next state in place. `gates` are those of the inputs from `at` on, a row of the batch after the
 * other; `inner` those of the state, a gate after the other: [size * gates][batch]. Both have their biases.
 */
function lstmStep(gates, at, inner, [hidden, memory], size, batch) {
  for (let b = 0; b < batch; b++) for (let h = 0; h < size; h++) {
    const gate = (k) => gates[at + (4 * b + k) * size + h] + inner[(k * size + h) * batch + b], i = b * size + h;
    memory[i] = sigmoid(gate(1)) * memory[i] + sigmoid(gate(0)) * Math.tanh(gate(2));
    hidden[i] = sigmoid(gate(3)) * Math.tanh(memory[i]);
  }
}

function gruStep(gates, at, inner, [hidden], size, batch) {
  for (let b = 0; b < batch; b++) for (let h = 0; h < size; h++) {
    const given = (k) => gates[at + (3 * b + k) * size + h], own = (k) => inner[(k * size + h) * batch + b], i = b * size + h;
    const reset = sigmoid(given(0) + own(0)), update = sigmoid(given(1) + own(1)), fresh = Math.tanh(given(2) + reset * own(2));
    hidden[i] = fresh + update * (hidden[i] - fresh);
  }
}

const plainStep = (work) => (gates, at, inner, [hidden], size, batch) => {
  for (let b = 0; b < batch; b++) for (let h = 0; h < size; h++) {
    hidden[b * size + h] = work(gates[at + b * size + h] + inner[h * batch + b]);
  }
};

/** The parameters of one direction of a layer, which fit each other, the input and the state. */
function cellOf(parts, hasBiases, gates, features, width, size) {
  const [inner, outer, ...rest] = parts, biases = hasBiases ? rest.splice(0, 2) : [null, null], projection = rest[0] ?? null;
  const fits = (t, shape) => t === null || told(t.shape) === told(shape) || refuse(`weights of shape ${told(t.shape)}, expected ${told(shape)}`);
  fits(inner, [gates * size, features]);
  fits(outer, [gates * size, width]);
  for (const bias of biases) fits(bias, [gates * size]);
  fits(projection, [width, size]);
  if (projection === null && width !== size) refuse(`a state of ${width} for a layer of ${size}`);
  return { inner, outer, bias: biases, projection };
}

/** Run one direction over (time, batch, features); states are changed in place. */
function directed(make, sequence, states, cell, { step, gates }, size, backwards) {
  const [steps, batch] = sequence.shape, width = cell.outer.shape[1], rows = gates * size;
  const given = PRODUCTS.linear(make, sequence, cell.inner, cell.bias[0]).data, out = make(sequence.dtype, [steps, batch, width]);
  const packed = left({ data: cell.outer.data, start: 0, row: width, column: 1 }, rows, width);
  const shrink = cell.projection === null ? null : left({ data: cell.projection.data, start: 0, row: size, column: 1 }, width, size);
  const inner = new Float64Array(rows * batch), wide = shrink === null ? states[0] : new Float64Array(batch * size), small = new Float64Array(width * batch);
  for (let turn = 0; turn < steps; turn++) {
    const time = backwards ? steps - 1 - turn : turn;
    times(packed, { data: states[0], start: 0, row: 1, column: width }, rows, batch, width, inner, 0);
    if (cell.bias[1] !== null) for (let i = 0; i < inner.length; i++) inner[i] += cell.bias[1].data[Math.floor(i / batch)];
    step(given, time * batch * rows, inner, [wide, ...states.slice(1)], size, batch);
    if (shrink !== null) {
      times(shrink, { data: wide, start: 0, row: 1, column: size }, width, batch, size, small, 0);
      for (let b = 0; b < batch; b++) for (let p = 0; p < width; p++) states[0][b * width + p] = small[p * batch + b];
    }
    out.data.set(states[0], time * batch * width);
  }
  return out;
}

function recurrent(make, input, hx, params, hasBiases, layers, dropout, train, bidirectional, batchFirst, kind) {
  if (train && dropout !== 0) refuse("dropout is no part of an evaluating graph: expected train = false");
  if (needFloating(input).shape.length !== 3) refuse(`expected time, batch and features, got shape ${told(input.shape)}`);
  const directions = bidirectional ? 2 : 1, all = layers * directions, projected = hx.length > 1 && hx[0].shape[2] !== hx[1].shape[2];
  const each = (hasBiases ? 4 : 2) + (projected ? 1 : 0), size = hx.at(-1).shape[2];
  let sequence = batchFirst ? permuted(make, input, [1, 0, 2]) : input;
  const batch = sequence.shape[1], last = hx.map((t) => make(input.dtype, t.shape));
  if (params.length !== each * all) refuse(`expected ${each * all} weights, got ${params.length}`);
  if (hx.some((t) => t.shape.length !== 3 || t.shape[0] !== all || t.shape[1] !== batch)) refuse(`states of shape ${told(hx[0].shape)}`);
  for (let layer = 0; layer < layers; layer++) {
    const outs = [];
    for (let direction = 0; direction < directions; direction++) {
      const place = layer * directions + direction, own = params.slice(place * each, (place + 1) * each);
      const cell = cellOf(own, hasBiases, kind.gates, sequence.shape[2], hx[0].shape[2], size);
      const states = hx.map((t) => Float64Array.from(t.data.subarray(place * batch * t.shape[2], (place + 1) * batch * t.shape[2])));
      outs.push(directed(make, sequence, states, cell, kind, size, direction === 1));
      last.forEach((t, i) => t.data.set(states[i], place * sizeOf(t.shape.slice(1))));
    }
    sequence = directions === 1 ? outs[0] : cat(make, outs, -1);
  }
  return [batchFirst ? permuted(make, sequence, [1, 0, 2]) : sequence, ...last];
}

const of = (gates, step, isList = false) => (make, input, hx, ...rest) => recurrent(make, input, isList ? hx : [hx], ...rest, { gates, step });

const KERNELS = {
  "lstm.input": of(4, lstmStep, true), "gru.input": of(3, gruStep), "rnn_tanh.input": of(1, plainStep(Math.tanh)),
  "rnn_relu.input": of(1, plainStep((x) => (x > 0 ? x : x !== x ? x : 0))),
};
return { KERNELS };
})();
const m66 = (() => {
// Images in other sizes: nearest, linear and cubic, one dimension after the other.
const { refuse } = m0;
const { picked, sizeOf, told } = m47;

function sizesOf(input, rank, outputSize, factors) {
  if (input.shape.length !== rank + 2) refuse(`expected ${rank + 2} dimensions, got shape ${told(input.shape)}`);
  if ((outputSize === null) === (factors === null)) refuse("expected an output size or scale factors, one of both");
  const sizes = input.shape.slice(2), found = outputSize ?? sizes.map((size, i) => Math.floor(size * factors[i]));
  if (found.length !== rank || !(Math.min(...found) >= 1)) refuse(`sizes of ${told(sizes)} to ${told(found)}`);
  return found;
}

/** How far apart in the input neighbours of the output are. */
const stepOf = (size, out, factor) => (factor !== null && factor > 0 ? 1 / factor : size / out);

const nearest = (rank) => (make, input, outputSize, factors) =>
  sizesOf(input, rank, outputSize, factors).reduce((t, out, i) => {
    const size = t.shape[i + 2], step = Math.fround(stepOf(size, out, factors?.[i] ?? null));
    const where = (place) => (out === size ? place : out === 2 * size ? place >> 1 : Math.floor(Math.fround(place * step)));
    return picked(make, t, i + 2, make("i64", [out]).data.map((_, place) => Math.min(where(place), size - 1)));
  }, input);

const resized = (rank, lowest, weights) => (make, input, outputSize, corners, factors) =>
  sizesOf(input, rank, outputSize, factors).reduce((t, out, i) => {
    const axis = i + 2, size = t.shape[axis];
    if (size === out) return t;
    const step = corners ? (out > 1 ? (size - 1) / (out - 1) : 0) : stepOf(size, out, factors?.[i] ?? null);
    const where = (place) => (corners ? place * step : Math.max((place + 0.5) * step - 0.5, lowest));
    const found = make(t.dtype, t.shape.map((one, k) => (k === axis ? out : one)));
    const outer = sizeOf(t.shape.slice(0, axis)), inner = sizeOf(t.shape.slice(axis + 1));
    for (let place = 0; place < out; place++) for (const [from, share] of weights(where(place))) {
      const source = Math.min(Math.max(from, 0), size - 1);
      for (let n = 0; n < outer; n++) {
        let a = (n * size + source) * inner, o = (n * out + place) * inner;
        for (let k = 0; k < inner; k++) found.data[o++] += share * t.data[a++];
      }
    }
    return found;
  }, input);

function linear(where) {
  const first = Math.floor(where), share = where - first;
  return [[first, 1 - share], [first + 1, share]];
}

/** The four neighbours of a place, and what each counts (Keys, a = -0.75). */
function cubic(where) {
  const first = Math.floor(where), t = where - first, a = -0.75;
  const near = (x) => ((a + 2) * x - (a + 3)) * x * x + 1, far = (x) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [[first - 1, far(t + 1)], [first, near(t)], [first + 1, near(1 - t)], [first + 2, far(2 - t)]];
}

const KERNELS = {
  "upsample_nearest1d.vec": nearest(1), "upsample_nearest2d.vec": nearest(2), "upsample_nearest3d.vec": nearest(3),
  "upsample_linear1d.vec": resized(1, 0, linear), "upsample_bilinear2d.vec": resized(2, 0, linear),
  "upsample_trilinear3d.vec": resized(3, 0, linear), "upsample_bicubic2d.vec": resized(2, -Infinity, cubic),
};
return { KERNELS, cubic };
})();
const m67 = (() => {
// Images sampled at places of a grid, and grids made of affine maps.
const { refuse } = m0;
const { cubic } = m66;
const { sizeOf, stepsOf, told } = m47;
const { needAlike } = m48;
const { nearest } = m50;

const BILINEAR = 0, NEAREST = 1, BICUBIC = 2;
const ZEROS = 0, REFLECTION = 2;

function affineGrid(make, theta, size, corners) {
  const [count, , ...inner] = size, rank = inner.length;
  if (told(theta.shape) !== told([count, rank, rank + 1])) refuse(`maps of shape ${told(theta.shape)} for a grid of ${told(size)}`);
  const out = make(theta.dtype, [count, ...inner, rank]), steps = stepsOf(inner), places = sizeOf(inner);
  const line = (place, one) => (one <= 1 ? 0 : ((2 * place) / (one - 1) - 1) * (corners ? 1 : (one - 1) / one));
  for (let n = 0, o = 0; n < count; n++) for (let place = 0; place < places; place++) {
    const point = inner.map((one, i) => line(Math.floor(place / steps[i]) % one, one)).reverse();
    for (let r = 0; r < rank; r++, o++) {
      const row = (n * rank + r) * (rank + 1);
      out.data[o] = point.reduce((sum, x, i) => sum + x * theta.data[row + i], theta.data[row + rank]);
    }
  }
  return out;
}

function mirrored(place, size, corners) {
  const low = corners ? 0 : -0.5, span = corners ? size - 1 : size, far = Math.abs(place - low);
  if (span === 0) return 0;
  return Math.floor(far / span) % 2 === 0 ? (far % span) + low : span - (far % span) + low;
}

/** A place as padding has it: places beyond an image stay there with zeros alone. */
function inside(place, size, padding, corners) {
  const found = padding === REFLECTION ? mirrored(place, size, corners) : place;
  return padding === ZEROS ? found : Math.min(Math.max(found, 0), size - 1);
}

/** The neighbours of a place along one dimension, and what each counts. */
function neighbours(place, size, mode, padding, corners) {
  if (mode === BICUBIC) return cubic(place).map(([at, share]) => [inside(at, size, padding, corners), share]);
  const held = inside(place, size, padding, corners), first = Math.floor(held);
  return mode === NEAREST ? [[nearest(held), 1]] : [[first, first + 1 - held], [first + 1, held - first]];
}

function gridSampler(make, input, grid, mode, padding, corners) {
  needAlike(input, grid);
  const [count, channels, ...sizes] = input.shape, rank = sizes.length, outs = grid.shape.slice(1, -1);
  if (![2, 3].includes(rank) || grid.shape.length !== rank + 2 || grid.shape.at(-1) !== rank || grid.shape[0] !== count || sizes.includes(0)) {
    refuse(`a grid of shape ${told(grid.shape)} for images of ${told(input.shape)}`);
  }
  if (![0, 1, 2].includes(padding)) refuse(`padding_mode: expected 0, 1 or 2, got ${padding}`);
  if (![BILINEAR, NEAREST].includes(mode) && !(mode === BICUBIC && rank === 2)) refuse(`interpolation_mode: expected 0, 1 or 2, got ${mode}`);
  const out = make(input.dtype, [count, channels, ...outs]), steps = stepsOf(sizes), whole = sizeOf(sizes), places = sizeOf(outs);
  for (let n = 0; n < count; n++) for (let place = 0; place < places; place++) {
    let taps = [[0, 1]]; // where in an image, and what it counts
    sizes.forEach((size, axis) => { // the last dimension of a grid counts x first, the image's last
      const x = grid.data[(n * places + place) * rank + rank - 1 - axis];
      const at = corners ? ((x + 1) / 2) * (size - 1) : ((x + 1) * size - 1) / 2;
      const along = neighbours(at, size, mode, padding, corners)
        .map(([i, share]) => (padding === ZEROS ? [i, share] : [i === i ? Math.min(Math.max(i, 0), size - 1) : 0, share]))
        .filter(([i]) => i >= 0 && i < size);
      taps = taps.flatMap(([from, share]) => along.map(([i, more]) => [from + i * steps[axis], share * more]));
    });
    for (let c = 0; c < channels; c++) {
      const start = (n * channels + c) * whole;
      let sum = 0;
      for (const [from, share] of taps) sum += share * input.data[start + from];
      out.data[(n * channels + c) * places + place] = sum;
    }
  }
  return out;
}

const KERNELS = { grid_sampler: gridSampler, affine_grid_generator: affineGrid };
return { KERNELS };
})();
const m68 = (() => {
// Elements added, filled in and put in at numbered places; nothing is changed in place.
const { refuse } = m0;
const { copied, grid, natural, sourceOf } = m59;
const { axisOf, common, isFloating, sizeOf, stepsOf, stretched, taken, told, view, walk } = m47;
const { cast, number, plain } = m48;

/** Call `visit(to, from)` for each element of the lines that an index of one dimension chooses. */
function lines(self, dim, index, visit) {
  const shape = self.shape.length === 0 ? [1] : self.shape, axis = axisOf(dim, shape.length), size = shape[axis];
  const outer = sizeOf(shape.slice(0, axis)), inner = sizeOf(shape.slice(axis + 1)), { data } = natural(index, size);
  for (let n = 0, from = 0; n < outer; n++) for (const place of data) for (let i = 0; i < inner; i++) visit((n * size + place) * inner + i, from++);
}

function indexAdd(make, self, dim, index, source, alpha) {
  const out = copied(make, self), factor = plain(alpha), shape = self.shape.length === 0 ? [1] : self.shape;
  const axis = axisOf(dim, shape.length), wanted = shape.map((size, i) => (i === axis ? index.data.length : size));
  if (sizeOf(wanted) !== source.data.length || (source.shape.length > 0 && told(wanted) !== told(source.shape))) {
    refuse(`a source of shape ${told(source.shape)}, expected ${told(wanted)}`);
  }
  lines(self, dim, index, (to, from) => (out.data[to] += factor * source.data[from]));
  return out;
}

function indexFill(make, self, dim, index, value) {
  const out = copied(make, self), filler = cast(make, number(plain(value), "float"), self.dtype).data[0];
  const size = self.shape.length === 0 ? 1 : self.shape[axisOf(dim, self.shape.length)];
  lines(self, dim, { ...index, data: index.data.map((i) => (i < 0 ? i + size : i)) }, (to) => (out.data[to] = filler));
  return out;
}

const largest = (x, y) => (x !== x || x > y ? x : y), smallest = (x, y) => (x !== x || x < y ? x : y);
const REDUCE = { sum: (x, y) => x + y, mean: (x, y) => x + y, prod: (x, y) => x * y, amax: largest, amin: smallest };

function scatterReduce(make, self, dim, index, src, reduce, includeSelf) {
  if (!Object.hasOwn(REDUCE, reduce)) refuse(`reduce: expected one of ${Object.keys(REDUCE).join(", ")}, got ${reduce}`);
  const out = copied(make, self), work = REDUCE[reduce], counts = make("f64", out.shape).data.fill(includeSelf ? 1 : 0);
  if (index.data.length === 0) return out;
  const value = sourceOf(src, index);
  grid(self, dim, index).forEach((place, i) => {
    out.data[place] = counts[place] === 0 ? value(i) : work(out.data[place], value(i));
    counts[place]++;
  });
  if (reduce === "mean") for (let i = 0; i < counts.length; i++) if (counts[i] > 1) {
    out.data[i] = isFloating(out.dtype) ? out.data[i] / counts[i] : Math.floor(out.data[i] / counts[i]);
  }
  return out;
}

function diagonalScatter(make, self, src, offset, dim1, dim2) {
  const rank = self.shape.length, [a, b] = [axisOf(dim1, rank), axisOf(dim2, rank)], steps = stepsOf(self.shape), out = copied(make, self);
  if (a === b) refuse("expected two dimensions");
  const down = Math.max(-offset, 0), across = Math.max(offset, 0), rest = self.shape.map((_, i) => i).filter((i) => i !== a && i !== b);
  const shape = [...rest.map((i) => self.shape[i]), Math.max(0, Math.min(self.shape[a] - down, self.shape[b] - across))];
  if (told(src.shape) !== told(shape)) refuse(`a source of shape ${told(src.shape)}, expected ${told(shape)}`);
  const along = [...rest.map((i) => steps[i]), steps[a] + steps[b]], start = down * steps[a] + across * steps[b];
  walk(shape, [along, stepsOf(shape)], [start, 0], ([to, from], count, [n, m]) => {
    for (let i = 0; i < count; i++, to += n, from += m) out.data[to] = src.data[from];
  });
  return out;
}

function maskedScatter(make, self, mask, source) {
  const shape = common([self.shape, mask.shape]), out = copied(make, taken(make, self, shape, stretched(self, shape)));
  const chosen = taken(make, mask, shape, stretched(mask, shape)).data, wanted = chosen.reduce((sum, is) => sum + (is !== 0 ? 1 : 0), 0);
  if (wanted > source.data.length) refuse(`expected a source of at least ${wanted} elements, got ${source.data.length}`);
  let from = 0;
  chosen.forEach((is, i) => is !== 0 && (out.data[i] = source.data[from++]));
  return view(out, shape);
}

const KERNELS = {
  index_add: indexAdd, "index_fill.int_Scalar": indexFill, "scatter_reduce.two": scatterReduce,
  diagonal_scatter: diagonalScatter, masked_scatter: maskedScatter,
};
return { KERNELS };
})();
const m69 = (() => {
// One function for each operator that is computed here, by the operator's name. Arguments stand in the order
// of its schema, defaults too, after the maker of tensors; what does not go together is refused.
const { KERNELS: ACTIVATIONS } = m51;
const { KERNELS: ATTENTION } = m55;
const { KERNELS: CONVOLUTIONS } = m56;
const { KERNELS: DISTANCES } = m58;
const { KERNELS: INDEXING } = m59;
const { KERNELS: MAKING } = m60;
const { KERNELS: NORMS } = m61;
const { KERNELS: ORDERING } = m62;
const { KERNELS: PADDING } = m63;
const { KERNELS: POINTWISE } = m49;
const { KERNELS: POOLING } = m64;
const { KERNELS: PRODUCTS } = m53;
const { KERNELS: RECURRENT } = m65;
const { KERNELS: REDUCTIONS } = m57;
const { KERNELS: RESIZING } = m66;
const { KERNELS: SAMPLING } = m67;
const { KERNELS: SCATTERING } = m68;
const { KERNELS: SHAPES } = m54;
const { KERNELS: UNARY } = m50;

const KERNELS = new Map([
  ACTIVATIONS, ATTENTION, CONVOLUTIONS, DISTANCES, INDEXING, MAKING, NORMS, ORDERING, PADDING, POINTWISE, POOLING,
  PRODUCTS, RECURRENT, REDUCTIONS, RESIZING, SAMPLING, SCATTERING, SHAPES, UNARY,
].flatMap((kind) => Object.entries(kind)));
return { KERNELS };
})();
const m70 = (() => {
// Tensors of archives and callers as operators hold them, and back.
const { named, refuse, worded } = m0;
const { DTYPES } = m3;
const { narrow, widen } = m18;
const { HELD, sizeOf } = m47;

/** A tensor of an archive, or of a caller who gives the same kinds of arrays. */
function held({ dtype, shape, data }, make, where = "a tensor") {
  if (dtype === "f16" || dtype === "bf16") {
    if (data instanceof Float32Array) return rounded({ dtype, shape: [...shape], data: data.slice() });
    return { dtype, shape: [...shape], data: new Float32Array(widen(data, dtype, "a tensor").buffer) };
  }
  if (dtype !== "i64") return { dtype, shape: [...shape], data };
  const out = make(dtype, shape), halves = new Int32Array(data.buffer, data.byteOffset, 2 * data.length);
  for (let i = 0; i < data.length; i++) {
    out.data[i] = halves[2 * i + 1] * 2 ** 32 + (halves[2 * i] >>> 0);
    if (!Number.isSafeInteger(out.data[i])) refuse(`${where}: expected integers of at most 53 bits, which are computed with here, got ${data[i]}`);
  }
  return out;
}

/** Round what is held wider to its own dtype, where it is. */
function rounded(t) {
  if (t.dtype !== "f16" && t.dtype !== "bf16") return t;
  const bits = new Uint32Array(t.data.buffer, t.data.byteOffset, t.data.length);
  const wide = new Float32Array(widen(narrow(bits, t.dtype, "a value"), t.dtype, "a value").buffer);
  for (let i = 0; i < wide.length; i++) if (t.data[i] === t.data[i]) t.data[i] = wide[i]; // a NaN stays one
  return t;
}

/** A copy for the caller: f16 and bf16 as Float32Array, i64 as BigInt64Array, all others of their own kind. */
function given({ dtype, shape, data }) {
  if (dtype !== "i64") return { dtype, shape: [...shape], data: data.slice() };
  const halves = new Int32Array(2 * data.length);
  for (let i = 0; i < data.length; i++) {
    halves[2 * i] = data[i] | 0;
    halves[2 * i + 1] = Math.floor(data[i] / 2 ** 32);
  }
  return { dtype, shape: [...shape], data: new BigInt64Array(halves.buffer) };
}

const listed = (sizes) => `(${sizes.map(worded).join(", ")})`;
const toldInput = ({ name, dtype, shape }) => `${worded(name)} ${dtype} ${listed(shape)}`;
const toldInputs = (graph) => graph.inputs.map(toldInput).join(", ");

/**
 * The inputs of a call as a graph's tensors: an array in its order, or an object by name. What does not fit is
 * said in the words of `pemn run`. A size that the graph leaves open is 1 at least, and one for all inputs that have it.
 */
function inputsOf(graph, inputs, make) {
  const sizes = new Map(), list = ordered(graph, inputs);
  return graph.inputs.map((one, i) => {
    const where = `input ${named(one.name)}`, { shape, data } = list[i] ?? {}, { dtype } = one;
    const floats = (dtype === "f16" || dtype === "bf16") && data instanceof Float32Array;
    if (!floats && !(data instanceof DTYPES[dtype].Type)) refuse(`${where}: expected ${dtype} in a ${DTYPES[dtype].Type.name}`);
    fit(one, shape, sizes, graph, where);
    if (sizeOf(shape) !== data.length) refuse(`${where}: expected ${sizeOf(shape)} elements for shape ${listed(shape)}, got ${data.length}`);
    if (dtype === "bool" && data.some((x) => x > 1)) refuse(`${where}: expected bytes of 0 and 1`);
    return held({ dtype, shape, data }, make, where);
  });
}

function ordered(graph, inputs) {
  const names = graph.inputs.map((one) => one.name);
  if (Array.isArray(inputs)) {
    return inputs.length === names.length ? inputs : refuse(`inputs: expected ${names.length} (${toldInputs(graph)}), got ${inputs.length}`);
  }
  for (const name of Object.keys(inputs)) if (!names.includes(name)) {
    refuse(`no input ${named(name)}; the ${names.length === 1 ? "only one is" : "inputs are"} ${names.map(named).join(", ")}`);
  }
  return names.map((name) => (Object.hasOwn(inputs, name) ? inputs[name]
    : refuse(`input ${named(name)}: expected ${toldInputs(graph)}, got none of that name`)));
}

/** Refuse a shape; note which size has which value, and from which input. */
function fit({ name, shape: expected }, shape, sizes, graph, where) {
  if (!Array.isArray(shape) || !shape.every((size) => Number.isInteger(size) && size >= 0)) {
    refuse(`${where}: expected shape ${listed(expected)}, got ${Array.isArray(shape) ? listed(shape) : "none"}`);
  }
  if (shape.length !== expected.length) {
    refuse(`${where}: expected ${expected.length} dimensions, ${listed(expected)}, got shape ${listed(shape)}`);
  }
  expected.forEach((size, i) => {
    const found = shape[i];
    if (typeof size === "number") return size === found || refuse(`${where}: expected shape ${listed(expected)}, got ${listed(shape)}`);
    const { least, most } = graph.sizes.get(size), at = `${where}: size ${worded(size)}`;
    if (found < least || (most !== null && found > most)) {
      refuse(`${at}: expected ${most === null ? `at least ${least}` : `${least} to ${most}`}, got ${found}`);
    }
    const known = sizes.get(size);
    if (known === undefined) return sizes.set(size, { found, name });
    return known.found === found || refuse(`${at}: expected ${known.found} as in input ${named(known.name)}, got ${found}`);
  });
}

const bytesOf = (dtype, count) => count * HELD[dtype].BYTES_PER_ELEMENT;
return { bytesOf, given, held, inputsOf, rounded };
})();
const m71 = (() => {
// A graph, one node after the other: what a value needs is there before it, what nothing needs is let go.
const { PemnError, quote, refuse } = m0;
const { allocate } = m1;
const { readGraph } = m46;
const { isRef, references } = m43;
const { KERNELS } = m69;
const { HELD, isTensor, sizeOf, told } = m47;
const { number } = m48;
const { bytesOf, given, held, inputsOf, rounded } = m70;

const DEFAULTS = { elements: 2 ** 28, restoredBytes: 2 ** 31, manifestBytes: 2 ** 22 };

/** What the model of an archive computes, as it is read and checked, or null where the archive does not say. */
function graph(archive, limits) {
  if (!archive.sections.some((section) => section.name === "graph")) return null;
  const dtypes = new Map(archive.tensors.map((tensor) => [tensor.name, tensor.dtype]));
  return readGraph(archive.section("graph"), dtypes, { ...DEFAULTS, ...limits });
}

/** The operators of a graph that are not computed here. */
const missing = (read) => [...new Set(read.nodes.map((node) => node.operator))].filter((name) => !KERNELS.has(name));

/** The model of an archive, restored and checked once: a function of inputs. */
function program(archive, limits) {
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
function computed({ operator, schema, args: told }, values, memory, place) {
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
class Memory {
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
const run = (archive, inputs, limits) => program(archive, limits)(inputs);
return { graph, missing, program, run };
})();
const m72 = (() => {
// Reads .pemn archives of versions 1.0 and 1.1, as ../SPEC.md says. README.md has an example.
const { PemnError } = m0;
const { open } = m41;
const { graph } = m71;
const { missing } = m71;
const { program } = m71;
const { run } = m71;
return { PemnError, graph, missing, open, program };
})();
return { PemnError: m72.PemnError, open: m72.open, graph: m72.graph, missing: m72.missing, program: m72.program, toHex: m1.toHex, sha256: m13.sha256 };
})();
