"""Restored values, computed the same way by writer and reader, in numpy alone."""

import hashlib
import struct
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from pemn_compress.format import prng
from pemn_compress.format.archive import planes, zstd
from pemn_compress.format.archive.planes import Departures
from pemn_compress.format.archive.records import (
    DTYPE_BYTES,
    NARROW,
    RAW,
    SHUFFLE_ZSTD,
    SIGN,
    ZSTD,
    Constant,
    FromPrototype,
    PrototypeRecord,
    Scale,
    Shuffle,
    Stored,
)

Array = npt.NDArray[np.generic]
Mask = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]

# bfloat16 has no numpy type: its arrays hold the 16 bits
NUMPY_TYPES = {
    "bool": "?", "u8": "u1", "i8": "i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
    "bf16": "<u2", "f16": "<f2", "f32": "<f4", "f64": "<f8",
}  # fmt: skip
LEAST_SAVED = 32  # bytes
_DTYPE_CODES = {name: code for code, name in enumerate(DTYPE_BYTES)}


def tile(prototype: F32, offset: int, count: int) -> F32:
    """Return prototype[(offset + i) mod length] for i below `count`; a view where it can be."""
    if offset + count <= len(prototype):
        return prototype[offset : offset + count]
    if count <= len(prototype):  # wraps once: work for what is taken, not for the whole vector
        return np.concatenate([prototype[offset:], prototype[: offset + count - len(prototype)]])
    turned = np.roll(prototype, -offset) if offset else prototype
    return np.resize(turned, count)


def masked(
    prototype: F32,
    fill: FromPrototype,
    mask: Mask,
    dtype: str,
    changed: Departures | None = None,
    record: PrototypeRecord | None = None,
) -> npt.NDArray[np.generic]:
    """Return scale x prototype where the mask is 1 and +0.0 elsewhere.

    One correctly rounded binary32 product; f16 and bf16 round that once more, to nearest even.
    `changed` is what the fill's plane says, `record` the prototype's, which it needs.
    """
    other_values = changed is not None and changed.record.kind != SIGN
    with np.errstate(all="ignore"):  # IEEE 754 says what an overflow becomes
        plain = not (other_values or fill.signs or isinstance(fill.scale, tuple))
        if plain and len(prototype) < mask.size:
            assert not isinstance(fill.scale, tuple)
            scaled = prototype * np.float32(fill.scale)  # few products, then many copies of them
            product = tile(scaled, fill.offset, mask.size).reshape(mask.shape)  # a copy
        else:
            drawn = tile(prototype, fill.offset, mask.size).reshape(mask.shape)
            if other_values:
                assert changed is not None
                assert record is not None
                drawn = drawn.copy()
                drawn.reshape(-1)[changed.indices] = planes.values(changed, prototype, record, fill)
            if fill.signs:
                drawn = np.copysign(np.float32(1), drawn)
            product = np.asarray(drawn * _scale_array(fill.scale, mask.shape))
        _select(product, mask)
        array = from_float32(product, dtype)
    if changed is not None and changed.record.kind == SIGN:
        planes.negate(array, changed)
    return array


def _select(values: F32, mask: Mask) -> None:
    """Put +0.0 where the mask is 0, in place; one pass, on the bits."""
    bits = values.view(np.uint32)
    np.multiply(bits, mask, dtype=np.uint32, out=bits)


def _scale_array(scale: Scale, shape: tuple[int, ...]) -> F32:
    """Return a scale as an array that broadcasts over a tensor: one number, or one per row."""
    if isinstance(scale, tuple):
        return np.array(scale, np.float32).reshape(-1, *(1,) * (len(shape) - 1))
    return np.array(scale, np.float32)


def shuffled(prototype: F32, shuffle: Shuffle) -> F32:
    """Return prototype[p_i mod length], p the indices in ascending order of their random words.

    Equal words keep the order of their indices.
    """
    order = np.argsort(prng.words(shuffle.seed, shuffle.stream, shuffle.length), kind="stable")
    taken: F32 = prototype[order % len(prototype)]
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
    digest.update(tensor_bytes(array))
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


def unpack_stored(payload: bytes | memoryview, values: Stored, count: int) -> Array:
    """Return the stored elements, one after the other, in the dtype they are stored in.

    Raises ArchiveError.
    """
    width = DTYPE_BYTES[values.dtype]
    if values.coding != RAW:
        exact = count * width
        payload = zstd.decompress(bytes(payload), exact, exact, "stored values")
    if values.coding == SHUFFLE_ZSTD:
        payload = _shuffle(payload, len(payload) // width)
    return as_array(payload, values.dtype, (count,))


def stored(
    elements: Array, values: Stored, shape: tuple[int, ...], dtype: str, mask: Mask | None
) -> Array:
    """Return stored elements as a tensor: widened or scaled, and spread over a mask's ones."""
    if values.scale is None:
        kept = widen(elements, values.dtype, dtype)
        return kept.reshape(shape) if mask is None else spread(kept, mask)
    integers = elements.reshape(shape) if mask is None else spread(elements, mask)
    with np.errstate(all="ignore"):
        product = np.asarray(integers.astype(np.float32) * _scale_array(values.scale, shape))
        if mask is not None:
            _select(product, mask)
        return from_float32(product, dtype)


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


def as_array(payload: bytes | memoryview, dtype: str, shape: tuple[int, ...]) -> Array:
    """Return stored little-endian bytes as an array."""
    return np.frombuffer(payload, NUMPY_TYPES[dtype]).reshape(shape)


def constant(bits: str, dtype: str, shape: tuple[int, ...]) -> Array:
    """Return an array whose elements all have the given bits."""
    element = np.frombuffer(bytes.fromhex(bits), NUMPY_TYPES[dtype])
    return np.broadcast_to(element[0], shape)


def constant_tensor(
    held: Constant,
    dtype: str,
    shape: tuple[int, ...],
    mask: Mask | None,
    changed: Departures | None,
) -> Array:
    """Return a tensor of one constant, where the mask is 1 and with the signs that a plane says."""
    if mask is not None:
        array = spread(constant(held.bits, dtype, (int(mask.sum()),)), mask)
    else:
        array = constant(held.bits, dtype, shape)
    if changed is not None:
        array = np.array(array)  # a constant alone is one element seen many times
        planes.negate(array, changed)
    return array


def spread(kept: Array, mask: Mask) -> Array:
    """Return `kept`, in C order, where the mask is 1 and zeros (all bits 0) elsewhere."""
    array = np.zeros(mask.shape, kept.dtype)
    array[mask] = kept
    return array


def constant_bits(array: Array) -> str | None:
    """Return the element's bits as hex where all elements have the same ones, else None."""
    raw = np.frombuffer(tensor_bytes(array), np.uint8).reshape(array.size, array.itemsize)
    return raw[0].tobytes().hex() if (raw == raw[0]).all() else None
