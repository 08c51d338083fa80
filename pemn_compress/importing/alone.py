"""The smallest exact way to store one tensor by itself: as a constant, signs, or values."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pemn_compress.format import codecs
from pemn_compress.format.archive import SparseTensor
from pemn_compress.format.archive.contents import (
    ConstantTensor,
    DenseTensor,
    MaskedTensor,
    Plane,
)
from pemn_compress.format.archive.records import SIGN
from pemn_compress.format.archive.values import F32, Mask, pack_stored, tile

CONSTANT, SIGNS, ROW_SIGNS, VALUES = "constant", "signs", "signs by row", "values"
ROW_BYTES = 11  # of a scale in the manifest, before that is compressed
PLANE_BYTES = 120  # of a plane in the manifest, at most
_SMALLEST, _LARGEST = 2.0**-100, 2.0**100  # scales of an archive

Stored = ConstantTensor | SparseTensor | DenseTensor | MaskedTensor


@dataclass(frozen=True)
class Weights:
    """One masked tensor: where it is not zero, its restored values, and the fixed ones behind them.

    All have the tensor's shape; `restored` is +0.0 where `mask` is not set, and nowhere else.
    `fixed` is None where the values are not the fixed ones (Biprop).
    """

    name: str
    mask: Mask
    restored: F32
    fixed: F32 | None

    @property
    def kept(self) -> F32:
        """The values that are not zero, in C order."""
        kept: F32 = self.restored[self.mask]
        return kept


@dataclass(frozen=True)
class Alone:
    """A way to store a tensor: its kind, the bytes of its values, and the content.

    `content` takes the archive's prototype vector, which only signs by row look at.
    """

    kind: str
    size: int
    content: Callable[[F32], Stored]


def alone(weights: Weights) -> Alone:
    """Return the way that takes the fewest bytes; masks cost the same in every one but the last.

    A tensor that has hardly a zero may be stored without a mask.
    """
    name, mask, kept = weights.name, weights.mask, weights.kept
    bits = kept.view(np.uint32)
    if bits.size and (bits == bits[0]).all():
        return Alone(CONSTANT, 4, lambda _: SparseTensor(name, "f32", mask, kept))
    if bits.size and (bits << np.uint32(1) == bits[0] << np.uint32(1)).all():
        negative = np.signbit(weights.restored) & mask
        signs = ConstantTensor(name, "f32", np.abs(kept[:1]), mask, negative)
        return Alone(SIGNS, 4 + math.ceil(kept.size / 8), lambda _: signs)
    found = [_values(weights)]
    scales = _row_scales(weights)
    if scales is not None:
        size = PLANE_BYTES + ROW_BYTES * len(scales) + math.ceil(kept.size / 8)
        found.append(Alone(ROW_SIGNS, size, lambda vector: _by_row(weights, scales, vector)))
    return min(found, key=lambda way: way.size)


def _values(weights: Weights) -> Alone:
    """Return stored values: those that are not zero beside a mask, or all of them without one."""
    name, mask, kept = weights.name, weights.mask, weights.kept
    narrow, size = _narrowest(kept)
    sparse = Alone(VALUES, size, lambda _: SparseTensor(name, "f32", mask, kept, narrow))
    if kept.size < 0.9 * mask.size:
        return sparse
    whole, whole_size = _narrowest(weights.restored)
    if whole_size >= size + len(codecs.encode(codecs.AUTO, mask)[1]):
        return sparse
    return Alone(VALUES, whole_size, lambda _: DenseTensor(name, "f32", weights.restored, whole))


def _narrowest(values: F32) -> tuple[str | None, int]:
    """Return the narrower dtype that loses nothing and saves most, if any, and the bytes taken."""
    sizes: dict[str | None, int] = {None: len(pack_stored(values, "f32", None)[0])}
    bits = np.ascontiguousarray(values).view(np.uint32)
    if not (bits & np.uint32(0xFFFF)).any():
        sizes["bf16"] = len(pack_stored(values, "f32", "bf16")[0])
    with np.errstate(all="ignore"):
        if (values.astype(np.float16).astype(np.float32).view(np.uint32) == bits).all():
            sizes["f16"] = len(pack_stored(values, "f32", "f16")[0])
    return min(sizes.items(), key=lambda item: item[1])


def _row_scales(weights: Weights) -> tuple[float, ...] | None:
    """Return one magnitude for each index of the first dimension, None where rows have more."""
    size = (
        np.abs(weights.restored).reshape(weights.mask.shape[0], -1) if weights.mask.ndim else None
    )
    if size is None or len(size) * ROW_BYTES > 4 * weights.kept.size:
        return None
    largest = size.max(axis=1)
    if not ((size == largest[:, None]) | (size == 0)).all():
        return None
    scales = np.where(largest == 0, np.float32(1), largest)  # a row of zeros has any
    if not ((scales >= _SMALLEST) & (scales <= _LARGEST)).all():
        return None
    return tuple(float(scale) for scale in scales)


def _by_row(weights: Weights, scales: tuple[float, ...], vector: F32) -> MaskedTensor:
    """Return signs by row: an element is its row's scale with its sign in the vector, or not."""
    drawn = np.signbit(tile(vector, 0, weights.mask.size)).reshape(weights.mask.shape)
    flipped = (np.signbit(weights.restored) != drawn) & weights.mask
    plane = Plane(SIGN, flipped)
    return MaskedTensor(weights.name, "f32", weights.mask, 0, scales, True, plane)
