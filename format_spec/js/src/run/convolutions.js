// Convolutions of one to three dimensions, all as of three: patches as columns, and one product for each
// image and group.
import { refuse } from "../bytes/errors.js";
import { left, times } from "./gemm.js";
import { several, sizeOf, told, view } from "./tensors.js";
import { needAlike } from "./types.js";

/** The size of a convolution's output. */
export function outSize(size, kernel, stride, pads, dilation) {
  const found = Math.floor((size + pads - dilation * (kernel - 1) - 1) / stride) + 1;
  if (!(found >= 1 && Math.min(kernel, stride, dilation) >= 1)) refuse(`a kernel of ${kernel} for a size of ${size + pads}`);
  return found;
}

/** Numbers for three dimensions: what is missing ahead is filled up. */
export const three = (numbers, filler) => [...Array(3 - numbers.length).fill(filler), ...numbers];

/** What a convolution does to sizes, for three dimensions each. */
function plan(rank, sizes, kernel, stride, pads, dilation) {
  return {
    sizes: three(sizes, 1), kernel: three(kernel, 1), stride: three(several(stride, rank), 1),
    before: three(pads.map(([first]) => first), 0), dilation: three(several(dilation, rank), 1),
  };
}

/** Call `visit(tap, output line, first, last, where)` for each line of outputs that meets the input. */
function lines({ sizes, kernel, stride, before, dilation }, outs, visit) {
  const [depth, height, width] = sizes, [D, H, W] = outs;
  let tap = 0;
  for (let kd = 0; kd < kernel[0]; kd++) for (let kh = 0; kh < kernel[1]; kh++) for (let kw = 0; kw < kernel[2]; kw++, tap++) {
    const shift = kw * dilation[2] - before[2], step = stride[2];
    const first = Math.max(0, Math.ceil(-shift / step)), last = Math.min(W, Math.floor((width - 1 - shift) / step) + 1);
    if (first >= last) continue;
    for (let od = 0; od < D; od++) {
      const d = od * stride[0] + kd * dilation[0] - before[0];
      if (d < 0 || d >= depth) continue;
      for (let oh = 0; oh < H; oh++) {
        const h = oh * stride[1] + kh * dilation[1] - before[1];
        if (h >= 0 && h < height) visit(tap, (od * H + oh) * W, first, last, (d * height + h) * width + first * step + shift);
      }
    }
  }
}

/** Write patches of so many channels as lines of places: a line for each channel and tap. */
function fillColumns(columns, data, start, channels, how, outs) {
  const places = sizeOf(outs), whole = sizeOf(how.sizes), taps = sizeOf(how.kernel), step = how.stride[2];
  columns.fill(0);
  for (let c = 0; c < channels; c++) lines(how, outs, (tap, line, first, last, where) => {
    let from = start + c * whole + where, to = (c * taps + tap) * places + line + first;
    for (let i = first; i < last; i++, from += step) columns[to++] = data[from];
  });
}

function checked(input, weight, bias, rank) {
  needAlike(input, weight, bias);
  if (![rank + 1, rank + 2].includes(input.shape.length) || weight.shape.length !== rank + 2) {
    refuse(`expected ${rank} dimensions besides batch and channels`);
  }
}

function addBias(out, bias, channels, places) {
  if (bias === null) return;
  if (bias.data.length !== channels) refuse(`a bias of ${bias.data.length} for ${channels} channels`);
  for (let i = 0, at = 0; at < out.length; i++) {
    const more = bias.data[i % channels];
    for (const end = at + places; at < end; at++) out[at] += more;
  }
}

function convolve(make, input, weight, bias, stride, pads, dilation, groups) {
  const rank = pads.length;
  checked(input, weight, bias, rank);
  if (input.shape.length === rank + 1) {
    const found = convolve(make, view(input, [1, ...input.shape]), weight, bias, stride, pads, dilation, groups);
    return view(found, found.shape.slice(1));
  }
  const [count, channels, ...sizes] = input.shape, [outs, inner, ...kernel] = weight.shape;
  if (Math.min(...pads.flat()) < 0 || groups < 1 || channels !== inner * groups || outs % groups !== 0) {
    refuse(`${channels} channels in ${groups} groups for weights of ${told(weight.shape)}`);
  }
  const how = plan(rank, sizes, kernel, stride, pads, dilation), steps = several(stride, rank), apart = several(dilation, rank);
  const found = sizes.map((size, i) => outSize(size, kernel[i], steps[i], pads[i][0] + pads[i][1], apart[i]));
  const out = make(input.dtype, [count, outs, ...found]), target = three(found, 1), places = sizeOf(found);
  const work = groups === channels && outs === channels && groups > 1 ? depthwise : grouped;
  work(make, input, weight, out, how, target, { count, channels, outs, inner, groups, places });
  addBias(out.data, bias, outs, places);
  return out;
}

