"""How many elements an operator will make, told from its arguments before it makes any.

Most make no more than their tensors, stretched to a common shape; the others are in EXPECTED. What
is a view of its argument, or of one element, takes no memory however large its shape is.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, several
from pemn_compress.running.kernels.convolutions import out_size, transposed_sizes
from pemn_compress.running.kernels.making import arange_count
from pemn_compress.running.kernels.padding import sides_of
from pemn_compress.running.kernels.pooling import pooled_size
from pemn_compress.running.kernels.resizing import resized_sizes

Count = Callable[..., int]

_VIEW = 32  # elements


def expected(operator: str, arguments: Sequence[Any]) -> int:
    """Return how many elements the largest thing has that an operator will allocate.

    Raises what the operator itself raises where the arguments do not go together.
    """
    count = EXPECTED.get(operator)
    return stretched(arguments) if count is None else count(*arguments)


def stretched(arguments: Sequence[Any]) -> int:
    """Return the elements of all arrays stretched to one shape; of lists of them the sum.

    A dimension of 0 counts as 1: a sum over it leaves the others.
    """
    alone = [_filled(one) for one in arguments if isinstance(one, np.ndarray)]
    listed = sum(array.size for one in arguments if isinstance(one, list) for array in _arrays(one))
    try:
        whole = _prod(np.broadcast_shapes(*alone))
    except ValueError:
        whole = sum(map(_prod, alone))
    return max(whole, listed)


def _filled(array: Array) -> tuple[int, ...]:
    return tuple(max(size, 1) for size in array.shape)


def _prod(sizes: Iterable[int]) -> int:
    return math.prod(sizes)


def _arrays(items: Sequence[Any]) -> Iterator[Array]:
    return (one for one in items if isinstance(one, np.ndarray))


def _product(a: Array, b: Array) -> int:
    """Return the elements of a @ b."""
    rows = a.shape[-2:-1]
    columns = b.shape[-1:] if b.ndim > 1 else ()
    return _prod(_common(a.shape[:-2], b.shape[:-2])) * _prod(rows) * _prod(columns)


def _common(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(np.broadcast_shapes(a, b))


def _added_product(base: Array, a: Array, b: Array, *_: Any) -> int:
    return max(_product(a, b), base.size)


def _linear(input: Array, weight: Array, bias: Any = None) -> int:
    return _prod(input.shape[:-1]) * len(weight)


def _einsum(equation: str, tensors: Sequence[Array], path: Any = None) -> int:
    """Return the elements of the output and of what is made on the way, with all letters apart."""
    sizes: dict[str, int] = {}
    terms, _, output = equation.replace(" ", "").partition("->")
    ahead = 1
    for term, tensor in zip(terms.split(","), tensors, strict=True):
        letters = term.replace("...", "")
        hidden = tensor.ndim - len(letters)
        if "..." in term:
            place = term.index("...")
            ahead = max(ahead, _prod(tensor.shape[place : place + hidden]))
            shape = (*tensor.shape[:place], *tensor.shape[place + hidden :])
        else:
            shape = tensor.shape
        sizes |= dict(zip(letters, shape, strict=True))
    if "->" in equation:
        kept = set(output.replace("...", ""))
    else:
        kept = {letter for letter in sizes if terms.count(letter) == 1}
    if not kept <= set(sizes):
        raise ValueError(f"equation {equation!r}")
    return max(ahead * _prod(sizes[letter] for letter in kept), stretched([list(tensors)]))


def _distances(x1: Array, x2: Array, p: float = 2.0, compute_mode: int | None = None) -> int:
    pairs = _prod(_common(x1.shape[:-2], x2.shape[:-2])) * x1.shape[-2] * x2.shape[-2]
    return pairs * max(x1.shape[-1], 1)


def _convolved(rank: int) -> Count:
    def count(
        input: Array,
        weight: Array,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> int:
        same = isinstance(padding, str)
        pads = (0,) * rank if same else several(padding, rank)
        sizes = input.shape[-rank:]
        if not (same and padding == "same"):
            padded = [size + 2 * pad for size, pad in zip(sizes, pads, strict=True)]
            window, steps, spread = weight.shape[2:], several(stride, rank), several(dilation, rank)
            sizes = tuple(map(out_size, padded, window, steps, (0,) * rank, spread))
            patch = _prod(padded) * input.shape[-rank - 1]
        else:
            patch = _prod(sizes) * input.shape[-rank - 1]
        columns = _prod(sizes) * _prod(weight.shape[1:]) * groups
        images = input.shape[0] if input.ndim == rank + 2 else 1
        return max(images * len(weight) * _prod(sizes), patch, columns)

    return count


def _transposed(rank: int) -> Count:
    def count(
        input: Array,
        weight: Array,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> int:
        steps, pads, more, spread = (
            several(one, rank) for one in (stride, padding, output_padding, dilation)
        )
        given = (input.shape[-rank:], weight.shape[2:], steps)
        outs = weight.shape[1] * groups
        images = input.shape[0] if input.ndim == rank + 2 else 1
        whole = _prod(transposed_sizes(*given, (0,) * rank, more, spread))
        sizes = _prod(transposed_sizes(*given, pads, more, spread))
        columns = _prod(input.shape[-rank:]) * _prod(weight.shape[1:]) * groups
        return max(images * outs * sizes, outs * whole, columns)

    return count


def _unfolded(self: Array, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> int:
    window, spread, pads, steps = (
        several(one, 2) for one in (kernel_size, dilation, padding, stride)
    )
    padded = [size + 2 * pad for size, pad in zip(self.shape[-2:], pads, strict=True)]
    sizes = map(out_size, padded, window, steps, (0, 0), spread)
    return max(_prod(self.shape[:-2]) * _prod(window) * _prod(sizes), _prod(padded))


def _folded(
    self: Array, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, *_: Any
) -> int:
    pads = several(padding, 2)
    sizes = [size + 2 * pad for size, pad in zip(several(output_size, 2), pads, strict=True)]
    channels = self.shape[-2] // max(_prod(several(kernel_size, 2)), 1)
    return max(_prod(self.shape[:-2]) * channels * _prod(sizes), self.size)


def _pooled(rank: int, dilated: bool) -> Count:
    def count(
        self: Array,
        kernel_size: Any,
        stride: Any = (),
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        *_: Any,
    ) -> int:
        if not dilated:  # ceil_mode stands there
            dilation, ceil_mode = 1, bool(dilation)
        kernel, pads, spread = (several(one, rank) for one in (kernel_size, padding, dilation))
        steps = several(stride, rank) if isinstance(stride, int) or stride else kernel
        inner = self.shape[-rank:]
        sizes = map(pooled_size, inner, kernel, steps, pads, spread, (ceil_mode,) * rank)
        padded = [size + 2 * pad + step for size, pad, step in zip(inner, pads, steps, strict=True)]
        ahead = _prod(self.shape[:-rank])
        return ahead * max(_prod(sizes), _prod(padded) if any(pads) or ceil_mode else 0)

    return count


def _adaptive(rank: int) -> Count:
    def count(self: Array, output_size: Any) -> int:
        sizes = zip(self.shape[-rank:], several(output_size, rank), strict=True)
        return _prod(self.shape[:-rank]) * _prod(map(max, sizes))

    return count


def _resized(rank: int) -> Count:
    def count(input: Array, output_size: Any, *further: Any) -> int:
        sizes = resized_sizes(input.shape[2:], output_size, further[-1])
        return _prod(input.shape[:2]) * _prod(map(max, input.shape[2:], sizes))

    return count


def _padded(self: Array, pad: Sequence[int], *_: Any) -> int:
    sides = sides_of(pad, self.ndim)
    return _prod(
        size + max(before, 0) + max(after, 0)
        for size, (before, after) in zip(self.shape, sides, strict=True)
    )


def _sampled(input: Array, grid: Array, *_: Any) -> int:
    return max(_prod(grid.shape[:-1]) * input.shape[1], grid.size)


def _attended(query: Array, key: Array, value: Array, *_: Any) -> int:
    ahead = max(_prod(one.shape[:-2]) for one in (query, key, value))
    each = query.shape[-2] * max(value.shape[-1], query.shape[-1])
    heads = _prod(query.shape[-3:-2])
    return max(ahead * each, heads * query.shape[-2] * key.shape[-2], query.size, value.size)


def _recurrent(input: Array, hx: Any, params: Sequence[Array], *_: Any) -> int:
    steps = _prod(input.shape[:-1])
    return steps * max((one.shape[0] for one in params), default=1) * 2


def _repeated_each(self: Array, repeats: Any, dim: int | None = None, *_: Any) -> int:
    if isinstance(repeats, int):
        return self.size * repeats
    size = self.size if dim is None else self.shape[dim]
    total = int(repeats.sum()) if repeats.size != 1 else size * int(repeats.sum())
    return self.size // max(size, 1) * total


def _rows(weight: Array, indices: Array, *_: Any) -> int:
    return _prod(weight.shape[1:]) * indices.size


def _selected(self: Array, dim: int, index: Array, *_: Any) -> int:
    return self.size // max(self.shape[dim] if self.ndim else 1, 1) * index.size


def _indexed(self: Array, indices: Sequence[Any], *_: Any) -> int:
    """Return the elements taken: those of the indices together, times what they leave whole."""
    shapes, rest, place = [], 1, 0
    for one in indices:
        if one is None:
            rest *= self.shape[place]
        elif one.dtype in (np.bool_, np.uint8):
            shapes.append((int(np.count_nonzero(one)),))
        else:
            shapes.append(one.shape)
        place += max(one.ndim, 1) if one is not None and one.dtype in (np.bool_, np.uint8) else 1
    return _prod(np.broadcast_shapes(*shapes)) * rest * _prod(self.shape[place:])


def _put(self: Array, indices: Sequence[Any], *_: Any) -> int:
    return max(self.size, _indexed(self, indices))


def _pieces(count: int) -> int:
    """Return what many views take: an array of few elements is some hundred bytes of its own."""
    return max(count, 0) * _VIEW


def _split(self: Array, size: int, dim: int = 0) -> int:
    whole = self.shape[dim]
    return _pieces(-(-whole // size) if size > 0 else 1)


def _along(self: Array, indices: Array, dim: int | None = None) -> int:
    if dim is None:
        return indices.size
    return _prod(map(max, self.shape, indices.shape))


def _hot(self: Array, num_classes: int = -1) -> int:
    classes = int(self.max()) + 1 if num_classes == -1 else num_classes
    return self.size * max(classes, 1)


EXPECTED: dict[str, Count] = {
    "matmul": _product, "mm": _product, "bmm": _product, "mv": _product, "dot": _product,
    "outer": lambda self, vec2: self.size * vec2.size,
    "addmm": _added_product, "baddbmm": _added_product, "linear": _linear, "einsum": _einsum,
    "cdist": _distances,
    "conv1d": _convolved(1), "conv2d": _convolved(2), "conv3d": _convolved(3),
    "conv1d.padding": _convolved(1), "conv2d.padding": _convolved(2),
    "conv3d.padding": _convolved(3),
    "conv_transpose1d": _transposed(1), "conv_transpose2d.input": _transposed(2),
    "conv_transpose3d.input": _transposed(3), "im2col": _unfolded, "col2im": _folded,
    "max_pool1d": _pooled(1, True), "max_pool2d": _pooled(2, True),
    "max_pool3d": _pooled(3, True), "max_pool2d_with_indices": _pooled(2, True),
    "avg_pool1d": _pooled(1, False), "avg_pool2d": _pooled(2, False),
    "avg_pool3d": _pooled(3, False),
    "adaptive_avg_pool1d": _adaptive(1), "adaptive_avg_pool2d": _adaptive(2),
    "adaptive_avg_pool3d": _adaptive(3), "adaptive_max_pool1d": _adaptive(1),
    "adaptive_max_pool2d": _adaptive(2),
    "upsample_nearest1d.vec": _resized(1), "upsample_nearest2d.vec": _resized(2),
    "upsample_nearest3d.vec": _resized(3), "upsample_linear1d.vec": _resized(1),
    "upsample_bilinear2d.vec": _resized(2), "upsample_trilinear3d.vec": _resized(3),
    "upsample_bicubic2d.vec": _resized(2),
    "pad": _padded, "constant_pad_nd": _padded, "reflection_pad1d": _padded,
    "reflection_pad2d": _padded, "replication_pad1d": _padded, "replication_pad2d": _padded,
    "grid_sampler": _sampled,
    "affine_grid_generator": lambda theta, size, _: _prod(size[2:]) * size[0] * 4,
    "scaled_dot_product_attention": _attended, "lstm.input": _recurrent, "gru.input": _recurrent,
    "rnn_tanh.input": _recurrent, "rnn_relu.input": _recurrent,
    "repeat": lambda self, repeats: self.size * _prod(repeats),
    "tile": lambda self, dims: self.size * _prod(dims),
    "repeat_interleave.self_int": _repeated_each, "repeat_interleave.self_Tensor": _repeated_each,
    "embedding": _rows, "index_select": _selected, "index.Tensor": _indexed,
    "_unsafe_index.Tensor": _indexed, "take_along_dim": _along,
    "gather": lambda self, dim, index, _=False: index.size, "one_hot": _hot,
    "index_put": _put, "split.Tensor": _split, "unsafe_split.Tensor": _split,
    "chunk": lambda self, chunks, _=0: _pieces(chunks),
    "unsafe_chunk": lambda self, chunks, _=0: _pieces(chunks),
    "tensor_split.sections": lambda self, sections, _=0: _pieces(sections),
    "unbind.int": lambda self, dim=0: _pieces(self.shape[dim]),
    "arange": lambda end, _=None: arange_count(0, end),
    "arange.start": lambda start, end, _=None: arange_count(start, end),
    "arange.start_step": lambda start, end, step=1, _=None: arange_count(start, end, step),
    "linspace": lambda start, end, steps, _=None: steps,
    "eye": lambda n, _=None: n * n, "eye.m": lambda n, m, _=None: n * m,
}  # fmt: skip
