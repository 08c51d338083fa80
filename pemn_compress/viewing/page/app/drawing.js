// The graph as a drawing: boxes for nodes and for blocks of them, frames around blocks that are open, lines.
import { boxesOf, isBlock, keysOf, openAtFirst, takenOf, treeOf } from "./blocks.js";
import { el, scrolling, svg } from "./dom.js";
import { layered } from "./layout.js";
import { count, printable, shape } from "./words.js";

const FEW = 40, MOST = 300; // boxes at first, and at all
const PAD = 12, TITLE = 28, LETTER = 7.6, ZOOMS = [0.25, 0.35, 0.5, 0.7, 0.85, 1, 1.25, 1.6, 2];

const short = (operator) => (operator === "tuple.get" ? "result" : operator.replace(/\..*$/, "")); // without its overload

function kindsOf(nodes, taken) {
  const kinds = new Map();
  for (const i of nodes) kinds.set(short(taken[i].operator), (kinds.get(short(taken[i].operator)) ?? 0) + 1);
  return [...kinds].sort((a, b) => b[1] - a[1]).map(([name, many]) => `${many} ${name}`).join(", ");
}

/** What stands in a box: two lines. */
function wordsOf(part, taken, shapes) {
  if (part.input !== undefined) return [printable(part.input.name, 60), `input, ${shape(part.input.shape.map((size) => printable(size, 20)))}`];
  if (part.output) return ["output", ""];
  if (isBlock(part)) return [printable(part.name, 60), `${count(part.nodes.length)} nodes: ${kindsOf(part.nodes, taken)}`];
  const [tensor] = taken[part.node].tensors, sizes = shapes.get(tensor);
  const where = tensor === undefined ? "" : printable(tensor.split(".").slice(0, -1).at(-1) ?? tensor, 40);
  return [printable(short(taken[part.node].operator), 60), sizes === undefined ? where : `${where === "" ? "" : `${where}: `}${sizes.join("×")}`];
}

/** The parts of a level with what leads in and out, and its edges: each pair once. */
function levelOf(tree, taken, graph, outside) {
  const parts = [...tree.parts], place = new Map(), edges = new Map();
  const add = (a, b) => a !== b && edges.set(`${a} ${b}`, [a, b]);
  const inputs = outside === null ? graph.inputs.map((input) => ({ input, nodes: [] })) : [{ gate: true, nodes: [] }];
  parts.unshift(...inputs);
  const end = parts.push(outside === null ? { output: true, nodes: [] } : { gate: true, nodes: [] }) - 1;
  parts.forEach((part, i) => part.nodes.forEach((node) => place.set(node, i)));
  for (const node of tree.nodes) {
    const own = place.get(node), { nodes, inputs: given } = taken[node];
    for (const one of given) add(outside === null ? one : 0, own);
    for (const one of nodes) add(place.get(one) ?? 0, own);
    if (outside !== null ? outside.used(node, place) : graph.returned.has(node)) add(own, end);
  }
  if (outside === null) for (const one of graph.through) add(one, end);
  return { parts, edges: [...edges.values()], end };
}

/** Lay out a level and all that is open in it: boxes, frames and lines, where they are in the whole. */
function laidOut(tree, open, context, top = true) {
  const { taken, graph, shapes, users } = context, used = (node, place) => users[node].some((one) => one === null || !place.has(one));
  const { parts, edges, end } = levelOf(tree, taken, graph, top ? null : { used });
  const inner = parts.map((part) => (isBlock(part) && open.has(part.key) ? laidOut(part, open, context, false) : null));
  const boxes = parts.map((part, i) => sizeOf(part, inner[i], part.gate ? null : wordsOf(part, taken, shapes)));
  const { width, height, places, lines } = layered(boxes, edges, end), found = { width, height, boxes: [], frames: [], lines: [] };
  parts.forEach((part, i) => {
    const { x, y } = places[i], { width: w, height: h, words } = boxes[i];
    if (part.gate) return;
    if (inner[i] === null) return found.boxes.push({ part, words, x, y, width: w, height: h });
    found.frames.push({ part, words, x, y, width: w, height: h });
    const shift = (one) => ({ ...one, x: one.x + x + (w - inner[i].width) / 2, y: one.y + y + TITLE });
    found.boxes.push(...inner[i].boxes.map(shift));
    found.frames.push(...inner[i].frames.map(shift));
    found.lines.push(...inner[i].lines.map((points) => points.map(([px, py]) => [px + x + (w - inner[i].width) / 2, py + y + TITLE])));
  });
  found.lines.unshift(...lines.map((line) => line.points));
  return found;
}

