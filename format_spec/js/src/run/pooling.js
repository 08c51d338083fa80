// Pooling of one to three dimensions, all as of three.
import { refuse } from "../bytes/errors.js";
import { three } from "./convolutions.js";
import { isFloating, several, sizeOf, told } from "./tensors.js";

const MOST_WINDOWS = 2 ** 24; // of an adaptive pooling, along one dimension

/** How many windows there are; the last one starts inside, with `ceil` too. */
function pooledSize(size, kernel, stride, pad, dilation, ceil) {
  if (Math.min(kernel, stride, dilation) < 1 || pad < 0 || 2 * pad > dilation * (kernel - 1) + 1) {
    refuse(`a window of ${kernel} with pads of ${pad} and steps of ${stride}`);
  }
  const free = size + 2 * pad - dilation * (kernel - 1) - 1;
  let found = (ceil ? Math.ceil(free / stride) : Math.floor(free / stride)) + 1;
  if (ceil && (found - 1) * stride >= size + pad) found--;
  if (found < 1) refuse(`a window of ${kernel} for a size of ${size}`);
  return found;
}

function checkRank(t, rank) {
  if (![rank + 1, rank + 2].includes(t.shape.length)) {
    refuse(`expected ${rank + 1} or ${rank + 2} dimensions, got shape ${told(t.shape)}`);
  }
}

/** Windows along each of three dimensions: { first, last, step } of the input for each output. */
function windows(t, rank, kernelSize, stride, padding, dilation, ceil) {
  checkRank(t, rank);
  const kernel = several(kernelSize, rank), isGiven = !(Array.isArray(stride) && stride.length === 0);
  const steps = isGiven ? several(stride, rank) : kernel;
  const pads = several(padding, rank), apart = several(dilation, rank), inner = t.shape.slice(-rank);
  const along = inner.map((size, i) => {
    const count = pooledSize(size, kernel[i], steps[i], pads[i], apart[i], ceil);
    return Array.from({ length: count }, (_, place) => {
      const start = place * steps[i] - pads[i], end = start + apart[i] * (kernel[i] - 1) + 1;
      const first = start < 0 ? start + Math.ceil(-start / apart[i]) * apart[i] : start;
      return { first, last: Math.min(end, size), step: apart[i], padded: Math.min(end, size + pads[i]) - start };
    });
  });
  return { along: three(along, [{ first: 0, last: 1, step: 1, padded: 1 }]), sizes: along.map((one) => one.length) };
}

/** Windows of an adaptive pooling, which cover the input. */
function adaptive(t, rank, outputSize) {
  checkRank(t, rank);
  const sizes = several(outputSize, rank);
  if (!sizes.every((size) => size >= 0 && size <= MOST_WINDOWS)) {
    refuse(`sizes ${told(sizes)}: expected at most ${MOST_WINDOWS} each`);
  }
  const along = t.shape.slice(-rank).map((size, i) =>
    Array.from({ length: sizes[i] }, (_, place) => {
      const first = Math.floor((place * size) / sizes[i]), last = Math.ceil(((place + 1) * size) / sizes[i]);
      return { first, last, step: 1, padded: last - first };
    }));
  return { along: three(along, [{ first: 0, last: 1, step: 1, padded: 1 }]), sizes };
}

/** Call `visit(output, start of the image, windows of the three dimensions)` for each output. */
function pooled(make, t, rank, { along, sizes }, visit) {
  const ahead = t.shape.slice(0, -rank), whole = sizeOf(t.shape.slice(-rank)), images = sizeOf(ahead);
  const out = make(t.dtype, [...ahead, ...sizes]);
  let o = 0;
  for (let n = 0; n < images; n++) for (const d of along[0]) for (const h of along[1]) for (const w of along[2]) {
    visit(out.data, o++, n * whole, d, h, w);
  }
  return out;
}

function maxOf(make, t, rank, how, places = null) {
  const [height, width] = three(t.shape.slice(-rank), 1).slice(1), { data } = t;
  return pooled(make, t, rank, how, (out, o, start, D, H, W) => {
    let best = -Infinity, place = -1;
    for (let d = D.first; d < D.last; d += D.step) for (let h = H.first; h < H.last; h += H.step) {
      const line = (d * height + h) * width;
      for (let w = W.first; w < W.last; w += W.step) {
        const x = data[start + line + w];
        if (x > best || place < 0 || (x !== x && best === best)) {
          best = x;
          place = line + w;
        }
      }
    }
    out[o] = best;
    if (places !== null) places[o] = place;
  });
}

const maxPool = (rank) => (make, self, kernel, stride, padding, dilation, ceil) =>
  maxOf(make, self, rank, windows(self, rank, kernel, stride, padding, dilation, ceil));

function withPlaces(make, self, rank, how) {
  const places = make("i64", [...self.shape.slice(0, -rank), ...how.sizes]);
  return [maxOf(make, self, rank, how, places.data), places];
}

function averages(make, t, rank, how, divisorOf) {
  const [height, width] = three(t.shape.slice(-rank), 1).slice(1), { data } = t;
  return pooled(make, t, rank, how, (out, o, start, D, H, W) => {
    let sum = 0;
    for (let d = D.first; d < D.last; d++) for (let h = H.first; h < H.last; h++) {
      const line = start + (d * height + h) * width;
      for (let w = W.first; w < W.last; w++) sum += data[line + w];
    }
    out[o] = isFloating(t.dtype) ? sum / divisorOf(D, H, W) : Math.trunc(sum / divisorOf(D, H, W));
  });
}

const inside = (...windows) => windows.reduce((product, { first, last }) => product * (last - first), 1);
const padded = (...windows) => windows.reduce((product, one) => product * one.padded, 1);

const avgPool = (rank) => (make, self, kernel, stride, padding, ceil, countPad, divisor = null) => {
  if (divisor === 0) refuse("divisor_override: expected another number than 0");
  const how = windows(self, rank, kernel, stride, padding, 1, ceil);
  return averages(make, self, rank, how, divisor !== null ? () => divisor : countPad ? padded : inside);
};

const adaptiveAvg = (rank) => (make, self, size) => averages(make, self, rank, adaptive(self, rank, size), inside);
const adaptiveMax = (rank) => (make, self, size) => withPlaces(make, self, rank, adaptive(self, rank, size));

export const KERNELS = {
  max_pool1d: maxPool(1), max_pool2d: maxPool(2), max_pool3d: maxPool(3),
  max_pool2d_with_indices: (make, self, kernel, stride, padding, dilation, ceil) =>
    withPlaces(make, self, 2, windows(self, 2, kernel, stride, padding, dilation, ceil)),
  avg_pool1d: avgPool(1), avg_pool2d: avgPool(2), avg_pool3d: avgPool(3),
  adaptive_avg_pool1d: adaptiveAvg(1), adaptive_avg_pool2d: adaptiveAvg(2), adaptive_avg_pool3d: adaptiveAvg(3),
  adaptive_max_pool1d: adaptiveMax(1), adaptive_max_pool2d: adaptiveMax(2),
};
