"""Pooling: a pass over the outputs for each element of the window."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import I64, Array, as_type, several, wide
from pemn_compress.running.kernels.convolutions import strided, taps

Function = Callable[..., Any]
Ints = tuple[int, ...]


def pooled_size(
    size: int, kernel: int, stride: int, pad: int, dilation: int, ceil_mode: bool
) -> int:
    """Return how many windows there are; the last one starts inside, with `ceil_mode` too."""
    if min(kernel, stride, dilation) < 1 or not 0 <= 2 * pad <= dilation * (kernel - 1) + 1:
        raise ValueError(f"a window of {kernel} with pads of {pad} and steps of {stride}")
    free = size + 2 * pad - dilation * (kernel - 1) - 1
    found = -(-free // stride) + 1 if ceil_mode else free // stride + 1
    if ceil_mode and (found - 1) * stride >= size + pad:
        found -= 1
    if found < 1:
        raise ValueError(f"a window of {kernel} for a size of {size}")
    return found


def _windows(
    array: Array, rank: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return kernel, steps, pads, spread and the sizes of the output."""
    if array.ndim not in (rank + 1, rank + 2):
        raise ValueError(f"expected {rank + 1} or {rank + 2} dimensions, got {array.shape}")
    kernel = several(kernel_size, rank)
    steps = several(stride, rank) if isinstance(stride, int) or stride else kernel
    pads, spread = several(padding, rank), several(dilation, rank)
    sizes = tuple(
        map(pooled_size, array.shape[-rank:], kernel, steps, pads, spread, (ceil,) * rank)
    )
    return kernel, steps, pads, spread, sizes


def _edged(array: Array, ends: Ints, pads: Ints, value: Any) -> Array:
    """Return the array with pads in front, and as much behind as the last window needs."""
    sides = [
        (pad, max(end - size - pad, 0))
        for end, size, pad in zip(ends, array.shape[-len(pads) :], pads, strict=True)
    ]
    if not any(map(any, sides)):
        return array
    ahead = [(0, 0)] * (array.ndim - len(pads))
    return np.pad(array, [*ahead, *sides], constant_values=value)


def _ends(kernel: Ints, steps: Ints, spread: Ints, sizes: Ints) -> Ints:
    return tuple(
        (size - 1) * step + dilation * (window - 1) + 1
        for window, step, dilation, size in zip(kernel, steps, spread, sizes, strict=True)
    )


