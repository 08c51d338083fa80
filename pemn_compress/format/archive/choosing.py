"""Elements that a seed chooses: those whose words are lowest, on ties the first ones.

Integers alone, so that every reader chooses the same; magnitudes of fixed values are compared as
their bits. Some are frozen, and masks and planes say nothing of them; and the mask that first
scores give can be what a payload is the difference from.
"""

import numpy as np
import numpy.typing as npt

from pemn_compress.errors import ArchiveError
from pemn_compress.format import prng
from pemn_compress.format.archive.records import Frozen, Positions, Predictor, TensorRecord
from pemn_compress.format.archive.values import F32, tile
from pemn_compress.format.bits import Payload, pieces
from pemn_compress.format.codecs import CODECS

U32 = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]
_HALF = 1 << 23
_MAGNITUDE = (1 << 31) - 1  # all of a binary32 but its sign
_MARGIN = 4.0  # standard deviations, of a share of 1/2 even eight


def lowest(keys: U32, count: int, bound: int) -> Mask:
    """Return which `count` of the keys are lowest, on ties those with the lowest indices.

    `keys` of shape (n,) are below `bound`, and evenly spread where this is to be fast; the answer
    has their shape.
    """
    chosen = np.zeros(keys.size, np.bool_)
    left = count
    if not count:
        return chosen
    edge = _edge(keys, count, bound)
    for start, stop in pieces(keys.size):
        np.less(keys[start:stop], edge, out=chosen[start:stop])
        left -= int(np.count_nonzero(chosen[start:stop]))
    for start, stop in pieces(keys.size):
        if not left:
            break
        equal = np.flatnonzero(keys[start:stop] == edge)[:left]
        chosen[start + equal] = True
        left -= equal.size
    return chosen


def _edge(keys: U32, count: int, bound: int) -> np.uint32:
    """Return the greatest of the `count` lowest keys, found among those near where it should be."""
    share, spread = count / keys.size, _MARGIN / keys.size**0.5
    low = np.uint32(max(0, int(bound * (share - spread))))
    high = np.uint32(min(bound - 1, int(bound * (share + spread))))
    below, near = 0, []
    for start, stop in pieces(keys.size):
        part = keys[start:stop]
        is_below = part < low
        below += int(np.count_nonzero(is_below))
        near.append(part[(part <= high) & ~is_below])
    found = np.concatenate(near)
    if not below < count <= below + found.size:  # keys that are not evenly spread
        found, below = keys, 0
    place = count - below - 1
    edge: np.uint32 = np.partition(found, place)[place]
    return edge


def frozen_elements(frozen: Frozen, numel: int, fixed: F32, offset: int = 0) -> Mask:
    """Return which elements of a tensor are frozen: shape (numel,).

    Element i has the fixed value (offset + i) mod len(fixed) of a vector, where that matters.
    """
    if frozen.seed is not None and frozen.stream is not None:
        return lowest(prng.words(frozen.seed, frozen.stream, numel), frozen.count, 1 << 32)
    keys = tile(fixed, offset % len(fixed), numel).view(np.uint32) & np.uint32(_MAGNITUDE)
    return lowest(keys, frozen.count, _MAGNITUDE + 1)


def predicted(predictor: Predictor, free: Mask | None, numel: int) -> Mask:
    """Return the mask that first scores predict, of the elements that are free (None: all).

    The scores of `uniform24` with the greatest magnitudes are selected. Score i is an odd multiple
    of 2^-24 that its word decides, so it is ranked by an integer of 23 bits.
    """
    keys = prng.words(predictor.seed, predictor.stream, numel)
    if free is not None:
        keys = keys[free]
    for start, stop in pieces(keys.size):
        part = keys[start:stop]
        part >>= np.uint32(8)
        # the score is 2 (q - 2^23) + 1 of these: far from the middle at either end
        np.minimum(part, np.uint32(2 * _HALF - 1) - part, out=part)
    return lowest(keys, predictor.ones, _HALF)


def decode_mask(
    payload: Payload, record: TensorRecord, positions: Positions, free: Mask | None
) -> Mask:
    """Return a tensor's mask, in its shape. Raises ArchiveError.

    `free` are the elements that are not frozen, flat, None for all of them.
    """
    predictor, wanted = positions.predictor, positions.ones - record.frozen_count
    told = wanted if predictor is None else predictor.flips
    mask = CODECS[positions.codec].decode(payload, record.coded_shape, told)
    if predictor is not None:
        mask ^= predicted(predictor, free, record.numel).reshape(mask.shape)
        found = int(np.count_nonzero(mask))
        if found != wanted:
            raise ArchiveError(f"predictor: expected {wanted} ones in the mask, got {found}")
    if free is None:
        return mask
    whole = np.ones(record.numel, np.bool_)
    whole[free] = mask
    return whole.reshape(record.shape)
