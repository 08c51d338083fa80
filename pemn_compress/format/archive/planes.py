"""Planes: one number for each selected element of a tensor, most of them 0.

A plane says where a tensor's values depart from what its record says: an element is negated, drawn
again, or takes another one's value. Methods whose weights change while they train (IteRand, weight
recycling) are stored so, and what that costs is the plane's own payload.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pemn_compress.errors import ArchiveError
from pemn_compress.format import codecs, prng
from pemn_compress.format.archive.records import (
    FROM_SOURCE,
    GENERATION,
    SIGN,
    FromPrototype,
    Plane,
    Positions,
    PrototypeRecord,
)

Numbers = npt.NDArray[np.uint64]
_SIGN_BITS = {2: np.uint16(1 << 15), 4: np.uint32(1 << 31)}


@dataclass(frozen=True)
class Departures:
    """The elements of a tensor that a plane changes: their indices in C order, and a number each.

    `numbers` of a sign plane are all 1; of generations from 1 on; of sources any element's index.
    """

    record: Plane
    indices: Numbers
    numbers: Numbers


def encode(
    kind: str, stream: int, numbers: npt.NDArray[np.generic], own: Numbers, codec: str
) -> tuple[Plane, bytes] | None:
    """Return a plane's record and payload, None for a plane that changes nothing.

    `numbers` are those of the selected elements, `own` these elements' indices, both of shape
    (selected,).
    """
    wanted = numbers.astype(np.uint64)
    changed = wanted != own if kind == FROM_SOURCE else wanted != 0
    if not changed.any():
        return None
    used, mask = codecs.encode(codec, changed)
    positions = Positions(used, int(changed.sum()), len(mask))
    if kind == SIGN:
        return Plane(kind, positions), mask
    stored = wanted[changed] - np.uint64(kind == GENERATION)
    width = max(1, int(stored.max()).bit_length())
    bits = stored[:, None] >> np.arange(width, dtype=np.uint64) & np.uint64(1)
    packed = np.packbits(bits.astype(np.uint8).reshape(-1), bitorder="little").tobytes()
    return Plane(kind, positions, width, stream), mask + packed


def decode(payload: bytes, plane: Plane, selected: Numbers, numel: int) -> Departures:
    """Return what a payload says of a tensor whose selected elements have these indices.

    Raises ArchiveError.
    """
    positions = plane.positions
    which = codecs.CODECS[positions.codec].decode(
        payload[: positions.size], (selected.size,), positions.ones
    )
    indices = selected[which]
    if plane.kind == SIGN:
        return Departures(plane, indices, np.ones_like(indices))
    packed = np.frombuffer(payload, np.uint8, offset=positions.size)
    bits = np.unpackbits(packed, bitorder="little")
    used = positions.ones * plane.width
    if bits[used:].any():
        raise ArchiveError("plane: expected padding bits of 0, got others")
    numbers = np.zeros(positions.ones, np.uint64)
    rows = bits[:used].reshape(positions.ones, plane.width)
    for bit in range(plane.width):
        numbers |= rows[:, bit].astype(np.uint64) << np.uint64(bit)
    if plane.kind == GENERATION:
        return Departures(plane, indices, numbers + np.uint64(1))
    if int(numbers.max()) >= numel:
        raise ArchiveError(f"plane: expected sources below {numel}, got {int(numbers.max())}")
    return Departures(plane, indices, numbers)


def values(
    departures: Departures, prototype: prng.F32, record: PrototypeRecord, fill: FromPrototype
) -> prng.F32:
    """Return what the changed elements take instead of the prototype's values: float32 (n,)."""
    if departures.record.kind == GENERATION:
        if record.seed is None or record.transform is None:
            raise ArchiveError("plane: expected a prototype with a seed, got none")
        streams = np.uint64(departures.record.stream) + departures.numbers
        return prng.values_at(record.transform, record.seed, streams, departures.indices)
    places = (departures.numbers + np.uint64(fill.offset)) % np.uint64(prototype.size)
    taken: prng.F32 = prototype[places]
    return taken


def negate(array: npt.NDArray[np.generic], departures: Departures) -> None:
    """Change the signs of the elements that a sign plane names, in place."""
    bits = array.reshape(-1).view(f"u{array.itemsize}")
    bits[departures.indices] ^= _SIGN_BITS[array.itemsize]
