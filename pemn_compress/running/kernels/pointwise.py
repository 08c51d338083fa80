"""Arithmetic of two and more tensors, element by element; numbers may stand for tensors."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import (
    F32,
    Array,
    as_type,
    floating,
    plain,
    result_type,
    together,
    wide,
)

Function = Callable[..., Any]


def _two(function: Function) -> Function:
    """Return a kernel that works in the operands' common dtype."""

    def kernel(self: Any, other: Any) -> Any:
        return function(*together(self, other))

    return kernel


def _two_floating(function: Function) -> Function:
    def kernel(self: Any, other: Any) -> Any:
        dtype = result_type(self, other)
        return function(*together(self, other, dtype=dtype if dtype.kind == "f" else F32))

    return kernel


def _two_truths(function: Function) -> Function:
    def kernel(self: Any, other: Any) -> Any:
        return function(np.asarray(self) != 0, np.asarray(other) != 0)

    return kernel


def add(self: Any, other: Any, alpha: Any = 1) -> Any:
    a, b = together(self, other)
    if alpha == 1:
        return a + b
    return as_type(wide(a) + wide(b) * as_type(alpha, wide(b).dtype), a.dtype)


def sub(self: Any, other: Any, alpha: Any = 1) -> Any:
    a, b = together(self, other)
    if a.dtype.kind == "b":
        raise TypeError("bool tensors cannot be subtracted")
    if alpha == 1:
        return a - b
    return as_type(wide(a) - wide(b) * as_type(alpha, wide(b).dtype), a.dtype)


def rsub(self: Any, other: Any, alpha: Any = 1) -> Any:
    return sub(other, self, alpha)


def divide_mode(self: Any, other: Any, rounding_mode: str | None) -> Any:
    if rounding_mode is None:
        return divide(self, other)
    if rounding_mode == "floor":
        return floor_divide(self, other)
    if rounding_mode != "trunc":
        raise ValueError(f"rounding_mode: expected floor or trunc, got {rounding_mode!r}")
    a, b = together(self, other)
    if a.dtype.kind == "f":
        return np.trunc(a / b)
    _no_zero(b)
    return as_type(a - np.fmod(a, b), a.dtype) // b


def floor_divide(self: Any, other: Any) -> Any:
    a, b = together(self, other)
    if a.dtype.kind != "f":
        _no_zero(b)
    return np.floor_divide(a, b)


def remainder(self: Any, other: Any) -> Any:
    a, b = together(self, other)
    if a.dtype.kind != "f":
        _no_zero(b)
    return np.remainder(a, b)


def fmod(self: Any, other: Any) -> Any:
    a, b = together(self, other)
    if a.dtype.kind != "f":
        _no_zero(b)
    return np.fmod(a, b)


def _no_zero(divisor: Array) -> None:
    if not np.all(divisor):
        raise ZeroDivisionError("integers divided by 0")


def power(self: Any, exponent: Any) -> Any:
    dtype = result_type(self, exponent)
    if dtype.kind == "f":
        if not isinstance(exponent, np.ndarray) and exponent == 2:  # as exact as torch, and fast
            return np.square(as_type(self, dtype))
        return np.power(*together(self, exponent, dtype=dtype))
    a, b = together(self, exponent)
    if not (b < 0).any():
        return as_type(np.power(a, b), dtype)
    if not isinstance(exponent, np.ndarray):
        raise ValueError("integers cannot be raised to a negative number")
    odd = np.where(b % 2 == 0, 1, a)
    return as_type(
        np.where(b >= 0, np.power(a, np.abs(b)), np.where(np.abs(a) == 1, odd, 0)), dtype
    )


def addcmul(self: Any, tensor1: Any, tensor2: Any, value: Any = 1) -> Any:
    base, a, b = together(self, tensor1, tensor2)
    product = wide(a) * wide(b)
    return as_type(wide(base) + as_type(value, product.dtype) * product, base.dtype)


def addcdiv(self: Any, tensor1: Any, tensor2: Any, value: Any = 1) -> Any:
    base, a, b = (floating(one) for one in together(self, tensor1, tensor2))
    quotient = wide(a) / wide(b)
    return as_type(wide(base) + as_type(value, quotient.dtype) * quotient, base.dtype)


