"""Convolutions of one to three dimensions: patches as columns, and one product for all of them."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, as_type, several, wide

Function = Callable[..., Any]
Ints = tuple[int, ...]

_COLUMN_BYTES = 1 << 24  # of patches at a time: a cache's order of size, and no more memory


def strided(array: Array, sizes: Ints, starts: Ints, stride: Ints) -> Array:
    """Return array[..., starts :: stride] of `sizes` in its last dimensions, as a view."""
    cuts: Any = tuple(
        slice(start, start + (size - 1) * step + 1, step)
        for start, size, step in zip(starts, sizes, stride, strict=True)
    )
    return array[(..., *cuts)]


def taps(kernel: Ints, dilation: Ints) -> list[Ints]:
    """Return where every element of a kernel starts, in C order."""
    return [
        tuple(place * step for place, step in zip(tap, dilation, strict=True))
        for tap in np.ndindex(*kernel)
    ]


def out_size(size: int, kernel: int, stride: int, pads: int, dilation: int) -> int:
    """Return the size of a convolution's output. Raises ValueError where none is left."""
    found = (size + pads - dilation * (kernel - 1) - 1) // stride + 1
    if found < 1 or min(kernel, stride, dilation) < 1:
        raise ValueError(f"a kernel of {kernel} for a size of {size + pads}")
    return found


def _columns(array: Array, sizes: Ints, kernel: Ints, stride: Ints, dilation: Ints) -> Array:
    """Return patches of a padded (n, c, ...) as (n, c, taps, places)."""
    places = taps(kernel, dilation)
    columns = np.empty((*array.shape[:2], len(places), *sizes), array.dtype)
    for number, starts in enumerate(places):
        columns[:, :, number] = strided(array, sizes, starts, stride)
    return columns.reshape(*array.shape[:2], len(places), -1)


def _checked(input: Array, weight: Array, bias: Array | None, rank: int) -> None:
    names = {one.dtype.name for one in (input, weight, bias) if one is not None}
    if len(names) > 1:
        raise TypeError(f"expected one dtype, got {' and '.join(sorted(names))}")
    if input.ndim not in (rank + 1, rank + 2) or weight.ndim != rank + 2:
        raise ValueError(f"expected {rank} dimensions besides batch and channels")