def _lowest(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _max_pool(rank: int) -> Function:
    def kernel_of(
        self: Any,
        kernel_size: Any,
        stride: Any = (),
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> Any:
        kernel, steps, pads, spread, sizes = _windows(
            self, rank, kernel_size, stride, padding, dilation, ceil_mode
        )
        edged = _edged(self, _ends(kernel, steps, spread, sizes), pads, _lowest(self.dtype))
        result: Any = None
        for starts in taps(kernel, spread):
            part = strided(edged, sizes, starts, steps)
            result = np.array(part) if result is None else np.maximum(result, part, out=result)
        return result

    return kernel_of


def max_pool1d(
    self: Any,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = (0,),
    dilation: Any = (1,),
    ceil_mode: bool = False,
) -> Any:
    return _max_pool(1)(self, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d_with_indices(
    self: Any,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Any:
    kernel, steps, pads, spread, sizes = _windows(
        self, 2, kernel_size, stride, padding, dilation, ceil_mode
    )
    ends = _ends(kernel, steps, spread, sizes)
    edged = _edged(self, ends, pads, _lowest(self.dtype))
    height, width = self.shape[-2:]
    places = np.arange(height * width, dtype=I64).reshape(height, width)
    numbers = _edged(places, ends, pads, -1)
    result: Any = None
    for starts in taps(kernel, spread):
        part = strided(edged, sizes, starts, steps)
        place = np.broadcast_to(strided(numbers, sizes, starts, steps), part.shape)
        if result is None:
            result, where = np.array(part), np.array(place)
            continue
        better = (part > result) | np.isnan(part) | ((where < 0) & (place >= 0))
        np.copyto(result, part, where=better)
        np.copyto(where, place, where=better)
    return result, where


def _avg_pool(
    self: Array,
    rank: int,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Array:
    kernel, steps, pads, _, sizes = _windows(self, rank, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override == 0:
        raise ValueError("divisor_override: expected another number than 0")
    total = _edged(wide(self), _ends(kernel, steps, (1,) * rank, sizes), pads, 0)
    divisor: Any = 1
    for place in range(rank):  # sums of windows are sums of sums, one dimension after the other
        axis = self.ndim - rank + place
        window, step, pad, count = kernel[place], steps[place], pads[place], sizes[place]
        moved = np.moveaxis(total, axis, -1)
        parts = sum(strided(moved, (count,), (start,), (step,)) for start in range(window))
        total = np.moveaxis(np.asarray(parts), -1, axis)
        first = np.arange(count) * step - pad
        last = np.minimum(first + window, self.shape[axis] + pad)
        if not count_include_pad:
            first, last = np.maximum(first, 0), np.minimum(last, self.shape[axis])
        divisor = divisor * (last - first).reshape(-1, *(1,) * (rank - 1 - place))
    if divisor_override is not None:
        divisor = divisor_override
    return as_type(total / np.asarray(divisor, total.dtype), self.dtype)


def avg_pool1d(
    self: Any,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = (0,),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    return _avg_pool(self, 1, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def _avg_pool_nd(rank: int) -> Function:
    def kernel(
        self: Any,
        kernel_size: Any,
        stride: Any = (),
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        further = (ceil_mode, count_include_pad, divisor_override)
        return _avg_pool(self, rank, kernel_size, stride, padding, *further)

    return kernel


def _parts(size: int, count: int) -> list[tuple[int, int]]:
    """Return where adaptive windows start and end."""
    return [(place * size // count, -(-(place + 1) * size // count)) for place in range(count)]


def _adaptive_avg(rank: int) -> Function:
    def kernel(self: Any, output_size: Any) -> Any:
        if self.ndim not in (rank + 1, rank + 2):
            raise ValueError(f"expected {rank + 1} or {rank + 2} dimensions, got {self.shape}")
        result = wide(self)
        for place, count in enumerate(several(output_size, rank)):
            axis = self.ndim - rank + place
            moved = np.moveaxis(result, axis, -1)
            means = [moved[..., a:b].mean(-1) for a, b in _parts(moved.shape[-1], count)]
            empty = np.zeros((*moved.shape[:-1], 0), moved.dtype)
            result = np.moveaxis(np.stack(means, -1) if means else empty, -1, axis)
        return as_type(result, self.dtype)

    return kernel


def _adaptive_max(rank: int) -> Function:
    def kernel(self: Any, output_size: Any) -> Any:
        if self.ndim not in (rank + 1, rank + 2):
            raise ValueError(f"expected {rank + 1} or {rank + 2} dimensions, got {self.shape}")
        ahead, inner = self.shape[:-rank], self.shape[-rank:]
        counts = several(output_size, rank)
        windows = [_parts(size, count) for size, count in zip(inner, counts, strict=True)]
        numbers = np.arange(math.prod(inner), dtype=I64).reshape(inner)
        result = np.empty((*ahead, *counts), self.dtype)
        where = np.empty((*ahead, *counts), I64)
        for target in np.ndindex(*counts):
            cut = tuple(slice(*windows[axis][place]) for axis, place in enumerate(target))
            part = self[(..., *cut)].reshape(*ahead, -1)
            best = part.argmax(-1)
            result[(..., *target)] = np.take_along_axis(part, best[..., None], -1)[..., 0]
            where[(..., *target)] = numbers[cut].reshape(-1)[best]
        return result, where

    return kernel


KERNELS: dict[str, Function] = {
    "max_pool1d": max_pool1d, "max_pool2d": _max_pool(2), "max_pool3d": _max_pool(3),
    "max_pool2d_with_indices": max_pool2d_with_indices,
    "avg_pool1d": avg_pool1d, "avg_pool2d": _avg_pool_nd(2), "avg_pool3d": _avg_pool_nd(3),
    "adaptive_avg_pool1d": _adaptive_avg(1), "adaptive_avg_pool2d": _adaptive_avg(2),
    "adaptive_avg_pool3d": _adaptive_avg(3),
    "adaptive_max_pool1d": _adaptive_max(1), "adaptive_max_pool2d": _adaptive_max(2),
}  # fmt: skip