def lerp(self: Any, end: Any, weight: Any) -> Any:
    dtype = result_type(self, end)
    a, b, share = (wide(one) for one in together(self, end, weight, dtype=dtype))
    way = b - a
    return as_type(np.where(np.abs(share) < 0.5, a + share * way, b - way * (1 - share)), dtype)


def clamp(self: Any, min: Any = None, max: Any = None) -> Any:
    dtype = result_type(self, min, max)
    result = as_type(self, dtype)
    if min is not None:
        result = np.maximum(result, as_type(min, dtype))
    return result if max is None else np.minimum(result, as_type(max, dtype))


def clamp_min(self: Any, min: Any) -> Any:
    return clamp(self, min)


def clamp_max(self: Any, max: Any) -> Any:
    return clamp(self, None, max)


def where(condition: Any, self: Any, other: Any) -> Any:
    return np.where(np.asarray(condition) != 0, *together(self, other))


def masked_fill(self: Any, mask: Any, value: Any) -> Any:
    array = np.asarray(self)
    if np.asarray(mask).dtype.kind != "b":
        raise TypeError("expected a mask of bool")
    filler = as_type(plain(value), array.dtype)
    return np.where(mask, filler, array)


def nan_to_num(self: Any, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    array = np.asarray(self)
    if array.dtype.kind != "f":
        return array
    return np.nan_to_num(array, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


def copy(self: Any, src: Any) -> Any:
    return np.broadcast_to(as_type(src, self.dtype), self.shape)


def fill(self: Any, value: Any) -> Any:
    return np.broadcast_to(as_type(plain(value), self.dtype), self.shape)


def zero(self: Any) -> Any:
    return fill(self, 0)


divide = _two_floating(np.divide)

KERNELS: dict[str, Function] = {
    "add.Scalar": add, "add.Tensor": add, "sub.Scalar": sub, "sub.Tensor": sub,
    "rsub.Scalar": rsub, "rsub.Tensor": rsub,
    "mul.Scalar": _two(np.multiply), "mul.Tensor": _two(np.multiply),
    "div.Scalar": divide, "div.Tensor": divide, "true_divide.Tensor": divide,
    "div.Scalar_mode": divide_mode, "div.Tensor_mode": divide_mode,
    "floor_divide": floor_divide, "floor_divide.Scalar": floor_divide,
    "remainder.Scalar": remainder, "remainder.Tensor": remainder, "fmod.Scalar": fmod,
    "pow.Scalar": power, "pow.Tensor_Scalar": power, "pow.Tensor_Tensor": power,
    "addcmul": addcmul, "addcdiv": addcdiv, "lerp.Scalar": lerp, "lerp.Tensor": lerp,
    "atan2": _two_floating(np.arctan2), "hypot": _two_floating(np.hypot),
    "maximum": _two(np.maximum), "minimum": _two(np.minimum),
    "max.other": _two(np.maximum), "min.other": _two(np.minimum),
    "clamp": clamp, "clamp.Tensor": clamp, "clamp_min": clamp_min, "clamp_max": clamp_max,
    "where.self": where, "where.Scalar": where, "where.ScalarSelf": where,
    "where.ScalarOther": where,
    "masked_fill.Scalar": masked_fill, "masked_fill.Tensor": masked_fill,
    "nan_to_num": nan_to_num, "copy": copy, "fill.Scalar": fill, "fill.Tensor": fill, "zero": zero,
    "logical_and": _two_truths(np.logical_and), "logical_or": _two_truths(np.logical_or),
    "logical_xor": _two_truths(np.logical_xor),
    "__and__.Tensor": _two(np.bitwise_and), "__or__.Tensor": _two(np.bitwise_or),
    "__xor__.Tensor": _two(np.bitwise_xor),
    "bitwise_and.Scalar": _two(np.bitwise_and), "bitwise_and.Tensor": _two(np.bitwise_and),
    "bitwise_or.Scalar": _two(np.bitwise_or), "bitwise_or.Tensor": _two(np.bitwise_or),
    "bitwise_xor.Tensor": _two(np.bitwise_xor),
    "bitwise_left_shift.Tensor_Scalar": _two(np.left_shift),
    "bitwise_right_shift.Tensor_Scalar": _two(np.right_shift),
    **{
        f"{name}.{overload}": _two(function)
        for name, function in {
            "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
            "gt": np.greater, "ge": np.greater_equal,
        }.items()
        for overload in ("Scalar", "Tensor")
    },
}  # fmt: skip
