"""Restored values, computed the same way by writer and reader, in numpy alone."""

import hashlib
import struct
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from pemn_compress.archive.records import DTYPE_BYTES, FromPrototype

Array = npt.NDArray[np.generic]
Mask = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]

# bfloat16 has no numpy type: its arrays hold the 16 bits
NUMPY_TYPES = {
    "bool": "?", "u8": "u1", "i8": "i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
    "bf16": "<u2", "f16": "<f2", "f32": "<f4", "f64": "<f8",
}  # fmt: skip
_DTYPE_CODES = {name: code for code, name in enumerate(DTYPE_BYTES)}


def tile(prototype: F32, offset: int, count: int) -> F32:
    """Return prototype[(offset + i) mod length] for i below `count`; a view where it can be."""
    if offset + count <= len(prototype):
        return prototype[offset : offset + count]
    return np.resize(np.roll(prototype, -offset), count)


def masked(
    prototype: F32, values: FromPrototype, mask: Mask, dtype: str
) -> npt.NDArray[np.generic]:
    """Return scale x prototype where the mask is 1 and +0.0 elsewhere.

    One correctly rounded binary32 product; f16 and bf16 round that once more, to nearest even.
    """
    with np.errstate(all="ignore"):  # IEEE 754 says what an overflow becomes
        product = tile(prototype, values.offset, mask.size) * np.float32(values.scale)
        kept = np.where(mask.reshape(-1), product, np.float32(0)).reshape(mask.shape)
        return from_float32(kept, dtype)


def from_float32(values: F32, dtype: str) -> Array:
    """Round binary32 values to a maskable dtype, nearest even."""
    if dtype == "f32":
        return values
    if dtype == "f16":
        return values.astype("<f2")
    bits = values.view(np.uint32)
    return ((bits + (np.uint32(0x7FFF) + (bits >> 16 & 1))) >> 16).astype("<u2")


def tensor_bytes(array: Array) -> bytes | memoryview:
    """Return the little-endian bytes of an array in C order."""
    contiguous = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    return contiguous.reshape(-1).view(np.uint8).data


def restored_sha256(tensors: Iterable[tuple[str, str, Array]]) -> str:
    """Return the digest over (name, dtype, array), which must come in ascending order of name.

    For each: name length (u16), name, dtype code (u8), rank (u8), dimensions (u64 each), bytes.
    """
    digest = hashlib.sha256()
    for name, dtype, array in tensors:
        encoded = name.encode()
        digest.update(struct.pack("<H", len(encoded)) + encoded)
        digest.update(struct.pack("<BB", _DTYPE_CODES[dtype], array.ndim))
        digest.update(struct.pack(f"<{array.ndim}Q", *array.shape))
        digest.update(tensor_bytes(array))
    return digest.hexdigest()


def as_array(payload: bytes, dtype: str, shape: tuple[int, ...]) -> Array:
    """Return stored little-endian bytes as an array."""
    return np.frombuffer(payload, NUMPY_TYPES[dtype]).reshape(shape)


def constant(bits: str, dtype: str, shape: tuple[int, ...]) -> Array:
    """Return an array whose elements all have the given bits."""
    element = np.frombuffer(bytes.fromhex(bits), NUMPY_TYPES[dtype])
    return np.broadcast_to(element[0], shape)


def spread(kept: Array, mask: Mask) -> Array:
    """Return `kept`, in C order, where the mask is 1 and zeros (all bits 0) elsewhere."""
    array = np.zeros(mask.shape, kept.dtype)
    array[mask] = kept
    return array


def constant_bits(array: Array) -> str | None:
    """Return the element's bits as hex where all elements have the same ones, else None."""
    raw = np.frombuffer(tensor_bytes(array), np.uint8).reshape(array.size, array.itemsize)
    return raw[0].tobytes().hex() if (raw == raw[0]).all() else None
