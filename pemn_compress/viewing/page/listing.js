// What an archive and its graph say, as plain values: for the page, at once, and for its worker (on the reader, PEMN).
const LISTING = (() => {
  "use strict";
  const OPEN = { elements: 2 ** 28, restoredBytes: 2 ** 30, manifestBytes: 2 ** 22 };
  const RUN = { elements: 2 ** 27, restoredBytes: 2 ** 30, manifestBytes: 2 ** 22 };
  const AT_ONCE = { elements: 2 ** 18, restoredBytes: 2 ** 20, manifestBytes: 2 ** 20 }; // of a graph that no one waits for

  function placed({ positions, values }) {
    const plane = values.plane === null ? 0 : values.plane.bytes;
    return { masks: positions === null ? 0 : positions.bytes, planes: plane, dense: values.kind === "stored" ? values.bytes : 0 };
  }

  function listed({ header, about, architecture, prototype, sections, tensors, restored_sha256: restored }, bytes) {
    const placedTensors = tensors.map((one) => ({ ...one, placed: placed(one) }));
    return { header, about, architecture, prototype, sections, restored, bytes, tensors: placedTensors };
  }

  const refs = (value) => {
    if (value === null || typeof value !== "object") return [];
    if (Array.isArray(value)) return value.flatMap(refs);
    if ("ref" in value) return [value.ref];
    return "dict" in value ? value.dict.flatMap(([, item]) => refs(item)) : refs(value.list ?? value.tuple ?? null);
  };

  const plain = (read) => ({
    inputs: read.inputs, tensors: read.tensors,
    constants: read.constants.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    nodes: read.nodes.map(({ operator, args, schema }) => ({ operator, args, names: schema.args.map((one) => one.name) })),
    results: refs(read.result), sizes: [...read.sizes], missing: PEMN.missing(read),
  });

  /** The graph of an archive, null where there is none. */
  const graph = (archive, limits = RUN) => {
    const read = PEMN.graph(archive, limits);
    return read === null ? null : plain(read);
  };

  /** What is wrong with a file, or with this page. */
  function sentence(error) {
    if (error instanceof PEMN.PemnError) return error.message;
    return error instanceof RangeError ? "it is more than this browser can hold in memory" : `this page has a fault: ${error}`;
  }

  return { OPEN, RUN, AT_ONCE, listed, refs, graph, sentence };
})();
