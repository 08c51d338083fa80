// How far apart the elements, or the rows, of tensors are.
import { refuse } from "../bytes/errors.js";
import { zipped } from "./pointwise.js";
import { KERNELS as REDUCTIONS } from "./reductions.js";
import { cat } from "./shapes.js";
import { axisOf, common, part, stretched, taken, told, view } from "./tensors.js";
import { needAlike, needFloating } from "./types.js";

const norm = (make, t, order, dim, keepdim = false) => REDUCTIONS.linalg_vector_norm(make, t, order, [dim], keepdim, null);

function cdist(make, x1, x2, p) {
  needAlike(needFloating(x1), x2);
  if (Math.min(x1.shape.length, x2.shape.length) < 2 || x1.shape.at(-1) !== x2.shape.at(-1)) {
    refuse(`rows of shapes ${told(x1.shape)} and ${told(x2.shape)}`);
  }
  const a = view(x1, [...x1.shape.slice(0, -1), 1, x1.shape.at(-1)]), b = view(x2, [...x2.shape.slice(0, -2), 1, ...x2.shape.slice(-2)]);
  return norm(make, zipped(make, a, b, (x, y) => x - y), p, -1);
}

function pairwiseDistance(make, x1, x2, p, eps, keepdim) {
  needAlike(needFloating(x1), x2);
  return norm(make, zipped(make, x1, x2, (x, y) => x - y + eps), p, -1, keepdim);
}

function cosineSimilarity(make, x1, x2, dim, eps) {
  needAlike(needFloating(x1), x2);
  const shape = common([x1.shape, x2.shape]), whole = [x1, x2].map((t) => taken(make, t, shape, stretched(t, shape)));
  const units = whole.map((t) => zipped(make, t, norm(make, t, 2, dim, true), (x, length) => x / Math.max(length, eps)));
  return REDUCTIONS["sum.dim_IntList"](make, zipped(make, ...units, (x, y) => x * y), [dim], false, null);
}

function diff(make, self, n, dim, prepend, append) {
  const axis = axisOf(dim, self.shape.length), parts = [prepend, self, append].filter((t) => t !== null);
  if (n < 0 || self.shape.length === 0) refuse(`differences of order ${n} of shape ${told(self.shape)}`);
  let found = parts.length === 1 ? self : cat(make, parts, axis);
  const work = self.dtype === "bool" ? (x, y) => (x !== y ? 1 : 0) : (x, y) => x - y;
  for (let turn = 0; turn < n && found.shape[axis] > 0; turn++) {
    const count = found.shape[axis] - 1;
    found = zipped(make, part(make, found, axis, 1, count), part(make, found, axis, 0, count), work);
  }
  return found;
}

export const KERNELS = { cdist, pairwise_distance: pairwiseDistance, cosine_similarity: cosineSimilarity, diff };
