// Strings of canonical JSON (section 3.1 of SPEC.md).
import { refuse } from "../bytes/errors.js";

const QUOTE = 0x22, BACKSLASH = 0x5c;
const ESCAPES = { 0x22: '"', 0x5c: "\\", 0x62: "\b", 0x66: "\f", 0x6e: "\n", 0x72: "\r", 0x74: "\t" };
const NAMED = "\b\t\n\f\r"; // these have an escape of their own
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decode UTF-8, or refuse it: overlong forms and surrogates too. */
export function decodeText(bytes, what) {
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
export function readString(bytes, at) {
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
export function isBefore(a, b) {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) if (a[i] !== b[i]) return weight(a.charCodeAt(i)) < weight(b.charCodeAt(i));
  return a.length < b.length;
}

// a surrogate is half of a character above all that stand for themselves
const weight = (unit) => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);
