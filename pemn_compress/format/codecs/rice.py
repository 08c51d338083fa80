"""`rice`: Golomb-Rice codes of the gaps between ones, unary parts and remainders apart.

The rarer symbol is coded: the ones, or the zeros where ones are in the majority (strictly). For the
j-th coded position p_j the gap is g_j = p_j - p_(j-1) - 1, with p_(-1) = -1. The payload is one
header byte (bits 0 to 5: the Rice parameter k; bit 6: 0; bit 7: 1 when zeros are coded), then a bit
stream with g_j >> k zeros and a one for every j, then a bit stream with the k low bits of every
g_j, most significant first. Bits fill a byte from its least significant end; each stream is padded
with zeros to a whole byte. Geometric gaps are what Rice codes are best for (Golomb 1966; Rice and
Plaunt 1971): masks of independent bits come within 1.5 % of log2 C(n, ones) at densities 0.5, 0.3
and 0.1 or less, and within 4.1 % at the worst density, 0.38.

>>> import numpy as np
>>> mask = np.zeros(64, bool); mask[[3, 20, 63]] = True
>>> encode(mask).hex(" ")
'04 25 0c 05'
>>> bool((decode(encode(mask), (64,), 3) == mask).all())
True
"""

import math

import numpy as np
import numpy.typing as npt
from bitarray import bitarray
from bitarray.util import count_n

from pemn_compress.errors import ArchiveError

Mask = npt.NDArray[np.bool_]

MAX_PARAMETER = 47  # gaps are below 2^48, the format's cap on elements
_CODES_ZEROS = 0x80


def _unary_bits(gaps: npt.NDArray[np.int64], parameter: int) -> int:
    return int((gaps >> parameter).sum()) + len(gaps)


def best_parameter(gaps: npt.NDArray[np.int64]) -> int:
    """Return the k with the fewest payload bytes, the smallest such k on ties."""
    if not len(gaps):
        return 0

    def size(parameter: int) -> int:
        return -(-_unary_bits(gaps, parameter) // 8) + -(-len(gaps) * parameter // 8)

    # With m = bit length of the mean gap, k = m costs at most m + 2 bits a gap, every k > m + 1 at
    # least m + 3, every k < m - 3 at least m + 4: the rest need not be tried, save for few gaps,
    # where whole bytes blur those bounds.
    middle = int(gaps.mean()).bit_length()
    lowest = max(0, middle - 3) if len(gaps) > 64 else 0
    return min(range(lowest, min(MAX_PARAMETER, middle + 2) + 1), key=size)


def encode(mask: Mask) -> bytes:
    """Return the payload: header byte, unary stream, remainder stream."""
    flat = np.asarray(mask, np.bool_).reshape(-1)
    invert = 2 * int(np.count_nonzero(flat)) > len(flat)
    positions = np.flatnonzero(~flat if invert else flat)
    gaps = np.diff(positions, prepend=-1) - 1
    parameter = best_parameter(gaps)
    header = bytes([parameter | (_CODES_ZEROS if invert else 0)])
    unary = np.zeros(_unary_bits(gaps, parameter), np.bool_)
    unary[np.cumsum((gaps >> parameter) + 1) - 1] = True
    shifts = np.arange(parameter - 1, -1, -1)
    remainders = (gaps[:, None] >> shifts & 1).astype(np.bool_)
    return header + _pack(unary) + _pack(remainders)


def decode(payload: bytes, shape: tuple[int, ...], ones: int) -> Mask:
    """Return the mask; ArchiveError unless every bit of the payload is accounted for."""
    numel = math.prod(shape)
    if not payload:
        raise ArchiveError("rice: expected at least 1 byte, got 0")
    inverted = bool(payload[0] & _CODES_ZEROS)
    parameter = payload[0] & 0x7F
    if parameter > MAX_PARAMETER:
        raise ArchiveError(f"rice: expected a parameter up to {MAX_PARAMETER}, got {parameter}")
    if inverted != (2 * ones > numel):
        raise ArchiveError("rice: expected the rarer symbol to be coded, got the other one")
    coded = numel - ones if inverted else ones
    split = len(payload) - -(-coded * parameter // 8)
    if split < 1:
        raise ArchiveError(f"rice: {coded} remainders of {parameter} bits do not fit the payload")
    flat = np.full(numel, inverted, np.bool_)
    flat[_positions(payload[1:split], payload[split:], coded, parameter, numel)] = not inverted
    return flat.reshape(shape)


def _positions(
    unary_bytes: bytes, remainder_bytes: bytes, coded: int, parameter: int, numel: int
) -> npt.NDArray[np.int64]:
    unary = bitarray(endian="little")
    unary.frombytes(unary_bytes)
    found = unary.count()
    if found != coded:
        raise ArchiveError(f"rice: expected {coded} ones in the unary stream, got {found}")
    if -(-count_n(unary, coded) // 8) != len(unary_bytes):
        raise ArchiveError("rice: expected the unary stream to end at its last one, got more")
    remainders = bitarray(endian="little")
    remainders.frombytes(remainder_bytes)
    if remainders.count(1, coded * parameter):
        raise ArchiveError("rice: expected padding bits of 0, got a 1")
    ends = np.flatnonzero(_unpack(unary_bytes))
    quotients = np.diff(ends, prepend=-1) - 1
    if coded and int(quotients.max()) > numel >> parameter:
        raise ArchiveError("rice: expected positions inside the tensor, got one beyond its end")
    gaps = quotients << parameter
    if parameter and coded:
        bits = _unpack(remainder_bytes)[: coded * parameter]
        weights = np.int64(1) << np.arange(parameter - 1, -1, -1, dtype=np.int64)
        gaps += bits.reshape(coded, parameter) @ weights
    positions = np.cumsum(gaps + 1) - 1
    # the float sum is no exact bound, but it shows when the integer one has wrapped around
    if coded and (int(positions[-1]) >= numel or gaps.sum(dtype=np.float64) > 2 * numel):
        raise ArchiveError("rice: expected positions inside the tensor, got one beyond its end")
    return positions


def _pack(bits: npt.NDArray[np.bool_]) -> bytes:
    packed = bitarray(endian="little")
    packed.pack(np.ascontiguousarray(bits).tobytes())
    return packed.tobytes()


def _unpack(payload: bytes) -> npt.NDArray[np.bool_]:
    # numpy unpacks many times faster than bitarray
    return np.unpackbits(np.frombuffer(payload, np.uint8), bitorder="little").view(np.bool_)
