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
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from bitarray import bitarray

from pemn_compress.errors import ArchiveError
from pemn_compress.format.bits import Payload, as_bytes, fields, pack_fields, pieces

Mask = npt.NDArray[np.bool_]

MAX_PARAMETER = 47  # gaps are below 2^48, the format's cap on elements
_CODES_ZEROS = 0x80
_UNARY_BYTES = 1 << 12  # read at once: the sum of so many bits' remainders fits in 64 bits


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
    remainders = pack_fields(gaps, parameter, reverse=True)
    return header + np.packbits(unary, bitorder="little").tobytes() + remainders


def least(mask: Mask) -> int:
    """Return a size that the payload is not below, from two counts: every part of it rounded."""
    flat = np.asarray(mask, np.bool_).reshape(-1)
    ones = int(np.count_nonzero(flat))
    coded = min(ones, flat.size - ones)
    if not coded:
        return 1
    after = int(np.argmax(flat[::-1] == (2 * ones <= flat.size)))  # what no gap tells
    gaps = flat.size - after - coded  # their sum; each loses less than 2^k in its unary part
    return 1 + min(
        -(-(coded * (1 + k) + max(0, -(-(gaps - coded * ((1 << k) - 1)) >> k))) // 8)
        for k in range(MAX_PARAMETER + 1)
    )


def decode(payload: Payload, shape: tuple[int, ...], ones: int) -> Mask:
    """Return the mask; ArchiveError unless every bit of the payload is accounted for."""
    numel = math.prod(shape)
    if not len(payload):
        raise ArchiveError("rice: expected at least 1 byte, got 0")
    header = payload[0:1][0]
    inverted = bool(header & _CODES_ZEROS)
    parameter = header & 0x7F
    if parameter > MAX_PARAMETER:
        raise ArchiveError(f"rice: expected a parameter up to {MAX_PARAMETER}, got {parameter}")
    if inverted != (2 * ones > numel):
        raise ArchiveError("rice: expected the rarer symbol to be coded, got the other one")
    coded = numel - ones if inverted else ones
    split = len(payload) - -(-coded * parameter // 8)
    if split < 1:
        raise ArchiveError(f"rice: {coded} remainders of {parameter} bits do not fit the payload")
    _check_streams(payload, split, coded, parameter)
    flat = np.full(numel, inverted, np.bool_)
    for positions in _positions(payload, split, coded, parameter, numel):
        flat[positions] = not inverted
    return flat.reshape(shape)


def _check_streams(payload: Payload, split: int, coded: int, parameter: int) -> None:
    """Check that the unary stream ends with its last one, and what pads the remainders."""
    found = 0
    for start, stop in pieces(split - 1):
        found += bitarray(buffer=payload[1 + start : 1 + stop]).count()
    if found != coded:
        raise ArchiveError(f"rice: expected {coded} ones in the unary stream, got {found}")
    if split > 1 and not payload[split - 1 : split][0]:
        raise ArchiveError("rice: expected the unary stream to end at its last one, got more")
    used = coded * parameter % 8
    if used and payload[len(payload) - 1 : len(payload)][0] >> used:
        raise ArchiveError("rice: expected padding bits of 0, got a 1")


def _positions(
    payload: Payload, split: int, coded: int, parameter: int, numel: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the positions of the coded symbols, in order.

    If bit e of the unary stream is one number j, j ones and e - j zeros precede it: p_j is
    ((e - j) << k) + j plus the remainders up to and with the j-th.
    """
    done = total = 0  # symbols, and the sum of their remainders
    for start, stop in pieces(split - 1, _UNARY_BYTES):
        unary = np.unpackbits(as_bytes(payload, 1 + start, 1 + stop), bitorder="little")
        ends = np.flatnonzero(unary.view(np.bool_)) + 8 * start
        if not ends.size:
            continue
        order = np.arange(done, done + ends.size)
        zeros = ends - order
        if zeros[-1] > numel >> parameter:
            raise _beyond()
        positions = (zeros << parameter) + order
        if parameter:
            numbers = fields(payload, split, done, ends.size, parameter, reverse=True)
            sums = np.cumsum(numbers.astype(np.int64))
            sums += total
            total = int(sums[-1])
            positions += sums
        if positions[-1] >= numel:  # they rise: the last is the largest
            raise _beyond()
        done += ends.size
        yield positions


def _beyond() -> ArchiveError:
    return ArchiveError("rice: expected positions inside the tensor, got one beyond its end")
