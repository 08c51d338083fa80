"""Products of matrices, and distances."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, as_type, axis_of, together, wide

Function = Callable[..., Any]


def _ready(array: Array) -> Array:
    """Return a matrix that BLAS can take: numpy multiplies others by slow loops of its own."""
    if array.ndim < 2 or array.itemsize in array.strides[-2:]:
        return array
    return np.ascontiguousarray(array)


def product(a: Array, b: Array) -> Array:
    """Return a @ b, summed in at least binary32, in the dtype of a."""
    return as_type(np.matmul(_ready(wide(a)), _ready(wide(b))), a.dtype)


def matmul(self: Any, other: Any) -> Any:
    _alike(self, other)
    if self.ndim > 2 and other.ndim == 2:  # one large product in place of many small ones
        flat = product(self.reshape(-1, self.shape[-1]), other)
        return flat.reshape(*self.shape[:-1], other.shape[1])
    return product(self, other)


def _alike(*tensors: Array) -> None:
    names = [one.dtype.name for one in tensors]
    if len(set(names)) > 1:
        raise TypeError(f"expected one dtype, got {' and '.join(names)}")


def mm(self: Any, mat2: Any) -> Any:
    _ranks((self, 2), (mat2, 2))
    return matmul(self, mat2)


def bmm(self: Any, mat2: Any) -> Any:
    _ranks((self, 3), (mat2, 3))
    if len(self) != len(mat2):
        raise ValueError(f"batches of {len(self)} and {len(mat2)}")
    return matmul(self, mat2)


def mv(self: Any, vec: Any) -> Any:
    _ranks((self, 2), (vec, 1))
    return matmul(self, vec)


def dot(self: Any, tensor: Any) -> Any:
    _ranks((self, 1), (tensor, 1))
    return matmul(self, tensor)


def _ranks(*wanted: tuple[Array, int]) -> None:
    for array, rank in wanted:
        if array.ndim != rank:
            raise ValueError(f"expected {rank} dimensions, got shape {array.shape}")


def outer(self: Any, vec2: Any) -> Any:
    _ranks((self, 1), (vec2, 1))
    a, b = together(self, vec2)
    return a[:, None] * b


def _added(base: Array, result: Array, beta: Any, alpha: Any) -> Array:
    if alpha != 1:
        result = result * as_type(alpha, result.dtype)
    if beta == 0:  # what is in the base does not matter then, not even a NaN
        return result
    return as_type(base if beta == 1 else base * as_type(beta, base.dtype), result.dtype) + result


def addmm(self: Any, mat1: Any, mat2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    _alike(self, mat1, mat2)
    return as_type(_added(wide(self), mm(wide(mat1), wide(mat2)), beta, alpha), self.dtype)


def baddbmm(self: Any, batch1: Any, batch2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    _alike(self, batch1, batch2)
    return as_type(_added(wide(self), bmm(wide(batch1), wide(batch2)), beta, alpha), self.dtype)


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    _alike(input, weight, *(() if bias is None else (bias,)))
    result = matmul(wide(input), wide(weight).T)
    if bias is not None:
        result = result + wide(bias)
    return as_type(result, input.dtype)


def einsum(equation: str, tensors: Sequence[Any], path: Any = None) -> Any:
    _alike(*tensors)
    result = np.einsum(equation.replace(" ", ""), *map(wide, tensors), optimize=len(tensors) > 1)
    return as_type(result, tensors[0].dtype)


def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: int | None = None) -> Any:
    if p == 2 and x1.shape[-1] and compute_mode != 2:
        squares = np.square(x1).sum(-1)[..., :, None] + np.square(x2).sum(-1)[..., None, :]
        if compute_mode == 1 or max(x1.shape[-2], x2.shape[-2]) > 25:
            far = squares - 2 * product(x1, np.swapaxes(x2, -1, -2))
            return np.sqrt(np.maximum(far, 0))
    apart = np.abs(x1[..., :, None, :] - x2[..., None, :, :])
    return _power_mean(apart, p)


def _power_mean(apart: Array, p: float, keepdims: bool = False) -> Array:
    """Return the p-norm over the last axis of magnitudes."""
    if p == 0:
        return (apart != 0).sum(-1, keepdims=keepdims).astype(apart.dtype)
    if p == math.inf:
        return np.max(apart, -1, keepdims=keepdims, initial=0)
    if p == 1:
        return np.sum(apart, -1, keepdims=keepdims)
    if p == 2:
        return np.sqrt(np.sum(np.square(apart), -1, keepdims=keepdims))
    total = np.sum(apart ** apart.dtype.type(p), -1, keepdims=keepdims)
    return total ** total.dtype.type(1 / p)


def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    apart = np.abs(wide(x1) - wide(x2) + wide(x1).dtype.type(eps))
    return as_type(_power_mean(apart, p, keepdim), x1.dtype)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    a, b = np.broadcast_arrays(wide(x1), wide(x2))
    axis = axis_of(dim, a.ndim)
    unit = [
        one / np.maximum(np.sqrt(np.square(one).sum(axis, keepdims=True)), one.dtype.type(eps))
        for one in (a, b)
    ]
    return as_type((unit[0] * unit[1]).sum(axis), x1.dtype)


KERNELS: dict[str, Function] = {
    "matmul": matmul, "mm": mm, "bmm": bmm, "mv": mv, "dot": dot, "outer": outer, "addmm": addmm,
    "baddbmm": baddbmm, "linear": linear, "einsum": einsum, "cdist": cdist,
    "pairwise_distance": pairwise_distance, "cosine_similarity": cosine_similarity,
}  # fmt: skip