function grouped(make, input, weight, out, how, target, { count, channels, outs, inner, groups, places }) {
  const whole = sizeOf(how.sizes), taps = sizeOf(how.kernel), depth = inner * taps, rows = outs / groups;
  const asIs = taps === 1 && whole === places && how.stride.every((step) => step === 1) && how.before.every((pad) => pad === 0);
  const columns = asIs ? input : make(input.dtype, [depth, places]);
  for (let g = 0; g < groups; g++) {
    const panels = left({ data: weight.data, start: g * rows * depth, row: depth, column: 1 }, rows, depth);
    for (let n = 0; n < count; n++) {
      const start = (n * channels + g * inner) * whole;
      if (!asIs) fillColumns(columns.data, input.data, start, inner, how, target);
      const b = { data: columns.data, start: asIs ? start : 0, row: places, column: 1 };
      times(panels, b, rows, places, depth, out.data, (n * outs + g * rows) * places);
    }
  }
}

/** Each channel's own convolution: a pass over the outputs for each tap. */
function depthwise(make, input, weight, out, how, target, { count, channels, places }) {
  const whole = sizeOf(how.sizes), taps = sizeOf(how.kernel), step = how.stride[2];
  const from = input.data, to = out.data;
  for (let n = 0; n < count * channels; n++) lines(how, target, (tap, line, first, last, where) => {
    const factor = weight.data[(n % channels) * taps + tap];
    let at = n * whole + where, o = n * places + line + first;
    for (let i = first; i < last; i++, at += step, o++) to[o] += factor * from[at];
  });
}

const conv = (rank) => (make, input, weight, bias, stride, padding, dilation, groups) => {
  const pads = several(padding, rank).map((pad) => [pad, pad]);
  return convolve(make, input, weight, bias, stride, pads, dilation, groups);
};

const convPadding = (rank) => (make, input, weight, bias, stride, padding, dilation, groups) => {
  if (padding !== "valid" && padding !== "same") refuse(`padding: expected valid or same, got ${padding}`);
  if (padding === "same" && several(stride, rank).some((step) => step !== 1)) {
    refuse("padding same goes with strides of 1 alone");
  }
  const pads = several(dilation, rank).map((apart, i) => {
    const more = padding === "same" ? apart * (weight.shape[i + 2] - 1) : 0;
    return [Math.floor(more / 2), Math.ceil(more / 2)];
  });
  return convolve(make, input, weight, bias, stride, pads, dilation, groups);
};

