// Data types (section 1 of SPEC.md), and the typed array that their elements come in: bf16 and f16 as
// bit patterns, since not every engine has an array of either.
export const DTYPES = {
  bool: { code: 0, bytes: 1, Type: Uint8Array },
  u8: { code: 1, bytes: 1, Type: Uint8Array },
  i8: { code: 2, bytes: 1, Type: Int8Array },
  i16: { code: 3, bytes: 2, Type: Int16Array },
  i32: { code: 4, bytes: 4, Type: Int32Array },
  i64: { code: 5, bytes: 8, Type: BigInt64Array },
  bf16: { code: 6, bytes: 2, Type: Uint16Array },
  f16: { code: 7, bytes: 2, Type: Uint16Array },
  f32: { code: 8, bytes: 4, Type: Float32Array },
  f64: { code: 9, bytes: 8, Type: Float64Array },
};

/** Of the dtypes that values of kind `prototype`, scales and signs are for. */
export const isMasked = (dtype) => dtype === "f32" || dtype === "f16" || dtype === "bf16";
