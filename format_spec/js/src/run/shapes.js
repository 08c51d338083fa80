// Other shapes of the same elements, joins, parts, repetitions.
import { refuse } from "../bytes/errors.js";
import {
  axisOf, part, permuted, picked, several, sizeOf, stepsOf, stretched, taken, told, view, withoutAxis,
} from "./tensors.js";
import { cast, resultType } from "./types.js";

const same = (make, self) => self;
const toDtype = (make, self, dtype) => cast(make, self, dtype);
const viewed = (make, self, shape) => view(self, shape);
const viewAs = (make, self, other) => view(self, other.shape);

function flatten(make, self, first, last) {
  const rank = self.shape.length, from = axisOf(first, rank), to = axisOf(last, rank);
  if (from > to) refuse("expected start_dim before end_dim");
  return view(self, [...self.shape.slice(0, from), sizeOf(self.shape.slice(from, to + 1)), ...self.shape.slice(to + 1)]);
}

function unflatten(make, self, dim, sizes) {
  const axis = axisOf(dim, self.shape.length), inner = [...sizes], open = inner.indexOf(-1);
  if (open >= 0) inner[open] = self.shape[axis] / -sizeOf(inner);
  if (sizeOf(inner) !== self.shape[axis]) refuse(`size ${self.shape[axis]} cannot be unflattened to ${told(sizes)}`);
  return view(self, [...self.shape.slice(0, axis), ...inner, ...self.shape.slice(axis + 1)]);
}

function squeeze(make, self, dim = null) {
  const rank = self.shape.length, axes = dim === null ? null : [dim].flat().map((one) => axisOf(one, rank));
  return view(self, self.shape.filter((size, i) => size !== 1 || (axes !== null && !axes.includes(i))));
}

function unsqueeze(make, self, dim) {
  const axis = axisOf(dim, self.shape.length + 1);
  return view(self, [...self.shape.slice(0, axis), 1, ...self.shape.slice(axis)]);
}

function permute(make, self, dims) {
  const order = dims.map((dim) => axisOf(dim, self.shape.length));
  if (order.length !== self.shape.length || new Set(order).size !== order.length) {
    refuse(`an order of ${told(dims)} for shape ${told(self.shape)}`);
  }
  return permuted(make, self, order);
}

function transpose(make, self, first, second) {
  const rank = self.shape.length, order = self.shape.map((_, i) => i), [a, b] = [axisOf(first, rank), axisOf(second, rank)];
  if (rank > 0) [order[a], order[b]] = [b, a];
  return permuted(make, self, order);
}

const lastTwo = (make, self) => (self.shape.length === 0 ? self : transpose(make, self, -2, -1));
const reversed = (make, self) => permuted(make, self, self.shape.map((_, i) => i).reverse());

function turned(make, self) {
  if (self.shape.length > 2) refuse(`t: expected at most 2 dimensions, got ${self.shape.length}`);
  return reversed(make, self);
}

function movedim(make, self, source, destination) {
  const rank = self.shape.length;
  if ([source].flat().length !== [destination].flat().length) refuse("expected as many dimensions from as to");
  const from = [source].flat().map((one) => axisOf(one, rank));
  const to = [destination].flat().map((one) => axisOf(one, rank));
  const rest = self.shape.map((_, i) => i).filter((i) => !from.includes(i));
  const order = Array(rank).fill(null);
  to.forEach((place, i) => (order[place] = from[i]));
  return permuted(make, self, order.map((axis) => axis ?? rest.shift()));
}

function expand(make, self, size) {
  const ahead = size.length - self.shape.length;
  const shape = size.map((one, i) => (one === -1 && i >= ahead ? self.shape[i - ahead] : one));
  if (ahead < 0 || self.shape.some((own, i) => own !== 1 && own !== shape[i + ahead]) || Math.min(0, ...shape) < 0) {
    refuse(`shape ${told(self.shape)} cannot be expanded to ${told(size)}`);
  }
  return told(shape) === told(self.shape) ? self : taken(make, self, shape, stretched(self, shape));
}

function narrow(make, self, dim, start, length) {
  const axis = axisOf(dim, self.shape.length), size = self.shape[axis], first = start < 0 ? start + size : start;
  if (length < 0 || first < 0 || first > size - length) refuse(`narrow: ${start} and ${length} of a size of ${size}`);
  return part(make, self, axis, first, length);
}

