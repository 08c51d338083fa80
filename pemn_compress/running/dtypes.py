"""Types of values as the graph's operators mix them; bfloat16 is held as binary32.

The rules are those of PyTorch's type promotion: tensors with dimensions go before tensors without,
and both before plain numbers; a later one counts only where it is of a higher kind (bool, integer,
floating point).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import values

Array = npt.NDArray[Any]
DType = np.dtype[Any]

BF16 = "bf16"
F32 = np.dtype(np.float32)
F64 = np.dtype(np.float64)
I64 = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)
# numpy has no bfloat16: its values are held, and computed with, in binary32; a cast rounds
NAMES: dict[str, DType] = {
    name: np.dtype(code).newbyteorder("=") for name, code in values.NUMPY_TYPES.items()
} | {BF16: F32}


def named(name: str) -> DType:
    """Return the dtype that a graph calls by a name. Raises ArchiveError."""
    if name not in NAMES:
        raise ArchiveError(f"dtype: expected one of {', '.join(NAMES)}, got {name!r}")
    return NAMES[name]


def result_type(*operands: Any) -> DType:
    """Return the dtype that arrays and plain numbers (or None, which says nothing) give."""
    dimensioned: DType | None = None
    single: DType | None = None
    number: DType | None = None
    for one in operands:
        if one is None:
            continue
        if not isinstance(one, np.ndarray | np.generic):
            number = _promoted(number, _of_number(one))
        elif np.ndim(one):
            dimensioned = _promoted(dimensioned, one.dtype)
        else:
            single = _promoted(single, one.dtype)
    result = _by_kind(dimensioned, _by_kind(single, number))
    assert result is not None, "no operand"
    return result


def _of_number(value: Any) -> DType:
    return BOOL if isinstance(value, bool) else I64 if isinstance(value, int) else F32


def _promoted(first: DType | None, second: DType | None) -> DType | None:
    if first is None or second is None:
        return second if first is None else first
    floating = [one for one in (first, second) if one.kind == "f"]
    if floating:  # an integer of any width leaves a floating-point type as it is
        return max(floating, key=lambda one: one.itemsize)
    return np.promote_types(first, second)


def _by_kind(higher: DType | None, lower: DType | None) -> DType | None:
    if higher is None or lower is None:
        return lower if higher is None else higher
    if higher.kind != "f" and (higher.kind == "b" or lower.kind == "f"):
        return _promoted(higher, lower)
    return higher


def together(*operands: Any, dtype: DType | None = None) -> list[Array]:
    """Return all operands as arrays of their common dtype, or of the one given."""
    dtype = result_type(*operands) if dtype is None else dtype
    return [as_type(one, dtype) for one in operands]


def as_type(value: Any, dtype: DType) -> Array:
    """Return an array of a dtype; integers wrap as they do in hardware."""
    return np.asarray(value).astype(dtype, copy=False)


def floating(value: Any) -> Array:
    """Return a floating-point array: integers and booleans become binary32."""
    dtype = result_type(value)
    return as_type(value, dtype if dtype.kind == "f" else F32)


def wide(array: Array) -> Array:
    """Return what sums and products are computed in: binary32 for narrower floating point."""
    return array.astype(F32) if array.dtype == np.float16 else array


def cast(value: Any, name: str | None) -> Array:
    """Return a value in the dtype of that name; None leaves it."""
    array = np.asarray(value)
    if name is None:
        return array
    return rounded(array) if name == BF16 else as_type(array, named(name))


def rounded(array: Array) -> Array:
    """Return an array's values rounded to bfloat16, to nearest even, as binary32."""
    held = np.ascontiguousarray(array, np.float32)
    bits = held.view(np.uint32)
    up = ((bits + (np.uint32(0x7FFF) + (bits >> 16 & 1))) & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isnan(held), held, up).reshape(array.shape)


def plain(value: Any) -> Any:
    """Return the Python number in an array of one element; numbers as they are."""
    return value.item() if isinstance(value, np.ndarray | np.generic) else value


def several(value: Any, count: int) -> tuple[int, ...]:
    """Return `count` integers: one, alone or in a list, stands for all."""
    given = (value,) if isinstance(value, int) else tuple(value)
    if len(given) == 1:
        given *= count
    if len(given) != count:
        raise ValueError(f"expected {count} numbers, got {len(given)}")
    return given


def axis_of(dim: int, rank: int) -> int:
    """Return a dimension counted from the front; that of a scalar is 0 or -1. Raises IndexError."""
    most = max(rank, 1)
    if not -most <= dim < most:
        raise IndexError(f"dimension {dim} of a tensor that has {rank}")
    return dim % most
