// Normalisation: sums in binary64, rounded once.
import { refuse } from "../bytes/errors.js";
import { sizeOf, told } from "./tensors.js";

/** Refuse numbers for each channel, or element, of another count. */
function sized(count, ...given) {
  for (const one of given) if (one !== null && one.data.length !== count) refuse(`${one.data.length} numbers for ${count}`);
}

/** Normalise lines of numbers: each gets `scale` and `shift` of `of(line)`, which may be its own moments. */
function applied(make, input, length, of) {
  const out = make(input.dtype, input.shape), from = input.data, to = out.data;
  for (let line = 0, at = 0; at < from.length; line++) {
    const { scale, shift } = of(line, at);
    for (const end = at + length; at < end; at++) to[at] = from[at] * scale + shift;
  }
  return out;
}

function moments(data, start, length) {
  let sum = 0, squares = 0;
  for (let i = start; i < start + length; i++) sum += data[i];
  const mean = sum / length;
  for (let i = start; i < start + length; i++) squares += (data[i] - mean) ** 2;
  return { mean, variance: squares / length };
}

function scaled({ mean, variance }, weight, bias, eps) {
  const scale = (weight ?? 1) / Math.sqrt(variance + eps);
  return { scale, shift: (bias ?? 0) - mean * scale };
}

function batchNorm(make, input, weight, bias, mean, variance, training, momentum, eps) {
  const channels = input.shape[1], length = sizeOf(input.shape.slice(2));
  if (input.shape.length < 2) refuse(`expected at least 2 dimensions, got shape ${told(input.shape)}`);
  sized(channels, weight, bias, mean, variance);
  const running = (c) => ({ mean: mean.data[c], variance: variance.data[c] });
  const own = training || mean === null ? (c) => channelMoments(input, c, length) : running;
  const all = Array.from({ length: channels }, (_, c) => scaled(own(c), weight?.data[c], bias?.data[c], eps));
  return applied(make, input, length, (line) => all[line % channels]);
}

function channelMoments({ data, shape: [count, channels] }, c, length) {
  const own = new Float64Array(count * length);
  for (let n = 0; n < count; n++) {
    const start = (n * channels + c) * length;
    own.set(data.subarray(start, start + length), n * length);
  }
  return moments(own, 0, own.length);
}

function instanceNorm(make, input, weight, bias, mean, variance, ofInput, momentum, eps) {
  if (!ofInput) return batchNorm(make, input, weight, bias, mean, variance, false, momentum, eps);
  const channels = input.shape[1], length = sizeOf(input.shape.slice(2));
  sized(channels, weight, bias);
  return applied(make, input, length, (line, at) =>
    scaled(moments(input.data, at, length), weight?.data[line % channels], bias?.data[line % channels], eps));
}

function groupNorm(make, input, groups, weight, bias, eps) {
  const [, channels] = input.shape, length = sizeOf(input.shape.slice(2)), each = channels / groups;
  if (groups < 1 || !Number.isInteger(each)) refuse(`${channels} channels in ${groups} groups`);
  sized(channels, weight, bias);
  let own = null;
  return applied(make, input, length, (line, at) => {
    if (line % each === 0) own = moments(input.data, at, each * length);
    return scaled(own, weight?.data[line % channels], bias?.data[line % channels], eps);
  });
}

/** The elements that are normalised together: those of the last dimensions. */
function inner(input, shape) {
  const last = input.shape.slice(input.shape.length - shape.length);
  if (shape.length === 0 || told(last) !== told(shape)) {
    refuse(`expected last dimensions of ${told(shape)}, got shape ${told(input.shape)}`);
  }
  return sizeOf(shape);
}

const perRow = (statistics) => (make, input, shape, weight, bias, eps) => {
  const width = inner(input, shape);
  sized(width, weight, bias);
  const out = make(input.dtype, input.shape), from = input.data, to = out.data;
  for (let start = 0; start < from.length; start += width) {
    const { scale, shift } = statistics(from, start, width, eps);
    for (let i = 0; i < width; i++) {
      const factor = weight === null ? 1 : weight.data[i], more = bias === null ? 0 : bias.data[i];
      to[start + i] = (from[start + i] * scale + shift) * factor + more;
    }
  }
  return out;
};

const layerNorm = perRow((data, start, width, eps) => scaled(moments(data, start, width), null, null, eps));
const rms = perRow((data, start, width, eps) => {
  let squares = 0;
  for (let i = start; i < start + width; i++) squares += data[i] * data[i];
  return { scale: 1 / Math.sqrt(squares / width + eps), shift: 0 };
});
const rmsNorm = (make, input, shape, weight, eps) =>
  rms(make, input, shape, weight, null, eps ?? (input.dtype === "f64" ? 2 ** -52 : 2 ** -23));

export const KERNELS = {
  batch_norm: batchNorm, instance_norm: instanceNorm, group_norm: groupNorm, layer_norm: layerNorm, rms_norm: rmsNorm,
};
