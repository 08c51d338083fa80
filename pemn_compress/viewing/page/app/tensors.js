// The tensors of an archive as a table, and masks as pictures.
import { dotted, el, facts, find, note, show, table, wrong } from "./dom.js";
import { bytes, count, digits, percent, printable, shape } from "./words.js";

const LIGHT = [[238, 240, 243], [11, 92, 173]], DARK = [[30, 34, 40], [125, 183, 240]]; // dropped and kept weights
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

const HEADS = ["tensor", "shape", "dtype", "values", "kept", "codec", "bytes", "bits a weight"];
const NUMBERS = ["kept", "bytes", "bits a weight"];

export function drawTensors(listed, choose) {
  const columns = HEADS.map((head) => ({ head, number: NUMBERS.includes(head) }));
  const nameOf = (one) => el("button", { type: "button", class: "link", onclick: () => choose(one) }, dotted(printable(one.name)));
  const rows = listed.tensors.map((one) => {
    const stored = storedOf(one), share = one.positions === null ? null : one.positions.ones / one.elements;
    return [
      share === null ? dotted(printable(one.name)) : nameOf(one),
      { text: el("span", { class: "shape" }, shape(one.shape)), value: one.elements },
      one.dtype, sourceOf(one, listed.prototype),
      { text: share === null ? "" : percent(share), value: share ?? 2 }, codecOf(one), { text: count(stored), value: stored },
      { text: digits((8 * stored) / one.elements, 3), value: stored / one.elements },
    ];
  });
  show("tensor-table", table("Tensors", columns, rows));
  const hasMasks = listed.tensors.some((one) => one.positions !== null);
  show("mask", note(hasMasks ? "Choose a tensor of the table, or of the map, to see its mask." : "No tensor of this archive has a mask."));
}

/** Draw one mask; `ask` asks the worker. */
export async function drawMask(tensor, ask) {
  const name = printable(tensor.name);
  if (tensor.positions === null) return show("mask", note(`${name} has no mask: its values are ${sourceOf(tensor, null)}.`));
  show("mask", note(`Reading the mask of ${name} ...`));
  try {
    const found = await ask({ kind: "mask", name: tensor.name, most: MOST });
    show("mask", figure(name, tensor, found));
  } catch (error) {
    show("mask", wrong(printable(`${tensor.name}: ${error.message}`)));
  }
  find("mask").scrollIntoView({ block: "nearest" });
}

function figure(name, tensor, { shades, width, height, lines, columns, down, across, ones, elements }) {
  const wide = Math.max(1, Math.min(8, Math.floor(MOST / width))), high = Math.max(1, Math.min(8, Math.floor(MOST / height)));
  const zoom = Math.max(1, Math.min(wide, high));
  const kept = `${percent(ones / elements)} of ${count(elements)} weights are kept`;
  const told = `Mask of ${name}: ${kept}, in ${lines} lines of ${columns}`;
  const canvas = el("canvas", { width, height, role: "img", "aria-label": told }), image = new ImageData(width, height);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches, [ground, ink] = dark ? DARK : LIGHT;
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
