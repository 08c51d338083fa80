"""A stranger's graph tried without memory, on torch's meta device, before anything runs.

Operators check their arguments and say how large their results are; what is too large is refused,
inside operators that torch puts together of others too.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pemn_compress.errors import ModelError
from pemn_compress.format.archive import Limits
from pemn_compress.format.graph import Graph, Input, Node, Ref
from pemn_compress.format.graph.checking import MOST_RESULTS
from pemn_compress.storing.graphs.recurrent import RECURRENT
from pemn_compress.storing.graphs.steps import Step, steps
from pemn_compress.storing.proving import without_fastpath
from pemn_compress.storing.tensors import TORCH_DTYPES

_LEAD = 2  # the batch, and whatever else stands first
_OTHERS = (2, 8, 16, 32, 64, 128, 224, 256, 512, 1024, 7, 3)  # sizes that a graph may want at least
_EACH, _SOME = 100, 1000  # operations that torch may make of an operator, on the average
_META = torch.device("meta")


def try_out(graph: Graph, tensors: Mapping[str, Tensor], limits: Limits, where: str) -> None:
    """Refuse a graph that does not fit its tensors, or that computes with more than is allowed.

    `tensors` are on the meta device. Where sizes vary it is tried with small ones. Raises
    ModelError, which begins with `where`; so many elements as `limits.max_weights` may be in the
    values that are held at once.
    """
    failure: ModelError | None = None
    constants = {
        one.name: torch.empty(one.shape, dtype=TORCH_DTYPES[one.dtype], device="meta")
        for one in graph.constants
    }
    held = [tensors[name] for name in graph.tensors] + [*constants.values()]
    prepared = steps(graph)
    for sizes in _sizes(graph):
        try:
            _walk(graph, prepared, [*_inputs(graph.inputs, sizes, limits), *held], limits)
        except ModelError as error:
            failure = failure or error
        else:
            return
    assert failure is not None
    raise ModelError(f"{where}: graph: {failure}")


def _sizes(graph: Graph) -> Iterator[dict[str, int]]:
    lead = {one.shape[0] for one in graph.inputs if one.shape}
    others = [name for name in graph.sizes if name not in lead]
    for size in _OTHERS if others else _OTHERS[:1]:
        wanted = {name: size if name in others else _LEAD for name in graph.sizes}
        yield {name: _within(graph.sizes[name], one) for name, one in wanted.items()}


def _within(bounds: tuple[int, int | None], size: int) -> int:
    least, most = bounds
    size = max(least, size)
    return size if most is None else min(most, size)


def _inputs(inputs: Sequence[Input], sizes: Mapping[str, int], limits: Limits) -> Iterator[Tensor]:
    for one in inputs:
        shape = [sizes[size] if isinstance(size, str) else size for size in one.shape]
        if prod(shape) > limits.max_weights:
            most = limits.at_most("max_weights")
            raise ModelError(f"input {one.name}: expected {most} elements, got shape {shape}")
        yield torch.empty(shape, dtype=TORCH_DTYPES[one.dtype], device="meta")


def _walk(graph: Graph, prepared: Sequence[Step], values: list[Any], limits: Limits) -> None:
    bounded = _Bounded(limits.max_weights, _SOME + _EACH * len(prepared))
    alive = 0
    counted: dict[int, int] = {}
    with torch.no_grad(), without_fastpath(), bounded:
        for node, step in zip(graph.nodes, prepared, strict=True):
            where = f"node {len(values) - graph.first_node} ({node.operator})"
            try:
                _check_counts(node, values)
                made = RECURRENT.get(node.operator, _taken)(node, step, values)
            except _TooLarge as error:
                raise ModelError(f"{where}: {error}") from None
            except Exception as error:  # each operator of torch has its own kinds
                reason = " ".join(str(error).split())[:200] or type(error).__name__
                raise ModelError(f"{where} does not fit what it is given: {reason}") from None
            if isinstance(made, int) and not -(1 << 63) <= made < 1 << 63:
                raise ModelError(f"{where}: expected a size of 64 bits, got more")
            size = sum(one.numel() for one in tree_leaves(made) if isinstance(one, Tensor))
            counted[len(values)] = size
            alive += size
            if alive > limits.max_weights:
                raise ModelError(
                    f"{where}: expected {limits.at_most('max_weights')} elements in values that "
                    f"are held at once, got {alive}"
                )
            values.append(made)
            for index in step.dead:
                values[index] = None
                alive -= counted.get(index, 0)


def _taken(node: Node, step: Step, values: list[Any]) -> Any:
    if node.operator in ("view", "_unsafe_view"):  # kernels lay results out in other orders there
        step = replace(step, function=torch.ops.aten.reshape.default)
    return step.take(values, _META)


def _check_counts(node: Node, values: Sequence[Any]) -> None:
    """Refuse to take a tensor apart into more tensors than a graph can name."""
    if not node.schema.several:
        return
    given = node.bound()
    found: list[int] = [given[name] for name in ("chunks", "sections") if name in given]  # type: ignore[misc]
    tensor = given.get("self")
    if isinstance(tensor, Ref) and (node.operator.startswith("unbind") or "split_size" in given):
        dim = _known(given["dim"], values)
        length = values[tensor.index].size(dim)
        size = _known(given.get("split_size", 1), values)
        found.append(length if not size else -(-length // size))
    for count in found:
        count = _known(count, values)
        if count > MOST_RESULTS:
            raise _TooLarge(f"expected at most {MOST_RESULTS} results, got {count}")


def _known(value: Any, values: Sequence[Any]) -> int:
    number = values[value.index] if isinstance(value, Ref) else value
    return int(number)


class _TooLarge(Exception):
    """What was allowed, and what was got."""


class _Bounded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Look at the results of all that torch does, and at how much that is."""

    def __init__(self, most: int, operations: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._most, self._left = most, itertools.repeat(None, operations)

    def see(self, made: Any) -> None:
        """Refuse a result with more elements than allowed."""
        for one in tree_leaves(made):
            if isinstance(one, Tensor) and one.numel() > self._most:
                shape = tuple(one.shape)
                raise _TooLarge(f"expected at most {self._most} elements, got shape {shape}")

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Do what torch does, and look at what comes of it."""
        try:
            next(self._left)
        except StopIteration:
            raise _TooLarge("expected fewer operations inside operators") from None
        made = function(*args, **(kwargs or {}))
        self.see(made)
        return made