function sizeOf(part, inner, words) {
  if (part.gate) return { width: 0, height: 0 };
  const text = (most) => Math.min(most, 22 + LETTER * Math.max(words[0].length + (isBlock(part) ? 2 : 0), 0.9 * words[1].length));
  if (inner !== null) return { words, width: Math.max(inner.width + 2 * PAD, text(280)), height: inner.height + TITLE + PAD };
  return { words, width: Math.max(64, text(230)), height: words[1] === "" ? 30 : 44 };
}

function curve(points) {
  const at = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return points.slice(1).reduce((path, [x, y], i) => {
    const [a, b] = points[i], half = (b + y) / 2;
    return `${path}${a === x ? `L${at([x, y])}` : `C${at([a, half])} ${at([x, half])} ${at([x, y])}`}`;
  }, `M${at(points[0])}`);
}

/** Where each value of a graph goes: numbers of nodes, null for its result. */
function contextOf(graph, listed) {
  const first = graph.inputs.length + graph.tensors.length + graph.constants.length, taken = takenOf(graph), users = graph.nodes.map(() => []);
  taken.forEach((one, i) => one.skipped || one.nodes.forEach((node) => users[node].push(i)));
  const returned = new Set(graph.results.filter((ref) => ref >= first).map((ref) => ref - first));
  for (const node of returned) users[node].push(null);
  const shapes = new Map(listed.tensors.map((one) => [one.name, one.shape]));
  const through = new Set(graph.results.filter((ref) => ref < graph.inputs.length));
  return { taken, users, shapes, graph: { inputs: graph.inputs, returned, through } };
}

/** A drawing of a graph, or a sentence why there is none; `tell(node)` is called for a node that is chosen, `null` for none. */
export function drawing(graph, listed, tell) {
  const context = contextOf(graph, listed), tree = treeOf(context.taken), around = graph.inputs.length + 1;
  const left = graph.nodes.length - tree.nodes.length;
  if (boxesOf(tree, new Set()) + around > MOST) {
    return [el("p", {}, `It is drawn up to ${MOST} boxes; here are ${count(boxesOf(tree, new Set()))}, and the list has them all.`)];
  }
  const view = new View(tree, context, openAtFirst(tree, FEW), tell);
  const sizes = left === 0 ? "" : ` Nodes that compute sizes (${count(left)}) are in the list alone.`;
  return [view.bar, ...view.nodes, el("p", { class: "hint" }, "Choose a box for what it is: a block (+) opens, a frame (−) closes. " +
    `By keyboard: arrows, Enter, + and −.${sizes}`)];
}

class View {
  #tree;
  #context;
  #open;
  #tell;
  #zoom = ZOOMS.indexOf(1);
  #chosen = null; // the key of what has the focus
  #places = [];

