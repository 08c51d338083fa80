"""`csr`: compressed sparse rows, the way papers count the cost of a sparse matrix.

The tensor is a matrix of shape[0] rows (one row when it has one dimension). The payload is rows + 1
row pointers, then one column index per one, rising within its row. Pointers take the fewest of 1,
2, 4 or 8 bytes that hold the count of ones, indices the fewest that hold columns - 1; all are
little-endian and unsigned.

>>> import numpy as np
>>> encode(np.array([[0, 1, 1], [0, 0, 1]], bool)).hex(" ")
'00 02 03 01 02 02'
"""

import math

import numpy as np
import numpy.typing as npt

from pemn_compress.errors import ArchiveError

Mask = npt.NDArray[np.bool_]


def _matrix_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    rows = shape[0] if len(shape) > 1 else 1
    return rows, math.prod(shape) // rows


def _unsigned(largest: int) -> np.dtype[np.unsignedinteger]:
    for width in (1, 2, 4):
        if largest < 1 << 8 * width:
            return np.dtype(f"<u{width}")
    return np.dtype("<u8")


def encode(mask: Mask) -> bytes:
    """Return (rows + 1) pointers and one index per one."""
    matrix = np.asarray(mask, np.bool_).reshape(_matrix_shape(mask.shape))
    positions = np.flatnonzero(matrix)
    pointers = np.zeros(len(matrix) + 1, np.int64)
    np.cumsum(np.count_nonzero(matrix, axis=1), out=pointers[1:])
    columns = positions % matrix.shape[1]
    return (
        pointers.astype(_unsigned(len(positions))).tobytes()
        + columns.astype(_unsigned(matrix.shape[1] - 1)).tobytes()
    )


def decode(payload: bytes, shape: tuple[int, ...], ones: int) -> Mask:
    """Return the mask; ArchiveError for a wrong length, falling pointers or unsorted indices."""
    rows, columns = _matrix_shape(shape)
    pointer_type, index_type = _unsigned(ones), _unsigned(columns - 1)
    split = (rows + 1) * pointer_type.itemsize
    expected = split + ones * index_type.itemsize
    if len(payload) != expected:
        raise ArchiveError(f"csr: expected {expected} bytes, got {len(payload)}")
    pointers = np.frombuffer(payload, pointer_type, rows + 1)
    if pointers[0] != 0 or pointers[-1] != ones or (pointers[1:] < pointers[:-1]).any():
        raise ArchiveError(f"csr: expected row pointers that rise from 0 to {ones}, got others")
    indices = np.frombuffer(payload, index_type, ones, split)
    if ones and int(indices.max()) >= columns:
        raise ArchiveError(f"csr: expected column indices below {columns}, got {indices.max()}")
    in_row = pointers[1:].astype(np.int64) - pointers[:-1].astype(np.int64)
    row_of = np.repeat(np.arange(rows), in_row)
    positions = row_of * columns + indices.astype(np.int64)
    if (positions[1:] <= positions[:-1]).any():
        raise ArchiveError("csr: expected column indices that rise within each row, got others")
    flat = np.zeros(rows * columns, np.bool_)
    flat[positions] = True
    return flat.reshape(shape)
