"""`bitmap`: one bit per weight.

Element i in C order is bit i mod 8 (least significant first) of byte i div 8; the unused bits of
the last byte are 0.

>>> import numpy as np
>>> encode(np.array([1, 0, 1, 1, 0, 0, 0, 0, 1], bool)).hex()
'0d01'
"""

import math

import numpy as np
import numpy.typing as npt

from pemn_compress.errors import ArchiveError
from pemn_compress.format.bits import Payload, as_bytes, pieces

Mask = npt.NDArray[np.bool_]


def encode(mask: Mask) -> bytes:
    """Return ceil(n / 8) bytes for a mask of n elements."""
    return np.packbits(np.asarray(mask, np.bool_).reshape(-1), bitorder="little").tobytes()


def least(mask: Mask) -> int:
    """Return the size of the payload."""
    return -(-mask.size // 8)


def decode(payload: Payload, shape: tuple[int, ...], ones: int) -> Mask:
    """Return the mask; ArchiveError unless length, unused bits and count of ones are right."""
    numel = math.prod(shape)
    expected = -(-numel // 8)
    if len(payload) != expected:
        raise ArchiveError(f"bitmap: expected {expected} bytes, got {len(payload)}")
    flat = np.empty(numel, np.bool_)
    for start, stop in pieces(expected):
        part = flat[8 * start : 8 * stop]
        raw = as_bytes(payload, start, stop)
        part[:] = np.unpackbits(raw, count=part.size, bitorder="little").view(np.bool_)
    unused = payload[expected - 1 : expected][0] >> (numel - 1) % 8 + 1
    found = int(np.count_nonzero(flat)) + unused.bit_count()
    if found != ones:
        raise ArchiveError(f"bitmap: expected {ones} ones, got {found}")
    if unused:
        raise ArchiveError("bitmap: expected the unused bits of the last byte to be 0, got a 1")
    return flat.reshape(shape)
