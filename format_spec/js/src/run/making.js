// Tensors made of numbers, and whole numbers made of sizes.
import { refuse } from "../bytes/errors.js";
import { axisOf, told } from "./tensors.js";
import { cast, number, plain, resultType } from "./types.js";

function made(make, shape, value, dtype) {
  if (Math.min(0, ...shape) < 0) refuse(`expected sizes of at least 0, got ${told(shape)}`);
  const out = make(dtype, shape), filler = cast(make, value, dtype).data[0];
  if (filler !== 0) out.data.fill(filler);
  return out;
}

const zero = number(0, "int"), one = number(1, "int");
const full = (make, size, value, dtype) => made(make, size, value, dtype ?? resultType(value));
const filled = (value) => (make, size, dtype) => made(make, size, value, dtype ?? "f32");
const like = (value) => (make, self, dtype) => made(make, self.shape, value, dtype ?? self.dtype);

function arange(make, start, end, step, dtype) {
  const [first, last, by] = [start, end, step].map(plain), whole = [start, end, step].every((x) => x.kind === "int");
  if (by === 0 || (last - first) * by < 0) refuse(`a range from ${first} to ${last} in steps of ${by}`);
  const out = make(dtype ?? (whole ? "i64" : "f32"), [Math.ceil((last - first) / by)]), cuts = out.dtype === "i64";
  for (let i = 0; i < out.data.length; i++) out.data[i] = cuts ? Math.trunc(first + i * by) : first + i * by;
  return out;
}

function linspace(make, start, end, steps, dtype) {
  const out = make(dtype ?? "f32", [steps]), [first, last] = [plain(start), plain(end)], by = (last - first) / (steps - 1);
  if (steps === 1) out.data[0] = first;
  else for (let i = 0; i < steps; i++) {
    const x = i < Math.floor(steps / 2) ? first + by * i : last - by * (steps - 1 - i);
    out.data[i] = out.dtype === "i64" ? Math.trunc(x) : x;
  }
  return out;
}

function eye(make, rows, columns, dtype) {
  const out = make(dtype ?? "f32", [rows, columns]);
  for (let i = 0; i < Math.min(rows, columns); i++) out.data[i * (columns + 1)] = 1;
  return out;
}

/** A whole number that is exact. */
function whole(value) {
  if (!Number.isSafeInteger(value)) refuse(`a size of ${value} is none of 53 bits`);
  return value;
}
const size = (work) => (make, a, b) => whole(work(a, b));

function divided(a, b) {
  if (b === 0) refuse("integers divided by 0");
  return Math.floor(a / b);
}

export const KERNELS = {
  full, zeros: filled(zero), ones: filled(one), zeros_like: like(zero), ones_like: like(one),
  full_like: (make, self, value, dtype) => made(make, self.shape, value, dtype ?? self.dtype),
  new_full: (make, self, shape, value, dtype) => made(make, shape, value, dtype ?? self.dtype),
  new_zeros: (make, self, shape, dtype) => made(make, shape, zero, dtype ?? self.dtype),
  new_ones: (make, self, shape, dtype) => made(make, shape, one, dtype ?? self.dtype),
  scalar_tensor: (make, value, dtype) => cast(make, value, dtype ?? "f32"),
  arange: (make, end, dtype) => arange(make, zero, end, one, dtype),
  "arange.start": (make, start, end, dtype) => arange(make, start, end, one, dtype), "arange.start_step": arange,
  linspace, eye: (make, n, dtype) => eye(make, n, n, dtype), "eye.m": eye,
  "tuple.get": (make, values, index) => values[index] ?? refuse(`result ${index} of ${values.length}`),
  "sym_size.int": (make, self, dim) => self.shape[axisOf(dim, self.shape.length)],
  "size.add": size((a, b) => a + b), "size.sub": size((a, b) => a - b), "size.mul": size((a, b) => a * b),
  "size.floordiv": size(divided), "size.mod": size((a, b) => a - b * divided(a, b)),
  "size.max": size(Math.max), "size.min": size(Math.min), "size.neg": size((a) => -a),
};
