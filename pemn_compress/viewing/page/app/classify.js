// Classify a picture from the file alone: by its graph, its contract and its classes.
import { el, facts, find, note, show, wrong } from "./dom.js";
import { greyOf, normalised, pixelsOf, resized } from "./pictures.js";
import { claimed, digits, percent, printable, shape } from "./words.js";

const BEST = 5, LARGEST = 2048;

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const numbers = (value) => Array.isArray(value) && value.length > 0 && value.every(isNumber);
const texts = (value) => Array.isArray(value) && value.every((one) => typeof one === "string");

/** What an archive says goes in and comes out; null in the place of what it does not say, or what makes no sense. */
export function contractOf({ about }, graph) {
  const told = about?.input ?? {}, input = graph?.inputs?.length === 1 ? graph.inputs[0] : null;
  const fixed = input?.shape.slice(1) ?? null, claims = numbers(told.shape) ? told.shape : null;
  const sizes = numbers(fixed) ? fixed : claims;
  const isPicture = sizes?.length === 3 && [1, 3].includes(sizes[0]) && Math.max(...sizes) <= LARGEST;
  const picture = isPicture && input?.dtype === "f32";
  const fits = (list) => numbers(list) && (list.length === sizes?.[0] || list.length === 1);
  const hasStatistics = fits(told.mean) && fits(told.std) && told.std.every((one) => one > 0);
  const spread = (list) => Array.from({ length: sizes[0] }, (_, i) => list[i] ?? list[0]);
  return {
    sizes, picture, classes: texts(about?.classes) ? about.classes : null,
    mean: hasStatistics ? spread(told.mean) : null, std: hasStatistics ? spread(told.std) : null,
  };
}

export function drawContract(contract) {
  const { sizes, mean, std, classes } = contract;
  show("contract", facts([
    ["input", sizes === null ? "not told" : `${shape(sizes)} for each sample`],
    ["normalised by", mean === null ? "not told" : `(pixel / 255 - mean) / std, mean ${claimed(mean)}, std ${claimed(std)}`],
    ["classes", classes === null ? "not told" : `${classes.length}: ${claimed(classes)}`],
  ]));
}

/** Why no picture can be classified, or null. */
function reason(contract, graph) {
  if (graph === null) return "No picture can be classified: the archive does not say what its model computes.";
  if (graph.error !== undefined) return "No picture can be classified: the graph cannot be read.";
  if (graph.missing.length > 0) {
    return `No picture can be classified here: this page cannot compute ${printable(graph.missing.join(", "))}.`;
  }
  return contract.picture ? null
    : "No picture can be classified: the model takes something else than one picture of 1 or 3 channels.";
}

/** Set up what classifies; `ask` asks the worker, `tell` speaks to the live region. Returns what takes an image file. */
export function prepareClassify(contract, graph, ask, tell) {
  const why = reason(contract, graph);
  find("choose-picture").hidden = why !== null;
  show("classified", note(why ?? "Choose a picture, or drop one anywhere on this page."));
  return async (file) => {
    if (why !== null) return tell(why, true);
    try {
      await classify(file, contract, ask, tell);
    } catch (error) {
      show("classified", wrong(printable(error.message)));
      tell(printable(error.message), true);
    }
  };
}

async function classify(file, contract, ask, tell) {
  const [channels, height, width] = contract.sizes, pixels = await pixelsOf(file);
  show("classified", note("Computing ..."));
  const rgb = resized(pixels, width, height), zeros = Array(channels).fill(0), ones = Array(channels).fill(1);
  const data = normalised(rgb, { channels, height, width, mean: contract.mean ?? zeros, std: contract.std ?? ones });
  const found = await ask({ kind: "run", data, shape: [1, channels, height, width] }, [data.buffer]);
  const shares = sharesOf(found.data), names = contract.classes;
  const nameOf = (place) => (names !== null && names.length === shares.length ? printable(names[place], 80) : `class ${place}`);
  const best = [...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, BEST);
  const time = `${digits(found.milliseconds, 3)} ms`, bars = best.map((place) => bar(nameOf(place), shares[place], found.data[place]));
  const before = found.preparing > 1 ? `, after ${digits(found.preparing, 3)} ms of restoring` : "";
  const bare = contract.mean === null ? " The archive tells no normalisation: pixels from 0 to 1 went in." : "";
  const outputs = Array.from(found.data, (x) => digits(x, 7)).join("\n");
  show(
    "classified", preview(rgb, width, height, channels),
    el("ol", { class: "bars", "aria-label": "The most likely classes" }, bars), note(`Computed in ${time}${before}.${bare}`),
    el("details", {}, el("summary", {}, "All outputs"), el("pre", { id: "outputs", tabindex: "0" }, outputs)),
  );
  tell(`${nameOf(best[0])}, ${percent(shares[best[0]])}, in ${time}.`);
}

const total = (values) => values.reduce((a, b) => a + b, 0);

/** Outputs as shares: as they are where they are some already. */
function sharesOf(values) {
  if (values.every((x) => x >= 0) && Math.abs(total(values) - 1) < 1e-3) return Array.from(values);
  const top = values.reduce((a, b) => Math.max(a, b), -Infinity), powers = Array.from(values, (x) => Math.exp(x - top));
  const sum = total(powers);
  return powers.map((power) => power / sum);
}

function bar(name, share, output) {
  const meter = el("span", { class: "meter", "aria-hidden": "true" }, el("span", {}));
  meter.firstChild.style.width = `${100 * share}%`;
  const told = el("span", { class: "share" }, percent(share), el("small", {}, ` (${digits(output)})`));
  return el("li", {}, el("span", { class: "class" }, name), meter, told);
}

function preview(rgb, width, height, channels) {
  const told = `The picture as it goes in: ${width} by ${height} points`, image = new ImageData(width, height);
  const canvas = el("canvas", { class: "preview", width, height, role: "img", "aria-label": told });
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = channels === 1 ? greyOf(rgb, i) : rgb[3 * i + c];
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
