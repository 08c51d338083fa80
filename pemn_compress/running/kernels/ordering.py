"""Elements in the order of their values: stable, a NaN is the greatest."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import I64, Array, axis_of

Function = Callable[..., Any]


def order_of(array: Array, axis: int, descending: bool) -> Array:
    """Return the indices that sort along an axis; of equal elements the first one comes first."""
    if not descending:
        return np.argsort(array, axis, kind="stable").astype(I64)
    last = array.shape[axis] - 1
    backwards = np.argsort(np.flip(array, axis), axis, kind="stable")
    return (last - np.flip(backwards, axis)).astype(I64)


def argsort(self: Any, dim: int = -1, descending: bool = False) -> Any:
    axis = axis_of(dim, self.ndim)
    return order_of(self, axis, descending) if self.ndim else np.zeros((), I64)


def sort(self: Any, dim: int = -1, descending: bool = False) -> Any:
    axis = axis_of(dim, self.ndim)
    if not self.ndim:
        return self, np.zeros((), I64)
    order = order_of(self, axis, descending)
    return np.take_along_axis(self, order, axis), order


def topk(self: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    axis = axis_of(dim, self.ndim)
    if not 0 <= k <= (self.shape[axis] if self.ndim else 1):
        raise ValueError(f"k = {k} of a dimension of {self.shape[axis] if self.ndim else 1}")
    values, order = sort(self, dim, largest)
    if not self.ndim:
        return values, order
    part = (slice(None),) * axis + (slice(k),)
    return values[part], order[part]


KERNELS: dict[str, Function] = {"argsort": argsort, "sort": sort, "topk": topk}
