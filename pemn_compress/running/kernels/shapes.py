"""Other shapes of the same elements: views where numpy can, joins, repetitions."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, as_type, axis_of, cast, result_type, several

Function = Callable[..., Any]
Ints = Sequence[int]


def same(self: Any, memory_format: Any = None) -> Any:
    return self


def to_dtype(self: Any, dtype: str, copy: bool = False, memory_format: Any = None) -> Any:
    return cast(self, dtype)


def to_copy(self: Any, dtype: str | None = None, memory_format: Any = None) -> Any:
    return cast(self, dtype)


def type_as(self: Any, other: Any) -> Any:
    return as_type(self, other.dtype)


def view(self: Any, size: Ints) -> Any:
    return self.reshape(tuple(size))


def view_as(self: Any, other: Any) -> Any:
    return self.reshape(other.shape)


def flatten(self: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    if not self.ndim:
        return self.reshape(1)
    first, last = axis_of(start_dim, self.ndim), axis_of(end_dim, self.ndim)
    if first > last:
        raise ValueError("expected start_dim before end_dim")
    middle = math.prod(self.shape[first : last + 1])
    return self.reshape(*self.shape[:first], middle, *self.shape[last + 1 :])


def unflatten(self: Any, dim: int, sizes: Ints) -> Any:
    axis = axis_of(dim, self.ndim)
    inner = list(sizes)
    if -1 in inner:
        rest = -math.prod(inner)
        inner[inner.index(-1)] = self.shape[axis] // rest if rest > 0 else -1
    if math.prod(inner) != self.shape[axis]:
        raise ValueError(f"size {self.shape[axis]} cannot be unflattened to {list(sizes)}")
    return self.reshape(*self.shape[:axis], *inner, *self.shape[axis + 1 :])


def squeeze(self: Any) -> Any:
    return np.squeeze(self)


def squeeze_dims(self: Any, dim: Any) -> Any:
    dims = [dim] if isinstance(dim, int) else dim
    axes = tuple(axis_of(one, self.ndim) for one in dims)
    return np.squeeze(self, tuple(axis for axis in axes if self.ndim and self.shape[axis] == 1))


def unsqueeze(self: Any, dim: int) -> Any:
    return np.expand_dims(self, axis_of(dim, self.ndim + 1))


def permute(self: Any, dims: Ints) -> Any:
    return np.transpose(self, tuple(dims))


def transpose(self: Any, dim0: int, dim1: int) -> Any:
    if not self.ndim:
        return self
    return np.swapaxes(self, axis_of(dim0, self.ndim), axis_of(dim1, self.ndim))


def swapaxes(self: Any, axis0: int, axis1: int) -> Any:
    return transpose(self, axis0, axis1)


def last_two(self: Any) -> Any:
    return np.swapaxes(self, -2, -1) if self.ndim else self


def turned(self: Any) -> Any:
    if self.ndim > 2:
        raise ValueError(f"t: expected at most 2 dimensions, got {self.ndim}")
    return self.T


def reversed_dims(self: Any) -> Any:
    return self.T


def movedim(self: Any, source: Any, destination: Any) -> Any:
    return np.moveaxis(self, source, destination)


def expand(self: Any, size: Ints, implicit: bool = False) -> Any:
    ahead = len(size) - self.ndim
    wanted = [
        self.shape[place - ahead] if one == -1 and place >= ahead else one
        for place, one in enumerate(size)
    ]
    return np.broadcast_to(self, tuple(wanted))


def expand_as(self: Any, other: Any) -> Any:
    return np.broadcast_to(self, other.shape)


def narrow(self: Any, dim: int, start: int, length: int) -> Any:
    axis = axis_of(dim, self.ndim)
    size = self.shape[axis]
    first = start + size if start < 0 else start
    if length < 0 or not 0 <= first <= size - length:
        raise IndexError(f"narrow: {start} and {length} of a size of {size}")
    return _part(self, axis, slice(first, first + length))


def select(self: Any, dim: int, index: int) -> Any:
    axis = axis_of(dim, self.ndim)
    return self[(slice(None),) * axis + (index,)]


def slice_of(
    self: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    return _part(self, axis_of(dim, self.ndim), slice(start, end, _positive(step)))


def _positive(step: int) -> int:
    if step < 1:
        raise ValueError(f"step: expected at least 1, got {step}")
    return step


def _part(array: Array, axis: int, what: slice) -> Array:
    return array[(slice(None),) * axis + (what,)]


def split(self: Any, split_size: int, dim: int = 0) -> Any:
    axis = axis_of(dim, self.ndim)
    size = self.shape[axis]
    if split_size < 0 or (split_size == 0 and size):
        raise ValueError(f"split_size: expected at least 1, got {split_size}")
    starts = range(0, max(size, 1), max(split_size, 1))
    return tuple(_part(self, axis, slice(start, start + split_size)) for start in starts)


def split_sizes(self: Any, split_sizes: Ints, dim: int = 0) -> Any:
    axis = axis_of(dim, self.ndim)
    if sum(split_sizes) != self.shape[axis] or min(split_sizes, default=0) < 0:
        raise ValueError(f"sizes {list(split_sizes)} of a dimension of {self.shape[axis]}")
    parts, start = [], 0
    for size in split_sizes:
        parts.append(_part(self, axis, slice(start, start + size)))
        start += size
    return tuple(parts)


def split_by_sizes(self: Any, split_size: Ints, dim: int = 0) -> Any:
    return split_sizes(self, split_size, dim)


def chunk(self: Any, chunks: int, dim: int = 0) -> Any:
    size = self.shape[axis_of(dim, self.ndim)]
    if chunks < 1:
        raise ValueError(f"chunks: expected at least 1, got {chunks}")
    return split(self, -(-size // chunks), dim) if size else split_sizes(self, [0] * chunks, dim)


def tensor_split(self: Any, sections: int, dim: int = 0) -> Any:
    return tuple(np.array_split(self, sections, axis_of(dim, self.ndim)))


def unbind(self: Any, dim: int = 0) -> Any:
    axis = axis_of(dim, self.ndim)
    return tuple(select(self, axis, place) for place in range(self.shape[axis]))


def unfold(self: Any, dimension: int, size: int, step: int) -> Any:
    if not self.ndim:
        return self.reshape(1)[:size]
    axis = axis_of(dimension, self.ndim)
    if size == 0:
        count = self.shape[axis] // _positive(step) + 1
        return np.zeros((*self.shape[:axis], count, *self.shape[axis + 1 :], 0), self.dtype)
    windows = np.lib.stride_tricks.sliding_window_view(self, size, axis)
    return _part(windows, axis, slice(None, None, _positive(step)))


def diagonal(self: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    return np.diagonal(self, offset, dim1, dim2)


def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    dtype = result_type(*tensors)
    # one of shape (0,) goes with every shape, as it always did in PyTorch
    kept = [one for one in tensors if one.shape != (0,)] or list(tensors[:1])
    return np.concatenate([as_type(one, dtype) for one in kept], axis_of(dim, kept[0].ndim))


def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    dtype = result_type(*tensors)
    axis = axis_of(dim, tensors[0].ndim + 1)
    return np.stack([as_type(one, dtype) for one in tensors], axis)


def hstack(tensors: Sequence[Any]) -> Any:
    parts = [np.atleast_1d(one) for one in tensors]
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Any:
    return cat([np.atleast_2d(one) for one in tensors], 0)


def repeat(self: Any, repeats: Ints) -> Any:
    if len(repeats) < self.ndim or min(repeats, default=0) < 0:
        raise ValueError(f"repeats {list(repeats)} of a tensor of {self.ndim} dimensions")
    return np.tile(self, tuple(repeats))


def tile(self: Any, dims: Ints) -> Any:
    return np.tile(self, tuple(dims))


def repeat_each(
    self: Any, repeats: int, dim: int | None = None, output_size: int | None = None
) -> Any:
    flat = self.reshape(-1) if dim is None else self
    axis = axis_of(0 if dim is None else dim, flat.ndim)
    return np.repeat(flat, repeats, axis)


def roll(self: Any, shifts: Any, dims: Any = ()) -> Any:
    if isinstance(dims, int):
        dims = (dims,)
    if not dims:
        return np.roll(self, shifts if isinstance(shifts, int) else shifts[0])
    return np.roll(self, several(shifts, len(dims)), tuple(dims))


def flip(self: Any, dims: Ints) -> Any:
    return np.flip(self, tuple(dims))


def rot90(self: Any, k: int = 1, dims: Ints = (0, 1)) -> Any:
    first, second = dims
    return np.rot90(self, k, (first, second))


def pixel_shuffle(self: Any, upscale_factor: int) -> Any:
    *ahead, channels, height, width = self.shape
    r = upscale_factor
    apart = self.reshape(*ahead, channels // (r * r), r, r, height, width)
    n = len(ahead)
    turned = apart.transpose(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return turned.reshape(*ahead, channels // (r * r), height * r, width * r)


def pixel_unshuffle(self: Any, downscale_factor: int) -> Any:
    *ahead, channels, height, width = self.shape
    r = downscale_factor
    apart = self.reshape(*ahead, channels, height // r, r, width // r, r)
    n = len(ahead)
    turned = apart.transpose(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return turned.reshape(*ahead, channels * r * r, height // r, width // r)


def channel_shuffle(self: Any, groups: int) -> Any:
    batch, channels, *rest = self.shape
    apart = self.reshape(batch, groups, channels // groups, *rest)
    return np.swapaxes(apart, 1, 2).reshape(self.shape)


def meshgrid(tensors: Sequence[Any], indexing: str) -> Any:
    return tuple(np.meshgrid(*tensors, indexing=indexing, copy=False))  # type: ignore[call-overload]


def tril(self: Any, diagonal: int = 0) -> Any:
    return np.tril(self, diagonal)


def triu(self: Any, diagonal: int = 0) -> Any:
    return np.triu(self, diagonal)


KERNELS: dict[str, Function] = {
    "clone": same, "contiguous": lambda self, memory_format=0: self,
    "to.dtype": to_dtype, "_to_copy": to_copy, "type_as": type_as,
    "view": view, "_unsafe_view": view, "reshape": lambda self, shape: view(self, shape),
    "view_as": view_as, "reshape_as": view_as, "flatten.using_ints": flatten,
    "unflatten.int": unflatten, "squeeze": squeeze, "squeeze.dim": squeeze_dims,
    "squeeze.dims": squeeze_dims, "unsqueeze": unsqueeze, "permute": permute,
    "transpose.int": transpose, "swapdims": transpose, "swapaxes": swapaxes,
    "adjoint": last_two, "mT": last_two, "t": turned, "numpy_T": reversed_dims,
    "movedim.int": movedim, "movedim.intlist": movedim,
    "expand": expand, "broadcast_to": lambda self, size: expand(self, size),
    "expand_as": expand_as, "narrow": narrow, "select.int": select, "slice.Tensor": slice_of,
    "split.Tensor": split, "unsafe_split.Tensor": split, "split.sizes": split_by_sizes,
    "split_with_sizes": split_sizes, "chunk": chunk, "unsafe_chunk": chunk,
    "tensor_split.sections": tensor_split, "unbind.int": unbind, "unfold": unfold,
    "diagonal": diagonal, "cat": cat, "concat": cat, "concatenate": cat, "stack": stack,
    "hstack": hstack, "vstack": vstack, "repeat": repeat, "tile": tile,
    "repeat_interleave.self_int": repeat_each, "repeat_interleave.self_Tensor": repeat_each,
    "roll": roll, "flip": flip, "rot90": rot90, "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle, "channel_shuffle": channel_shuffle,
    "meshgrid.indexing": meshgrid, "tril": tril, "triu": triu,
}  # fmt: skip
