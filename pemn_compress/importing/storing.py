"""The smallest exact way to store masked weights that no seed of ours makes.

Weights of other projects came from torch's generator, which promises no values. What they are is
stored instead, as little of it as restores them exactly: one constant per tensor, one magnitude and
a plane of signs, a prototype that tensors share, or the kept values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pemn_compress.format.archive import Prototype, SparseTensor
from pemn_compress.format.archive.contents import ConstantTensor, MaskedTensor
from pemn_compress.format.archive.values import F32, Mask, pack_stored, tensor_bytes, tile

CONSTANT, SIGNS, PROTOTYPE, VALUES = "constant", "signs", "prototype", "values"
_PROBE = 64  # bytes that a period is first looked for with
_TRIES = 1000


@dataclass(frozen=True)
class Weights:
    """One masked tensor: its mask, its restored values, and the fixed ones behind the mask.

    All have the tensor's shape; `fixed` is None where the values are not the fixed ones (Biprop).
    """

    name: str
    mask: Mask
    restored: F32
    fixed: F32 | None


@dataclass(frozen=True)
class Storage:
    """How tensors are stored: contents, and the kind for each, by name; a prototype they share."""

    contents: dict[str, MaskedTensor | ConstantTensor | SparseTensor]
    kinds: dict[str, str]
    prototype: Prototype | None


def smallest(tensors: Sequence[Weights]) -> Storage:
    """Choose for each tensor what takes the fewest bytes; masks cost the same in every choice."""
    contents: dict[str, MaskedTensor | ConstantTensor | SparseTensor] = {}
    kinds: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for weights in tensors:
        contents[weights.name], kinds[weights.name], sizes[weights.name] = _alone(weights)
    best = (0, np.zeros(0, np.float32), dict[str, int]())  # bytes saved, vector, offsets
    for vector, offsets in (_tiled(tensors), _repeated(tensors)):
        saved = sum(sizes[name] for name in offsets) - 4 * len(vector)
        if saved > best[0]:
            best = (saved, vector, offsets)
    _, vector, offsets = best
    for weights in tensors:
        if weights.name in offsets:
            offset = offsets[weights.name]
            contents[weights.name] = MaskedTensor(weights.name, "f32", weights.mask, offset, 1.0)
            kinds[weights.name] = PROTOTYPE
    return Storage(contents, kinds, Prototype(None, vector, None) if offsets else None)


def _alone(weights: Weights) -> tuple[ConstantTensor | SparseTensor, str, int]:
    """Return the smallest content for a tensor by itself, its kind, and its values' bytes."""
    name, mask = weights.name, weights.mask
    kept = weights.restored[mask]
    bits = kept.view(np.uint32)
    sparse = SparseTensor(name, "f32", mask, kept)
    if bits.size and (bits == bits[0]).all():
        return sparse, CONSTANT, 4
    if bits.size and (bits << np.uint32(1) == bits[0] << np.uint32(1)).all():
        negative = np.zeros(mask.shape, np.bool_)
        negative[mask] = np.signbit(kept)
        return (
            ConstantTensor(name, "f32", np.abs(kept[:1]), mask, negative),
            SIGNS,
            4 + math.ceil(kept.size / 8),
        )
    return sparse, VALUES, len(pack_stored(kept, "f32", None)[0])


def _tiled(tensors: Sequence[Weights]) -> tuple[F32, dict[str, int]]:
    """PEMN's mp and rp: tensors that are a prefix of one repeated vector, which the largest is."""
    flat = _fixed(tensors)
    if not flat:
        return np.zeros(0, np.float32), {}
    largest = max(flat.values(), key=len)  # the first of the largest, as PEMN takes it
    vector = largest[: shortest_period(largest)]
    if not np.isfinite(vector).all():
        return vector, {}
    return vector, {
        name: 0
        for name, values in flat.items()
        if tensor_bytes(tile(vector, 0, len(values))) == tensor_bytes(values)
    }


def _repeated(tensors: Sequence[Weights]) -> tuple[F32, dict[str, int]]:
    """PEMN's one-layer: tensors that are equal as a whole, each kind of them stored once."""
    groups: dict[bytes, list[str]] = {}
    flat = _fixed(tensors)
    for name, values in flat.items():
        groups.setdefault(bytes(tensor_bytes(values)), []).append(name)
    vectors: list[F32] = []
    offsets: dict[str, int] = {}
    end = 0
    for names in groups.values():
        values = flat[names[0]]
        if len(names) > 1 and np.isfinite(values).all():
            offsets |= dict.fromkeys(names, end)
            vectors.append(values)
            end += len(values)
    return np.concatenate(vectors) if vectors else np.zeros(0, np.float32), offsets


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
