/** What is wrong with an archive, in one line: where, what is expected, what is there. */
export class PemnError extends Error {
  constructor(message) {
    super(message);
    this.name = "PemnError";
  }
}

/** Throw a PemnError. */
export function refuse(message) {
  throw new PemnError(message);
}

const LONGEST = 60;

/** What a file says, as printable ASCII of a sane length, for a message. */
export function quote(value) {
  if (Array.isArray(value)) return "an array";
  if (value === null || typeof value !== "object") {
    const text = String(value);
    const cut = text.length > LONGEST ? text.slice(0, LONGEST) + "..." : text;
    const shown = cut.replace(/[^ -~]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
    return typeof value === "string" ? `"${shown}"` : shown;
  }
  return "an object";
}
