// Images sampled at places of a grid, and grids made of affine maps.
import { refuse } from "../bytes/errors.js";
import { cubic } from "./resizing.js";
import { sizeOf, stepsOf, told } from "./tensors.js";
import { needAlike } from "./types.js";
import { nearest } from "./unary.js";

const BILINEAR = 0, NEAREST = 1, BICUBIC = 2;
const ZEROS = 0, REFLECTION = 2;

function affineGrid(make, theta, size, corners) {
  const [count, , ...inner] = size, rank = inner.length;
  if (told(theta.shape) !== told([count, rank, rank + 1])) refuse(`maps of shape ${told(theta.shape)} for a grid of ${told(size)}`);
  const out = make(theta.dtype, [count, ...inner, rank]), steps = stepsOf(inner), places = sizeOf(inner);
  const line = (place, one) => (one <= 1 ? 0 : ((2 * place) / (one - 1) - 1) * (corners ? 1 : (one - 1) / one));
  for (let n = 0, o = 0; n < count; n++) for (let place = 0; place < places; place++) {
    const point = inner.map((one, i) => line(Math.floor(place / steps[i]) % one, one)).reverse();
    for (let r = 0; r < rank; r++, o++) {
      const row = (n * rank + r) * (rank + 1);
      out.data[o] = point.reduce((sum, x, i) => sum + x * theta.data[row + i], theta.data[row + rank]);
    }
  }
  return out;
}

function mirrored(place, size, corners) {
  const low = corners ? 0 : -0.5, span = corners ? size - 1 : size, far = Math.abs(place - low);
  if (span === 0) return 0;
  return Math.floor(far / span) % 2 === 0 ? (far % span) + low : span - (far % span) + low;
}

/** A place as padding has it: places beyond an image stay there with zeros alone. */
function inside(place, size, padding, corners) {
  const found = padding === REFLECTION ? mirrored(place, size, corners) : place;
  return padding === ZEROS ? found : Math.min(Math.max(found, 0), size - 1);
}

/** The neighbours of a place along one dimension, and what each counts. */
function neighbours(place, size, mode, padding, corners) {
  if (mode === BICUBIC) return cubic(place).map(([at, share]) => [inside(at, size, padding, corners), share]);
  const held = inside(place, size, padding, corners), first = Math.floor(held);
  return mode === NEAREST ? [[nearest(held), 1]] : [[first, first + 1 - held], [first + 1, held - first]];
}

function gridSampler(make, input, grid, mode, padding, corners) {
  needAlike(input, grid);
  const [count, channels, ...sizes] = input.shape, rank = sizes.length, outs = grid.shape.slice(1, -1);
  if (![2, 3].includes(rank) || grid.shape.length !== rank + 2 || grid.shape.at(-1) !== rank || grid.shape[0] !== count || sizes.includes(0)) {
    refuse(`a grid of shape ${told(grid.shape)} for images of ${told(input.shape)}`);
  }
  if (![0, 1, 2].includes(padding)) refuse(`padding_mode: expected 0, 1 or 2, got ${padding}`);
  if (![BILINEAR, NEAREST].includes(mode) && !(mode === BICUBIC && rank === 2)) refuse(`interpolation_mode: expected 0, 1 or 2, got ${mode}`);
  const out = make(input.dtype, [count, channels, ...outs]), steps = stepsOf(sizes), whole = sizeOf(sizes), places = sizeOf(outs);
  for (let n = 0; n < count; n++) for (let place = 0; place < places; place++) {
    let taps = [[0, 1]]; // where in an image, and what it counts
    sizes.forEach((size, axis) => { // the last dimension of a grid counts x first, the image's last
      const x = grid.data[(n * places + place) * rank + rank - 1 - axis];
      const at = corners ? ((x + 1) / 2) * (size - 1) : ((x + 1) * size - 1) / 2;
      const along = neighbours(at, size, mode, padding, corners)
        .map(([i, share]) => (padding === ZEROS ? [i, share] : [i === i ? Math.min(Math.max(i, 0), size - 1) : 0, share]))
        .filter(([i]) => i >= 0 && i < size);
      taps = taps.flatMap(([from, share]) => along.map(([i, more]) => [from + i * steps[axis], share * more]));
    });
    for (let c = 0; c < channels; c++) {
      const start = (n * channels + c) * whole;
      let sum = 0;
      for (const [from, share] of taps) sum += share * input.data[start + from];
      out.data[(n * channels + c) * places + place] = sum;
    }
  }
  return out;
}

export const KERNELS = { grid_sampler: gridSampler, affine_grid_generator: affineGrid };
