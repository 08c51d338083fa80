"""Elements chosen by number: taken out, put in, added to. Nothing is changed in place."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import I64, Array, as_type, axis_of, plain

Function = Callable[..., Any]
Places = tuple[Any, ...]


def _places(indices: Sequence[Any], array: Array) -> Places:
    """Return numpy's spelling of tensors of indices: None is all of a dimension, truth chooses."""
    places: list[Any] = []
    for index in indices:
        if index is None:
            places.append(slice(None))
        elif index.dtype == np.bool_ or index.dtype == np.uint8:
            sizes = array.shape[len(places) : len(places) + index.ndim]
            if index.shape != sizes:
                raise IndexError(f"a mask of shape {index.shape} for dimensions of {sizes}")
            places.extend(np.nonzero(index))
        else:
            places.append(index)
    if len(places) > array.ndim:
        raise IndexError(f"{len(places)} indices for a tensor of {array.ndim} dimensions")
    return tuple(places)


def index(self: Any, indices: Sequence[Any]) -> Any:
    return self[_places(indices, self)]


def index_put(self: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    result, places = np.array(self), _places(indices, self)
    if accumulate:
        np.add.at(result, places, values)
    else:
        result[places] = values
    return result


def _along(axis: int, index: Any, rank: int) -> Places:
    return (*(slice(None),) * axis, index) if rank else (index,)


def index_select(self: Any, dim: int, index: Any) -> Any:
    if not self.ndim:
        return np.atleast_1d(self)[_natural(np.atleast_1d(index), 1)].reshape(())
    axis = axis_of(dim, self.ndim)
    return np.take(self, _natural(np.atleast_1d(index), self.shape[axis]), axis)


def _natural(index: Array, size: int) -> Array:
    """Refuse numbers below 0, which count from the end in numpy alone, and those beyond."""
    if index.size and not 0 <= int(index.min()) <= int(index.max()) < size:
        raise IndexError(f"index {int(index.min())} to {int(index.max())} of a size of {size}")
    return index


def index_add(self: Any, dim: int, index: Any, source: Any, alpha: Any = 1) -> Any:
    result = np.array(np.atleast_1d(self))
    axis = axis_of(dim, self.ndim)
    numbers = _natural(np.atleast_1d(index), result.shape[axis])
    part = np.atleast_1d(source) * as_type(alpha, result.dtype)
    np.add.at(result, _along(axis, numbers, result.ndim), part.astype(result.dtype))
    return result.reshape(self.shape)


def index_fill(self: Any, dim: int, index: Any, value: Any) -> Any:
    result = np.array(np.atleast_1d(self))
    result[_along(axis_of(dim, self.ndim), np.atleast_1d(index), result.ndim)] = plain(value)
    return result.reshape(self.shape)


def _grid(self: Array, dim: int, index: Array) -> tuple[Array, Array, Places]:
    """Return tensor and index with dimensions, and the place of every element of the index."""
    array, numbers = np.atleast_1d(self), np.atleast_1d(index)
    axis = axis_of(dim, array.ndim)
    if array.ndim != numbers.ndim:
        raise IndexError(f"an index of {numbers.ndim} dimensions for {array.ndim}")
    for place, size in enumerate(numbers.shape):
        if place != axis and size > array.shape[place]:
            raise IndexError(f"an index of shape {numbers.shape} for a tensor of {array.shape}")
    places: list[Any] = list(np.ogrid[tuple(slice(size) for size in numbers.shape)])
    places[axis] = _natural(numbers, array.shape[axis])
    return array, numbers, tuple(places)


def gather(self: Any, dim: int, index: Any, sparse_grad: bool = False) -> Any:
    array, numbers, places = _grid(self, dim, index)
    return array[places].reshape(index.shape) if numbers.size else np.empty(index.shape, self.dtype)


def take_along_dim(self: Any, indices: Any, dim: int | None = None) -> Any:
    if dim is None:
        return np.take(self.reshape(-1), indices.reshape(-1))
    axis = axis_of(dim, self.ndim)
    rest = np.broadcast_shapes(_but(self.shape, axis), _but(indices.shape, axis))
    array = np.broadcast_to(self, (*rest[:axis], self.shape[axis], *rest[axis + 1 :]))
    numbers = np.broadcast_to(indices, (*rest[:axis], indices.shape[axis], *rest[axis + 1 :]))
    return np.take_along_axis(array, numbers, axis)


def _but(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], 1, *shape[axis + 1 :])


