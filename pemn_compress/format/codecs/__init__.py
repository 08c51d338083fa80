"""Mask codecs: which weights are kept, as bytes and back. One file per codec.

A codec is three functions. `encode(positions)` takes the boolean mask of one tensor and returns its
payload. `decode(payload, shape, ones)` returns the mask, or raises ArchiveError: it consumes
exactly the payload's bytes and finds exactly `ones` ones. Both are pure; neither needs torch.
`least(positions)` is a size that the payload is not below, told at once: a codec that cannot be the
smallest need not be tried.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pemn_compress.errors import UnknownNameError
from pemn_compress.format.bits import Payload
from pemn_compress.format.codecs import bitmap, csr, rice

Mask = npt.NDArray[np.bool_]


class Codec(NamedTuple):
    """One way to write a mask: boolean array of any shape <-> bytes."""

    encode: Callable[[Mask], bytes]
    decode: Callable[[Payload, tuple[int, ...], int], Mask]
    least: Callable[[Mask], int]


CODECS: dict[str, Codec] = {
    "bitmap": Codec(bitmap.encode, bitmap.decode, bitmap.least),
    "csr": Codec(csr.encode, csr.decode, csr.least),
    "rice": Codec(rice.encode, rice.decode, rice.least),
}

AUTO = "auto"


def check_name(name: str) -> None:
    """Refuse a name that is neither a codec nor "auto". Raises UnknownNameError."""
    if name not in (*CODECS, AUTO):
        raise UnknownNameError("codec", name, [*CODECS, AUTO])


def encode(name: str, mask: Mask) -> tuple[str, bytes]:
    """Encode a mask with the named codec; "auto" takes the smallest, on ties the first by name.

    Returns the codec that was used and the payload. Raises UnknownNameError.
    """
    check_name(name)
    if name != AUTO:
        return name, CODECS[name].encode(mask)
    tried: list[tuple[str, bytes]] = []
    for key, codec in sorted(CODECS.items()):
        if not tried or codec.least(mask) < min(len(payload) for _, payload in tried):
            tried.append((key, codec.encode(mask)))
    return min(tried, key=lambda item: len(item[1]))
