"""Many elements to one: sums, means, extremes, norms, and running sums."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import F32, I64, Array, as_type, axis_of, cast, floating, wide

Function = Callable[..., Any]
Dims = Any  # one dimension, a list of them, or None (as an empty list: all)


def axes_of(dim: Dims, rank: int) -> tuple[int, ...]:
    """Return the axes that a reduction takes away; each may be named once."""
    dims = [dim] if isinstance(dim, int) else dim
    axes = tuple(axis_of(one, rank) for one in dims) if dims else tuple(range(rank))
    if len(set(axes)) != len(axes):
        raise ValueError(f"dimensions {list(dims)}: expected each once")
    return axes if rank else ()


def _summed(self: Array, dtype: str | None) -> tuple[Array, np.dtype[Any]]:
    """Return what is added up, and in which dtype the sum comes."""
    array = cast(self, dtype)
    if array.dtype.kind != "f":
        array = array.astype(I64 if dtype is None else array.dtype)
    return array, array.dtype


def _accumulator(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return F32 if dtype == np.float16 else dtype


def sum_dims(self: Any, dim: Dims, keepdim: bool = False, dtype: str | None = None) -> Any:
    array, result = _summed(self, dtype)
    axes = axes_of(dim, array.ndim)
    return as_type(np.sum(array, axes, _accumulator(result), keepdims=keepdim), result)


def sum_all(self: Any, dtype: str | None = None) -> Any:
    return sum_dims(self, None, False, dtype)


def mean_dims(self: Any, dim: Dims, keepdim: bool = False, dtype: str | None = None) -> Any:
    array = _floating_only(cast(self, dtype))
    axes = axes_of(dim, array.ndim)
    count = math.prod(array.shape[axis] for axis in axes)
    total = np.sum(wide(array), axes, keepdims=keepdim)
    return as_type(total / total.dtype.type(count), array.dtype)


def mean_all(self: Any, dtype: str | None = None) -> Any:
    return mean_dims(self, None, False, dtype)


def _floating_only(array: Array) -> Array:
    if array.dtype.kind != "f":
        raise TypeError(f"expected floating-point numbers, got {array.dtype}")
    return array


def prod_dim(self: Any, dim: int, keepdim: bool = False, dtype: str | None = None) -> Any:
    array, result = _summed(self, dtype)
    axes = axes_of(dim, array.ndim)
    return as_type(np.prod(array, axes, _accumulator(result), keepdims=keepdim), result)


def prod_all(self: Any, dtype: str | None = None) -> Any:
    array, result = _summed(self, dtype)
    return as_type(np.prod(array, None, _accumulator(result)), result)


def _extreme(function: Function) -> Function:
    def kernel(self: Any, dim: Dims = (), keepdim: bool = False) -> Any:
        return function(self, axis=axes_of(dim, self.ndim), keepdims=keepdim)

    return kernel


def _extreme_dim(position: Function) -> Function:
    def kernel(self: Any, dim: int, keepdim: bool = False) -> Any:
        axis = axis_of(dim, self.ndim)
        if not self.ndim:
            return self, np.zeros((), I64)
        where = np.expand_dims(position(self, axis), axis)
        values = np.take_along_axis(self, where, axis)
        if not keepdim:
            values, where = np.squeeze(values, axis), np.squeeze(where, axis)
        return values, where.astype(I64)

    return kernel


def _position(function: Function) -> Function:
    def kernel(self: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is None or not self.ndim:
            found = np.asarray(function(self.reshape(-1)), I64)
            return found.reshape((1,) * self.ndim) if keepdim else found
        axis = axis_of(dim, self.ndim)
        found = np.asarray(function(self, axis), I64)
        return np.expand_dims(found, axis) if keepdim else found

    return kernel


def _truth(function: Function) -> Function:
    def kernel(self: Any, dim: int, keepdim: bool = False) -> Any:
        return _told(function(self != 0, axis=axes_of(dim, self.ndim), keepdims=keepdim), self)

    return kernel


def _truth_of_all(function: Function) -> Function:
    def kernel(self: Any) -> Any:
        return _told(function(self != 0), self)

    return kernel


def _told(found: Any, array: Array) -> Any:
    return as_type(found, array.dtype) if array.dtype == np.uint8 else found


def _whole(kernel: Function) -> Function:
    def of_all(self: Any) -> Any:
        return kernel(self)

    return of_all


def count_nonzero(self: Any, dim: int | None = None) -> Any:
    return np.asarray(np.count_nonzero(self, axis_of(dim, self.ndim) if dim is not None else None))


def logsumexp(self: Any, dim: Dims, keepdim: bool = False) -> Any:
    array = floating(self)
    axes, x = axes_of(dim, array.ndim), wide(array)
    if not array.size:
        return as_type(np.log(np.sum(np.exp(x), axes, keepdims=keepdim)), array.dtype)
    top = np.max(x, axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    total = np.log(np.sum(np.exp(x - top), axes, keepdims=True)) + top
    return as_type(total if keepdim else np.squeeze(total, axes), array.dtype)


def moments(array: Array, axes: tuple[int, ...], correction: float) -> tuple[Array, Array]:
    """Return variance and mean along axes, which are kept with size 1, in at least binary32."""
    x = wide(array)
    count = math.prod(x.shape[axis] for axis in axes)
    mean = np.sum(x, axes, keepdims=True) / x.dtype.type(count)
    apart = x - mean
    np.square(apart, out=apart)
    total = np.sum(apart, axes, keepdims=True)
    return total / x.dtype.type(max(count - correction, 0)), mean


def _spread(self: Any, dim: Dims, correction: Any, keepdim: bool) -> tuple[Array, Array]:
    array = _floating_only(np.asarray(self))
    axes = axes_of(dim, array.ndim)
    found = moments(array, axes, 1 if correction is None else correction)
    if not keepdim:
        found = (np.squeeze(found[0], axes), np.squeeze(found[1], axes))
    return found


def var(self: Any, dim: Dims = None, correction: Any = None, keepdim: bool = False) -> Any:
    return as_type(_spread(self, dim, correction, keepdim)[0], self.dtype)


def std(self: Any, dim: Dims = None, correction: Any = None, keepdim: bool = False) -> Any:
    return as_type(np.sqrt(_spread(self, dim, correction, keepdim)[0]), self.dtype)


def var_dim(self: Any, dim: Dims, unbiased: bool = True, keepdim: bool = False) -> Any:
    return var(self, dim, int(unbiased), keepdim)


def std_dim(self: Any, dim: Dims, unbiased: bool = True, keepdim: bool = False) -> Any:
    return std(self, dim, int(unbiased), keepdim)


def var_mean(self: Any, dim: Dims = None, correction: Any = None, keepdim: bool = False) -> Any:
    spread, mean = _spread(self, dim, correction, keepdim)
    return as_type(spread, self.dtype), as_type(mean, self.dtype)


def std_mean(self: Any, dim: Dims = None, correction: Any = None, keepdim: bool = False) -> Any:
    spread, mean = _spread(self, dim, correction, keepdim)
    return as_type(np.sqrt(spread), self.dtype), as_type(mean, self.dtype)


def vector_norm(
    self: Any, ord: Any = 2, dim: Dims = None, keepdim: bool = False, dtype: str | None = None
) -> Any:
    array = _floating_only(cast(self, dtype))
    axes, x = axes_of(dim, array.ndim), np.abs(wide(array))
    if ord == math.inf:
        result = np.max(x, axes, keepdims=keepdim)
    elif ord == -math.inf:
        result = np.min(x, axes, keepdims=keepdim)
    elif ord == 0:
        result = np.sum(x != 0, axes, x.dtype, keepdims=keepdim)
    elif ord == 1:
        result = np.sum(x, axes, keepdims=keepdim)
    elif ord == 2:
        result = np.sqrt(np.sum(np.square(x), axes, keepdims=keepdim))
    else:
        result = np.sum(x ** float(ord), axes, keepdims=keepdim) ** (1 / float(ord))
    return as_type(result, array.dtype)


def norm(self: Any, p: Any = 2) -> Any:
    return vector_norm(self, 2 if p is None else p)


def norm_dim(self: Any, p: Any, dim: Dims, keepdim: bool = False) -> Any:
    return vector_norm(self, 2 if p is None else p, dim, keepdim)


def norm_dtype(self: Any, p: Any, dim: Dims, keepdim: bool, dtype: str) -> Any:
    return vector_norm(self, 2 if p is None else p, dim, keepdim, dtype)


def _running(function: Function) -> Function:
    def kernel(self: Any, dim: int, dtype: str | None = None) -> Any:
        array, result = _summed(self, dtype)
        axis = axis_of(dim, array.ndim)
        if not array.ndim:
            return array
        return as_type(function(array, axis, _accumulator(result)), result)

    return kernel


def diff(self: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    axis = axis_of(dim, self.ndim)
    parts = [part for part in (prepend, self, append) if part is not None]
    whole = np.concatenate(parts, axis)
    return np.diff(whole, min(n, whole.shape[axis]), axis)  # nothing is left after that many


KERNELS: dict[str, Function] = {
    "sum": sum_all, "sum.dim_IntList": sum_dims, "mean": mean_all, "mean.dim": mean_dims,
    "prod": prod_all, "prod.dim_int": prod_dim,
    "amax": _extreme(np.max), "amin": _extreme(np.min),
    "max": _whole(_extreme(np.max)), "min": _whole(_extreme(np.min)),
    "max.dim": _extreme_dim(np.argmax), "min.dim": _extreme_dim(np.argmin),
    "argmax": _position(np.argmax), "argmin": _position(np.argmin),
    "all": _truth_of_all(np.all), "all.dim": _truth(np.all),
    "any": _truth_of_all(np.any), "any.dim": _truth(np.any),
    "count_nonzero": count_nonzero, "logsumexp": logsumexp,
    "var.correction": var, "std.correction": std, "var.dim": var_dim, "std.dim": std_dim,
    "var_mean.correction": var_mean, "std_mean.correction": std_mean,
    "linalg_vector_norm": vector_norm, "norm.Scalar": norm, "norm.ScalarOpt_dim": norm_dim,
    "norm.ScalarOpt_dim_dtype": norm_dtype,
    "cumsum": _running(np.cumsum), "cumprod": _running(np.cumprod), "diff": diff,
}  # fmt: skip