def _source(src: Any, numbers: Array) -> Array:
    return np.atleast_1d(src)[tuple(slice(size) for size in numbers.shape)]


def scatter_src(self: Any, dim: int, index: Any, src: Any) -> Any:
    array, numbers, places = _grid(self, dim, index)
    result = np.array(array)
    if numbers.size:
        result[places] = _source(src, numbers)
    return result.reshape(self.shape)


def scatter_value(self: Any, dim: int, index: Any, value: Any) -> Any:
    array, numbers, places = _grid(self, dim, index)
    result = np.array(array)
    if numbers.size:
        result[places] = plain(value)
    return result.reshape(self.shape)


def scatter_add(self: Any, dim: int, index: Any, src: Any) -> Any:
    return scatter_reduce(self, dim, index, src, "sum")


_REDUCE: dict[str, tuple[Any, Any]] = {
    "sum": (np.add, lambda dtype: 0),
    "mean": (np.add, lambda dtype: 0),
    "prod": (np.multiply, lambda dtype: 1),
    "amax": (np.maximum, lambda dtype: -np.inf if dtype.kind == "f" else np.iinfo(dtype).min),
    "amin": (np.minimum, lambda dtype: np.inf if dtype.kind == "f" else np.iinfo(dtype).max),
}


def scatter_reduce(
    self: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool = True
) -> Any:
    if reduce not in _REDUCE:
        raise ValueError(f"reduce: expected one of {', '.join(_REDUCE)}, got {reduce!r}")
    array, numbers, places = _grid(self, dim, index)
    result = np.array(array)
    if not numbers.size:
        return result.reshape(self.shape)
    function, neutral = _REDUCE[reduce]
    if not include_self:
        result[places] = neutral(result.dtype)
    function.at(result, places, _source(src, numbers))
    if reduce == "mean":
        counts = np.full(result.shape, int(include_self), I64)
        np.add.at(counts, places, 1)
        counts = np.maximum(counts, 1)
        result = result / counts if result.dtype.kind == "f" else result // counts
    return result.astype(self.dtype, copy=False).reshape(self.shape)


def embedding(
    weight: Any,
    indices: Any,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    return weight[_natural(indices, len(weight))]


def one_hot(self: Any, num_classes: int = -1) -> Any:
    if num_classes == -1:
        num_classes = int(self.max()) + 1
    numbers = _natural(self, num_classes)
    return (numbers[..., None] == np.arange(num_classes)).astype(I64)


def select_scatter(self: Any, src: Any, dim: int, index: int) -> Any:
    result = np.array(self)
    result[_along(axis_of(dim, self.ndim), index, self.ndim)] = src
    return result


def slice_scatter(
    self: Any,
    src: Any,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Any:
    result = np.array(self)
    result[_along(axis_of(dim, self.ndim), slice(start, end, step), self.ndim)] = src
    return result


def diagonal_scatter(self: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    result = np.array(self)
    view = np.diagonal(result, offset, dim1, dim2)
    view.flags.writeable = True  # of our own copy
    view[...] = src
    return result


def masked_scatter(self: Any, mask: Any, source: Any) -> Any:
    array, chosen = np.broadcast_arrays(self, mask)
    result = np.array(array)
    count = int(np.count_nonzero(chosen))
    if count > source.size:
        raise ValueError(f"expected a source of at least {count} elements, got {source.size}")
    result[chosen] = source.reshape(-1)[:count]
    return result


KERNELS: dict[str, Function] = {
    "index.Tensor": index, "_unsafe_index.Tensor": index, "index_put": index_put,
    "index_select": index_select, "index_add": index_add, "index_fill.int_Scalar": index_fill,
    "gather": gather, "take_along_dim": take_along_dim, "scatter.src": scatter_src,
    "scatter.value": scatter_value, "scatter_add": scatter_add,
    "scatter_reduce.two": scatter_reduce, "embedding": embedding, "one_hot": one_hot,
    "select_scatter": select_scatter, "slice_scatter": slice_scatter,
    "diagonal_scatter": diagonal_scatter, "masked_scatter": masked_scatter,
}  # fmt: skip
