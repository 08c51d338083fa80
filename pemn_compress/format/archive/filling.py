"""Restored tensors, filled piece by piece: what a tensor takes on the way is a fraction of it.

The same for writer and reader, in numpy alone.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import planes, zstd
from pemn_compress.format.archive.planes import Departures
from pemn_compress.format.archive.records import (
    DTYPE_BYTES,
    INT4,
    RAW,
    SHUFFLE_ZSTD,
    SIGN,
    Constant,
    FromPrototype,
    PrototypeRecord,
    Scale,
    Stored,
    stored_size,
)
from pemn_compress.format.archive.values import (
    F32,
    NUMPY_TYPES,
    Array,
    Mask,
    Values,
    from_float32,
    tile,
    widen,
)
from pemn_compress.format.bits import PIECE, Payload, as_bytes, pieces, words_of

Elements = Callable[[int, int], Array]  # (start, stop) -> stored elements, as they are stored


def masked(
    prototype: F32,
    fill: FromPrototype,
    mask: Mask,
    dtype: str,
    changed: Departures | None = None,
    record: PrototypeRecord | None = None,
) -> Array:
    """Return scale x prototype where the mask is 1 and +0.0 elsewhere.

    One correctly rounded binary32 product; f16 and bf16 round that once more, to nearest even.
    `changed` is what the fill's plane says, `record` the prototype's, which it needs.
    """
    array = np.empty(mask.shape, NUMPY_TYPES[dtype])
    bits, selected = words_of(array.reshape(-1)), mask.reshape(-1)
    with np.errstate(all="ignore"):  # IEEE 754 says what an overflow becomes
        start = 0
        for values in _filled(prototype, fill, mask.shape, dtype, changed, record):
            stop = start + values.size
            part = bits[start:stop]
            np.multiply(words_of(values), selected[start:stop], dtype=part.dtype, out=part)
            start = stop
    if changed is not None and changed.record.kind == SIGN:
        planes.negate(array, changed)
    return array


def _filled(
    prototype: F32,
    fill: FromPrototype,
    shape: tuple[int, ...],
    dtype: str,
    changed: Departures | None,
    record: PrototypeRecord | None,
) -> Iterator[Array]:
    """Yield a tensor's values piece by piece, as if all of them were selected."""
    numel = math.prod(shape)
    scales = _scales(fill.scale, shape)
    departs = changed is not None and changed.record.kind != SIGN
    if not isinstance(fill.scale, tuple) and not departs and len(prototype) < numel:
        few = _repeated(_products(prototype, fill, scales(0, 1), dtype), numel)
        for start, stop in pieces(numel):  # few products, then many copies of them
            yield tile(few, (fill.offset + start) % len(few), stop - start)
        return
    vector = _repeated(prototype, numel)
    others = changed.pieces() if changed is not None and departs else None
    for start, stop in pieces(numel):
        drawn = tile(vector, (fill.offset + start) % len(vector), stop - start)
        if others is not None:
            indices, numbers = next(others)
            assert changed is not None
            assert record is not None
            drawn = drawn.copy()
            drawn[indices - np.uint64(start)] = planes.values(
                changed.record, indices, numbers, prototype, record, fill
            )
        yield _products(drawn, fill, scales(start, stop), dtype)


def _products(drawn: F32, fill: FromPrototype, scale: F32, dtype: str) -> Array:
    if fill.signs:
        drawn = np.copysign(np.float32(1), drawn)
    return from_float32(drawn * scale, dtype)


