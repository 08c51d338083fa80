// Elements chosen by number: taken out, put in. Nothing is changed in place.
import { refuse } from "../bytes/errors.js";
import { axisOf, common, picked, sizeOf, stepsOf, stretched, taken, told, view, walk } from "./tensors.js";
import { needIntegers, plain } from "./types.js";
import { sliced } from "./shapes.js";

/** Refuse numbers below 0, and those beyond. */
export function natural(index, size) {
  for (const i of needIntegers(index).data) if (!(i >= 0 && i < size)) refuse(`index ${i} of a size of ${size}`);
  return index;
}

function embedding(make, weight, indices) {
  const found = picked(make, weight, 0, natural(indices, weight.shape[0]).data);
  return view(found, [...indices.shape, ...weight.shape.slice(1)]);
}

function indexSelect(make, self, dim, index) {
  const flat = self.shape.length === 0 ? view(self, [1]) : self, axis = axisOf(dim, self.shape.length);
  const found = picked(make, flat, axis, natural(index, flat.shape[axis]).data);
  return self.shape.length === 0 ? view(found, []) : found;
}

/** Tensors of indices as whole numbers: a mask is the places where it is true. */
function asNumbers(make, indices, self) {
  const found = [];
  for (const index of indices) {
    if (index === null || (index.dtype !== "bool" && index.dtype !== "u8")) {
      found.push(index);
      continue;
    }
    const sizes = self.shape.slice(found.length, found.length + index.shape.length);
    if (told(sizes) !== told(index.shape)) refuse(`a mask of shape ${told(index.shape)} for dimensions of ${told(sizes)}`);
    const places = [];
    index.data.forEach((is, i) => is !== 0 && places.push(i));
    stepsOf(index.shape).forEach((step, axis) => {
      const numbers = make("i64", [places.length]);
      places.forEach((place, i) => (numbers.data[i] = Math.floor(place / step) % index.shape[axis]));
      found.push(numbers);
    });
  }
  if (found.length > self.shape.length) refuse(`${found.length} indices for a tensor of ${self.shape.length} dimensions`);
  while (found.length < self.shape.length) found.push(null);
  return found;
}

/** Which dimensions indices choose of, those that stand whole before and behind, and the shape of the result. */
function layoutOf(all, self) {
  const places = all.map((_, i) => i), axes = places.filter((i) => all[i] !== null), rest = places.filter((i) => all[i] === null);
  const inner = common(axes.map((i) => all[i].shape)), together = axes.length > 0 && axes.at(-1) - axes[0] === axes.length - 1;
  const ahead = together ? rest.filter((i) => i < axes[0]) : [], behind = rest.filter((i) => !ahead.includes(i));
  const size = (some) => some.map((i) => self.shape[i]);
  return { axes, ahead, behind, inner, size, shape: [...size(ahead), ...inner, ...size(behind)] };
}

/** Call `visit(place)` for each element that indices choose, in the order of the result; `begin(shape)` gives it. */
function chosen(make, self, indices, begin) {
  const all = asNumbers(make, indices, self), steps = stepsOf(self.shape);
  const { axes, ahead, behind, inner, size, shape } = layoutOf(all, self);
  const visit = begin(shape), offsets = make("f64", inner).data;
  for (const axis of axes) addOffsets(offsets, all[axis], inner, self.shape[axis], steps[axis]);
  const step = (some) => some.map((i) => steps[i]);
  walk([...size(ahead), 1], [[...step(ahead), 0]], [0], ([first], more, [gap]) => {
    for (let j = 0, at = first; j < more; j++, at += gap) for (const offset of offsets) {
      walk(size(behind), [step(behind)], [at + offset], ([from], count, [by]) => {
        for (let i = 0; i < count; i++, from += by) visit(from);
      });
    }
  });
}

/** Add where the numbers of one dimension lead to; those below 0 count from its end. */
function addOffsets(offsets, numbers, inner, size, step) {
  let o = 0;
  needIntegers(numbers);
  walk(inner, [stretched(numbers, inner)], [0], ([at], count, [by]) => {
    for (let i = 0; i < count; i++, at += by) {
      const place = numbers.data[at] < 0 ? numbers.data[at] + size : numbers.data[at];
      if (!(place >= 0 && place < size)) refuse(`index ${numbers.data[at]} of a size of ${size}`);
      offsets[o++] += place * step;
    }
  });
}

function index(make, self, indices) {
  let out = null, o = 0;
  chosen(make, self, indices, (shape) => {
    out = make(self.dtype, shape);
    return (place) => (out.data[o++] = self.data[place]);
  });
  return out;
}

export const copied = (make, self) => {
  const out = make(self.dtype, self.shape);
  out.data.set(self.data);
  return out;
};

