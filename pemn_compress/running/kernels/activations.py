"""Activations, and what turns scores into shares."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, as_type, axis_of, cast, floating, wide
from pemn_compress.running.kernels.unary import erf

Function = Callable[..., Any]

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def sigmoid(array: Array) -> Array:
    """Return 1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-array)))


def sigmoid_of_any(self: Any) -> Any:
    array = floating(self)
    return as_type(sigmoid(wide(array)), array.dtype)


def softplus_of(array: Array) -> Array:
    """Return log(1 + exp(x))."""
    return np.logaddexp(array, array.dtype.type(0))


def relu(self: Any) -> Any:
    return np.maximum(self, self.dtype.type(0))


def hardtanh(self: Any, min_val: Any = -1, max_val: Any = 1) -> Any:
    return np.minimum(np.maximum(self, as_type(min_val, self.dtype)), as_type(max_val, self.dtype))


def relu6(self: Any) -> Any:
    return hardtanh(self, 0, 6)


def hardsigmoid(self: Any) -> Any:
    x = wide(self)
    return as_type(np.clip(x + 3, 0, 6) / 6, self.dtype)


def hardswish(self: Any) -> Any:
    x = wide(self)
    return as_type(x * np.clip(x + 3, 0, 6) / 6, self.dtype)


def elu(self: Any, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1) -> Any:
    x = wide(self)
    low = np.expm1(np.minimum(x, 0) * float(input_scale)) * (float(alpha) * float(scale))
    return as_type(np.where(x <= 0, low, x * float(scale)), self.dtype)


def celu(self: Any, alpha: Any = 1.0) -> Any:
    return elu(self, alpha, 1, 1 / alpha)


def selu(self: Any) -> Any:
    return elu(self, _SELU_ALPHA, _SELU_SCALE)


def gelu(self: Any, approximate: str = "none") -> Any:
    x = wide(self)
    if approximate == "none":
        result = x * (erf(x * math.sqrt(0.5)) + 1) * 0.5
    elif approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        result = 0.5 * x * (1 + np.tanh(inner))
    else:
        raise ValueError(f"approximate: expected none or tanh, got {approximate!r}")
    return as_type(result, self.dtype)


def silu(self: Any) -> Any:
    x = wide(self)
    return as_type(x / (1 + np.exp(-x)), self.dtype)


def mish(self: Any) -> Any:
    x = wide(self)
    return as_type(x * np.tanh(softplus_of(x)), self.dtype)


def softplus(self: Any, beta: Any = 1, threshold: Any = 20) -> Any:
    x = wide(self)
    steep = x * float(beta)
    return as_type(np.where(steep > threshold, x, softplus_of(steep) / float(beta)), self.dtype)


def log_sigmoid(self: Any) -> Any:
    return as_type(-softplus_of(-wide(self)), self.dtype)


def leaky_relu(self: Any, negative_slope: Any = 0.01) -> Any:
    x = wide(self)
    return as_type(np.where(x > 0, x, x * float(negative_slope)), self.dtype)


def prelu(self: Any, weight: Any) -> Any:
    if weight.ndim and self.ndim > 1:
        weight = weight.reshape(-1, *(1,) * (self.ndim - 2))
    return np.where(self > 0, self, self * weight.astype(self.dtype))


def threshold(self: Any, threshold: Any, value: Any) -> Any:
    limit, low = as_type(threshold, self.dtype), as_type(value, self.dtype)
    return np.where(self <= limit, low, self)


def hardshrink(self: Any, lambd: Any = 0.5) -> Any:
    return np.where(np.abs(self) <= lambd, self.dtype.type(0), self)


def softshrink(self: Any, lambd: Any = 0.5) -> Any:
    x, edge = self, self.dtype.type(lambd)
    return np.where(x > edge, x - edge, np.where(x < -edge, x + edge, x * 0))


def glu(self: Any, dim: int = -1) -> Any:
    axis = axis_of(dim, self.ndim)
    if self.shape[axis] % 2:
        raise ValueError(f"expected a dimension {dim} of even size, got {self.shape[axis]}")
    value, gate = np.split(wide(self), 2, axis)
    return as_type(value * sigmoid(gate), self.dtype)


def softmax_of(array: Array, axis: int) -> Array:
    """Return shares along one axis; of floating-point numbers at least 32 bits wide."""
    if not array.size:
        return array
    shares = array - array.max(axis=axis, keepdims=True)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=axis, keepdims=True)
    return shares


def softmax(self: Any, dim: int, dtype: str | None = None) -> Any:
    array = cast(self, dtype)
    if not array.ndim:
        return softmax(array[None], 0)[0]
    return as_type(softmax_of(wide(_checked(array)), axis_of(dim, array.ndim)), array.dtype)


def log_softmax(self: Any, dim: int, dtype: str | None = None) -> Any:
    array = cast(self, dtype)
    if not array.ndim:
        return log_softmax(array[None], 0)[0]
    if not array.size:
        return array
    x, axis = wide(_checked(array)), axis_of(dim, array.ndim)
    x = x - x.max(axis=axis, keepdims=True)
    return as_type(x - np.log(np.exp(x).sum(axis=axis, keepdims=True)), array.dtype)


def _checked(array: Array) -> Array:
    if array.dtype.kind != "f":
        raise TypeError("expected floating-point numbers or a dtype")
    return array


KERNELS: dict[str, Function] = {
    "relu": relu, "relu6": relu6, "hardtanh": hardtanh, "hardsigmoid": hardsigmoid,
    "hardswish": hardswish, "elu": elu, "celu": celu, "selu": selu, "gelu": gelu, "silu": silu,
    "mish": mish, "softplus": softplus, "log_sigmoid": log_sigmoid, "leaky_relu": leaky_relu,
    "prelu": prelu, "threshold": threshold, "hardshrink": hardshrink, "softshrink": softshrink,
    "glu": glu, "sigmoid": sigmoid_of_any, "softmax.int": softmax, "log_softmax.int": log_softmax,
}  # fmt: skip
