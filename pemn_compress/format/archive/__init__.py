"""The `.pemn` container: written, read, inspected and verified without torch."""

from pemn_compress.format.archive.contents import (
    AliasTensor,
    ConstantTensor,
    DenseTensor,
    MaskedTensor,
    Plane,
    Prototype,
    QuantizedTensor,
    SparseTensor,
)
from pemn_compress.format.archive.inspection import describe, inspect, verify
from pemn_compress.format.archive.layout import Limits
from pemn_compress.format.archive.opening import open_archive
from pemn_compress.format.archive.opening import open_archive as open
from pemn_compress.format.archive.reader import Archive
from pemn_compress.format.archive.records import Frozen, Manifest, Shuffle, TensorRecord
from pemn_compress.format.archive.writer import encode

__all__ = [
    "AliasTensor",
    "Archive",
    "ConstantTensor",
    "DenseTensor",
    "Frozen",
    "Limits",
    "Manifest",
    "MaskedTensor",
    "Plane",
    "Prototype",
    "QuantizedTensor",
    "Shuffle",
    "SparseTensor",
    "TensorRecord",
    "describe",
    "encode",
    "inspect",
    "open",
    "open_archive",
    "verify",
]
