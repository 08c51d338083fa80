"""Vectors that tensors take their values from: what PEMN's strategies leave in a checkpoint.

An archive has one prototype. It is either one short vector that tensors repeat (PEMN's rp), or
several pieces one after the other: whole tensors that others are parts of (mp, one-layer), and
the few values that a tensor consists of.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pemn_compress.format.archive.contents import MaskedTensor, Plane
from pemn_compress.format.archive.records import FROM_SOURCE
from pemn_compress.format.archive.values import F32, tensor_bytes, tile
from pemn_compress.importing.alone import PLANE_BYTES, Weights

PROTOTYPE, FEW_VALUES = "prototype", "few values"
_PROBE = 64  # bytes that a period is first looked for with
_FIRST = 256  # elements
_TRIES = 1000
_MOST_VALUES = 256


@dataclass(frozen=True)
class Use:
    """How a tensor takes its values from a vector: from `offset` on, or, with `few`, by number.

    `few` is how many values it consists of; `size` are the bytes that it takes besides the vector.
    """

    offset: int
    size: int = 0
    few: int = 0

    @property
    def kind(self) -> str:
        """How the tensor is called stored."""
        return FEW_VALUES if self.few else PROTOTYPE


@dataclass(frozen=True)
class Vector:
    """A prototype and the tensors that use it, by name."""

    values: F32 = field(default_factory=lambda: np.zeros(0, np.float32))
    uses: dict[str, Use] = field(default_factory=dict)

    def saved(self, sizes: Mapping[str, int]) -> int:
        """Return how many bytes it saves over what the tensors take alone."""
        used = sum(sizes[name] - use.size for name, use in self.uses.items())
        return used - 4 * len(self.values)


def best_vector(tensors: Sequence[Weights], sizes: Mapping[str, int]) -> Vector:
    """Return the vector that saves most over `sizes`, what tensors take alone; perhaps none."""
    found = [Vector(), _repeated(tensors), _pieces(tensors, sizes)]
    return max(found, key=lambda vector: vector.saved(sizes))


def content(weights: Weights, use: Use, vector: F32) -> MaskedTensor:
    """Return a tensor as a use of the vector."""
    name, mask = weights.name, weights.mask
    if not use.few:
        return MaskedTensor(name, "f32", mask, use.offset, 1.0)
    own = np.arange(mask.size, dtype=np.uint64).reshape(mask.shape)
    codes = tensor_codes(vector[use.offset : use.offset + use.few])
    order = np.argsort(codes)
    bits = weights.restored.view(np.uint32)
    place = np.searchsorted(codes, bits, sorter=order).clip(max=use.few - 1)
    there = tile(vector, use.offset, mask.size).view(np.uint32).reshape(mask.shape) == bits
    numbers = np.where(there, own, order[place].astype(np.uint64))
    return MaskedTensor(name, "f32", mask, use.offset, 1.0, plane=Plane(FROM_SOURCE, numbers))


def tensor_codes(values: F32) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Return values as their bit patterns."""
    return np.ascontiguousarray(values).view(np.uint32)


def _repeated(tensors: Sequence[Weights]) -> Vector:
    """PEMN's rp: tensors that are parts of one repeated vector, which the largest tensor shows."""
    flat = _fixed(tensors)
    if not flat:
        return Vector()
    largest = max(flat.values(), key=len)  # the first of the largest, as PEMN takes it
    vector = largest[: shortest_period(largest)]
    if len(vector) == len(largest) or not np.isfinite(vector).all():
        return Vector()
    twice = np.concatenate([vector, vector])
    uses = {}
    for weights in tensors:
        offset = _find(weights, flat.get(weights.name), twice, vector)
        if offset is not None:
            uses[weights.name] = Use(offset % len(vector))
    return Vector(vector, uses)


def _pieces(tensors: Sequence[Weights], sizes: Mapping[str, int]) -> Vector:
    """PEMN's mp and one-layer, and tensors of few values: pieces that save more than they cost."""
    flat = _fixed(tensors)
    left = sorted((t for t in tensors if t.fixed is not None), key=lambda t: -t.mask.size)
    pieces: list[F32] = []
    uses: dict[str, Use] = {}
    end = 0
    while left:
        piece = flat[left[0].name]
        offsets = {t.name: _find(t, flat[t.name], piece, piece) for t in left}
        inside = {name: at for name, at in offsets.items() if at is not None}
        saved = sum(sizes[name] for name in inside) - 4 * len(piece)
        worth = len(inside) > 1 and saved > 0 and bool(np.isfinite(piece).all())
        if worth:
            uses |= {name: Use(end + at) for name, at in inside.items()}
            pieces.append(piece)
            end += len(piece)
        left = [t for t in left[1:] if not (worth and t.name in inside)]
    for weights in tensors:
        few = None if weights.name in uses else _few_values(weights)
        if few is None:
            continue
        size = PLANE_BYTES + math.ceil(weights.kept.size * (1 + _width(len(few))) / 8)
        if size + 4 * len(few) < sizes[weights.name]:
            uses[weights.name] = Use(end, size, len(few))
            pieces.append(few)
            end += len(few)
    return Vector(np.concatenate(pieces), uses) if pieces else Vector()


def _find(weights: Weights, fixed: F32 | None, places: F32, vector: F32) -> int | None:
    """Return where in `places` a tensor starts, so that the repeated vector restores what it keeps.

    It is looked for at the start, and where its first value is.
    """
    if fixed is None:
        return None
    if _restores(weights, vector, 0):
        return 0
    last = len(places) - (len(fixed) if places is vector else 0)
    starts = np.flatnonzero(tensor_codes(places[: max(0, last + 1)]) == tensor_codes(fixed[:1]))
    for at in map(int, starts[:_TRIES]):
        if _restores(weights, vector, at % len(vector)):
            return at
    return None


def _restores(weights: Weights, vector: F32, offset: int) -> bool:
    mask, wanted = weights.mask.reshape(-1), tensor_codes(weights.restored.reshape(-1))
    for count in (min(_FIRST, mask.size), mask.size):  # most places are wrong, and show it at once
        drawn = tensor_codes(tile(vector, offset, count))
        if not ((drawn == wanted[:count]) | ~mask[:count]).all():
            return False
    return True


def _few_values(weights: Weights) -> F32 | None:
    """Return the values that a tensor consists of, if they are few and finite."""
    codes = weights.kept.view(np.uint32)
    if np.unique(codes[:4096]).size > _MOST_VALUES:
        return None
    different = np.unique(codes)
    values: F32 = different.view(np.float32)
    if not 1 < values.size <= min(_MOST_VALUES, weights.mask.size):
        return None
    return values if np.isfinite(values).all() else None


def _width(count: int) -> int:
    return max(1, (count - 1).bit_length())


def _fixed(tensors: Sequence[Weights]) -> dict[str, F32]:
    return {t.name: t.fixed.reshape(-1) for t in tensors if t.fixed is not None}


def shortest_period(vector: F32) -> int:
    """Return the smallest p with vector[i] equal to vector[i - p], bit for bit, for all i >= p.

    Periods that leave less than 16 elements of repetition are not looked for, nor more than a
    thousand places where one could start: the vector's length is then returned.
    """
    raw = bytes(tensor_bytes(vector))
    probe, start = raw[:_PROBE], 0
    for _ in range(_TRIES):
        start = raw.find(probe, start + 1)
        if start < 0:
            break
        if start % 4 == 0 and raw[start:] == raw[:-start]:
            return start // 4
    return len(vector)
