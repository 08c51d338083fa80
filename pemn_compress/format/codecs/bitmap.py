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
from bitarray import bitarray

from pemn_compress.errors import ArchiveError

Mask = npt.NDArray[np.bool_]


def encode(mask: Mask) -> bytes:
    """Return ceil(n / 8) bytes for a mask of n elements."""
    bits = bitarray(endian="little")
    bits.pack(np.ascontiguousarray(mask, np.bool_).tobytes())
    return bits.tobytes()


def decode(payload: bytes, shape: tuple[int, ...], ones: int) -> Mask:
    """Return the mask; ArchiveError unless length, unused bits and count of ones are right."""
    numel = math.prod(shape)
    expected = -(-numel // 8)
    if len(payload) != expected:
        raise ArchiveError(f"bitmap: expected {expected} bytes, got {len(payload)}")
    bits = bitarray(endian="little")
    bits.frombytes(payload)
    found = bits.count()
    if found != ones:
        raise ArchiveError(f"bitmap: expected {ones} ones, got {found}")
    if bits.count(1, numel):
        raise ArchiveError("bitmap: expected the unused bits of the last byte to be 0, got a 1")
    packed = np.frombuffer(payload, np.uint8)  # numpy unpacks many times faster than bitarray
    return np.unpackbits(packed, count=numel, bitorder="little").view(np.bool_).reshape(shape)
