"""Frobenius norms of the weights that masks keep and of those that they drop.

Source: [IWR] "Randomly Initialized Subnetworks with Iterative Weight Recycling", figures 4 and 6.
"""

import math
from dataclasses import dataclass

import numpy as np

from pemn_compress.format.archive import Archive
from pemn_compress.format.archive.filling import masked
from pemn_compress.format.archive.records import SIGN, Alias, FromPrototype
from pemn_compress.format.archive.values import Array
from pemn_compress.format.bits import pieces

_FLOATING = ("f16", "bf16", "f32", "f64")


@dataclass(frozen=True)
class Norms:
    """Square roots of summed squares of one tensor's weights: `kept` and `dropped`.

    `kept_count` and `dropped_count` are how many weights those are. `dropped` is 0 where nothing
    was dropped, and None where the archive does not say what was: only weights that come from the
    prototype can be regenerated, and not where they were drawn anew or recycled while training:
    those planes hold kept weights only. Where signs alone come from the prototype (Biprop) a
    dropped weight counts as the scale too.
    """

    name: str
    kept_count: int
    dropped_count: int
    kept: float
    dropped: float | None

    @property
    def kept_rms(self) -> float | None:
        """Root mean square of a kept weight: comparable where the counts differ."""
        return self.kept / math.sqrt(self.kept_count) if self.kept_count else None

    @property
    def dropped_rms(self) -> float | None:
        """Root mean square of a dropped weight."""
        if self.dropped is None or not self.dropped_count:
            return None
        return self.dropped / math.sqrt(self.dropped_count)


def norms(archive: Archive) -> tuple[Norms, ...]:
    """Return the norms of every floating tensor of an open archive, aliases left out.

    Restores the tensors one by one. Raises ArchiveError for a payload that is not what it was.
    """
    found = []
    for record in archive.manifest.tensors:
        if isinstance(record.values, Alias) or record.dtype not in _FLOATING:
            continue
        kept = _norm(archive.tensor(record.name), record.dtype)
        if record.positions is None:
            found.append(Norms(record.name, record.numel, 0, kept, 0.0))
            continue
        ones = record.positions.ones
        dropped = None
        if ones == record.numel:
            dropped = 0.0
        elif isinstance(record.values, FromPrototype) and (
            record.plane is None or record.plane.kind == SIGN  # signs change no norm
        ):
            elsewhere = ~archive.mask(record.name)
            frozen = masked(archive.prototype(), record.values, elsewhere, record.dtype)
            dropped = _norm(frozen, record.dtype)
        found.append(Norms(record.name, ones, record.numel - ones, kept, dropped))
    return tuple(found)


def _norm(array: Array, dtype: str) -> float:
    flat, total = array.reshape(-1), 0.0  # a constant stays one element seen many times
    with np.errstate(all="ignore"):  # weights that are not finite have a norm that is not either
        for start, stop in pieces(flat.size):
            part = flat[start:stop]
            if dtype == "bf16":
                part = (part.astype(np.uint32) << 16).view(np.float32)
            total += float(np.sum(np.square(part.astype(np.float64))))
    return math.sqrt(total)