def convolve(
    input: Array,
    weight: Array,
    bias: Array | None,
    stride: Ints,
    pads: Sequence[tuple[int, int]],
    dilation: Ints,
    groups: int,
) -> Array:
    """Return the cross-correlation of (n, c, ...) or (c, ...) with (o, c / groups, ...)."""
    rank = len(stride)
    _checked(input, weight, bias, rank)
    if input.ndim == rank + 1:
        return convolve(input[None], weight, bias, stride, pads, dilation, groups)[0]
    array, kernel = wide(input), weight.shape[2:]
    count, channels = array.shape[:2]
    outs = len(weight)
    if groups < 1 or channels != weight.shape[1] * groups or outs % groups:
        raise ValueError(f"{channels} channels in {groups} groups for weights of {weight.shape}")
    sizes = tuple(
        out_size(size, window, step, before + after, spread)
        for size, window, step, (before, after), spread in zip(
            array.shape[2:], kernel, stride, pads, dilation, strict=True
        )
    )
    places = math.prod(sizes)
    result = np.empty((count, outs, places), array.dtype)
    rows = wide(weight).reshape(groups, outs // groups, -1)
    whole = math.prod(kernel) == 1 and set(stride) == {1} and not any(map(any, pads))
    patch = channels * math.prod(kernel) * places * array.itemsize
    step = max(1, min(count, _COLUMN_BYTES // max(patch, 1)))
    for start in range(0, count, step):
        part = array[start : start + step]
        target = result[start : start + step]
        if not whole:
            part = np.pad(part, [(0, 0), (0, 0), *pads])
        if groups == channels and outs == channels and not whole:
            _depthwise(part, rows[:, 0], target, sizes, kernel, stride, dilation)
            continue
        columns = part if whole else _columns(part, sizes, kernel, stride, dilation)
        columns = columns.reshape(len(part), groups, -1, places)
        np.matmul(rows, columns, out=target.reshape(len(part), groups, -1, places))
    if bias is not None:
        result += wide(bias)[:, None]
    return as_type(result.reshape(count, outs, *sizes), input.dtype)


def _depthwise(
    padded: Array,
    rows: Array,
    target: Array,
    sizes: Ints,
    kernel: Ints,
    stride: Ints,
    dilation: Ints,
) -> None:
    """Fill `target` with each channel's own convolution: a pass over the outputs for each tap."""
    for image, out in zip(padded, target, strict=True):
        total = out.reshape(len(image), *sizes)
        total[...] = 0
        for number, starts in enumerate(taps(kernel, dilation)):
            factor = rows[:, number].reshape(-1, *(1,) * len(sizes))
            total += strided(image, sizes, starts, stride) * factor


def _conv(rank: int) -> Function:
    def kernel(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = (1,) * rank,
        padding: Any = (0,) * rank,
        dilation: Any = (1,) * rank,
        groups: int = 1,
    ) -> Any:
        pads = [(one, one) for one in several(padding, rank)]
        steps, spread = several(stride, rank), several(dilation, rank)
        return convolve(input, weight, bias, steps, pads, spread, groups)

    return kernel


def _conv_padding(rank: int) -> Function:
    def kernel(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = (1,) * rank,
        padding: str = "valid",
        dilation: Any = (1,) * rank,
        groups: int = 1,
    ) -> Any:
        steps, spread = several(stride, rank), several(dilation, rank)
        if padding not in ("valid", "same"):
            raise ValueError(f"padding: expected valid or same, got {padding!r}")
        if padding == "same" and set(steps) != {1}:
            raise ValueError("padding 'same' goes with strides of 1 alone")
        more = [
            one * (size - 1) if padding == "same" else 0
            for one, size in zip(spread, weight.shape[2:], strict=True)
        ]
        pads = [(one // 2, one - one // 2) for one in more]
        return convolve(input, weight, bias, steps, pads, spread, groups)

    return kernel


def transposed_sizes(
    sizes: Ints, kernel: Ints, stride: Ints, padding: Ints, more: Ints, dilation: Ints
) -> Ints:
    """Return the sizes of a transposed convolution's output."""
    return tuple(
        (size - 1) * step - 2 * pad + spread * (window - 1) + extra + 1
        for size, window, step, pad, extra, spread in zip(
            sizes, kernel, stride, padding, more, dilation, strict=True
        )
    )


def _added_up(columns: Array, sizes: Ints, kernel: Ints, stride: Ints, dilation: Ints) -> Array:
    """Return the (n, c, ...) that columns (n, c, taps, ...) make, added where they meet."""
    ahead = tuple(
        max(spread * (window - 1) + (places - 1) * step + 1, 0)
        for spread, window, places, step in zip(
            dilation, kernel, columns.shape[3:], stride, strict=True
        )
    )
    whole = np.zeros((*columns.shape[:2], *map(max, sizes, ahead)), columns.dtype)
    for number, starts in enumerate(taps(kernel, dilation)):
        strided(whole, columns.shape[3:], starts, stride)[...] += columns[:, :, number]
    return whole


def _cropped(whole: Array, sizes: Ints, padding: Ints) -> Array:
    cuts: Any = (slice(pad, pad + size) for pad, size in zip(padding, sizes, strict=True))
    return whole[(..., *cuts)]


def _conv_transpose(rank: int) -> Function:
    def kernel(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = (1,) * rank,
        padding: Any = (0,) * rank,
        output_padding: Any = (0,) * rank,
        groups: int = 1,
        dilation: Any = (1,) * rank,
    ) -> Any:
        _checked(input, weight, bias, rank)
        if input.ndim == rank + 1:
            further = (stride, padding, output_padding, groups, dilation)
            return kernel(input[None], weight, bias, *further)[0]
        steps, pads, spread = (several(one, rank) for one in (stride, padding, dilation))
        more, window = several(output_padding, rank), weight.shape[2:]
        count, channels = input.shape[:2]
        if groups < 1 or channels != len(weight) or channels % groups:
            raise ValueError(f"{channels} channels for weights of {weight.shape}")
        sizes = transposed_sizes(input.shape[2:], window, steps, pads, more, spread)
        if min(sizes) < 1:
            raise ValueError(f"an output of sizes {sizes}")
        outs, inner = weight.shape[1] * groups, channels // groups
        rows = np.swapaxes(wide(weight).reshape(groups, inner, -1), 1, 2)
        result = np.empty((count, outs, *sizes), wide(input).dtype)
        padded = tuple(map(sum, zip(sizes, pads, pads, strict=True)))
        for place, image in enumerate(wide(input)):  # one at a time bounds the columns
            columns = np.matmul(rows, image.reshape(groups, inner, -1))
            columns = columns.reshape(1, outs, math.prod(window), *image.shape[1:])
            whole = _added_up(columns, padded, window, steps, spread)
            result[place] = _cropped(whole, sizes, pads)[0]
        if bias is not None:
            result += wide(bias).reshape(-1, *(1,) * rank)
        return as_type(result, input.dtype)

    return kernel


def im2col(self: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    if self.ndim == 3:
        return im2col(self[None], kernel_size, dilation, padding, stride)[0]
    window, spread, pads, steps = (
        several(one, 2) for one in (kernel_size, dilation, padding, stride)
    )
    padded = np.pad(self, [(0, 0), (0, 0), *((pad, pad) for pad in pads)])
    sizes = tuple(map(out_size, padded.shape[2:], window, steps, (0, 0), spread))
    columns = _columns(padded, sizes, window, steps, spread)
    return columns.reshape(len(self), -1, math.prod(sizes))


def col2im(
    self: Any, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> Any:
    if self.ndim == 2:
        return col2im(self[None], output_size, kernel_size, dilation, padding, stride)[0]
    sizes, window, spread, pads, steps = (
        several(one, 2) for one in (output_size, kernel_size, dilation, padding, stride)
    )
    padded = tuple(size + 2 * pad for size, pad in zip(sizes, pads, strict=True))
    places = tuple(map(out_size, padded, window, steps, (0, 0), spread))
    columns = self.reshape(len(self), -1, math.prod(window), *places)
    return _cropped(_added_up(columns, padded, window, steps, spread), sizes, pads)


KERNELS: dict[str, Function] = {
    "conv1d": _conv(1), "conv2d": _conv(2), "conv3d": _conv(3),
    "conv1d.padding": _conv_padding(1), "conv2d.padding": _conv_padding(2),
    "conv3d.padding": _conv_padding(3), "conv_transpose1d": _conv_transpose(1),
    "conv_transpose2d.input": _conv_transpose(2), "conv_transpose3d.input": _conv_transpose(3),
    "im2col": im2col, "col2im": col2im,
}  # fmt: skip