function select(make, self, dim, index) {
  const axis = axisOf(dim, self.shape.length), size = self.shape[axis], place = index < 0 ? index + size : index;
  if (self.shape.length === 0 || !(place >= 0 && place < size)) refuse(`index ${index} of a size of ${size}`);
  return view(part(make, self, axis, place, 1), withoutAxis(self.shape, axis));
}

/** Where a slice begins and how many it takes; what is out of bounds is cut. */
export function sliced(size, start, end, step) {
  if (!(step >= 1)) refuse(`step: expected at least 1, got ${step}`);
  const cut = (place) => Math.min(Math.max(place < 0 ? place + size : place, 0), size);
  const first = cut(start ?? 0), last = cut(end ?? size);
  return { first, count: Math.max(0, Math.ceil((last - first) / step)) };
}

function slice(make, self, dim, start, end, step) {
  const axis = axisOf(dim, self.shape.length), { first, count } = sliced(self.shape[axis], start, end, step);
  return part(make, self, axis, first, count, step);
}

function splitSizes(make, self, sizes, dim) {
  const axis = axisOf(dim, self.shape.length), whole = sizes.reduce((sum, size) => sum + size, 0);
  if (whole !== self.shape[axis] || Math.min(0, ...sizes) < 0) {
    refuse(`sizes ${told(sizes)} of a dimension of ${self.shape[axis]}`);
  }
  let start = 0;
  return sizes.map((size) => part(make, self, axis, (start += size) - size, size));
}

function split(make, self, each, dim) {
  const size = self.shape[axisOf(dim, self.shape.length)];
  if (each < 0 || (each === 0 && size > 0)) refuse(`split_size: expected at least 1, got ${each}`);
  const count = size === 0 ? 1 : Math.ceil(size / each);
  if (count > 2 ** 16) refuse(`${count} parts are more than can be named`);
  return splitSizes(make, self, Array.from({ length: count }, (_, i) => Math.min(each, size - i * each)), dim);
}

function chunk(make, self, chunks, dim) {
  const size = self.shape[axisOf(dim, self.shape.length)];
  if (!(chunks >= 1 && chunks <= 2 ** 16)) refuse(`chunks: expected 1 to ${2 ** 16}, got ${chunks}`);
  return size > 0 ? split(make, self, Math.ceil(size / chunks), dim) : splitSizes(make, self, Array(chunks).fill(0), dim);
}

function tensorSplit(make, self, sections, dim) {
  const size = self.shape[axisOf(dim, self.shape.length)];
  if (!(sections >= 1 && sections <= 2 ** 16)) refuse(`sections: expected 1 to ${2 ** 16}, got ${sections}`);
  const each = Math.floor(size / sections), more = size % sections;
  return splitSizes(make, self, Array.from({ length: sections }, (_, i) => each + (i < more ? 1 : 0)), dim);
}

function unbind(make, self, dim) {
  const size = self.shape[axisOf(dim, self.shape.length)];
  if (size > 2 ** 16) refuse(`${size} parts are more than can be named`);
  return Array.from({ length: size }, (_, place) => select(make, self, dim, place));
}

function unfold(make, self, dim, size, step) {
  if (self.shape.length === 0) return slice(make, view(self, [1]), 0, 0, size, 1);
  const axis = axisOf(dim, self.shape.length), count = Math.floor((self.shape[axis] - size) / step) + 1;
  if (!(step >= 1) || size < 0 || count < 1) refuse(`windows of ${size} in steps of ${step} of a size of ${self.shape[axis]}`);
  const steps = stepsOf(self.shape), shape = self.shape.map((one, i) => (i === axis ? count : one));
  return taken(make, self, [...shape, size], [...steps.map((one, i) => (i === axis ? one * step : one)), steps[axis]]);
}

function diagonal(make, self, offset, dim1, dim2) {
  const rank = self.shape.length, [a, b] = [axisOf(dim1, rank), axisOf(dim2, rank)], steps = stepsOf(self.shape);
  if (a === b) refuse("expected two dimensions");
  const down = Math.max(-offset, 0), across = Math.max(offset, 0);
  const count = Math.max(0, Math.min(self.shape[a] - down, self.shape[b] - across));
  const rest = self.shape.map((_, i) => i).filter((i) => i !== a && i !== b);
  const shape = [...rest.map((i) => self.shape[i]), count], along = [...rest.map((i) => steps[i]), steps[a] + steps[b]];
  return taken(make, self, shape, along, down * steps[a] + across * steps[b]);
}

