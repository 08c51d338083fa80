// Numbers and other people's texts as the page shows them.
const LONGEST = 500;
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

function escaped(character) {
  const code = character.codePointAt(0), named = { 9: "\\t", 10: "\\n", 13: "\\r" }[code];
  if (named !== undefined) return named;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}

/** A text in characters that can be seen, on one line, and not endless. */
export function printable(value, longest = LONGEST) {
  const text = String(value), cut = text.length > longest ? `${text.slice(0, longest)}... (${text.length} characters)` : text;
  return cut.replace(HIDDEN, escaped);
}

/** A value that a file claims, in one line. */
export function claimed(value) {
  if (value === undefined) return "not told";
  if (value === null) return "none";
  if (Array.isArray(value)) return value.length === 0 ? "none" : printable(value.map((one) => short(one)).join(", "));
  if (typeof value === "object") return printable(Object.entries(value).map(([key, one]) => `${key} ${short(one)}`).join(", "));
  return printable(short(value));
}

function short(value) {
  if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(6)));
  if (Array.isArray(value)) return `[${value.map(short).join(", ")}]`;
  if (value !== null && typeof value === "object") return `{${claimed(value)}}`;
  return String(value);
}

export const count = (number) => number.toLocaleString("en");

/** Bytes, in units where there are many. */
export function bytes(number) {
  if (number < 1000) return `${number} B`;
  const units = ["KB", "MB", "GB"], place = Math.min(2, Math.floor(Math.log10(number) / 3) - 1);
  return `${Number((number / 1000 ** (place + 1)).toPrecision(3))} ${units[place]}`;
}

export const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 3 : 1)} %`;
export const shape = (sizes) => (sizes.length === 0 ? "one number" : sizes.join(" × "));

/** A few digits of a number, as long as they say something. */
export const digits = (number, many = 4) => (Number.isFinite(number) ? String(Number(number.toPrecision(many))) : String(number));
