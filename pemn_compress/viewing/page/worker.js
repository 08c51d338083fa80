// What the worker of the page does, on the reader (PEMN): lists an archive, checks it, gives masks, runs its graph.
"use strict";
const LIMITS = { elements: 2 ** 28, restoredBytes: 2 ** 30, manifestBytes: 2 ** 22 };
const RUN = { elements: 2 ** 27, restoredBytes: 2 ** 30, manifestBytes: 2 ** 22 };
let archive = null, model = null;

function placed({ positions, values }) {
  const plane = values.plane === null ? 0 : values.plane.bytes;
  return { masks: positions === null ? 0 : positions.bytes, planes: plane, dense: values.kind === "stored" ? values.bytes : 0 };
}

const asPlain = (read) => ({
  inputs: read.inputs, tensors: read.tensors,
  constants: read.constants.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
  nodes: read.nodes.map(({ operator, args, schema }) => ({ operator, args, names: schema.args.map((one) => one.name) })),
  sizes: [...read.sizes], missing: PEMN.missing(read),
});

function graphOf() {
  try {
    const read = PEMN.graph(archive, RUN);
    return read === null ? null : asPlain(read);
  } catch (error) {
    return { error: sentence(error) };
  }
}

function opened({ data }) {
  const bytes = new Uint8Array(data);
  archive = model = null;
  archive = PEMN.open(bytes, LIMITS);
  const { header, about, architecture, prototype, sections, tensors, restored_sha256: restored } = archive;
  return {
    header, about, architecture, prototype, sections, restored, bytes: bytes.length, sha256: PEMN.toHex(PEMN.sha256([bytes])),
    tensors: tensors.map((one) => ({ ...one, placed: placed(one) })),
  };
}

/** Compare digests, one section after the other, then all tensors; each is told as soon as it is known. */
function checked() {
  const start = performance.now();
  for (const { name } of archive.sections) {
    archive.section(name);
    postMessage({ section: name });
  }
  const digests = [...archive.verify()];
  return { digests, milliseconds: performance.now() - start };
}

/** A mask as shades: how dense it is in each of at most so many lines and columns. */
function mask({ name, most }) {
  const { shape, elements, positions } = archive.tensors.find((one) => one.name === name), selected = archive.mask(name);
  const lines = shape.length > 1 ? shape[0] : Math.ceil(elements / 256), columns = Math.ceil(elements / lines);
  const down = Math.ceil(lines / most), across = Math.ceil(columns / most);
  const height = Math.ceil(lines / down), width = Math.ceil(columns / across);
  const sums = new Float32Array(width * height), counts = new Float32Array(width * height);
  for (let i = 0; i < elements; i++) {
    const line = Math.floor(i / columns), at = Math.floor(line / down) * width + Math.floor((i - line * columns) / across);
    sums[at] += selected[i];
    counts[at]++;
  }
  const shades = new Uint8Array(width * height);
  for (let i = 0; i < shades.length; i++) shades[i] = counts[i] === 0 ? 0 : Math.round((255 * sums[i]) / counts[i]);
  return { shades, width, height, lines, columns, down, across, ones: positions.ones, elements };
}

/** Whatever a graph returned first that is a tensor with a number for each class. */
function firstTensor(value) {
  if (value instanceof Map) return firstTensor([...value.values()]);
  if (Array.isArray(value)) return value.map(firstTensor).find((one) => one !== null) ?? null;
  return value !== null && typeof value === "object" ? value : null;
}

function run({ data, shape }) {
  const start = performance.now();
  model ??= PEMN.program(archive, RUN);
  const ready = performance.now(), found = firstTensor(model([{ shape, data }])), end = performance.now();
  if (found === null) throw new PEMN.PemnError("the model returns no tensor");
  const data32 = Float32Array.from(found.data, Number);
  return { shape: found.shape, data: data32, milliseconds: end - ready, preparing: ready - start };
}

const ANSWERS = { open: opened, graph: graphOf, check: checked, mask, run };

function sentence(error) {
  if (error instanceof PEMN.PemnError) return error.message;
  return error instanceof RangeError ? "it is more than this browser can hold in memory" : `this page has a fault: ${error}`;
}

onmessage = ({ data: question }) => {
  try {
    postMessage({ id: question.id, answer: ANSWERS[question.kind](question) });
  } catch (error) {
    postMessage({ id: question.id, error: sentence(error) });
  }
};
