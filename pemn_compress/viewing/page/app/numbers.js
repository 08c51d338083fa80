// A field for each input of a graph, for models of any kind.
import { converted, example, fitted, isFloating, isWritable, nested } from "./arrays.js";
import { el, find, note, show } from "./dom.js";
import { fromJson } from "./json.js";
import { fromNpy } from "./npy.js";
import { described } from "./outputs.js";
import { count, printable, shape } from "./words.js";

const WRITTEN = 1024; // numbers that are written into a field; more are only held

const shapeOf = ({ shape: sizes }) => shape(sizes.map((size) => printable(size)));

/** A field, and what is held for it: `held` is an array in the place of its text. */
function fieldOf(input, place, sizes) {
  const id = `input-${place}`, own = { input, held: null };
  own.told = el("p", { class: "hint", id: `${id}-told` });
  own.text = el("textarea", {
    id, rows: "3", spellcheck: "false", autocomplete: "off", "aria-describedby": `${id}-told`, placeholder: "numbers as JSON: [[1, 2.5], [3, 4]]",
    oninput: () => own.hold(null, ""),
  });
  own.hold = (array, from) => {
    own.held = array;
    own.told.textContent = array === null ? "" : `${from}: ${shape(array.shape)}`;
  };
  own.take = (array, from) => {
    const short = array.numbers.length <= WRITTEN && isWritable(array);
    own.text.value = short ? JSON.stringify(nested(array)) : "";
    own.hold(short ? null : array, from);
    if (short) own.told.textContent = `${from}: ${shape(array.shape)}`;
  };
  const button = (words, act) => el("button", { type: "button", class: "small", onclick: act }, words);
  const file = el("input", { type: "file", id: `${id}-file`, accept: ".npy", onchange: () => takeFile(own, file) });
  const some = (random) => () => own.take(example(input, sizes, random), random ? "random numbers" : "zeros");
  const buttons = [
    el("label", { class: "button small", for: `${id}-file` }, `A .npy file`), file, button("Zeros", some(false)),
    isFloating(input.dtype) ? button("Random numbers", some(true)) : null,
  ];
  own.node = el("div", { class: "input" },
    el("label", { for: id }, el("code", {}, printable(input.name)), ` ${input.dtype}, ${shapeOf(input)}`), own.text, own.told, el("p", { class: "open" }, buttons));
  return own;
}

async function takeFile(field, chosen) {
  const [file] = chosen.files; // held: another one may be chosen before this one is read
  if (file === undefined) return;
  try {
    field.take(fromNpy(await file.arrayBuffer(), field.input), printable(file.name));
  } catch (error) {
    field.hold(null, "");
    field.told.textContent = printable(`${file.name}: ${error.message}`);
  }
  chosen.value = "";
}

function given({ input, held, text }, sizes) {
  try {
    if (held === null && text.value.trim() === "") throw new Error("it is empty: give numbers, or take zeros");
    const found = fitted(held ?? fromJson(text.value, input.dtype), input, sizes);
    return { shape: found.shape, data: converted(found, input.dtype) };
  } catch (error) {
    throw named(input, error);
  }
}

const named = ({ name }, error) => new Error(`input '${name}': ${error.message}`);

/** Show a field for each input; `run(work)` does what may fail. Returns what takes an array that was dropped. */
export function drawNumbers({ graph, contract, ask, run, open }) {
  const fields = graph.inputs.map((input, i) => fieldOf(input, i, graph.sizes));
  const compute = () => run(async () => {
    const inputs = fields.map((field) => given(field, graph.sizes));
    show("classified", note("Computing ..."));
    const { nodes, words } = described(await ask({ kind: "run", inputs }, inputs.map((one) => one.data.buffer)), contract.classes);
    show("classified", nodes);
    return words;
  });
  const form = el("form", { onsubmit: (event) => { event.preventDefault(); compute(); } },
    fields.map((field) => field.node), el("p", {}, el("button", { type: "submit", class: "button", id: "run" }, "Run the model")));
  const title = `Numbers in place of a picture: ${count(fields.length)} ${fields.length === 1 ? "input" : "inputs"}`;
  show("numbers", open ? form : el("details", { id: "in-numbers" }, el("summary", {}, title), form));
  return (name, data) => {
    const stem = name.replace(/\.npy$/, "");
    const field = fields.find(({ input }) => input.name === stem) ?? fields.find((one) => one.held === null && one.text.value === "") ?? fields[0];
    if (!open) find("in-numbers").open = true;
    try {
      field.take(fromNpy(data, field.input), printable(name));
    } catch (error) {
      throw named(field.input, error);
    }
    return `${printable(name)} is in the field of the input ${printable(field.input.name)}.`;
  };
}
