"""Normalisation: each in binary32 at least, rounded once."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, as_type, wide
from pemn_compress.running.kernels.reductions import moments

Function = Callable[..., Any]


def _per_channel(values: Any, rank: int) -> Any:
    return None if values is None else wide(values).reshape(-1, *(1,) * (rank - 2))


def _applied(array: Array, var: Any, mean: Any, weight: Any, bias: Any, eps: float) -> Array:
    scale = 1 / np.sqrt(var + var.dtype.type(eps))
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale
    if bias is not None:
        shift = shift + bias
    result = array * scale
    result += shift
    return np.asarray(result)


def batch_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Any:
    array, rank = wide(input), input.ndim
    if training or running_mean is None:
        axes = tuple(axis for axis in range(rank) if axis != 1)
        var, mean = moments(array, axes, 0)
    else:
        var, mean = _per_channel(running_var, rank), _per_channel(running_mean, rank)
    scaled = (_per_channel(weight, rank), _per_channel(bias, rank))
    return as_type(_applied(array, var, mean, *scaled, eps), input.dtype)


def instance_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Any:
    array, rank = wide(input), input.ndim
    if use_input_stats:
        var, mean = moments(array, tuple(range(2, rank)), 0)
    else:
        var, mean = _per_channel(running_var, rank), _per_channel(running_mean, rank)
    scaled = (_per_channel(weight, rank), _per_channel(bias, rank))
    return as_type(_applied(array, var, mean, *scaled, eps), input.dtype)


def _inner(input: Array, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ValueError(f"expected last dimensions of {shape}, got shape {input.shape}")
    return tuple(range(input.ndim - len(shape), input.ndim))


def layer_norm(
    input: Any,
    normalized_shape: Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Any:
    array = wide(input)
    var, mean = moments(array, _inner(input, normalized_shape), 0)
    result = array - mean
    result *= 1 / np.sqrt(var + var.dtype.type(eps))
    if weight is not None:
        result = result * wide(weight)
    if bias is not None:
        result = result + wide(bias)
    return as_type(result, input.dtype)


def rms_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None
) -> Any:
    array, axes = wide(input), _inner(input, normalized_shape)
    square = np.mean(np.square(array), axes, keepdims=True)
    added = np.finfo(array.dtype).eps if eps is None else eps
    result = array * (1 / np.sqrt(square + square.dtype.type(added)))
    if weight is not None:
        result = result * wide(weight)
    return as_type(result, input.dtype)


def group_norm(
    input: Any,
    num_groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Any:
    count, channels = input.shape[:2]
    if num_groups < 1 or channels % num_groups:
        raise ValueError(f"{channels} channels in {num_groups} groups")
    apart = wide(input).reshape(count, num_groups, -1)
    var, mean = moments(apart, (2,), 0)
    result = (apart - mean) * (1 / np.sqrt(var + var.dtype.type(eps)))
    result = result.reshape(input.shape)
    if weight is not None:
        result = result * _per_channel(weight, input.ndim)
    if bias is not None:
        result = result + _per_channel(bias, input.ndim)
    return as_type(result, input.dtype)


KERNELS: dict[str, Function] = {
    "batch_norm": batch_norm, "instance_norm": instance_norm, "layer_norm": layer_norm,
    "group_norm": group_norm, "rms_norm": rms_norm,
}  # fmt: skip
