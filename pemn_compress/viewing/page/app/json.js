// Numbers that a reader types: nested lists in JSON.
const DEEPEST = 8; // dimensions that an input may have
const EXAMPLE = "numbers in lists, as in [[1, 2.5], [3, 4]], or a .npy file";

/** Nested lists of numbers, and of true and false where the input is of those: { shape, numbers, told }; `told(i)` is a number as it was typed. */
export function fromJson(text, dtype) {
  const value = parsed(text), shape = [], numbers = [], isBool = dtype === "bool";
  for (let one = value; Array.isArray(one); one = one[0]) {
    if (shape.push(one.length) > DEEPEST) throw new Error(`expected lists at most ${DEEPEST} deep, got deeper ones`);
  }
  const collect = (one, depth) => {
    if (depth === shape.length) {
      if (typeof one !== "number" && !(isBool && typeof one === "boolean")) throw new Error(`expected ${isBool ? "true or false" : "a number"}, got ${kindOf(one)}`);
      return numbers.push(Number(one));
    }
    if (!Array.isArray(one)) throw new Error(`expected lists of one length, here of ${shape[depth]}, got ${kindOf(one)}`);
    if (one.length !== shape[depth]) throw new Error(`expected lists of one length, here of ${shape[depth]}, got one of ${one.length}`);
    return one.forEach((item) => collect(item, depth + 1));
  };
  collect(value, 0);
  return { shape, numbers, told: (i) => text.match(/[^\s,[\]]+/g)[i] };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    const none = /\b(nan|inf(inity)?)\b/i.exec(text);
    throw new Error(`expected ${EXAMPLE}${none === null ? "" : `, got ${none[0]}, which JSON does not know and a .npy file can have`}`);
  }
}

function kindOf(value) {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 40))}`;
  return value !== null && typeof value === "object" ? "an object" : String(value);
}
