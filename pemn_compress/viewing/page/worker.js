// What the worker of the page does, on the reader (PEMN): checks an archive, gives masks, runs its graph.
"use strict";
let archive = null, model = null;

function graphOf() {
  try {
    return LISTING.graph(archive);
  } catch (error) {
    return { error: LISTING.sentence(error) };
  }
}

function opened({ data }) {
  const bytes = new Uint8Array(data);
  archive = PEMN.open(bytes, LISTING.OPEN);
  return { ...LISTING.listed(archive, bytes.length), sha256: PEMN.toHex(PEMN.sha256([bytes])) };
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

/** All that a graph returned, one after the other: tensors and plain values, each by where it stands. */
function leaves(value, path, found) {
  if (value instanceof Map) for (const [key, item] of value) leaves(item, `${path}[${String(key)}]`, found);
  else if (Array.isArray(value)) value.forEach((item, i) => leaves(item, `${path}[${i}]`, found));
  else if (value !== null && typeof value === "object") found.push({ path, ...value });
  else found.push({ path, value: String(value) });
  return found;
}

/** The model's outputs; what it cannot compute is told by its inputs and one operator, without what stands between them. */
function computed(inputs) {
  const shapes = inputs.map(({ shape }) => [...shape]);
  try {
    return model(inputs);
  } catch (error) {
    if (!error.node) throw error;
    const { number, operator, why } = error.node, { inputs: names } = PEMN.graph(archive, LISTING.RUN);
    const told = names.slice(0, 4).map(({ name }, i) => `'${name}' of shape (${shapes[i].join(", ")})`).join(" and ");
    throw new PEMN.PemnError(`the model cannot compute with input ${told}: its operator ${operator} (node ${number}) says: ${why}`);
  }
}

/** Run the model on its inputs, in the graph's order: { shape, data } each. */
function run({ inputs }) {
  const start = performance.now();
  model ??= PEMN.program(archive, LISTING.RUN);
  const ready = performance.now(), found = computed(inputs), end = performance.now();
  return { outputs: leaves(found, "", []), milliseconds: end - ready, preparing: ready - start };
}

const ANSWERS = { open: opened, graph: graphOf, check: checked, mask, run };

onmessage = ({ data: question }) => {
  try {
    postMessage({ id: question.id, answer: ANSWERS[question.kind](question) });
  } catch (error) {
    postMessage({ id: question.id, error: LISTING.sentence(error) });
  }
};
