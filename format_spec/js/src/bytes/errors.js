/** What is wrong with an archive, in one line: where, what is expected, what is there. */
export class PemnError extends Error {
  /** `node` is the node of a graph that could not be computed, { number, operator, why }, if it was one. */
  constructor(message, node = null) {
    super(message);
    this.name = "PemnError";
    this.node = node;
  }
}

/** Throw a PemnError. */
export function refuse(message) {
  throw new PemnError(message);
}

const LONGEST = 60;

const escaped = (text) => text.replace(/[^ -~]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

/** A name as printable ASCII: as it is, and between quotes. */
export const worded = (name) => escaped(String(name));
export const named = (name) => `'${worded(name)}'`;

/** What a file says, as printable ASCII of a sane length, for a message. */
export function quote(value) {
  if (Array.isArray(value)) return "an array";
  if (value === null || typeof value !== "object") {
    const text = String(value);
    const cut = text.length > LONGEST ? text.slice(0, LONGEST) + "..." : text;
    const shown = escaped(cut);
    return typeof value === "string" ? `"${shown}"` : shown;
  }
  return "an object";
}
