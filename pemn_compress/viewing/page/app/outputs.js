// What a model makes of its inputs: the likely classes where there is one row of them, and all numbers.
import { el, note, table } from "./dom.js";
import { count, digits, percent, printable, shape } from "./words.js";

const BEST = 5, FIRST = 8, MOST_CLASSES = 100_000, MOST_SHOWN = 10_000;

const isTensor = (output) => output.data !== undefined;

/** The output with a number for each class of one sample, or null. */
export function rowOf(outputs) {
  const first = outputs.find(isTensor), wide = first?.shape.at(-1) ?? 0;
  return wide > 1 && wide <= MOST_CLASSES && first.data.length === wide && first.dtype !== "bool" ? first : null;
}

/** What came out, as elements; `classes` are names or null. Also says it in a sentence. */
export function described({ outputs, milliseconds, preparing }, classes, more = "") {
  const row = rowOf(outputs), time = `${digits(milliseconds, 3)} ms`, before = preparing > 1 ? `, after ${digits(preparing, 3)} ms of restoring` : "";
  const likely = row === null ? null : bestOf(Array.from(row.data, Number), classes);
  const columns = [{ head: "output" }, { head: "dtype" }, { head: "shape" }, { head: "first numbers", wide: true }];
  const rows = outputs.map((one, i) => [
    nameOf(one, i), isTensor(one) ? one.dtype : "", isTensor(one) ? shape(one.shape) : "",
    isTensor(one) ? written(one, FIRST).join(", ") + (one.data.length > FIRST ? ", ..." : "") : printable(one.value),
  ]);
  const nodes = [
    likely === null ? null : el("ol", { class: "bars", "aria-label": "The most likely classes" }, likely.map(bar)),
    note(`Computed in ${time}${before}.${more}`), table("Outputs", columns, rows), outputs.filter(isTensor).map(whole),
  ];
  const told = likely === null ? `${count(outputs.length)} ${outputs.length === 1 ? "output" : "outputs"}` : `${likely[0].name}, ${percent(likely[0].share)}`;
  return { nodes, words: `${told}, in ${time}.` };
}

const nameOf = ({ path }, i) => printable(path === "" ? "output" : path.slice(0, 80), 80) || `output ${i}`;
const written = ({ data }, most) => Array.from(data.subarray(0, most), (x) => digits(x, 7));

function whole(output, i) {
  const { data } = output, cut = data.length > MOST_SHOWN ? `\n... ${count(data.length - MOST_SHOWN)} more` : "";
  const name = output.path === "" ? "All numbers" : `All numbers of ${printable(output.path, 80)}`;
  return el("details", {}, el("summary", {}, name),
    el("pre", { id: i === 0 ? "outputs" : `outputs-${i}`, tabindex: "0" }, written(output, MOST_SHOWN).join("\n") + cut));
}

const total = (values) => values.reduce((a, b) => a + b, 0);

/** Outputs as shares: as they are where they are some already. */
function sharesOf(values) {
  if (values.every((x) => x >= 0) && Math.abs(total(values) - 1) < 1e-3) return values;
  const top = values.reduce((a, b) => Math.max(a, b), -Infinity), powers = values.map((x) => Math.exp(x - top));
  const sum = total(powers);
  return powers.map((power) => power / sum);
}

function bestOf(values, classes) {
  const shares = sharesOf(values), named = classes !== null && classes.length === shares.length;
  const best = [...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, BEST);
  return best.map((place) => ({ name: named ? printable(classes[place], 80) : `class ${place}`, share: shares[place], output: values[place] }));
}

function bar({ name, share, output }) {
  const meter = el("span", { class: "meter", "aria-hidden": "true" }, el("span", {}));
  meter.firstChild.style.width = `${100 * share}%`;
  const told = el("span", { class: "share" }, percent(share), el("small", {}, ` (${digits(output)})`));
  return el("li", {}, el("span", { class: "class" }, name), meter, told);
}
