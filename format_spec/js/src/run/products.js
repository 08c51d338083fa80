// Products of matrices, and what is made of them.
import { refuse } from "../bytes/errors.js";
import { left, times } from "./gemm.js";
import { zipped } from "./pointwise.js";
import { common, permuted, sizeOf, stepsOf, stretched, taken, told, view, walk } from "./tensors.js";
import { needAlike, plain, together } from "./types.js";

/** The product of two tensors of two dimensions or more, whose dimensions ahead are stretched to one shape. */
export function product(make, a, b) {
  const [rows, depth] = a.shape.slice(-2), [inner, columns] = b.shape.slice(-2);
  if (depth !== inner) refuse(`a product of shapes ${told(a.shape)} and ${told(b.shape)}`);
  const ahead = common([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  const out = make(a.dtype, [...ahead, rows, columns]);
  const steps = [[a, rows * depth], [b, depth * columns]].map(([t, size]) =>
    stretched({ shape: t.shape.slice(0, -2) }, ahead).map((step) => step * size));
  let at = 0, before = -1, panels = null;
  walk(ahead, steps, [0, 0], ([p, q], count, [n, m]) => {
    for (let i = 0; i < count; i++, p += n, q += m, at += rows * columns) {
      if (p !== before) panels = left({ data: a.data, start: p, row: depth, column: 1 }, rows, depth);
      before = p;
      times(panels, { data: b.data, start: q, row: columns, column: 1 }, rows, columns, depth, out.data, at);
    }
  });
  return out;
}

function matmul(make, self, other) {
  needAlike(self, other);
  const [n, m] = [self.shape.length, other.shape.length];
  if (n === 0 || m === 0) refuse("expected at least 1 dimension");
  if (n > 2 && m === 2) { // one large product in place of many small ones
    const flat = product(make, view(self, [sizeOf(self.shape.slice(0, -1)), self.shape.at(-1)]), other);
    return view(flat, [...self.shape.slice(0, -1), other.shape[1]]);
  }
  const a = n === 1 ? view(self, [1, ...self.shape]) : self, b = m === 1 ? view(other, [...other.shape, 1]) : other;
  const found = product(make, a, b), ahead = found.shape.slice(0, -2);
  return view(found, [...ahead, ...(n === 1 ? [] : found.shape.slice(-2, -1)), ...(m === 1 ? [] : found.shape.slice(-1))]);
}

const ranked = (first, second) => (make, self, other) => {
  if (self.shape.length !== first || other.shape.length !== second) {
    refuse(`expected ${first} and ${second} dimensions, got shapes ${told(self.shape)} and ${told(other.shape)}`);
  }
  if (first === 3 && self.shape[0] !== other.shape[0]) refuse(`batches of ${self.shape[0]} and ${other.shape[0]}`);
  return matmul(make, self, other);
};
const mm = ranked(2, 2), bmm = ranked(3, 3);

const plus = (work) => (make, self, a, b, beta, alpha) => {
  needAlike(self, a, b);
  const found = work(make, a, b), more = plain(beta), factor = plain(alpha);
  // with 0 it does not matter what is in it, not even a NaN
  return zipped(make, found, self, more === 0 ? (x) => factor * x : (x, y) => factor * x + more * y);
};

/** Rows of `input` times those of `weight`, plus a bias. */
function linear(make, input, weight, bias) {
  needAlike(input, weight, bias);
  if (weight.shape.length !== 2 || input.shape.at(-1) !== weight.shape[1]) {
    refuse(`an input of shape ${told(input.shape)} for weights of ${told(weight.shape)}`);
  }
  const [columns, depth] = weight.shape, rows = sizeOf(input.shape.slice(0, -1));
  const out = make(input.dtype, [...input.shape.slice(0, -1), columns]);
  const panels = left({ data: input.data, start: 0, row: depth, column: 1 }, rows, depth);
  times(panels, { data: weight.data, start: 0, row: 1, column: depth }, rows, columns, depth, out.data, 0);
  return bias === null ? out : zipped(make, out, bias, (x, y) => x + y);
}

function outer(make, self, other) {
  const [a, b] = together(make, [self, other]);
  if (a.shape.length !== 1 || b.shape.length !== 1) refuse("expected 1 dimension each");
  return zipped(make, view(a, [-1, 1]), b, (x, y) => x * y);
}

/** The letters of each term and of the output; dots become letters of their own, counted from the last dimension. */
function lettersOf(equation, tensors) {
  const [terms, output] = equation.replace(/ /g, "").split("->"), parts = terms.split(",");
  let most = 0;
  const dots = (count) => Array.from({ length: count }, (_, i) => String(count - 1 - i));
  const spelledOut = (term, count) => {
    const [ahead, behind] = term.split("...");
    most = behind === undefined ? most : Math.max(most, count);
    return behind === undefined ? [...term] : [...ahead, ...dots(count), ...behind];
  };
  const ranks = parts.map((term, i) => (tensors[i]?.shape.length ?? 0) - [...term.replace("...", "")].length);
  if (parts.length !== tensors.length || ranks.some((more) => more < 0)) {
    refuse(`equation ${equation} for ${tensors.length} tensors`);
  }
  const letters = parts.map((term, i) => spelledOut(term, ranks[i])), all = letters.flat();
  const single = [...new Set(all)].filter((c) => all.filter((other) => other === c).length === 1 && !/\d/.test(c)).sort();
  return { letters, kept: output === undefined ? [...dots(most), ...single] : spelledOut(output, most) };
}

/** Sums of products by letters: of two tensors, and the next one, until one is left. */
function einsum(make, equation, tensors) {
  needAlike(...tensors);
  const { letters, kept } = lettersOf(equation, tensors);
  const size = new Map(letters.flatMap((term, i) => term.map((c, k) => [c, tensors[i].shape[k]])));
  const fits = letters.every((term, i) => term.every((c, k) => tensors[i].shape[k] === size.get(c)));
  if (!fits || !kept.every((c) => size.has(c)) || letters.some((term, i) => term.length !== tensors[i].shape.length)) {
    refuse(`equation ${equation} for shapes ${tensors.map((t) => told(t.shape)).join(" and ")}`);
  }
  const terms = letters.map((term) => [...new Set(term)]), one = { dtype: tensors[0].dtype, shape: [], data: new tensors[0].data.constructor([1]) };
  const parts = tensors.map((t, i) => spread(make, t, letters[i], terms[i], size)); // a letter twice in a term is a diagonal
  if (parts.length === 1) return summed(make, [parts[0], one], [terms[0], []], kept, size);
  let [found, x] = [parts[0], terms[0]];
  for (let i = 1; i < parts.length; i++) {
    const later = new Set(terms.slice(i + 1).flat()), all = [...new Set([...x, ...terms[i]])];
    const wanted = i === parts.length - 1 ? kept : all.filter((c) => later.has(c) || kept.includes(c));
    [found, x] = [summed(make, [found, parts[i]], [x, terms[i]], wanted, size), wanted];
  }
  return found;
}

/** Sums of products of two tensors by their letters, each once in a term. */
function summed(make, [a, b], [x, y], kept, size) {
  const both = kept.filter((c) => x.includes(c) && y.includes(c)), gone = [...new Set([...x, ...y])].filter((c) => !kept.includes(c));
  const mine = kept.filter((c) => x.includes(c) && !y.includes(c)), theirs = kept.filter((c) => !x.includes(c));
  const count = (some) => some.reduce((n, c) => n * size.get(c), 1);
  const first = spread(make, a, x, [...both, ...mine, ...gone], size);
  const second = spread(make, b, y, [...both, ...gone, ...theirs], size);
  const [batch, rows, depth, columns] = [both, mine, gone, theirs].map(count), order = [...both, ...mine, ...theirs];
  const found = product(make, view(first, [batch, rows, depth]), view(second, [batch, depth, columns]));
  return permuted(make, view(found, order.map((c) => size.get(c))), kept.map((c) => order.indexOf(c)));
}

/** A tensor with its letters in another order; it is repeated along those that it lacks, and a letter twice is its diagonal. */
function spread(make, t, own, wanted, size) {
  const steps = stepsOf(t.shape), along = wanted.map((c) => own.reduce((sum, other, i) => sum + (other === c ? steps[i] : 0), 0));
  return taken(make, t, wanted.map((c) => size.get(c)), along);
}

export const KERNELS = {
  matmul, mm, bmm, mv: ranked(2, 1), dot: ranked(1, 1), outer, addmm: plus(mm), baddbmm: plus(bmm), linear, einsum,
};
