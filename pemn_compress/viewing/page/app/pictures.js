// A picture as a model's input: read, resized as torchvision does (antialiased, bilinear), normalised.
const LARGEST = 4096; // pixels of a side that are read as they are

/** The pixels of an image file: { data, width, height }, RGBA. */
export async function pixelsOf(file) {
  let bitmap = null;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error("It is no picture that this browser can read.");
  }
  const scale = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale)), height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

/** The part in the middle that has the sides' ratio of what is wanted. */
function middle({ width, height }, wide, high) {
  const scale = Math.min(width / wide, height / high), [w, h] = [wide * scale, high * scale];
  return { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h };
}

/** What each place of a line takes of another line: a triangle as wide as the step, at least a pixel. */
function shares(start, length, count, size) {
  const step = length / count, support = Math.max(1, step);
  return Array.from({ length: count }, (_, place) => {
    const centre = start + (place + 0.5) * step, first = Math.max(0, Math.floor(centre - support + 0.5));
    const last = Math.min(size, Math.floor(centre + support + 0.5)), weights = [];
    for (let i = first; i < last; i++) weights.push(Math.max(0, 1 - Math.abs(i + 0.5 - centre) / support));
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** Resize to RGB bytes: columns first, then lines, each rounded to a byte. */
export function resized(pixels, wide, high) {
  const box = middle(pixels, wide, high), { width, height, data } = pixels;
  const across = shares(box.x, box.width, wide, width), down = shares(box.y, box.height, high, height);
  const between = new Uint8ClampedArray(wide * height * 3), out = new Uint8ClampedArray(wide * high * 3);
  for (let y = 0; y < height; y++) across.forEach(({ first, weights }, x) => {
    for (let c = 0; c < 3; c++) {
      const start = (y * width + first) * 4 + c;
      between[(y * wide + x) * 3 + c] = weights.reduce((sum, w, i) => sum + w * data[start + 4 * i], 0);
    }
  });
  down.forEach(({ first, weights }, y) => {
    for (let i = 0; i < wide * 3; i++) {
      const start = first * wide * 3 + i;
      out[y * wide * 3 + i] = weights.reduce((sum, w, k) => sum + w * between[start + k * wide * 3], 0);
    }
  });
  return out;
}

/** How bright a point is, as Pillow tells it. */
export const greyOf = (rgb, i) => (rgb[3 * i] * 19595 + rgb[3 * i + 1] * 38470 + rgb[3 * i + 2] * 7471 + 0x8000) >> 16;

/** Bytes of RGB as channels of numbers: grey where there is one channel, (pixel / 255 - mean) / std. */
export function normalised(rgb, { channels, height, width, mean, std }) {
  const places = height * width, data = new Float32Array(channels * places);
  for (let i = 0; i < places; i++) for (let c = 0; c < channels; c++) {
    const byte = channels === 1 ? greyOf(rgb, i) : rgb[3 * i + c];
    data[c * places + i] = (byte / 255 - mean[c]) / std[c];
  }
  return data;
}
