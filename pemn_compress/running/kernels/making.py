"""Tensors made of numbers, and whole numbers made of sizes."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, cast, result_type

Function = Callable[..., Any]


def _made(shape: Sequence[int], value: Any, dtype: str | None, otherwise: Any = None) -> Array:
    """Return a constant of a shape that takes the memory of one element."""
    if min(shape, default=0) < 0:
        raise ValueError(f"expected sizes of at least 0, got {list(shape)}")
    if dtype is not None:
        one = cast(np.asarray(value), dtype)
    else:
        one = np.asarray(value).astype(result_type(value) if otherwise is None else otherwise)
    return np.broadcast_to(one, tuple(shape))


def full(size: Sequence[int], fill_value: Any, dtype: str | None = None) -> Any:
    return _made(size, fill_value, dtype)


def zeros(size: Sequence[int], dtype: str | None = None) -> Any:
    return _made(size, 0, dtype or "f32")


def ones(size: Sequence[int], dtype: str | None = None) -> Any:
    return _made(size, 1, dtype or "f32")


def full_like(
    self: Any, fill_value: Any, dtype: str | None = None, memory_format: Any = None
) -> Any:
    return _made(self.shape, fill_value, dtype, self.dtype)


def zeros_like(self: Any, dtype: str | None = None, memory_format: Any = None) -> Any:
    return _made(self.shape, 0, dtype, self.dtype)


def ones_like(self: Any, dtype: str | None = None, memory_format: Any = None) -> Any:
    return _made(self.shape, 1, dtype, self.dtype)


def new_full(self: Any, size: Sequence[int], fill_value: Any, dtype: str | None = None) -> Any:
    return _made(size, fill_value, dtype, self.dtype)


def new_zeros(self: Any, size: Sequence[int], dtype: str | None = None) -> Any:
    return _made(size, 0, dtype, self.dtype)


def new_ones(self: Any, size: Sequence[int], dtype: str | None = None) -> Any:
    return _made(size, 1, dtype, self.dtype)


def scalar_tensor(s: Any, dtype: str | None = None) -> Any:
    return cast(np.asarray(s), dtype or "f32")


def arange_count(start: Any, end: Any, step: Any = 1) -> int:
    """Return how many numbers a range has. Raises ValueError."""
    if step == 0 or (end - start) * step < 0:
        raise ValueError(f"a range from {start} to {end} in steps of {step}")
    if all(isinstance(one, int) for one in (start, end, step)):
        return -((start - end) // step)
    return math.ceil((end - start) / step)


def arange_step(start: Any, end: Any, step: Any = 1, dtype: str | None = None) -> Any:
    numbers = np.arange(arange_count(start, end, step)) * step + start
    whole = all(isinstance(one, int) for one in (start, end, step))
    return cast(numbers, dtype or ("i64" if whole else "f32"))


def arange_start(start: Any, end: Any, dtype: str | None = None) -> Any:
    return arange_step(start, end, 1, dtype)


def arange(end: Any, dtype: str | None = None) -> Any:
    return arange_step(0, end, 1, dtype)


def linspace(start: Any, end: Any, steps: int, dtype: str | None = None) -> Any:
    if steps < 2:
        return cast(np.full(steps, float(start)), dtype or "f32")
    step = (float(end) - float(start)) / (steps - 1)
    numbers = np.arange(steps, dtype=np.float64)
    ahead, behind = start + step * numbers, end - step * (steps - 1 - numbers)
    return cast(np.where(numbers < steps // 2, ahead, behind), dtype or "f32")


def eye(n: int, dtype: str | None = None) -> Any:
    return cast(np.eye(n), dtype or "f32")


def eye_m(n: int, m: int, dtype: str | None = None) -> Any:
    return cast(np.eye(n, m), dtype or "f32")


def get(values: Any, index: int) -> Any:
    return values[index]


def sym_size(self: Any, dim: int) -> int:
    return int(self.shape[dim])


def _size(function: Function) -> Function:
    def kernel(a: int, b: int) -> int:
        return int(function(a, b))

    return kernel


def negated(a: int) -> int:
    return -a


KERNELS: dict[str, Function] = {
    "full": full, "zeros": zeros, "ones": ones, "full_like": full_like, "zeros_like": zeros_like,
    "ones_like": ones_like, "new_full": new_full, "new_zeros": new_zeros, "new_ones": new_ones,
    "scalar_tensor": scalar_tensor, "arange": arange, "arange.start": arange_start,
    "arange.start_step": arange_step, "linspace": linspace, "eye": eye, "eye.m": eye_m,
    "tuple.get": get, "sym_size.int": sym_size,
    "size.add": _size(lambda a, b: a + b), "size.sub": _size(lambda a, b: a - b),
    "size.mul": _size(lambda a, b: a * b), "size.floordiv": _size(lambda a, b: a // b),
    "size.mod": _size(lambda a, b: a % b), "size.max": _size(max), "size.min": _size(min),
    "size.neg": negated,
}  # fmt: skip