  constructor(tree, context, open, tell) {
    [this.#tree, this.#context, this.#open, this.#tell] = [tree, context, open, tell];
    const button = (words, label, act) => el("button", { type: "button", class: "small", "aria-label": label, onclick: act }, words);
    this.said = el("span", { class: "hint", role: "status" });
    this.bar = el("p", { class: "open bar" },
      button("+", "Closer", () => this.#closer(1)), button("−", "Farther", () => this.#closer(-1)), button("Fit", "All of it", () => this.#fit()),
      button("Open all", "Open all blocks", () => this.#openAll()), button("Close all", "Close all blocks", () => this.#set(new Set())), this.said);
    this.stage = el("div", { class: "stage", onkeydown: (event) => this.#key(event) });
    this.sheet = el("div", { class: "sheet" }, this.stage);
    this.nodes = scrolling("Drawing of the graph: arrows move from box to box, Enter opens a block; the list below says the same in words", this.sheet);
    this.nodes[0].classList.add("drawing");
    this.#draw();
  }

  #draw() {
    const found = laidOut(this.#tree, this.#open, this.#context), { width, height } = found;
    const paths = found.lines.map((points) => svg("path", { d: curve(points) }));
    this.#places = [...found.frames.map((one) => ({ ...one, height: TITLE, frame: true })), ...found.boxes];
    const nodes = this.#places.map((one) => this.#button(one));
    this.#places.forEach((one, i) => (one.node = nodes[i]));
    const frames = found.frames.map((one) => at(el("div", { class: "frame" }), one));
    this.stage.replaceChildren(...frames, svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, ...paths), ...nodes);
    Object.assign(this.stage.style, { width: `${width}px`, height: `${height}px` });
    this.#size = { width, height };
    const current = this.#places.find((one) => keyOf(one.part) === this.#chosen) ?? [...this.#places].sort((a, b) => a.y - b.y || a.x - b.x)[0];
    if (current !== undefined) current.node.tabIndex = 0;
    this.#scale();
    return current;
  }

  #size = { width: 0, height: 0 };

  #button(one) {
    const { part, words, frame } = one, block = isBlock(part), kind = block ? "block" : part.node === undefined ? "end" : "";
    const label = [words[0], frame ? "open block" : block ? "block" : "", words[1]].filter((word) => word !== "").join(", ");
    const mark = block ? el("span", { class: "mark", "aria-hidden": "true" }, frame ? "−" : "+") : null;
    const node = el("button", {
      type: "button", class: `box ${kind} ${frame ? "title" : ""}`, tabindex: "-1", "aria-label": label, title: label, "aria-expanded": block ? String(Boolean(frame)) : null,
      onclick: () => this.#choose(part), onfocus: () => this.#focused(part),
    }, el("span", {}, mark, words[0]), frame || words[1] === "" ? null : el("small", {}, words[1]));
    return at(node, one);
  }

  #focused(part) {
    this.#chosen = keyOf(part);
    for (const { node, part: other } of this.#places) node.tabIndex = other === part ? 0 : -1;
  }

  #choose(part) {
    if (!isBlock(part)) return this.#tell(part.node ?? null);
    const open = new Set(this.#open);
    if (open.has(part.key)) open.delete(part.key);
    else open.add(part.key);
    return this.#set(open, part.key);
  }

  #set(open, key = null) {
    const boxes = boxesOf(this.#tree, open);
    if (boxes > MOST) return (this.said.textContent = `That would be ${count(boxes)} boxes; ${MOST} are drawn at most.`);
    this.said.textContent = "";
    this.#open = open;
    this.#chosen = key ?? this.#chosen;
    const current = this.#draw();
    if (key !== null) current.node.focus({ preventScroll: true });
    if (key !== null) current.node.scrollIntoView({ block: "nearest", inline: "nearest" });
    return null;
  }

  #openAll() {
    let open = this.#open;
    for (let depth = 1; ; depth++) {
      const more = new Set(keysOf(this.#tree, depth));
      if (boxesOf(this.#tree, more) > MOST) {
        this.#set(open);
        this.said.textContent = `All would be more than ${MOST} boxes: as many levels as fit are open.`;
        return;
      }
      const done = more.size === keysOf(this.#tree).length;
      open = more;
      if (done) return void this.#set(open);
    }
  }

  #closer(by) {
    this.#zoom = Math.min(ZOOMS.length - 1, Math.max(0, this.#zoom + by));
    this.#scale();
  }

  #fit() {
    const [box] = this.nodes, wide = (box.clientWidth - 2 * PAD) / this.#size.width, high = (box.clientHeight - 2 * PAD) / this.#size.height;
    const fits = ZOOMS.filter((zoom) => zoom <= Math.max(ZOOMS[0], Math.min(wide, high, 1)));
    this.#zoom = fits.length - 1;
    this.#scale();
  }

  #scale() {
    const zoom = ZOOMS[this.#zoom], { width, height } = this.#size;
    this.stage.style.transform = `scale(${zoom})`;
    Object.assign(this.sheet.style, { width: `${width * zoom}px`, height: `${height * zoom}px` });
  }

  #key(event) {
    const moves = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] }[event.key];
    if (event.key === "+" || event.key === "-") this.#closer(event.key === "+" ? 1 : -1);
    else if (moves === undefined) return;
    else this.#move(moves);
    event.preventDefault();
  }

  /** To the nearest box in a direction. */
  #move([dx, dy]) {
    const centre = (one) => [one.x + one.width / 2, one.y + one.height / 2], here = this.#places.find((one) => keyOf(one.part) === this.#chosen);
    if (here === undefined) return;
    const [x, y] = centre(here);
    const far = (one) => {
      const [a, b] = centre(one), along = dx * (a - x) + dy * (b - y), aside = Math.abs(dy * (a - x)) + Math.abs(dx * (b - y));
      return along > 4 ? along + 2 * aside : Infinity;
    };
    const [next] = this.#places.map((one) => [one, far(one)]).sort((a, b) => a[1] - b[1])[0];
    if (far(next) < Infinity) next.node.focus();
  }
}

const keyOf = (part) => part.key ?? (part.node === undefined ? part.input?.name ?? "output" : `node ${part.node}`);

function at(node, { x, y, width, height }) {
  const sides = { left: x, top: y, width, height };
  for (const [key, value] of Object.entries(sides)) node.style[key] = `${value}px`;
  return node;
}
