// Recurrent layers, step by step: both directions, projections, several layers.
import { refuse } from "../bytes/errors.js";
import { left, times } from "./gemm.js";
import { KERNELS as PRODUCTS } from "./products.js";
import { permuted, sizeOf, told } from "./tensors.js";
import { cat } from "./shapes.js";
import { needFloating } from "./types.js";

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/**
 * Steps write the next state in place. `gates` are those of the inputs from `at` on, a row of the batch after the
 * other; `inner` those of the state, a gate after the other: [size * gates][batch]. Both have their biases.
 */
function lstmStep(gates, at, inner, [hidden, memory], size, batch) {
  for (let b = 0; b < batch; b++) for (let h = 0; h < size; h++) {
    const gate = (k) => gates[at + (4 * b + k) * size + h] + inner[(k * size + h) * batch + b], i = b * size + h;
    memory[i] = sigmoid(gate(1)) * memory[i] + sigmoid(gate(0)) * Math.tanh(gate(2));
    hidden[i] = sigmoid(gate(3)) * Math.tanh(memory[i]);
  }
}

function gruStep(gates, at, inner, [hidden], size, batch) {
  for (let b = 0; b < batch; b++) for (let h = 0; h < size; h++) {
    const given = (k) => gates[at + (3 * b + k) * size + h], own = (k) => inner[(k * size + h) * batch + b], i = b * size + h;
    const reset = sigmoid(given(0) + own(0)), update = sigmoid(given(1) + own(1)), fresh = Math.tanh(given(2) + reset * own(2));
    hidden[i] = fresh + update * (hidden[i] - fresh);
  }
}

const plainStep = (work) => (gates, at, inner, [hidden], size, batch) => {
  for (let b = 0; b < batch; b++) for (let h = 0; h < size; h++) {
    hidden[b * size + h] = work(gates[at + b * size + h] + inner[h * batch + b]);
  }
};

/** The parameters of one direction of a layer, which fit each other, the input and the state. */
function cellOf(parts, hasBiases, gates, features, width, size) {
  const [inner, outer, ...rest] = parts, biases = hasBiases ? rest.splice(0, 2) : [null, null], projection = rest[0] ?? null;
  const fits = (t, shape) => t === null || told(t.shape) === told(shape) || refuse(`weights of shape ${told(t.shape)}, expected ${told(shape)}`);
  fits(inner, [gates * size, features]);
  fits(outer, [gates * size, width]);
  for (const bias of biases) fits(bias, [gates * size]);
  fits(projection, [width, size]);
  if (projection === null && width !== size) refuse(`a state of ${width} for a layer of ${size}`);
  return { inner, outer, bias: biases, projection };
}

/** Run one direction over (time, batch, features); states are changed in place. */
function directed(make, sequence, states, cell, { step, gates }, size, backwards) {
  const [steps, batch] = sequence.shape, width = cell.outer.shape[1], rows = gates * size;
  const given = PRODUCTS.linear(make, sequence, cell.inner, cell.bias[0]).data, out = make(sequence.dtype, [steps, batch, width]);
  const packed = left({ data: cell.outer.data, start: 0, row: width, column: 1 }, rows, width);
  const shrink = cell.projection === null ? null : left({ data: cell.projection.data, start: 0, row: size, column: 1 }, width, size);
  const inner = new Float64Array(rows * batch), wide = shrink === null ? states[0] : new Float64Array(batch * size), small = new Float64Array(width * batch);
  for (let turn = 0; turn < steps; turn++) {
    const time = backwards ? steps - 1 - turn : turn;
    times(packed, { data: states[0], start: 0, row: 1, column: width }, rows, batch, width, inner, 0);
    if (cell.bias[1] !== null) for (let i = 0; i < inner.length; i++) inner[i] += cell.bias[1].data[Math.floor(i / batch)];
    step(given, time * batch * rows, inner, [wide, ...states.slice(1)], size, batch);
    if (shrink !== null) {
      times(shrink, { data: wide, start: 0, row: 1, column: size }, width, batch, size, small, 0);
      for (let b = 0; b < batch; b++) for (let p = 0; p < width; p++) states[0][b * width + p] = small[p * batch + b];
    }
    out.data.set(states[0], time * batch * width);
  }
  return out;
}

function recurrent(make, input, hx, params, hasBiases, layers, dropout, train, bidirectional, batchFirst, kind) {
  if (train && dropout !== 0) refuse("dropout is no part of an evaluating graph: expected train = false");
  if (needFloating(input).shape.length !== 3) refuse(`expected time, batch and features, got shape ${told(input.shape)}`);
  const directions = bidirectional ? 2 : 1, all = layers * directions, projected = hx.length > 1 && hx[0].shape[2] !== hx[1].shape[2];
  const each = (hasBiases ? 4 : 2) + (projected ? 1 : 0), size = hx.at(-1).shape[2];
  let sequence = batchFirst ? permuted(make, input, [1, 0, 2]) : input;
  const batch = sequence.shape[1], last = hx.map((t) => make(input.dtype, t.shape));
  if (params.length !== each * all) refuse(`expected ${each * all} weights, got ${params.length}`);
  if (hx.some((t) => t.shape.length !== 3 || t.shape[0] !== all || t.shape[1] !== batch)) refuse(`states of shape ${told(hx[0].shape)}`);
  for (let layer = 0; layer < layers; layer++) {
    const outs = [];
    for (let direction = 0; direction < directions; direction++) {
      const place = layer * directions + direction, own = params.slice(place * each, (place + 1) * each);
      const cell = cellOf(own, hasBiases, kind.gates, sequence.shape[2], hx[0].shape[2], size);
      const states = hx.map((t) => Float64Array.from(t.data.subarray(place * batch * t.shape[2], (place + 1) * batch * t.shape[2])));
      outs.push(directed(make, sequence, states, cell, kind, size, direction === 1));
      last.forEach((t, i) => t.data.set(states[i], place * sizeOf(t.shape.slice(1))));
    }
    sequence = directions === 1 ? outs[0] : cat(make, outs, -1);
  }
  return [batchFirst ? permuted(make, sequence, [1, 0, 2]) : sequence, ...last];
}

const of = (gates, step, isList = false) => (make, input, hx, ...rest) => recurrent(make, input, isList ? hx : [hx], ...rest, { gates, step });

export const KERNELS = {
  "lstm.input": of(4, lstmStep, true), "gru.input": of(3, gruStep), "rnn_tanh.input": of(1, plainStep(Math.tanh)),
  "rnn_relu.input": of(1, plainStep((x) => (x > 0 ? x : x !== x ? x : 0))),
};
