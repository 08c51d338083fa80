// Scaled dot-product attention.
import { refuse } from "../bytes/errors.js";
import { product } from "./products.js";
import { common, permuted, stretched, walk } from "./tensors.js";
import { mapped } from "./pointwise.js";
import { KERNELS as SHAPES } from "./shapes.js";

function swapped(make, t) {
  const rank = t.shape.length, order = t.shape.map((_, i) => i);
  return permuted(make, t, [...order.slice(0, rank - 2), rank - 1, rank - 2]);
}

function attention(make, query, key, value, mask, dropout, isCausal, scale, grouped) {
  if (dropout !== 0) refuse("dropout is no part of an evaluating graph: expected dropout_p = 0");
  if (isCausal && mask !== null) refuse("expected a mask or is_causal, got both");
  const factor = scale ?? 1 / Math.sqrt(query.shape.at(-1));
  let [k, v] = [key, value];
  if (grouped) {
    const times = query.shape.at(-3) / key.shape.at(-3);
    [k, v] = [k, v].map((t) => SHAPES["repeat_interleave.self_int"](make, t, times, -3));
  }
  const scores = product(make, mapped(make, query, (x) => x * factor), swapped(make, k)), { shape, data } = scores;
  const [rows, width] = shape.slice(-2);
  if (mask !== null) {
    if (common([mask.shape, shape]).some((size, i) => size !== shape[i])) refuse("a mask that is larger than the scores");
    masked(scores, mask);
  }
  for (let start = 0, row = 0; start < data.length; start += width, row++) {
    if (isCausal) data.fill(-Infinity, start + Math.min(width, (row % rows) + 1), start + width);
    shares(data, start, width);
  }
  return product(make, scores, v);
}

function masked({ shape, data }, mask) {
  let o = 0;
  walk(shape, [stretched(mask, shape)], [0], ([at], count, [by]) => {
    for (let i = 0; i < count; i++, at += by, o++) {
      if (mask.dtype !== "bool") data[o] += mask.data[at];
      else if (mask.data[at] === 0) data[o] = -Infinity;
    }
  });
}

/** Scores to shares; a row that sees nothing gets zeros, and no NaN. */
function shares(data, start, width) {
  let top = -Infinity, total = 0;
  for (let i = start; i < start + width; i++) if (data[i] > top || data[i] !== data[i]) top = data[i];
  if (top === -Infinity) top = 0;
  for (let i = start; i < start + width; i++) total += data[i] = Math.exp(data[i] - top);
  if (total !== 0) for (let i = start; i < start + width; i++) data[i] /= total;
}

export const KERNELS = { scaled_dot_product_attention: attention };
