// Elements added, filled in and put in at numbered places; nothing is changed in place.
import { refuse } from "../bytes/errors.js";
import { copied, grid, natural, sourceOf } from "./indexing.js";
import { axisOf, common, isFloating, sizeOf, stepsOf, stretched, taken, told, view, walk } from "./tensors.js";
import { cast, number, plain } from "./types.js";

/** Call `visit(to, from)` for each element of the lines that an index of one dimension chooses. */
function lines(self, dim, index, visit) {
  const shape = self.shape.length === 0 ? [1] : self.shape, axis = axisOf(dim, shape.length), size = shape[axis];
  const outer = sizeOf(shape.slice(0, axis)), inner = sizeOf(shape.slice(axis + 1)), { data } = natural(index, size);
  for (let n = 0, from = 0; n < outer; n++) for (const place of data) for (let i = 0; i < inner; i++) visit((n * size + place) * inner + i, from++);
}

function indexAdd(make, self, dim, index, source, alpha) {
  const out = copied(make, self), factor = plain(alpha), shape = self.shape.length === 0 ? [1] : self.shape;
  const axis = axisOf(dim, shape.length), wanted = shape.map((size, i) => (i === axis ? index.data.length : size));
  if (sizeOf(wanted) !== source.data.length || (source.shape.length > 0 && told(wanted) !== told(source.shape))) {
    refuse(`a source of shape ${told(source.shape)}, expected ${told(wanted)}`);
  }
  lines(self, dim, index, (to, from) => (out.data[to] += factor * source.data[from]));
  return out;
}

function indexFill(make, self, dim, index, value) {
  const out = copied(make, self), filler = cast(make, number(plain(value), "float"), self.dtype).data[0];
  const size = self.shape.length === 0 ? 1 : self.shape[axisOf(dim, self.shape.length)];
  lines(self, dim, { ...index, data: index.data.map((i) => (i < 0 ? i + size : i)) }, (to) => (out.data[to] = filler));
  return out;
}

const largest = (x, y) => (x !== x || x > y ? x : y), smallest = (x, y) => (x !== x || x < y ? x : y);
const REDUCE = { sum: (x, y) => x + y, mean: (x, y) => x + y, prod: (x, y) => x * y, amax: largest, amin: smallest };

function scatterReduce(make, self, dim, index, src, reduce, includeSelf) {
  if (!Object.hasOwn(REDUCE, reduce)) refuse(`reduce: expected one of ${Object.keys(REDUCE).join(", ")}, got ${reduce}`);
  const out = copied(make, self), work = REDUCE[reduce], counts = make("f64", out.shape).data.fill(includeSelf ? 1 : 0);
  if (index.data.length === 0) return out;
  const value = sourceOf(src, index);
  grid(self, dim, index).forEach((place, i) => {
    out.data[place] = counts[place] === 0 ? value(i) : work(out.data[place], value(i));
    counts[place]++;
  });
  if (reduce === "mean") for (let i = 0; i < counts.length; i++) if (counts[i] > 1) {
    out.data[i] = isFloating(out.dtype) ? out.data[i] / counts[i] : Math.floor(out.data[i] / counts[i]);
  }
  return out;
}

function diagonalScatter(make, self, src, offset, dim1, dim2) {
  const rank = self.shape.length, [a, b] = [axisOf(dim1, rank), axisOf(dim2, rank)], steps = stepsOf(self.shape), out = copied(make, self);
  if (a === b) refuse("expected two dimensions");
  const down = Math.max(-offset, 0), across = Math.max(offset, 0), rest = self.shape.map((_, i) => i).filter((i) => i !== a && i !== b);
  const shape = [...rest.map((i) => self.shape[i]), Math.max(0, Math.min(self.shape[a] - down, self.shape[b] - across))];
  if (told(src.shape) !== told(shape)) refuse(`a source of shape ${told(src.shape)}, expected ${told(shape)}`);
  const along = [...rest.map((i) => steps[i]), steps[a] + steps[b]], start = down * steps[a] + across * steps[b];
  walk(shape, [along, stepsOf(shape)], [start, 0], ([to, from], count, [n, m]) => {
    for (let i = 0; i < count; i++, to += n, from += m) out.data[to] = src.data[from];
  });
  return out;
}

function maskedScatter(make, self, mask, source) {
  const shape = common([self.shape, mask.shape]), out = copied(make, taken(make, self, shape, stretched(self, shape)));
  const chosen = taken(make, mask, shape, stretched(mask, shape)).data, wanted = chosen.reduce((sum, is) => sum + (is !== 0 ? 1 : 0), 0);
  if (wanted > source.data.length) refuse(`expected a source of at least ${wanted} elements, got ${source.data.length}`);
  let from = 0;
  chosen.forEach((is, i) => is !== 0 && (out.data[i] = source.data[from++]));
  return view(out, shape);
}

export const KERNELS = {
  index_add: indexAdd, "index_fill.int_Scalar": indexFill, "scatter_reduce.two": scatterReduce,
  diagonal_scatter: diagonalScatter, masked_scatter: maskedScatter,
};
