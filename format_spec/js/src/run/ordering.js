// Elements in the order of their values: stable, a NaN is the greatest.
import { refuse } from "../bytes/errors.js";
import { axisOf, picked, sizeOf } from "./tensors.js";

function sort(make, self, dim, descending) {
  const rank = self.shape.length, axis = axisOf(dim, rank);
  const values = make(self.dtype, self.shape), places = make("i64", self.shape);
  const size = rank === 0 ? 1 : self.shape[axis], inner = sizeOf(self.shape.slice(axis + 1)), { data } = self;
  const sign = descending ? -1 : 1, rises = (x, y) => (x !== x ? (y !== y ? 0 : 1) : y !== y ? -1 : x - y);
  for (let start = 0; start < data.length; start += size * inner) for (let i = start; i < start + inner; i++) {
    const order = Array.from({ length: size }, (_, k) => k);
    order.sort((a, b) => {
      const [x, y] = [data[i + a * inner], data[i + b * inner]];
      return x === y ? 0 : sign * rises(x, y);
    });
    order.forEach((from, k) => {
      values.data[i + k * inner] = data[i + from * inner];
      places.data[i + k * inner] = from;
    });
  }
  return [values, places];
}

function topk(make, self, k, dim, largest) {
  const rank = self.shape.length, axis = axisOf(dim, rank), size = rank === 0 ? 1 : self.shape[axis];
  if (!(k >= 0 && k <= size)) refuse(`k = ${k} of a dimension of ${size}`);
  const all = sort(make, self, dim, largest), first = Array.from({ length: k }, (_, i) => i);
  return rank === 0 ? all : all.map((t) => picked(make, t, axis, first));
}

export const KERNELS = { sort, argsort: (make, self, dim, descending) => sort(make, self, dim, descending)[1], topk };