def _repeated(vector: Values, numel: int) -> Values:
    """Return a vector that is repeated to the length of a piece of a tensor, if it is shorter."""
    times = -(-min(PIECE, numel) // len(vector))
    return vector if times == 1 else np.resize(vector, len(vector) * times)


def _scales(scale: Scale, shape: tuple[int, ...]) -> Callable[[int, int], F32]:
    """Return what gives the scales of elements `start` to `stop`: one number, or one for each."""
    if not isinstance(scale, tuple):
        one = np.array([scale], np.float32)
        return lambda start, stop: one
    rows, width = np.array(scale, np.float32), math.prod(shape[1:])

    def of(start: int, stop: int) -> F32:
        first, last = start // width, -(-stop // width)
        edges = np.clip(np.arange(first, last + 1) * width, start, stop)
        return np.repeat(rows[first:last], np.diff(edges))

    return of


def elements(payload: Payload, held: Stored, count: int) -> Elements:
    """Return what gives parts of the `count` elements that a payload holds.

    Raises ArchiveError for a frame that is none, and later where a bool is neither 0 nor 1.
    """
    if held.coding != RAW:
        exact = stored_size(held.dtype, count)
        payload = zstd.decompress(bytes(payload[:]), exact, exact, "stored values")
    if held.dtype == INT4:
        return _halves(payload, count)
    width, kind = DTYPE_BYTES[held.dtype], np.dtype(NUMPY_TYPES[held.dtype])

    def take(start: int, stop: int) -> Array:
        if held.coding == SHUFFLE_ZSTD:
            columns = np.frombuffer(payload[:], np.uint8).reshape(width, count)[:, start:stop]
            found = np.ascontiguousarray(columns.T).reshape(-1).view(kind)
        else:
            found = np.frombuffer(payload[start * width : stop * width], kind)
        if held.dtype == "bool" and found.view(np.uint8).max(initial=0) > 1:
            raise ArchiveError("expected bool bytes of 0 or 1, got others")
        return found

    return take


def _halves(payload: Payload, count: int) -> Elements:
    if count % 2 and as_bytes(payload, count // 2, count // 2 + 1)[0] >> 4:
        raise ArchiveError("expected 0 in the last four bits, got others")

    def take(start: int, stop: int) -> Array:
        skipped = start % 2
        packed = as_bytes(payload, start // 2, -(-stop // 2))
        found = np.empty(2 * packed.size, np.int8)
        found[::2] = packed & 15
        found[1::2] = packed >> 4
        found ^= 8
        found -= 8
        return found[skipped : skipped + stop - start]

    return take


def stored(
    take: Elements, held: Stored, shape: tuple[int, ...], dtype: str, mask: Mask | None
) -> Array:
    """Return stored elements as a tensor: widened or scaled, and spread over a mask's ones."""
    numel = math.prod(shape)
    if mask is None and held.scale is None and held.dtype == dtype:
        return take(0, numel).reshape(shape)
    array = np.zeros(shape, NUMPY_TYPES[dtype])
    flat, selected = array.reshape(-1), None if mask is None else mask.reshape(-1)
    scales = None if held.scale is None else _scales(held.scale, shape)
    done = 0
    with np.errstate(all="ignore"):
        for start, stop in pieces(numel):
            chosen = None if selected is None else selected[start:stop]
            count = stop - start if chosen is None else int(np.count_nonzero(chosen))
            kept = take(done, done + count)
            done += count
            part = flat[start:stop]
            if scales is None:
                part[slice(None) if chosen is None else chosen] = widen(kept, held.dtype, dtype)
                continue
            if chosen is not None:
                spread = np.zeros(stop - start, kept.dtype)
                spread[chosen] = kept
                kept = spread
            part[:] = from_float32(kept.astype(np.float32) * scales(start, stop), dtype)
            if chosen is not None:  # -0.0 may be what 0 times a scale is
                np.multiply(words_of(part), chosen, dtype=words_of(part).dtype, out=words_of(part))
    return array


def constant(
    held: Constant,
    dtype: str,
    shape: tuple[int, ...],
    mask: Mask | None,
    changed: Departures | None,
) -> Array:
    """Return a tensor of one constant, where the mask is 1 and with the signs that a plane says."""
    element = np.frombuffer(bytes.fromhex(held.bits), NUMPY_TYPES[dtype])
    if mask is not None:
        array = np.zeros(shape, element.dtype)
        array[mask] = element[0]
    else:
        array = np.broadcast_to(element[0], shape)  # one element, seen many times
    if changed is not None:
        array = np.array(array)
        planes.negate(array, changed)
    return array