export function cat(make, tensors, dim) {
  const dtype = resultType(...tensors), filled = tensors.filter((t) => t.shape.length !== 1 || t.shape[0] !== 0);
  const kept = filled.length > 0 ? filled : tensors.slice(0, 1); // one of shape (0,) goes with every shape
  if (kept.length === 0) refuse("expected a tensor at least");
  const [{ shape }] = kept, axis = axisOf(dim, shape.length), ahead = sizeOf(shape.slice(0, axis));
  const rest = told(withoutAxis(shape, axis));
  if (shape.length === 0 || kept.some((t) => t.shape.length !== shape.length || told(withoutAxis(t.shape, axis)) !== rest)) {
    refuse(`shapes ${kept.map((one) => told(one.shape)).join(" and ")} cannot be joined`);
  }
  const out = make(dtype, shape.map((size, i) => (i === axis ? kept.reduce((sum, t) => sum + t.shape[i], 0) : size)));
  const parts = kept.map((t) => cast(make, t, dtype)), runs = parts.map((t) => sizeOf(t.shape.slice(axis)));
  for (let n = 0, o = 0; n < ahead; n++) parts.forEach(({ data }, i) => {
    out.data.set(data.subarray(n * runs[i], (n + 1) * runs[i]), o);
    o += runs[i];
  });
  return out;
}

function stack(make, tensors, dim) {
  if (tensors.length === 0) refuse("expected a tensor at least");
  const axis = axisOf(dim, tensors[0].shape.length + 1);
  return cat(make, tensors.map((t) => unsqueeze(make, t, axis)), axis);
}

const atLeast = (t, rank) => (t.shape.length >= rank ? t : view(t, [...Array(rank - t.shape.length).fill(1), ...t.shape]));
const vstack = (make, tensors) => cat(make, tensors.map((t) => atLeast(t, 2)), 0);
const hstack = (make, tensors) => cat(make, tensors.map((t) => atLeast(t, 1)), tensors[0].shape.length <= 1 ? 0 : 1);

function repeat(make, self, repeats) {
  if (repeats.length < self.shape.length || Math.min(0, ...repeats) < 0) {
    refuse(`repeats ${told(repeats)} of a tensor of ${self.shape.length} dimensions`);
  }
  const shape = atLeast(self, repeats.length).shape, steps = stepsOf(shape);
  const out = taken(make, self, repeats.flatMap((one, i) => [one, shape[i]]), repeats.flatMap((_, i) => [0, steps[i]]));
  return view(out, repeats.map((one, i) => one * shape[i]));
}

function tile(make, self, dims) {
  const ahead = Math.max(0, self.shape.length - dims.length);
  return repeat(make, self, [...Array(ahead).fill(1), ...dims]);
}

function repeatEach(make, self, repeats, dim) {
  const flat = dim === null ? view(self, [-1]) : self, axis = axisOf(dim ?? 0, flat.shape.length), size = flat.shape[axis];
  const counts = typeof repeats === "number" ? Array(size).fill(repeats) : several([...repeats.data], size);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (Math.min(0, ...counts) < 0) refuse("repeats: expected no numbers below 0");
  const places = make("i64", [total]).data;
  counts.reduce((at, count, place) => places.fill(place, at, at + count) && at + count, 0);
  return picked(make, flat, axis, places);
}

const counted = (count) => Array.from({ length: count }, (_, i) => i);

function roll(make, self, shifts, dims) {
  const axes = [dims].flat();
  if (axes.length === 0) return view(roll(make, view(self, [-1]), shifts, [0]), self.shape);
  return axes.reduce((t, dim, i) => {
    const axis = axisOf(dim, t.shape.length), size = t.shape[axis], by = several(shifts, axes.length)[i];
    return size === 0 ? t : picked(make, t, axis, counted(size).map((place) => (((place - by) % size) + size) % size));
  }, self);
}

function flip(make, self, dims) {
  return dims.reduce((t, dim) => {
    const axis = axisOf(dim, t.shape.length);
    return picked(make, t, axis, counted(t.shape[axis]).reverse());
  }, self);
}

