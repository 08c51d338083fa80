"""The arrays of an archive."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pemn_compress.format.archive import records, values
from pemn_compress.format.archive.layout import Limits
from pemn_compress.format.archive.opening import Source, open_archive
from pemn_compress.format.archive.reader import Archive

Array = npt.NDArray[Any]


def decode(archive: Source, *, limits: Limits | None = None) -> dict[str, Array]:
    """Return every tensor of an archive (a path or bytes) as a numpy array, by name and in order.

    All digests are checked. Tied tensors are one array under several names. numpy has no bfloat16:
    such a tensor comes as float32, which holds all its values. Raises ArchiveError.
    """
    with open_archive(archive, limits) as opened:
        restored = opened.restored()
        held: dict[str, Array] = {}
        for record in opened.manifest.tensors:
            if isinstance(record.values, records.Alias):
                held[record.name] = held[record.values.of]
            else:
                held[record.name] = _native(record, restored[record.name])
        return held


def state_of(archive: Archive) -> dict[str, tuple[str, Array]]:
    """Return every tensor of an open archive with its dtype; bf16 as 16-bit patterns."""
    restored = archive.restored()
    return {
        record.name: (record.dtype, restored[record.name]) for record in archive.manifest.tensors
    }


def _native(record: records.TensorRecord, array: Array) -> Array:
    if record.dtype == "bf16":
        return np.asarray(values.widen(np.ascontiguousarray(array), "bf16", "f32")).reshape(
            record.shape
        )
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return native if native.flags.writeable else native.copy()
