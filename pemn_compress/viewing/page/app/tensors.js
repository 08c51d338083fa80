// The tensors of an archive as a table, and masks as pictures.
import { el, facts, find, show, table } from "./dom.js";
import { bytes, count, digits, percent, printable, shape } from "./words.js";

const MOST = 512; // lines and columns of a picture

export const storedOf = ({ placed }) => placed.masks + placed.dense + placed.planes;

/** Where the values of a tensor come from, in words. */
export function sourceOf({ values, frozen }, prototype) {
  const { kind, plane } = values, more = plane === null || plane === undefined ? "" : `, ${plane.kind}s stored apart`;
  const still = frozen === null ? "" : `, ${count(frozen.count)} frozen`;
  if (kind === "alias") return `shared with ${printable(values.of)}`;
  if (kind === "constant") return `one constant${more}`;
  if (kind === "stored") return `stored ${values.dtype}, ${values.coding}${values.scale === null ? "" : ", scaled"}`;
  const seeded = prototype?.seed === null ? "the stored prototype" : "a seed";
  return `${kind === "prototype" ? "" : "signs of "}${seeded}${more}${still}`;
}

export function codecOf({ positions }) {
  if (positions === null) return "";
  return `${positions.codec}${positions.predictor === null ? "" : ", predicted"}`;
}

export function drawTensors(listed, choose) {
  const columns = [
    { head: "tensor" }, { head: "shape" }, { head: "dtype" }, { head: "values" }, { head: "kept", number: true }, { head: "codec" },
    { head: "bytes", number: true }, { head: "bits a weight", number: true },
  ];
  const rows = listed.tensors.map((one) => {
    const stored = storedOf(one), share = one.positions === null ? null : one.positions.ones / one.elements;
    return [
      share === null ? printable(one.name) : el("button", { type: "button", class: "link", onclick: () => choose(one) }, printable(one.name)),
      { text: el("span", { class: "shape" }, shape(one.shape)), value: one.elements }, one.dtype, sourceOf(one, listed.prototype),
      { text: share === null ? "" : percent(share), value: share ?? 2 }, codecOf(one), { text: count(stored), value: stored },
      { text: digits((8 * stored) / one.elements, 3), value: stored / one.elements },
    ];
  });
  show("tensor-table", table("Tensors", columns, rows));
  if (listed.tensors.every((one) => one.positions === null)) show("mask", el("p", {}, "No tensor of this archive has a mask."));
  else show("mask", el("p", {}, "Choose a tensor of the table, or of the map, to see its mask."));
}

/** Draw one mask; `ask` asks the worker. */
export async function drawMask(tensor, ask) {
  const name = printable(tensor.name);
  if (tensor.positions === null) return show("mask", el("p", {}, `${name} has no mask: its values are ${sourceOf(tensor, null)}.`));
  show("mask", el("p", {}, `Reading the mask of ${name} ...`));
  try {
    const found = await ask({ kind: "mask", name: tensor.name, most: MOST });
    show("mask", figure(name, tensor, found));
  } catch (error) {
    show("mask", el("p", { class: "wrong" }, printable(`${tensor.name}: ${error.message}`)));
  }
  find("mask").scrollIntoView({ block: "nearest" });
}

function figure(name, tensor, { shades, width, height, lines, columns, down, across, ones, elements }) {
  const wide = Math.max(1, Math.min(8, Math.floor(MOST / width))), high = Math.max(1, Math.min(8, Math.floor(MOST / height)));
  const zoom = Math.max(1, Math.min(wide, high));
  const told = `Mask of ${name}: ${percent(ones / elements)} of ${count(elements)} weights are kept, in ${lines} lines of ${columns}`;
  const canvas = el("canvas", { width, height, role: "img", "aria-label": told }), dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const image = new ImageData(width, height), [ground, ink] = dark ? [[30, 34, 40], [125, 183, 240]] : [[238, 240, 243], [11, 92, 173]];
  shades.forEach((shade, i) => {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = ground[c] + ((ink[c] - ground[c]) * shade) / 255;
    image.data[4 * i + 3] = 255;
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
  canvas.style.width = `${width * zoom}px`;
  const shrunk = down * across > 1 ? ` A point stands for ${down} × ${across} weights.` : "";
  return el("figure", {}, el("div", { class: "scroll" }, canvas), el("figcaption", {}, `${told}.${shrunk}`), facts([
    ["stored as", `${codecOf(tensor)}, ${bytes(tensor.positions.bytes)}`],
    ["bits a weight", digits((8 * tensor.positions.bytes) / elements, 3)],
  ]));
}