/** Turned by quarters in the plane of two dimensions. */
function rot90(make, self, k, dims) {
  if (dims.length !== 2) refuse(`expected two dimensions, got ${dims.length}`);
  const turns = ((k % 4) + 4) % 4, [first, second] = dims;
  if (turns === 0) return self;
  if (turns === 2) return flip(make, self, dims);
  return turns === 1 ? transpose(make, flip(make, self, [second]), first, second) : flip(make, transpose(make, self, first, second), [second]);
}

const rearranged = (make, t, apart, order, shape) => view(permuted(make, view(t, apart), order), shape);

function pixelShuffle(make, self, r) {
  const [channels, height, width] = self.shape.slice(-3), ahead = self.shape.slice(0, -3);
  const n = ahead.length, c = channels / (r * r);
  const order = [...ahead.keys(), n, n + 3, n + 1, n + 4, n + 2];
  return rearranged(make, self, [...ahead, c, r, r, height, width], order, [...ahead, c, height * r, width * r]);
}

function pixelUnshuffle(make, self, r) {
  const [c, height, width] = self.shape.slice(-3), ahead = self.shape.slice(0, -3), n = ahead.length;
  const order = [...ahead.keys(), n, n + 2, n + 4, n + 1, n + 3], [h, w] = [height / r, width / r];
  return rearranged(make, self, [...ahead, c, h, r, w, r], order, [...ahead, c * r * r, h, w]);
}

function channelShuffle(make, self, groups) {
  const [batch, channels, ...rest] = self.shape, order = [0, 2, 1, ...rest.map((_, i) => i + 3)];
  return rearranged(make, self, [batch, groups, channels / groups, ...rest], order, self.shape);
}

function meshgrid(make, tensors, indexing) {
  if (indexing !== "xy" && indexing !== "ij") refuse(`indexing: expected xy or ij, got ${indexing}`);
  const swaps = indexing === "xy" && tensors.length > 1, sizes = tensors.map((t) => sizeOf(t.shape));
  const order = tensors.map((_, i) => i);
  if (swaps) [order[0], order[1]] = [1, 0];
  const shape = order.map((i) => sizes[i]);
  return tensors.map((t, i) => taken(make, t, shape, order.map((k) => (k === i ? 1 : 0))));
}

const triangle = (keeps) => (make, self, diagonal) => {
  const [height, width] = self.shape.slice(-2), out = make(self.dtype, self.shape);
  out.data.set(self.data);
  for (let i = 0; i < out.data.length; i++) {
    const row = Math.floor(i / width) % height;
    if (!keeps((i % width) - row, diagonal)) out.data[i] = 0;
  }
  return out;
};

export const KERNELS = {
  clone: same, contiguous: same, "to.dtype": toDtype, _to_copy: toDtype,
  type_as: (make, self, other) => cast(make, self, other.dtype),
  view: viewed, _unsafe_view: viewed, reshape: viewed, view_as: viewAs, reshape_as: viewAs,
  "flatten.using_ints": flatten, "unflatten.int": unflatten, squeeze, "squeeze.dim": squeeze, "squeeze.dims": squeeze, unsqueeze,
  permute, "transpose.int": transpose, swapdims: transpose, swapaxes: transpose, adjoint: lastTwo, mT: lastTwo, t: turned,
  numpy_T: reversed, "movedim.int": movedim, "movedim.intlist": movedim, expand, broadcast_to: expand,
  expand_as: (make, self, other) => expand(make, self, other.shape), narrow, "select.int": select, "slice.Tensor": slice,
  "split.Tensor": split, "unsafe_split.Tensor": split, "split.sizes": splitSizes, split_with_sizes: splitSizes,
  chunk, unsafe_chunk: chunk, "tensor_split.sections": tensorSplit, "unbind.int": unbind, unfold, diagonal,
  cat, concat: cat, concatenate: cat, stack, hstack, vstack, repeat, tile,
  "repeat_interleave.self_int": repeatEach, "repeat_interleave.self_Tensor": repeatEach, roll, flip, rot90,
  pixel_shuffle: pixelShuffle, pixel_unshuffle: pixelUnshuffle, channel_shuffle: channelShuffle,
  "meshgrid.indexing": meshgrid, tril: triangle((across, most) => across <= most), triu: triangle((across, least) => across >= least),
};
