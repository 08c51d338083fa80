// Tensors with edges added, or cut off where a number is negative.
import { refuse } from "../bytes/errors.js";
import { picked, stepsOf, told, walk } from "./tensors.js";
import { cast, number, plain } from "./types.js";

/** Before and after for each dimension; pairs are given from the last one backwards. */
function sidesOf(pad, rank) {
  if (pad.length % 2 !== 0 || pad.length > 2 * rank) refuse(`pads ${told(pad)} of a tensor of ${rank} dimensions`);
  return Array.from({ length: rank }, (_, i) => {
    const at = 2 * (rank - 1 - i);
    return at < pad.length ? [pad[at], pad[at + 1]] : [0, 0];
  });
}

function constantPad(make, self, pad, value) {
  const sides = sidesOf(pad, self.shape.length), shape = self.shape.map((size, i) => size + sides[i][0] + sides[i][1]);
  if (Math.min(0, ...shape) < 0) refuse(`pads ${told(pad)} of shape ${told(self.shape)}`);
  const out = make(self.dtype, shape), filler = cast(make, number(plain(value) ?? 0, "float"), self.dtype).data[0];
  if (filler !== 0) out.data.fill(filler);
  const kept = self.shape.map((size, i) => Math.max(0, size + Math.min(sides[i][0], 0) + Math.min(sides[i][1], 0)));
  const [from, to] = [stepsOf(self.shape), stepsOf(shape)];
  const start = (steps, sign) => steps.reduce((at, step, i) => at + step * Math.max(0, sign * sides[i][0]), 0);
  walk([...kept, 1], [[...from, 0], [...to, 0]], [start(from, -1), start(to, 1)], ([a, o], count, [n, m]) => {
    for (let i = 0; i < count; i++, a += n, o += m) out.data[o] = self.data[a];
  });
  return out;
}

/** Edges made of the tensor's own elements: `where(place, size)` says which one stands there. */
const padded = (where, most) => (make, self, pad) => sidesOf(pad, self.shape.length).reduce((t, [before, after], axis) => {
  const size = t.shape[axis];
  if (Math.max(before, after) > most(size)) refuse(`pads ${told(pad)} of shape ${told(self.shape)}`);
  if (before === 0 && after === 0) return t;
  const count = Math.max(0, size + before + after);
  return picked(make, t, axis, make("i64", [count]).data.map((_, i) => where(i - before, size)));
}, self);

function mirrored(place, size) {
  const from = Math.abs(place);
  return from >= size ? 2 * (size - 1) - from : from;
}

const reflection = padded(mirrored, (size) => size - 1);
const replication = padded((place, size) => Math.min(Math.max(place, 0), size - 1), (size) => (size > 0 ? 2 ** 48 : 0));
const circular = padded((place, size) => ((place % size) + size) % size, (size) => size);
const MODES = { reflect: reflection, replicate: replication, circular };

function pad(make, self, sides, mode, value) {
  if (mode === "constant") return constantPad(make, self, sides, value ?? 0);
  if (!Object.hasOwn(MODES, mode)) refuse(`mode: expected constant, ${Object.keys(MODES).join(", ")}, got ${mode}`);
  return MODES[mode](make, self, sides);
}

export const KERNELS = {
  pad, constant_pad_nd: constantPad, reflection_pad1d: reflection, reflection_pad2d: reflection,
  replication_pad1d: replication, replication_pad2d: replication,
};
