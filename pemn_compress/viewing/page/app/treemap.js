// Where the bytes of a file are: a map whose areas are sizes, sections first, and tensors within them.
import { el, show } from "./dom.js";
import { bytes, percent, printable } from "./words.js";

const WIDE = 54, LOW = 20, HIGH = 36; // pixels that a tile needs for a label of one line, and of two

/** Lay sizes, largest first, into a rectangle: rows whose tiles are as square as they can be. */
export function squarified(sizes, { x, y, width, height }) {
  const total = sizes.reduce((sum, size) => sum + size, 0), places = [];
  const scale = total > 0 ? (width * height) / total : 0, areas = sizes.map((size) => size * scale);
  let box = { x, y, width, height }, start = 0;
  while (start < areas.length) {
    const side = Math.min(box.width, box.height);
    let end = start + 1;
    while (end < areas.length && worst(areas, start, end + 1, side) <= worst(areas, start, end, side)) end++;
    box = row(areas.slice(start, end), box, places);
    start = end;
  }
  return places;
}

function worst(areas, start, end, side) {
  const row = areas.slice(start, end), sum = row.reduce((a, b) => a + b, 0);
  return Math.max((side * side * row[0]) / (sum * sum), (sum * sum) / (side * side * row.at(-1)));
}

function row(areas, { x, y, width, height }, places) {
  const sum = areas.reduce((a, b) => a + b, 0), wide = width >= height, thick = sum / (wide ? height : width) || 0;
  let at = wide ? y : x;
  for (const area of areas) {
    const length = area / thick || 0;
    places.push(wide ? { x, y: at, width: thick, height: length } : { x: at, y, width: length, height: thick });
    at += length;
  }
  return wide ? { x: x + thick, y, width: width - thick, height } : { x, y: y + thick, width, height: height - thick };
}

/** The parts of a file: each section with the tensors that it holds, and what is around them. */
export function partsOf(listed) {
  const inner = (key) => listed.tensors.filter((one) => one.placed[key] > 0)
    .map((one) => ({ name: one.name, size: one.placed[key], tensor: one }));
  const parts = listed.sections.map(({ name, bytes: size }) => ({ name, size, inner: inner(name) }));
  const around = listed.bytes - parts.reduce((sum, part) => sum + part.size, 0);
  const manifest = 96 + listed.header.stored;
  parts.push({ name: "manifest", size: Math.min(manifest, around), inner: [] });
  if (around > manifest) parts.push({ name: "padding", size: around - manifest, inner: [] });
  return parts.filter((part) => part.size > 0).sort((a, b) => b.size - a.size);
}

function place(node, box) {
  const sides = { left: box.x, top: box.y, width: box.width, height: box.height };
  for (const [key, value] of Object.entries(sides)) node.style[key] = `${value}px`;
  return node;
}

function tile(part, box, kind, choose) {
  const told = `${printable(part.name)}: ${bytes(part.size)}`, fits = box.width >= WIDE && box.height >= LOW;
  const label = () => el("span", {}, printable(part.name), box.height < HIGH ? null : el("small", {}, bytes(part.size)));
  return place(el("div", { class: `tile ${kind}`, title: told, onclick: choose }, fits ? label() : null), box);
}

/** Draw the map; `choose(tensor)` is called for the tile of a tensor. */
export function drawTreemap(listed, choose) {
  const parts = partsOf(listed), frame = el("div", { class: "treemap" });
  const sizeOf = (part) => `${printable(part.name)} ${bytes(part.size)}, ${percent(part.size / listed.bytes)}`;
  const words = `Sizes: ${parts.map(sizeOf).join("; ")}`;
  show("map", el("div", { role: "img", "aria-label": words }, frame), legend(parts, sizeOf));
  const draw = () => {
    const width = frame.clientWidth, height = frame.clientHeight, nodes = [];
    squarified(parts.map((part) => part.size), { x: 0, y: 0, width, height }).forEach((box, i) => {
      const part = parts[i], kind = kindOf(part.name);
      if (part.inner.length === 0) return nodes.push(tile(part, box, kind, null));
      const inner = [...part.inner].sort((a, b) => b.size - a.size), places = squarified(inner.map((one) => one.size), box);
      inner.forEach((one, k) => nodes.push(tile(one, places[k], `${kind} tensor`, () => choose(one.tensor))));
      return null;
    });
    frame.replaceChildren(...nodes);
  };
  draw();
  new ResizeObserver(draw).observe(frame);
}

const KNOWN = ["masks", "dense", "planes", "prototype", "source", "graph", "manifest", "padding"];
const kindOf = (name) => (KNOWN.includes(name) ? `of-${name}` : "of-others");

const legend = (parts, sizeOf) => el("ul", { class: "legend" }, parts.map((part) => el("li", {},
  el("span", { class: `swatch ${kindOf(part.name)}`, "aria-hidden": "true" }),
  sizeOf(part))));