const convTranspose = (rank) => (make, input, weight, bias, stride, padding, more, groups, dilation) => {
  checked(input, weight, bias, rank);
  if (input.shape.length === rank + 1) {
    const single = view(input, [1, ...input.shape]);
    const found = convTranspose(rank)(make, single, weight, bias, stride, padding, more, groups, dilation);
    return view(found, found.shape.slice(1));
  }
  const [count, channels, ...sizes] = input.shape, [each, ...kernel] = weight.shape.slice(1), outs = each * groups;
  if (groups < 1 || channels !== weight.shape[0] || channels % groups !== 0) {
    refuse(`${channels} channels for weights of ${told(weight.shape)}`);
  }
  const [steps, pads, extra, apart] = [stride, padding, more, dilation].map((one) => several(one, rank));
  const found = sizes.map((size, i) => (size - 1) * steps[i] - 2 * pads[i] + apart[i] * (kernel[i] - 1) + extra[i] + 1);
  if (Math.min(...found, ...steps, ...apart) < 1) refuse(`an output of sizes ${told(found)}`);
  // the way back of a convolution from the output to the input
  const how = plan(rank, found, kernel, steps, pads.map((pad) => [pad, pad]), apart), target = three(sizes, 1);
  const places = sizeOf(sizes), taps = sizeOf(kernel), inner = channels / groups, rows = each * taps, whole = sizeOf(found);
  const out = make(input.dtype, [count, outs, ...found]), columns = make(input.dtype, [rows, places]);
  for (let g = 0; g < groups; g++) {
    const panels = left({ data: weight.data, start: g * inner * rows, row: 1, column: rows }, rows, inner);
    for (let n = 0; n < count; n++) {
      const b = { data: input.data, start: (n * channels + g * inner) * places, row: places, column: 1 };
      times(panels, b, rows, places, inner, columns.data, 0);
      for (let c = 0; c < each; c++) lines(how, target, (tap, line, first, last, where) => {
        let at = (n * outs + g * each + c) * whole + where, from = (c * taps + tap) * places + line + first;
        for (let i = first; i < last; i++, at += how.stride[2]) out.data[at] += columns.data[from++];
      });
    }
  }
  addBias(out.data, bias, outs, whole);
  return out;
};

function im2col(make, self, size, dilation, padding, stride) {
  if (self.shape.length === 3) {
    const found = im2col(make, view(self, [1, ...self.shape]), size, dilation, padding, stride);
    return view(found, found.shape.slice(1));
  }
  const [count, channels, ...sizes] = self.shape, kernel = several(size, 2), pads = several(padding, 2);
  if (Math.min(...pads) < 0) refuse(`pads ${told(pads)}`);
  const how = plan(2, sizes, kernel, stride, pads.map((pad) => [pad, pad]), dilation);
  const found = sizes.map((one, i) => outSize(one, kernel[i], several(stride, 2)[i], 2 * pads[i], several(dilation, 2)[i]));
  const lineCount = channels * sizeOf(kernel), places = sizeOf(found), out = make(self.dtype, [count, lineCount, places]);
  for (let n = 0; n < count; n++) {
    const columns = out.data.subarray(n * lineCount * places, (n + 1) * lineCount * places);
    fillColumns(columns, self.data, n * channels * sizeOf(sizes), channels, how, three(found, 1));
  }
  return out;
}

/** Patches put back where they come from, and added up where they meet. */
function col2im(make, self, outputSize, size, dilation, padding, stride) {
  if (self.shape.length === 2) {
    const found = col2im(make, view(self, [1, ...self.shape]), outputSize, size, dilation, padding, stride);
    return view(found, found.shape.slice(1));
  }
  const sizes = several(outputSize, 2), kernel = several(size, 2), pads = several(padding, 2), taps = sizeOf(kernel);
  if (self.shape.length !== 3 || Math.min(...pads, ...sizes) < 0) refuse(`patches of shape ${told(self.shape)} for sizes ${told(sizes)}`);
  const [count, lineCount, given] = self.shape, channels = lineCount / taps, whole = sizeOf(sizes);
  const how = plan(2, sizes, kernel, stride, pads.map((pad) => [pad, pad]), dilation);
  const found = sizes.map((one, i) => outSize(one, kernel[i], several(stride, 2)[i], 2 * pads[i], several(dilation, 2)[i]));
  const places = sizeOf(found), target = three(found, 1), step = how.stride[2];
  if (given !== places || !Number.isInteger(channels)) refuse(`patches of shape ${told(self.shape)}, expected ${places} of ${taps} each`);
  const out = make(self.dtype, [count, channels, ...sizes]);
  for (let c = 0; c < count * channels; c++) lines(how, target, (tap, line, first, last, where) => {
    let at = c * whole + where, from = (c * taps + tap) * places + line + first;
    for (let i = first; i < last; i++, at += step) out.data[at] += self.data[from++];
  });
  return out;
}

export const KERNELS = {
  conv1d: conv(1), conv2d: conv(2), conv3d: conv(3),
  "conv1d.padding": convPadding(1), "conv2d.padding": convPadding(2), "conv3d.padding": convPadding(3),
  conv_transpose1d: convTranspose(1), "conv_transpose2d.input": convTranspose(2), "conv_transpose3d.input": convTranspose(3),
  im2col, col2im,
};
