"""One function of numpy arrays for each operator of a graph, by the operator's name.

Arguments stand in the order of the operator's schema, with its defaults. Nothing is changed in
place, and a result may be a view of an argument. What cannot be done is a ValueError, TypeError,
IndexError or ZeroDivisionError; the interpreter says where.
"""

from collections.abc import Callable
from typing import Any

from pemn_compress.running.kernels import (
    activations,
    attention,
    convolutions,
    indexing,
    making,
    norms,
    ordering,
    padding,
    pointwise,
    pooling,
    products,
    recurrent,
    reductions,
    resizing,
    sampling,
    shapes,
    unary,
)

_KINDS = (
    activations, attention, convolutions, indexing, making, norms, ordering, padding, pointwise,
    pooling, products, recurrent, reductions, resizing, sampling, shapes, unary,
)  # fmt: skip

KERNELS: dict[str, Callable[..., Any]] = {
    name: kernel for kind in _KINDS for name, kernel in kind.KERNELS.items()
}
# operators that cannot be had in numpy, each with the reason
MISSING: dict[str, str] = {}
