"""Restored values, computed the same way by writer and reader, in numpy alone."""

import hashlib
import struct
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pemn_compress.format import prng
from pemn_compress.format.archive import zstd
from pemn_compress.format.archive.records import (
    DTYPE_BYTES,
    NARROW,
    RAW,
    SHUFFLE_ZSTD,
    ZSTD,
    Shuffle,
)
from pemn_compress.format.bits import PIECE, pieces

Array = npt.NDArray[np.generic]
Mask = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]

# bfloat16 has no numpy type: its arrays hold the 16 bits
NUMPY_TYPES = {
    "bool": "?", "u8": "u1", "i8": "i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
    "bf16": "<u2", "f16": "<f2", "f32": "<f4", "f64": "<f8",
}  # fmt: skip
Values = TypeVar("Values", F32, Array)
LEAST_SAVED = 32  # bytes
_DTYPE_CODES = {name: code for code, name in enumerate(DTYPE_BYTES)}


def tile(prototype: Values, offset: int, count: int) -> Values:
    """Return prototype[(offset + i) mod length] for i below `count`; a view where it can be."""
    if offset + count <= len(prototype):
        return prototype[offset : offset + count]
    if count <= len(prototype):  # wraps once: work for what is taken, not for the whole vector
        return np.concatenate([prototype[offset:], prototype[: offset + count - len(prototype)]])
    turned = np.roll(prototype, -offset) if offset else prototype
    return np.resize(turned, count)


def shuffled(prototype: F32, shuffle: Shuffle) -> F32:
    """Return prototype[p_i mod length], p the indices in ascending order of their random words.

    Equal words keep the order of their indices.
    """
    drawn = prng.words(shuffle.seed, shuffle.stream, shuffle.length)
    if shuffle.length <= 1 << 32:  # words and indices as one number each, sorted where they are
        order = drawn.astype(np.uint64)
        del drawn
        order <<= np.uint64(32)
        for start, stop in pieces(shuffle.length):
            order[start:stop] |= np.arange(start, stop, dtype=np.uint64)
        order.sort()
        order &= np.uint64(0xFFFFFFFF)
    else:
        order = np.argsort(drawn, kind="stable").astype(np.uint64)
    order %= np.uint64(len(prototype))
    taken: F32 = prototype[order.view(np.int64)]
    return taken


def from_float32(values: F32, dtype: str) -> Array:
    """Round binary32 values to a maskable dtype, nearest even."""
    if dtype == "f32":
        return values
    if dtype == "f16":
        return values.astype("<f2")
    bits = values.view(np.uint32)
    rounded = (bits + (np.uint32(0x7FFF) + (bits >> 16 & 1))) >> 16
    return np.asarray(rounded, "<u2")  # of rank 0 numpy would make a scalar


def tensor_bytes(array: Array) -> bytes | memoryview:
    """Return the little-endian bytes of an array in C order."""
    contiguous = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    return contiguous.reshape(-1).view(np.uint8).data


def tensor_sha256(dtype: str, array: Array) -> bytes:
    """Return the digest of one tensor: dtype code (u8), rank (u8), dimensions (u64 each), bytes."""
    digest = hashlib.sha256(struct.pack("<BB", _DTYPE_CODES[dtype], array.ndim))
    digest.update(struct.pack(f"<{array.ndim}Q", *array.shape))
    if any(array.strides) or array.size == 1:
        digest.update(tensor_bytes(array))
    else:  # one element, seen many times
        part = np.full(min(array.size, PIECE), array[(0,) * array.ndim])
        for start, stop in pieces(array.size):
            digest.update(tensor_bytes(part[: stop - start]))
    return digest.digest()


def restored_sha256(digests: Mapping[str, bytes]) -> str:
    """Return the digest over all tensors' digests, in ascending order of their names.

    For each: name length (u16), name, the tensor's digest. An alias has its target's, so that many
    names of a large tensor cost no more than one.
    """
    whole = hashlib.sha256()
    for name in sorted(digests, key=str.encode):
        encoded = name.encode()
        whole.update(struct.pack("<H", len(encoded)) + encoded + digests[name])
    return whole.hexdigest()


def pack_stored(
    array: Array, dtype: str, narrow: str | None, *, compress: bool = True
) -> tuple[bytes, str, str]:
    """Return an array's payload, the dtype it is stored in, and its coding: the smallest.

    `narrow` is used where it loses nothing, compression (unless `compress` forbids it) where it
    saves more than a word about it takes in the manifest.
    """
    stored, used = array, dtype
    if narrow is not None and narrow in NARROW.get(dtype, ()):
        with np.errstate(all="ignore"):
            tried = from_float32(array.astype(np.float32), narrow)
        if tensor_bytes(widen(tried, narrow, dtype)) == tensor_bytes(array):
            stored, used = tried, narrow
    raw = bytes(tensor_bytes(stored))
    if not compress:
        return raw, used, RAW
    tries = [(raw, RAW), (zstd.compress(raw), ZSTD)]
    if stored.itemsize > 1:
        tries.append((zstd.compress(_shuffle(raw, stored.itemsize)), SHUFFLE_ZSTD))
    payload, coding = min(tries, key=lambda item: len(item[0]))
    if len(payload) + LEAST_SAVED > len(raw):
        payload, coding = raw, RAW
    return payload, used, coding


def widen(array: Array, stored: str, dtype: str) -> Array:
    """Return f16 or bf16 values as f32, exactly; others as they are.

    A NaN keeps its payload, a signalling one too, which some hardware would make a quiet one.
    """
    if stored == dtype:
        return array
    if stored == "bf16":
        bits = array.astype(np.uint32)
        bits <<= 16  # in place: a scalar's array stays an array
        return bits.view(np.float32)
    with np.errstate(all="ignore"):
        wide = array.astype(np.float32)
    nan = np.isnan(wide)
    bits = array.view("<u2")[nan].astype(np.uint32)
    wide.view(np.uint32)[nan] = (bits & 0x8000) << 16 | 0x7F800000 | (bits & 0x3FF) << 13
    return wide


def _shuffle(raw: bytes | memoryview, width: int) -> bytes:
    """Gather all first bytes of elements of `width` bytes, then all second ones, and so on.

    The same with the number of elements for `width` undoes it: both transpose a matrix.
    """
    return np.frombuffer(raw, np.uint8).reshape(-1, width).T.tobytes()


def spread(kept: Array, mask: Mask) -> Array:
    """Return `kept`, in C order, where the mask is 1 and zeros (all bits 0) elsewhere."""
    array = np.zeros(mask.shape, kept.dtype)
    array[mask] = kept
    return array


def constant_bits(array: Array) -> str | None:
    """Return the element's bits as hex where all elements have the same ones, else None."""
    raw = np.frombuffer(tensor_bytes(array), np.uint8).reshape(array.size, array.itemsize)
    return raw[0].tobytes().hex() if (raw == raw[0]).all() else None
