"""The `.pemn` container: written, read, inspected and verified without torch."""

from pemn_compress.archive.inspection import describe, inspect, verify
from pemn_compress.archive.layout import Limits
from pemn_compress.archive.opening import open_archive
from pemn_compress.archive.reader import Archive
from pemn_compress.archive.records import Manifest, TensorRecord
from pemn_compress.archive.writer import (
    AliasTensor,
    DenseTensor,
    MaskedTensor,
    Prototype,
    QuantizedTensor,
    SparseTensor,
    encode,
)

__all__ = [
    "AliasTensor",
    "Archive",
    "DenseTensor",
    "Limits",
    "Manifest",
    "MaskedTensor",
    "Prototype",
    "QuantizedTensor",
    "SparseTensor",
    "TensorRecord",
    "describe",
    "encode",
    "inspect",
    "open_archive",
    "verify",
]
