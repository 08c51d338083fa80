"""Images sampled at places of a grid, and grids made of affine maps."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, as_type, wide
from pemn_compress.running.kernels.resizing import cubic_weights

Function = Callable[..., Any]

BILINEAR, NEAREST, BICUBIC = 0, 1, 2
ZEROS, BORDER, REFLECTION = 0, 1, 2


def affine_grid(theta: Any, size: Sequence[int], align_corners: bool) -> Any:
    count, _, *inner = size
    if theta.shape != (count, len(inner), len(inner) + 1):
        raise ValueError(f"maps of shape {theta.shape} for a grid of {list(size)}")
    steps = []
    for one in inner:
        line = np.linspace(-1, 1, one) if one > 1 else np.zeros(1)
        steps.append(line if align_corners or one <= 1 else line * (one - 1) / one)
    mesh = np.meshgrid(*steps, indexing="ij")
    points = np.stack([*reversed(mesh), np.ones(inner)], -1)
    flat = points.reshape(-1, len(inner) + 1).astype(theta.dtype)
    return (flat @ np.swapaxes(theta, 1, 2)).reshape(count, *inner, len(inner))


def _place(grid: Array, size: int, align_corners: bool) -> Array:
    return (grid + 1) / 2 * (size - 1) if align_corners else ((grid + 1) * size - 1) / 2


def _mirrored(place: Array, size: int, align_corners: bool) -> Array:
    low, span = (0.0, size - 1) if align_corners else (-0.5, size)
    if span == 0:
        return np.zeros_like(place)
    far = np.abs(place - place.dtype.type(low))
    turns, rest = np.floor(far / span), np.fmod(far, span)
    return np.where(turns % 2 == 0, rest + low, span - rest + low).astype(place.dtype)


def _inside(place: Array, size: int, padding_mode: int, align_corners: bool) -> Array:
    if padding_mode == REFLECTION:
        place = _mirrored(place, size, align_corners)
    return place if padding_mode == ZEROS else np.clip(place, 0, size - 1)


def _taken(image: Array, places: Sequence[Array], padding_mode: int) -> Array:
    """Return the elements of (n, c, ...) at whole places (n, ...) of each dimension."""
    sizes = image.shape[2:]
    inside = np.ones(places[0].shape, np.bool_)
    held = []
    for place, size in zip(places, sizes, strict=True):
        inside &= (place >= 0) & (place < size)  # a NaN is nowhere
        held.append(np.clip(np.nan_to_num(place), 0, size - 1).astype(np.int64))
    batch = np.arange(len(image)).reshape(-1, *(1,) * (places[0].ndim - 1))
    found = np.moveaxis(np.moveaxis(image, 1, -1)[(batch, *held)], -1, 1)
    return found if padding_mode != ZEROS else np.where(inside[:, None], found, 0)


def grid_sampler(
    input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Any:
    image, sizes = wide(input), input.shape[2:]
    rank = len(sizes)
    if rank not in (2, 3) or grid.ndim != rank + 2 or grid.shape[-1] != rank:
        raise ValueError(f"a grid of shape {grid.shape} for images of {input.shape}")
    if padding_mode not in (ZEROS, BORDER, REFLECTION):
        raise ValueError(f"padding_mode: expected 0, 1 or 2, got {padding_mode}")
    # the last dimension of a grid counts x first: the image's last
    where = [
        _place(wide(grid)[..., rank - 1 - axis], size, align_corners)
        for axis, size in enumerate(sizes)
    ]
    if interpolation_mode == BICUBIC and rank == 2:
        return as_type(_cubic(image, where, padding_mode, align_corners), input.dtype)
    where = [
        _inside(place, size, padding_mode, align_corners)
        for place, size in zip(where, sizes, strict=True)
    ]
    if interpolation_mode == NEAREST:
        return as_type(_taken(image, [np.rint(one) for one in where], padding_mode), input.dtype)
    if interpolation_mode != BILINEAR:
        raise ValueError(f"interpolation_mode: expected 0, 1 or 2, got {interpolation_mode}")
    first = [np.floor(one) for one in where]
    result: Any = 0
    for corner in np.ndindex(*(2,) * rank):
        places = [low + side for low, side in zip(first, corner, strict=True)]
        share: Any = 1
        for place, low, side in zip(where, first, corner, strict=True):
            share = share * (place - low if side else low + 1 - place)
        result = result + _taken(image, places, padding_mode) * share[:, None]
    return as_type(result, input.dtype)


def _cubic(image: Array, where: Sequence[Array], padding_mode: int, align_corners: bool) -> Array:
    (rows, row_shares), (columns, column_shares) = (cubic_weights(one) for one in where)
    result: Any = 0
    for row, row_share in zip(rows, row_shares, strict=True):
        line: Any = 0
        for column, column_share in zip(columns, column_shares, strict=True):
            places = [
                _inside(place.astype(image.dtype), size, padding_mode, align_corners)
                for place, size in zip((row, column), image.shape[2:], strict=True)
            ]
            line = line + _taken(image, places, padding_mode) * column_share[:, None]
        result = result + line * row_share[:, None]
    return np.asarray(result)


KERNELS: dict[str, Function] = {
    "grid_sampler": grid_sampler, "affine_grid_generator": affine_grid,
}  # fmt: skip
