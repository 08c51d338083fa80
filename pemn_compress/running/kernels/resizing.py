"""Images in other sizes: nearest, linear and cubic, one dimension after the other."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import F64, Array, as_type, wide

Function = Callable[..., Any]


def resized_sizes(
    sizes: Sequence[int], output_size: Sequence[int] | None, factors: Sequence[float] | None
) -> tuple[int, ...]:
    """Return the sizes of the output, given by themselves or by factors. Raises ValueError."""
    if (output_size is None) == (factors is None):
        raise ValueError("expected an output size or scale factors, one of both")
    if output_size is not None:
        found = tuple(output_size)
    else:
        assert factors is not None
        found = tuple(int(size * factor) for size, factor in zip(sizes, factors, strict=True))
    if len(found) != len(sizes) or min(found) < 1:
        raise ValueError(f"sizes of {sizes} to {found}")
    return found


def _step(size: int, out: int, factor: float | None, kind: Any = np.float32) -> Any:
    """Return how far apart in the input neighbours of the output are."""
    if factor is not None and factor > 0:
        return kind(1.0 / factor)
    return kind(size) / kind(out)


def _nearest(rank: int) -> Function:
    def kernel(input: Any, output_size: Any, scale_factors: Any) -> Any:
        _check_rank(input, rank)
        outs = resized_sizes(input.shape[2:], output_size, scale_factors)
        result = input
        for axis, out in enumerate(outs, 2):
            size = input.shape[axis]
            factor = None if scale_factors is None else scale_factors[axis - 2]
            places = np.floor(np.arange(out, dtype=np.float32) * _step(size, out, factor))
            if out == 2 * size:
                places = np.arange(out) // 2
            elif out == size:
                places = np.arange(out)
            result = np.take(result, np.minimum(places.astype(np.int64), size - 1), axis)
        return result

    return kernel


def _check_rank(input: Array, rank: int) -> None:
    if input.ndim != rank + 2:
        raise ValueError(f"expected {rank + 2} dimensions, got shape {input.shape}")


def _sources(
    size: int, out: int, align_corners: bool, factor: float | None, kind: Any, lowest: float
) -> Array:
    """Return where in the input every output lies."""
    places = np.arange(out).astype(kind)
    if align_corners:
        step = kind(size - 1) / kind(out - 1) if out > 1 else kind(0)
        return np.asarray(places * step)
    step = _step(size, out, factor, kind)
    return np.maximum((places + kind(0.5)) * step - kind(0.5), kind(lowest))


def _kind(array: Array) -> Any:
    return np.float64 if array.dtype == F64 else np.float32


def _along(array: Array, axis: int, places: Sequence[Array], shares: Sequence[Array]) -> Array:
    """Return the sum of elements at places along an axis, each times its share."""
    shape = (-1, *(1,) * (array.ndim - 1 - axis))
    parts = (
        np.take(array, np.clip(place, 0, array.shape[axis] - 1), axis)
        * share.astype(array.dtype).reshape(shape)
        for place, share in zip(places, shares, strict=True)
    )
    return np.asarray(sum(parts))


def _resized(rank: int, lowest: float, weights: Function) -> Function:
    def kernel(input: Any, output_size: Any, align_corners: bool, scale_factors: Any) -> Any:
        _check_rank(input, rank)
        outs = resized_sizes(input.shape[2:], output_size, scale_factors)
        result = wide(input)
        for axis, out in enumerate(outs, 2):
            size = input.shape[axis]
            if size == out:
                continue
            factor = None if scale_factors is None else scale_factors[axis - 2]
            where = _sources(size, out, align_corners, factor, _kind(result), lowest)
            result = _along(result, axis, *weights(where))
        return as_type(result, input.dtype)

    return kernel


def _linear_weights(where: Array) -> tuple[list[Array], list[Array]]:
    first = np.floor(where)
    share = where - first
    place = first.astype(np.int64)
    return [place, place + 1], [1 - share, share]


def cubic_weights(where: Array) -> tuple[list[Array], list[Array]]:
    """Return the four neighbours of every place, and what each counts (Keys, a = -0.75)."""
    first = np.floor(where)
    t, place, a = where - first, first.astype(np.int64), -0.75

    def near(x: Array) -> Array:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Array) -> Array:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [place - 1, place, place + 1, place + 2], [far(t + 1), near(t), near(1 - t), far(2 - t)]


KERNELS: dict[str, Function] = {
    "upsample_nearest1d.vec": _nearest(1), "upsample_nearest2d.vec": _nearest(2),
    "upsample_nearest3d.vec": _nearest(3),
    "upsample_linear1d.vec": _resized(1, 0, _linear_weights),
    "upsample_bilinear2d.vec": _resized(2, 0, _linear_weights),
    "upsample_trilinear3d.vec": _resized(3, 0, _linear_weights),
    "upsample_bicubic2d.vec": _resized(2, -math.inf, cubic_weights),
}  # fmt: skip
