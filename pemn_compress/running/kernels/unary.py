"""Functions of one tensor, element by element."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, as_type, floating, wide

Function = Callable[..., Any]

# erf(x) = x P(x^2) / Q(x^2) for |x| <= 4, to some units in the last place of binary32: the
# rational function of Eigen's generic_fast_erf, least power last
_OVER = (
    -2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
    -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02,
)  # fmt: skip
_UNDER = (
    -1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
    -1.42647390514189e-02,
)  # fmt: skip
_PIECE = 1 << 14  # elements that stay in a processor's cache


def _real(function: Function) -> Function:
    """Return a kernel that takes integers as binary32, and computes as wide as sums do."""

    def kernel(self: Any) -> Any:
        array = floating(self)
        return as_type(function(wide(array)), array.dtype)

    return kernel


def _same(function: Function) -> Function:
    """Return a kernel that leaves the dtype as it is."""

    def kernel(self: Any) -> Any:
        return function(np.asarray(self))

    return kernel


def _rounding(function: Function) -> Function:
    """Return a kernel that has nothing to do for integers."""

    def kernel(self: Any) -> Any:
        return function(self) if np.asarray(self).dtype.kind == "f" else self

    return kernel


def _sign(array: Array) -> Array:
    if array.dtype.kind == "b":
        return array
    # the sign of a NaN is 0 there
    return as_type(np.where(np.isnan(array), 0, np.sign(array)), array.dtype)


def _neg(array: Array) -> Array:
    if array.dtype.kind == "b":
        raise TypeError("bool tensors cannot be negated")
    return np.negative(array)


def _square(array: Array) -> Array:
    return np.square(array.astype(np.int64) if array.dtype.kind == "b" else array)


def erf(array: Array) -> Array:
    """Return the error function of floating-point numbers, within some units in the last place."""
    if array.dtype == np.float64:
        return np.vectorize(math.erf, otypes=[float])(array) if array.size else array
    flat = np.ascontiguousarray(array).reshape(-1)
    result = np.empty_like(flat)
    for start in range(0, flat.size, _PIECE):
        x = np.clip(flat[start : start + _PIECE], -4, 4)
        squares = x * x
        over, under = np.full_like(x, _OVER[0]), np.full_like(x, _UNDER[0])
        for factor in _OVER[1:]:
            over *= squares
            over += x.dtype.type(factor)
        for factor in _UNDER[1:]:
            under *= squares
            under += x.dtype.type(factor)
        over *= x
        np.divide(over, under, out=result[start : start + _PIECE])
    return result.reshape(array.shape)


def _erfc(array: Array) -> Array:
    if not array.size:
        return array
    return np.vectorize(math.erfc, otypes=[float])(array.astype(np.float64))


def _finite(function: Function, otherwise: bool) -> Function:
    def kernel(self: Any) -> Any:
        array = np.asarray(self)
        if array.dtype.kind != "f":
            return np.full(array.shape, otherwise)
        return function(array)

    return kernel


KERNELS: dict[str, Function] = {
    "abs": _same(np.abs), "neg": _same(_neg), "square": _same(_square),
    "sign": _same(_sign), "sgn": _same(_sign),
    "bitwise_not": _same(np.invert), "logical_not": _same(np.logical_not),
    "ceil": _rounding(np.ceil), "floor": _rounding(np.floor), "trunc": _rounding(np.trunc),
    "round": _rounding(np.rint), "frac": _rounding(lambda x: x - np.trunc(x)),
    "isnan": _finite(np.isnan, False), "isinf": _finite(np.isinf, False),
    "isfinite": _finite(np.isfinite, True),
    "acos": _real(np.arccos), "asin": _real(np.arcsin), "atan": _real(np.arctan),
    "cos": _real(np.cos), "cosh": _real(np.cosh), "sin": _real(np.sin), "sinh": _real(np.sinh),
    "tan": _real(np.tan), "tanh": _real(np.tanh),
    "erf": _real(erf), "erfc": _real(_erfc),
    "exp": _real(np.exp), "exp2": _real(np.exp2), "expm1": _real(np.expm1),
    "log": _real(np.log), "log1p": _real(np.log1p), "log2": _real(np.log2),
    "reciprocal": _real(np.reciprocal), "sqrt": _real(np.sqrt),
    "rsqrt": _real(lambda x: 1 / np.sqrt(x)),
}  # fmt: skip
