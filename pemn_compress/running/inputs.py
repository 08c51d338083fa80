"""What goes into a graph, compared with what the graph says of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pemn_compress.errors import DataError, did_you_mean
from pemn_compress.format.graph import Graph, Input
from pemn_compress.running.dtypes import BF16, Array, cast, named

Inputs = Sequence[Any] | Mapping[str, Any]


def checked(graph: Graph, inputs: Inputs) -> list[Array]:
    """Return the inputs as arrays in the graph's order; a lone or unnamed one has no name to fit.

    A size that the graph leaves open, such as the batch, is 1 at least, and one for all inputs that
    have it: nothing is stretched. The reader in JavaScript says the same sentences.

    Raises DataError where one is missing, unknown, of another dtype, or of a shape that does not
    fit the graph or the other inputs.
    """
    sizes: dict[str, tuple[int, str]] = {}
    arrays = []
    for told, given in zip(graph.inputs, _ordered(graph, inputs), strict=True):
        array = _typed(told, given)
        _fit(told, array, sizes, graph)
        arrays.append(array)
    return arrays


def told_inputs(graph: Graph) -> str:
    """Return the graph's inputs as messages tell them: x f32 (batch, 3, 32, 32)."""
    return ", ".join(f"{one.name} {one.dtype} {_listed(one.shape)}" for one in graph.inputs)


def _ordered(graph: Graph, inputs: Inputs) -> list[Any]:
    names = [one.name for one in graph.inputs]
    if not isinstance(inputs, Mapping):
        if len(inputs) != len(names):
            raise DataError(
                f"inputs: expected {len(names)} ({told_inputs(graph)}), got {len(inputs)}"
            )
        return list(inputs)
    for name in inputs:
        if name not in names:
            told = "only one is" if len(names) == 1 else "inputs are"
            listed = ", ".join(map(repr, names))
            hint = did_you_mean(name, names) if len(names) > 1 else ""
            raise DataError(f"no input {name!r}; the {told} {listed}{hint}")
    for name in names:
        if name not in inputs:
            raise DataError(f"input {name!r}: expected {told_inputs(graph)}, got none of that name")
    return [inputs[name] for name in names]


def _typed(told: Input, given: Any) -> Array:
    array = np.asarray(given)
    wanted = named(told.dtype)
    if array.dtype.newbyteorder("=") != wanted:
        more = " (in numpy float32)" if told.dtype == BF16 else ""
        raise DataError(
            f"input {told.name!r}: expected {told.dtype}{more}, got {array.dtype}; "
            f"convert it with .astype(numpy.{wanted.name})"
        )
    array = np.ascontiguousarray(array, wanted).reshape(array.shape)
    return cast(array, BF16) if told.dtype == BF16 else array


def _fit(told: Input, array: Array, sizes: dict[str, tuple[int, str]], graph: Graph) -> None:
    """Refuse a shape; note which size has which value, and from which input."""
    where = f"input {told.name!r}"
    expected, got = _listed(told.shape), _listed(array.shape)
    if array.ndim != len(told.shape):
        raise DataError(
            f"{where}: expected {len(told.shape)} dimensions, {expected}, got shape {got}"
        )
    for size, found in zip(told.shape, array.shape, strict=True):
        if isinstance(size, int):
            if size != found:
                raise DataError(f"{where}: expected shape {expected}, got {got}")
            continue
        least, most = graph.sizes[size]
        if found < least or (most is not None and found > most):
            bound = f"at least {least}" if most is None else f"{least} to {most}"
            raise DataError(f"{where}: size {size}: expected {bound}, got {found}")
        known, source = sizes.setdefault(size, (found, told.name))
        if known != found:
            raise DataError(
                f"{where}: size {size}: expected {known} as in input {source!r}, got {found}"
            )


def _listed(sizes: Sequence[int | str]) -> str:
    return f"({', '.join(map(str, sizes))})"
