// Images in other sizes: nearest, linear and cubic, one dimension after the other.
import { refuse } from "../bytes/errors.js";
import { picked, sizeOf, told } from "./tensors.js";

function sizesOf(input, rank, outputSize, factors) {
  if (input.shape.length !== rank + 2) refuse(`expected ${rank + 2} dimensions, got shape ${told(input.shape)}`);
  if ((outputSize === null) === (factors === null)) refuse("expected an output size or scale factors, one of both");
  const sizes = input.shape.slice(2), found = outputSize ?? sizes.map((size, i) => Math.floor(size * factors[i]));
  if (found.length !== rank || !(Math.min(...found) >= 1)) refuse(`sizes of ${told(sizes)} to ${told(found)}`);
  return found;
}

/** How far apart in the input neighbours of the output are. */
const stepOf = (size, out, factor) => (factor !== null && factor > 0 ? 1 / factor : size / out);

const nearest = (rank) => (make, input, outputSize, factors) =>
  sizesOf(input, rank, outputSize, factors).reduce((t, out, i) => {
    const size = t.shape[i + 2], step = Math.fround(stepOf(size, out, factors?.[i] ?? null));
    const where = (place) => (out === size ? place : out === 2 * size ? place >> 1 : Math.floor(Math.fround(place * step)));
    return picked(make, t, i + 2, make("i64", [out]).data.map((_, place) => Math.min(where(place), size - 1)));
  }, input);

const resized = (rank, lowest, weights) => (make, input, outputSize, corners, factors) =>
  sizesOf(input, rank, outputSize, factors).reduce((t, out, i) => {
    const axis = i + 2, size = t.shape[axis];
    if (size === out) return t;
    const step = corners ? (out > 1 ? (size - 1) / (out - 1) : 0) : stepOf(size, out, factors?.[i] ?? null);
    const where = (place) => (corners ? place * step : Math.max((place + 0.5) * step - 0.5, lowest));
    const found = make(t.dtype, t.shape.map((one, k) => (k === axis ? out : one)));
    const outer = sizeOf(t.shape.slice(0, axis)), inner = sizeOf(t.shape.slice(axis + 1));
    for (let place = 0; place < out; place++) for (const [from, share] of weights(where(place))) {
      const source = Math.min(Math.max(from, 0), size - 1);
      for (let n = 0; n < outer; n++) {
        let a = (n * size + source) * inner, o = (n * out + place) * inner;
        for (let k = 0; k < inner; k++) found.data[o++] += share * t.data[a++];
      }
    }
    return found;
  }, input);

function linear(where) {
  const first = Math.floor(where), share = where - first;
  return [[first, 1 - share], [first + 1, share]];
}

/** The four neighbours of a place, and what each counts (Keys, a = -0.75). */
export function cubic(where) {
  const first = Math.floor(where), t = where - first, a = -0.75;
  const near = (x) => ((a + 2) * x - (a + 3)) * x * x + 1, far = (x) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [[first - 1, far(t + 1)], [first, near(t)], [first + 1, near(1 - t)], [first + 2, far(2 - t)]];
}

export const KERNELS = {
  "upsample_nearest1d.vec": nearest(1), "upsample_nearest2d.vec": nearest(2), "upsample_nearest3d.vec": nearest(3),
  "upsample_linear1d.vec": resized(1, 0, linear), "upsample_bilinear2d.vec": resized(2, 0, linear),
  "upsample_trilinear3d.vec": resized(3, 0, linear), "upsample_bicubic2d.vec": resized(2, -Infinity, cubic),
};
