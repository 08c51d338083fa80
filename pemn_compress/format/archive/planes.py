"""Planes: one number for each selected element of a tensor, most of them 0.

A plane says where a tensor's values depart from what its record says: an element is negated, drawn
again, or takes another one's value. Methods whose weights change while they train (IteRand, weight
recycling) are stored so, and what that costs is the plane's own payload.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

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
from pemn_compress.format.bits import PIECE, Part, Payload, fields, pack_fields, pieces, words_of

Numbers = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Departures:
    """The elements of a tensor that a plane changes.

    `which` says it of the selected elements that are not frozen, `mask` (flat, None: all) which
    elements of the tensor those are, `numel` how many it has.
    """

    record: Plane
    numel: int
    mask: Mask | None = field(repr=False)
    which: Mask = field(repr=False)
    _payload: Payload = field(repr=False)

    def pieces(self, step: int = PIECE) -> Iterator[tuple[Numbers, Numbers]]:
        """Yield (indices, numbers) for each `step` elements of the tensor, in C order.

        The indices are the changed elements'. The numbers of a sign plane are all 1, those of
        generations start at 1, those of sources are elements' indices. Raises ArchiveError.
        """
        selected = done = 0
        for start, stop in pieces(self.numel, step):
            if self.mask is None:
                changed = np.flatnonzero(self.which[start:stop])
            else:
                chosen = np.flatnonzero(self.mask[start:stop])
                changed = chosen[self.which[selected : selected + chosen.size]]
                selected += chosen.size
            yield (changed + start).astype(np.uint64), self._numbers(done, changed.size)
            done += changed.size

    def _numbers(self, first: int, count: int) -> Numbers:
        plane = self.record
        if plane.kind == SIGN:
            return np.ones(count, np.uint64)
        numbers = fields(self._payload, plane.positions.size, first, count, plane.width)
        if plane.kind == GENERATION:
            return numbers + np.uint64(1)
        if count and int(numbers.max()) >= self.numel:
            raise ArchiveError(
                f"plane: expected sources below {self.numel}, got {int(numbers.max())}"
            )
        return numbers

    @property
    def indices(self) -> Numbers:
        """The changed elements' indices, in C order: shape (n,)."""
        return np.concatenate([indices for indices, _ in self.pieces()])

    @property
    def numbers(self) -> Numbers:
        """The changed elements' numbers: shape (n,)."""
        return np.concatenate([numbers for _, numbers in self.pieces()])


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
    return Plane(kind, positions, width, stream), mask + pack_fields(stored, width)


def decode(payload: Payload, plane: Plane, mask: Mask | None, numel: int) -> Departures:
    """Return what a payload says of a tensor of `numel` elements, selected by a flat mask.

    Raises ArchiveError; sources beyond the tensor are found when the numbers are read.
    """
    positions = plane.positions
    selected = numel if mask is None else int(np.count_nonzero(mask))
    which = codecs.CODECS[positions.codec].decode(
        Part(payload, 0, positions.size), (selected,), positions.ones
    )
    used = positions.ones * plane.width % 8
    if used and payload[len(payload) - 1 : len(payload)][0] >> used:
        raise ArchiveError("plane: expected padding bits of 0, got others")
    return Departures(plane, numel, mask, which, payload)


def values(
    plane: Plane,
    indices: Numbers,
    numbers: Numbers,
    prototype: prng.F32,
    record: PrototypeRecord,
    fill: FromPrototype,
) -> prng.F32:
    """Return what changed elements take instead of the prototype's values: float32 (n,)."""
    if plane.kind == GENERATION:
        if record.seed is None or record.transform is None:
            raise ArchiveError("plane: expected a prototype with a seed, got none")
        streams = np.uint64(plane.stream) + numbers
        return prng.values_at(record.transform, record.seed, streams, indices)
    places = (numbers + np.uint64(fill.offset)) % np.uint64(prototype.size)
    taken: prng.F32 = prototype[places]
    return taken


def negate(array: npt.NDArray[np.generic], departures: Departures) -> None:
    """Change the signs of the elements that a sign plane names, in place."""
    bits = words_of(array.reshape(-1))
    sign = bits.dtype.type(1 << 8 * array.itemsize - 1)
    for indices, _ in departures.pieces():
        bits[indices] ^= sign
