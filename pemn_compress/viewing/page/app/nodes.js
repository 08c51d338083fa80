// What the model computes: a drawing of its graph, and its nodes, one line each.
import { drawing } from "./drawing.js";
import { el, facts, note, show, table, wrong } from "./dom.js";
import { claimed, count, printable, shape } from "./words.js";

const namesOf = ({ inputs, tensors, constants }) => [...inputs.map((one) => one.name), ...tensors, ...constants.map((one) => one.name)];

function told(names, value) {
  if (Array.isArray(value)) return `[${value.map((one) => told(names, one)).join(", ")}]`;
  if (value === null || typeof value !== "object") return String(value ?? "none");
  if ("ref" in value) return value.ref < names.length ? printable(names[value.ref]) : `%${value.ref}`;
  return printable(value.text ?? value.dtype ?? Number(value.float.toPrecision(6)));
}

const isValue = (value) => (Array.isArray(value) ? value.some(isValue) : value !== null && typeof value === "object" && "ref" in value);

const boundsOf = ([name, { least, most }]) => `${printable(name)} from ${least}${most === null ? " on" : ` to ${most}`}`;
const inputOf = ({ name, dtype, shape: sizes }) => `${printable(name)}: ${dtype}, ${shape(sizes.map((size) => printable(size)))}`;

/** Show a graph, or why there is none. */
export function drawGraph(graph, listed) {
  if (graph === null) {
    return show("graph", note("This archive does not say what its model computes. " +
      "One that is written with a graph does (pemn compress --graph)."));
  }
  if (graph.error !== undefined) return show("graph", wrong(printable(`The graph cannot be read: ${graph.error}.`)));
  const known = namesOf(graph), kinds = new Map();
  for (const { operator } of graph.nodes) kinds.set(operator, (kinds.get(operator) ?? 0) + 1);
  const most = [...kinds].sort((a, b) => b[1] - a[1]).map(([name, many]) => `${many} ${name}`);
  const lines = graph.nodes.map(({ operator, args, names }, i) => {
    const plain = args.map((value, k) => [names[k], value]).filter(([, value]) => !isValue(value));
    return [
      `%${known.length + i}`, operator, args.filter(isValue).map((value) => told(known, value)).join(", "),
      plain.map(([name, value]) => `${name} ${told(known, value)}`).join(", "),
    ];
  });
  const rows = lines.map(([name, ...rest], i) => [{ text: name, value: i }, ...rest]);
  const columns = [{ head: "value", number: true }, { head: "operator" }, { head: "of", wide: true }, { head: "with", wide: true }];
  const chosen = el("p", { id: "node-told", role: "status", class: "chosen" });
  const tell = (node) => (chosen.textContent = node === null ? "" : sentenceOf(lines[node]));
  show("graph", facts([
    ["inputs", graph.inputs.map(inputOf).join("; ")],
    ["sizes that vary", graph.sizes.map(boundsOf).join(", ") || "none"],
    [`${count(graph.nodes.length)} nodes`, claimed(most)],
    ["run in this page", graph.missing.length === 0 ? "yes" : `no: it lacks ${graph.missing.join(", ")}`],
  ]), el("div", { id: "drawing" }), chosen, table("Nodes of the graph", columns, rows));
  return show("drawing", drawing(graph, listed, tell));
}

const sentenceOf = ([name, operator, of, with_]) => `${name}: ${operator}${of === "" ? "" : ` of ${of}`}${with_ === "" ? "" : `, with ${with_}`}`;
