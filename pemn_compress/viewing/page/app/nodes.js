// What the model computes: the nodes of its graph, one line each.
import { el, facts, show, table } from "./dom.js";
import { claimed, count, printable, shape } from "./words.js";

function nameOf(graph, index) {
  const { inputs, tensors, constants } = graph, lists = [inputs.map((one) => one.name), tensors, constants.map((one) => one.name)].flat();
  return index < lists.length ? printable(lists[index]) : `%${index}`;
}

function told(graph, value) {
  if (Array.isArray(value)) return `[${value.map((one) => told(graph, one)).join(", ")}]`;
  if (value === null || typeof value !== "object") return String(value ?? "none");
  if ("ref" in value) return nameOf(graph, value.ref);
  return printable(value.text ?? value.dtype ?? Number(value.float.toPrecision(6)));
}

const tensorsFirst = (value) => (value !== null && typeof value === "object" && "ref" in value) || (Array.isArray(value) && value.some(tensorsFirst));

/** Show a graph, or why there is none. */
export function drawGraph(graph) {
  if (graph === null) {
    return show("graph", el("p", {}, "This archive does not say what its model computes. One that is written with a graph does (pemn compress --graph)."));
  }
  if (graph.error !== undefined) return show("graph", el("p", { class: "wrong" }, printable(`The graph cannot be read: ${graph.error}.`)));
  const first = graph.inputs.length + graph.tensors.length + graph.constants.length, kinds = new Map();
  for (const { operator } of graph.nodes) kinds.set(operator, (kinds.get(operator) ?? 0) + 1);
  const most = [...kinds].sort((a, b) => b[1] - a[1]).map(([name, many]) => `${many} ${name}`);
  const rows = graph.nodes.map(({ operator, args, names }, i) => {
    const plain = args.map((value, k) => [names[k], value]).filter(([, value]) => !tensorsFirst(value));
    return [
      { text: `%${first + i}`, value: i }, operator, args.filter(tensorsFirst).map((value) => told(graph, value)).join(", "),
      plain.map(([name, value]) => `${name} ${told(graph, value)}`).join(", "),
    ];
  });
  return show("graph", facts([
    ["inputs", graph.inputs.map((one) => `${printable(one.name)}: ${one.dtype}, ${shape(one.shape.map((size) => printable(size)))}`).join("; ")],
    ["sizes that vary", graph.sizes.length === 0 ? "none" : graph.sizes.map(([name, { least, most: end }]) => `${printable(name)} from ${least}${end === null ? " on" : ` to ${end}`}`).join(", ")],
    [`${count(graph.nodes.length)} nodes`, claimed(most)],
    ["run in this page", graph.missing.length === 0 ? "yes" : `no: it lacks ${graph.missing.join(", ")}`],
  ]), table("Nodes of the graph", [{ head: "value", number: true }, { head: "operator" }, { head: "of" }, { head: "with" }], rows, 100));
}