function indexPut(make, self, indices, values, accumulate) {
  const out = copied(make, self);
  chosen(make, self, indices, (shape) => {
    const found = taken(make, values, shape, stretched(values, shape)).data;
    let o = 0;
    return (place) => (out.data[place] = accumulate ? out.data[place] + found[o++] : found[o++]);
  });
  return out;
}

/** The place in a tensor of each element of an index along one dimension. */
export function grid(self, dim, index) {
  const shape = self.shape.length === 0 ? [1] : self.shape, numbers = index.shape.length === 0 ? [1] : index.shape;
  const axis = axisOf(dim, shape.length), steps = stepsOf(shape), places = new Float64Array(sizeOf(numbers));
  if (shape.length !== numbers.length || numbers.some((size, i) => i !== axis && size > shape[i])) {
    refuse(`an index of shape ${told(index.shape)} for a tensor of ${told(self.shape)}`);
  }
  natural(index, shape[axis]);
  let o = 0;
  walk([...numbers, 1], [[...steps.map((step, i) => (i === axis ? 0 : step)), 0]], [0], ([at], count, [by]) => {
    for (let i = 0; i < count; i++, at += by, o++) places[o] = at + index.data[o] * steps[axis];
  });
  return places;
}

function gather(make, self, dim, index) {
  const out = make(self.dtype, index.shape);
  grid(self, dim, index).forEach((place, i) => (out.data[i] = self.data[place]));
  return out;
}

function takeAlong(make, self, indices, dim) {
  if (dim === null) return indexSelect(make, view(self, [-1]), 0, view(indices, [-1]));
  const axis = axisOf(dim, self.shape.length), but = (shape) => shape.map((size, i) => (i === axis ? 1 : size));
  const rest = common([but(self.shape), but(indices.shape)]), whole = (t) => {
    const shape = rest.map((size, i) => (i === axis ? t.shape[axis] : size));
    return taken(make, t, shape, stretched(t, shape));
  };
  return gather(make, whole(self), dim, whole(indices));
}

const scatter = (work) => (make, self, dim, index, src) => {
  const out = copied(make, self), places = grid(self, dim, index);
  const value = work.fromNumber ? () => plain(src) : sourceOf(src, index);
  places.forEach((place, i) => (out.data[place] = work.put(out.data[place], value(i))));
  return out;
};

/** Elements of a source in the order of an index that is no larger than it. */
export function sourceOf(src, index) {
  if (src.shape.length !== index.shape.length || index.shape.some((size, i) => size > src.shape[i])) {
    refuse(`a source of shape ${told(src.shape)} for an index of ${told(index.shape)}`);
  }
  const steps = stepsOf(src.shape), found = new Float64Array(sizeOf(index.shape));
  let o = 0;
  walk(index.shape, [steps], [0], ([at], count, [by]) => {
    for (let i = 0; i < count; i++, at += by) found[o++] = src.data[at];
  });
  return (i) => found[i];
}

function oneHot(make, self, classes) {
  const count = classes === -1 ? self.data.reduce((a, b) => Math.max(a, b), -1) + 1 : classes;
  natural(self, count);
  const out = make("i64", [...self.shape, count]);
  self.data.forEach((place, i) => (out.data[i * count + place] = 1));
  return out;
}

/** A tensor with a part along one dimension replaced. */
function replaced(make, self, src, axis, first, count, step) {
  const out = copied(make, self), shape = self.shape.map((size, i) => (i === axis ? count : size));
  const steps = stepsOf(self.shape), own = steps.map((one, i) => (i === axis ? one * step : one));
  walk(shape, [own, stretched(src, shape)], [first * steps[axis], 0], ([to, from], run, [n, m]) => {
    for (let i = 0; i < run; i++, to += n, from += m) out.data[to] = src.data[from];
  });
  return out;
}

function selectScatter(make, self, src, dim, index) {
  const axis = axisOf(dim, self.shape.length), size = self.shape[axis], place = index < 0 ? index + size : index;
  if (!(place >= 0 && place < size)) refuse(`index ${index} of a size of ${size}`);
  return replaced(make, self, view(src, [...src.shape.slice(0, axis), 1, ...src.shape.slice(axis)]), axis, place, 1, 1);
}

function sliceScatter(make, self, src, dim, start, end, step) {
  const axis = axisOf(dim, self.shape.length), { first, count } = sliced(self.shape[axis], start, end, step);
  return replaced(make, self, src, axis, first, count, step);
}

export const KERNELS = {
  embedding, index_select: indexSelect, "index.Tensor": index, "_unsafe_index.Tensor": index, index_put: indexPut,
  gather, take_along_dim: takeAlong, one_hot: oneHot, "scatter.src": scatter({ put: (_, y) => y }),
  "scatter.value": scatter({ put: (_, y) => y, fromNumber: true }), scatter_add: scatter({ put: (x, y) => x + y }),
  select_scatter: selectScatter, slice_scatter: sliceScatter,
};
