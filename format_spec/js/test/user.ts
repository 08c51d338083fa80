// A user of index.d.ts, for TypeScript's compiler alone: tsc --noEmit --strict (tests/site/test_view_all.py).
import { graph, missing, open, PemnError, program, run } from "pemn-reader";
import type { Archive, Claim, DType, Given, Graph, GraphArgument, Limits, Plane, Positions, Prototype, Result, Tensor, TensorRecord, TypedArray } from "pemn-reader";

const limits: Limits = { elements: 1e8, restoredBytes: 1e9 };

/** What a manifest says of a tensor's values; the kinds are told apart by `kind`. */
function source({ values, positions, frozen, sha256 }: TensorRecord): string {
  const where: Positions["codec"] | null = positions?.codec ?? null, seed: string | null = frozen?.seed ?? null;
  switch (values.kind) {
    case "prototype": case "prototype-sign": return `${where} ${values.offset} ${values.scale[0]} ${plane(values.plane)} ${seed}`;
    case "stored": return `${values.dtype} ${values.coding} ${values.raw} ${values.scale?.length ?? 0} ${values.start}`;
    case "constant": return `${values.bits} ${plane(values.plane)}`;
    case "alias": return values.of;
    default: {
      const none: never = values;
      return `${none} ${sha256}`;
    }
  }
}

const plane = (one: Plane | null): string => (one === null ? "" : `${one.kind} ${one.positions.ones} ${one.width} ${one.stream ?? ""}`);

function claim(value: Claim): string {
  if (value === null || typeof value !== "object") return String(value);
  return Array.isArray(value) ? value.map(claim).join() : Object.entries(value).map(([key, one]) => key + claim(one)).join();
}

function numbers(data: TypedArray): number {
  return data instanceof BigInt64Array ? Number(data[0]) : data[0];
}

function listed(archive: Archive): string[] {
  const prototype: Prototype | null = archive.prototype, about = claim(archive.about.settings ?? null);
  const lines = archive.tensors.map((one) => `${one.name} ${one.dtype} ${one.shape.join("x")} ${one.elements} ${source(one)}`);
  const sections = archive.sections.map(({ name, bytes, start, critical, known, sha256 }) => `${name} ${bytes} ${start} ${critical} ${known} ${sha256 ?? ""}`);
  return [...lines, ...sections, about, claim(archive.architecture), `${prototype?.seed ?? ""} ${prototype?.shuffle?.length ?? 0}`, archive.restored_sha256, String(archive.header.minor)];
}

function argument(value: GraphArgument): string {
  if (Array.isArray(value)) return value.map(argument).join();
  if (value === null || typeof value !== "object") return String(value);
  if ("ref" in value) return `%${value.ref}`;
  if ("float" in value) return String(value.float);
  return "dtype" in value ? value.dtype : value.text;
}

const isTensor = (value: Result): value is Tensor =>
  value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Map);

function first(value: Result): Tensor | null {
  if (value instanceof Map) return first([...value.values()]);
  if (Array.isArray(value)) return value.map(first).find((one) => one !== null) ?? null;
  return isTensor(value) ? value : null;
}

function described({ inputs, nodes, sizes, tensors, constants, buffers, firstNode }: Graph): string {
  const known = inputs.map(({ name, dtype, shape }) => `${name} ${dtype} ${shape.map((size) => sizes.get(String(size))?.least ?? size).join("x")}`);
  const computed = nodes.map(({ operator, args }, i) => `%${firstNode + i} ${operator} ${args.map(argument).join()}`);
  return [...known, ...computed, ...tensors, ...buffers, ...constants.map((one) => `${one.name} ${numbers(one.data)}`)].join("\n");
}

export function used(bytes: Uint8Array | ArrayBuffer): string {
  try {
    const archive = open(bytes, limits), read: Graph | null = graph(archive, limits), [one] = archive.tensors;
    if (archive.tensors.length === 0) return listed(archive).join("\n");
    const tensor: Tensor = archive.tensor(one.name), mask: Uint8Array = archive.mask(one.name), dtype: DType = tensor.dtype;
    const digests: Map<string, string> = archive.verify(), all: Map<string, Tensor> = archive.restore(), text: string | null = archive.source();
    const told = [...listed(archive), dtype, numbers(tensor.data), mask[0], digests.size, all.size, text?.length ?? 0, ...archive.sections.map((part) => archive.section(part.name).length)];
    if (read === null || missing(read).length > 0) return told.join("\n");
    const x: Given = { shape: [1, 4], data: new Float32Array(4) }, model: (inputs: Given[] | { [name: string]: Given }) => Result = program(archive);
    return [...told, described(read), first(model({ x }))?.shape ?? "", first(run(archive, [x], limits))?.data.length ?? 0].join("\n");
  } catch (error) {
    if (error instanceof PemnError) return error.node === null ? error.message : `${error.node.operator}: ${error.node.why}`;
    throw error;
  }
}

/** What the compiler has to refuse; it is not called. */
export function refused(archive: Archive): Given {
  // @ts-expect-error a path is no file's bytes
  open("model.pemn");
  // @ts-expect-error an archive is what it is
  archive.tensors = [];
  // @ts-expect-error an input needs its shape
  return { data: new Float32Array(4) };
}
