"""Streams of bits, read in pieces: whoever decodes a payload never holds more than one piece of it.

A stream fills each byte from its least significant end.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

PIECE = 1 << 17  # elements that are worked on at once: their arrays fit in a core's cache

_REVERSED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8), bitorder="little"))


class Payload(Protocol):
    """Bytes whose parts can be asked for: bytes, a memoryview, or a stretch of a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes | memoryview: ...


class Part:
    """The bytes of a payload from `start` to `stop`, a payload again; nothing is read or copied."""

    def __init__(self, whole: Payload, start: int, stop: int) -> None:
        self._whole, self._start, self._size = whole, start, stop - start

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> bytes | memoryview:
        start, stop, _ = part.indices(self._size)
        return self._whole[self._start + start : self._start + stop]


def pieces(count: int, step: int = PIECE) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of pieces of at most `step` that cover 0 to `count`."""
    for start in range(0, count, step):
        yield start, min(start + step, count)


def as_bytes(payload: Payload, start: int, stop: int) -> U8:
    """Return the bytes from `start` to `stop` as an array."""
    return np.frombuffer(payload[start:stop], np.uint8)


def words_of(array: npt.NDArray[np.generic]) -> npt.NDArray[np.unsignedinteger]:
    """Return an array's elements as unsigned integers of their bits, in the same memory."""
    kind = np.dtype(f"u{array.itemsize}").newbyteorder(array.dtype.byteorder)
    return array.view(kind)


def fields(
    payload: Payload, offset: int, first: int, count: int, width: int, *, reverse: bool = False
) -> U64:
    """Return `count` numbers of `width` bits (1 to 48), from number `first` of a stream of them.

    The stream starts at byte `offset` of the payload. The least significant bit of a number comes
    first, or with `reverse` the most significant one.
    """
    skipped = first % 8
    begin = (first - skipped) // 8 * width  # eight numbers are `width` whole bytes
    groups = -(-(skipped + count) // 8)
    raw = as_bytes(payload, offset + begin, offset - (-(first + count) * width // 8))
    rows = np.zeros((groups, width), np.uint8)
    rows.reshape(-1)[: raw.size] = _REVERSED[raw] if reverse else raw
    numbers = np.empty((groups, 8), np.uint64)
    for index in range(8):
        byte, bit = divmod(index * width, 8)
        used = -(-(bit + width) // 8)  # bytes that the number reaches into, at most seven
        number = np.zeros(groups, np.uint64)
        for place in range(used):
            shift = 8 * (used - 1 - place if reverse else place)
            number |= rows[:, byte + place].astype(np.uint64) << np.uint64(shift)
        number >>= np.uint64(8 * used - width - bit if reverse else bit)
        numbers[:, index] = number & np.uint64((1 << width) - 1)
    return numbers.reshape(-1)[skipped : skipped + count]


def pack_fields(numbers: npt.NDArray[np.integer], width: int, *, reverse: bool = False) -> bytes:
    """Return the stream that `fields` reads: the low `width` bits of each number (0: no bytes)."""
    shifts = np.arange(width, dtype=numbers.dtype)[:: -1 if reverse else 1]
    packed = []
    for start, stop in pieces(len(numbers)):  # of whole bytes, but for the last one
        bits = np.empty((stop - start, width), np.bool_)
        for place, shift in enumerate(shifts):
            bits[:, place] = numbers[start:stop] >> shift & numbers.dtype.type(1)
        packed.append(np.packbits(bits.reshape(-1), bitorder="little").tobytes())
    return b"".join(packed)
