/** Reads .pemn archives of versions 1.0 and 1.1; what is said of sections is in SPEC.md. */

/** What is wrong with a file, in one line of printable ASCII. */
export class PemnError extends Error {
  /** The node of a graph that could not be computed, and why without its arguments; null for all else. */
  node: { number: number; operator: string; why: string } | null;
}

/** Limits of the caller (section 10.2). */
export interface Limits {
  /** Elements of all tensors, and of the prototype; 2^30 where it is not told. */
  elements?: number;
  /** Bytes of all restored tensors, and of the prototype; 2^32. */
  restoredBytes?: number;
  /** Bytes of the manifest, once it is decompressed; 2^22. */
  manifestBytes?: number;
}

export type DType = "bool" | "u8" | "i8" | "i16" | "i32" | "i64" | "bf16" | "f16" | "f32" | "f64";

export type TypedArray =
  | Uint8Array | Int8Array | Int16Array | Uint16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

/** A restored tensor: its elements in C order. */
export interface Tensor {
  dtype: DType;
  shape: number[];
  /** Of the dtype's own kind; `bool` as u8; `bf16` and `f16` as bit patterns in a Uint16Array. */
  data: TypedArray;
}

export interface Predictor {
  kind: "scores";
  flips: number;
  ones: number;
  seed: string;
  stream: string;
}

/** Where the selected elements are (section 4.1). */
export interface Positions {
  codec: "bitmap" | "csr" | "rice";
  bytes: number;
  ones: number;
  predictor: Predictor | null;
  /** Place of the payload in the section `masks`; a plane's is at the plane's own. */
  start?: number;
}

/** Which elements depart from what the record says, and how (section 4.7). */
export interface Plane {
  kind: "sign" | "generation" | "source";
  positions: Positions;
  stream: string | null;
  width: number;
  bytes: number;
  /** Place of the payload in the section `planes`. */
  start: number;
}

/** What the values are (section 4.2). A scale is one number, or one for each row. */
export type Values =
  | { kind: "prototype" | "prototype-sign"; offset: number; scale: Float32Array; plane: Plane | null }
  | {
      kind: "stored";
      coding: "raw" | "zstd" | "shuffle-zstd";
      dtype: DType | "i4";
      bytes: number;
      /** Bytes of the raw form. */
      raw: number;
      scale: Float32Array | null;
      plane: null;
      /** Place of the payload in the section `dense`. */
      start: number;
    }
  | { kind: "constant"; bits: string; plane: Plane | null }
  | { kind: "alias"; of: string; plane: null };

/** What the manifest says of a tensor (section 4). */
export interface TensorRecord {
  name: string;
  dtype: DType;
  shape: number[];
  /** Elements, and their bytes once they are restored. */
  elements: number;
  bytes: number;
  positions: Positions | null;
  frozen: { count: number; seed: string | null; stream: string | null } | null;
  values: Values;
  sha256: string | null;
}

export interface SectionRecord {
  name: string;
  bytes: number;
  critical: boolean;
  /** Whether this reader knows the section. */
  known: boolean;
  /** Not there in the compact form, whose header digest is over all of the file. */
  sha256: string | null;
  /** Place in the file. */
  start: number;
}

/** A seed, or stored values, that masked tensors share (section 3.4). */
export interface Prototype {
  length: number;
  seed: string | null;
  stream: string | null;
  transform: "normal16" | "uniform24" | "sign" | null;
  shuffle: { length: number; seed: string; stream: string } | null;
  /** Length of what tensors take their values from: that of `shuffle`, or `length`. */
  vector: number;
}

/** A value of `about` or `architecture`; integers from 2^53 on are BigInts; objects have no prototype. */
export type Claim = null | boolean | number | bigint | string | Claim[] | { [key: string]: Claim };

export interface Archive {
  readonly header: {
    major: number; minor: number; sections: number; length: number; elements: number; restored: number;
    stored: number; raw: number; coding: number;
  };
  /** What whoever wrote the file says of it: nothing of it is checked, and all of it needs escaping. */
  readonly about: { [key: string]: Claim };
  readonly architecture: { [key: string]: Claim };
  readonly prototype: Prototype | null;
  readonly sections: SectionRecord[];
  readonly tensors: TensorRecord[];
  readonly restored_sha256: string;

  /** Restore one tensor; the digests of the sections that it needs are compared, and its own. */
  tensor(name: string): Tensor;
  /** Which elements of a tensor are selected: a byte for each, 0 or 1. */
  mask(name: string): Uint8Array;
  /** Restore all tensors and compare the digest over all of them. An alias shares its target's data. */
  restore(): Map<string, Tensor>;
  /** Check all that an archive promises; the digests of its tensors by their names. */
  verify(): Map<string, string>;
  /** The payload of a section, whose digest is compared. */
  section(name: string): Uint8Array;
  /** The text of the section `source`, or null. It is a program of whoever wrote the file: do not run it. */
  source(): string | null;
}

/**
 * Open an archive: all is checked that listing it needs, and nothing is allocated for tensors.
 *
 * @param data the whole file; it is not copied, and must not change as long as the archive is used
 * @throws PemnError if it is no right archive, or beyond a limit; so do all methods of an archive
 */
export function open(data: ArrayBufferView | ArrayBuffer, limits?: Limits): Archive;

/** A tensor that goes into a graph: an array of the dtype's own kind, a Float32Array for `f16` and `bf16` too. */
export interface Given {
  shape: number[];
  data: TypedArray;
}

/** What a graph returns: tensors (`f16` and `bf16` as Float32Array) and plain values in arrays and Maps. */
export type Result = Tensor | null | boolean | number | bigint | string | Result[] | Map<string | number | bigint, Result>;

/** A tensor that a graph takes: its dimensions are numbers, or names of `sizes`. */
export interface GraphInput {
  name: string;
  dtype: DType;
  shape: (number | string)[];
}

/** An argument of a node: a value of that number, a binary64, a dtype, a text, or itself. */
export type GraphArgument =
  | null | boolean | number | bigint | { ref: number } | { float: number } | { dtype: DType } | { text: string } | GraphArgument[];

/** What a model computes (section 14). Values are numbered: inputs, tensors, constants, nodes. */
export interface Graph {
  inputs: GraphInput[];
  tensors: string[];
  constants: { name: string; dtype: DType; shape: number[]; data: TypedArray }[];
  nodes: { operator: string; args: GraphArgument[] }[];
  sizes: Map<string, { least: number; most: number | null }>;
  /** Tensors that are no parameters though no rule tells it. */
  buffers: string[];
  /** The number of the first node's value. */
  firstNode: number;
}

/**
 * What the model of an archive computes, read and checked; null where the archive does not say.
 *
 * @throws PemnError if the section breaks a rule; the archive's tensors may be restored all the same
 */
export function graph(archive: Archive, limits?: Limits): Graph | null;

/** The operators of a graph that `run` does not compute. */
export function missing(graph: Graph): string[];

/**
 * The model of an archive, restored and checked once, as a function of inputs: in the graph's order, or by name.
 *
 * @param limits `elements` bounds each value (2^28), `restoredBytes` what is held at a time (2^31); time is not bounded
 * @throws PemnError for an operator that is missing, which it names, before anything is restored
 */
export function program(archive: Archive, limits?: Limits): (inputs: Given[] | { [name: string]: Given }) => Result;

/** What the model of an archive makes of inputs, once. */
export function run(archive: Archive, inputs: Given[] | { [name: string]: Given }, limits?: Limits): Result;
