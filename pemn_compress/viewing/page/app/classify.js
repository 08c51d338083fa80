// Classify a picture from the file alone: by its graph, its contract and its classes.
import { el, note, show } from "./dom.js";
import { described } from "./outputs.js";
import { greyOf, normalised, resized } from "./pictures.js";

/** Run the model on a picture's pixels and show what it makes of them; returns that as a sentence. */
export async function classify(pixels, contract, ask) {
  const [channels, height, width] = contract.sizes;
  show("classified", note("Computing ..."));
  const rgb = resized(pixels, width, height), zeros = Array(channels).fill(0), ones = Array(channels).fill(1);
  const data = normalised(rgb, { channels, height, width, mean: contract.mean ?? zeros, std: contract.std ?? ones });
  const found = await ask({ kind: "run", inputs: [{ shape: [1, channels, height, width], data }] }, [data.buffer]);
  const bare = contract.mean === null ? " The archive tells no normalisation: pixels from 0 to 1 went in." : "";
  const { nodes, words } = described(found, contract.classes, bare);
  show("classified", preview(rgb, width, height, channels), nodes);
  return words;
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
