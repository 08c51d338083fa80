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
from pemn_compress.format.bits import Payload, pieces

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


def least(mask: Mask) -> int:
    """Return the size of the payload."""
    rows, columns = _matrix_shape(mask.shape)
    ones = int(np.count_nonzero(mask))
    return (rows + 1) * _unsigned(ones).itemsize + ones * _unsigned(columns - 1).itemsize


def decode(payload: Payload, shape: tuple[int, ...], ones: int) -> Mask:
    """Return the mask; ArchiveError for a wrong length, falling pointers or unsorted indices."""
    rows, columns = _matrix_shape(shape)
    pointer_type, index_type = _unsigned(ones), _unsigned(columns - 1)
    split = (rows + 1) * pointer_type.itemsize
    expected = split + ones * index_type.itemsize
    if len(payload) != expected:
        raise ArchiveError(f"csr: expected {expected} bytes, got {len(payload)}")
    flat = np.zeros(rows * columns, np.bool_)
    done, last = 0, -1  # indices used, and the position that the last of them had
    for first, end in pieces(rows):
        pointers = _numbers(payload, 0, first, end + 1, pointer_type)
        wrong = pointers[0] != done or (end == rows and pointers[-1] != ones)
        if wrong or pointers[-1] > ones or (pointers[1:] < pointers[:-1]).any():
            raise ArchiveError(f"csr: expected row pointers that rise from 0 to {ones}, got others")
        bounds = pointers.astype(np.int64)
        for start, stop in pieces(int(bounds[-1]) - done):
            begin, stop = done + start, done + stop
            indices = _numbers(payload, split, begin, stop, index_type)
            largest = int(indices.max())
            if largest >= columns:
                raise ArchiveError(f"csr: expected column indices below {columns}, got {largest}")
            edges = np.clip(bounds, begin, stop)
            row_of = np.repeat(np.arange(first, end), edges[1:] - edges[:-1])
            positions = row_of * columns + indices.astype(np.int64)
            if positions[0] <= last or (positions[1:] <= positions[:-1]).any():
                raise ArchiveError(
                    "csr: expected column indices that rise within each row, got others"
                )
            flat[positions] = True
            last = int(positions[-1])
        done = int(bounds[-1])
    return flat.reshape(shape)


def _numbers(
    payload: Payload, offset: int, start: int, stop: int, kind: np.dtype[np.unsignedinteger]
) -> npt.NDArray[np.unsignedinteger]:
    """Return numbers `start` to `stop` of those that lie in the payload from `offset` on."""
    return np.frombuffer(
        payload[offset + start * kind.itemsize : offset + stop * kind.itemsize], kind
    )
