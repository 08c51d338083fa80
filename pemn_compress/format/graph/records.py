"""A graph: what a model computes when it evaluates, as values that are numbered from 0.

Inputs come first, then tensors of the archive, constants and nodes; a node uses values of lower
numbers alone, so that there are no circles.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from pemn_compress.format.graph.schemas import DType, Schema, operators

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Ref:
    """The value of that number."""

    index: int


# tuples stand for lists; bool is an int here as everywhere in Python
Argument = int | float | str | DType | Ref | None | tuple["Argument", ...]
# list, tuple and dict of trees; a leaf is a Ref, or a number, text or None that never changes
Tree = Any


@dataclass(frozen=True)
class Input:
    """A tensor that goes in. A dimension is a number, or the name of a size that calls decide."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True, eq=False)
class Constant:
    """A tensor of the model that no state dict holds; bf16 as its 16-bit patterns."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    values: Array


@dataclass(frozen=True)
class Node:
    """One operator and its arguments, in the order of its schema; trailing defaults left out."""

    operator: str
    arguments: tuple[Argument, ...]

    @property
    def schema(self) -> Schema:
        """What the operator takes and gives."""
        return operators()[self.operator]

    def bound(self) -> dict[str, Argument]:
        """Return all arguments by their names, defaults too."""
        found: dict[str, Argument] = {}
        for index, argument in enumerate(self.schema.arguments):
            there = index < len(self.arguments)
            found[argument.name] = self.arguments[index] if there else argument.default
        return found


@dataclass(frozen=True)
class Graph:
    """What a model computes. `sizes` has the least and the greatest (None: open) of each name.

    `tensors` are names of the archive, `buffers` those among all of its tensors that are no
    parameters, as far as no rule tells it (see `roles`). `args` and `kwargs` are how forward is
    called, `result` what it returns, each made of trees.
    """

    inputs: tuple[Input, ...]
    tensors: tuple[str, ...]
    constants: tuple[Constant, ...]
    nodes: tuple[Node, ...]
    args: tuple[Tree, ...]
    result: Tree
    kwargs: Mapping[str, Tree] = field(default_factory=dict)
    sizes: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    buffers: tuple[str, ...] = ()

    @property
    def first_node(self) -> int:
        """The number of the first node's value."""
        return len(self.inputs) + len(self.tensors) + len(self.constants)

    @property
    def operators(self) -> list[str]:
        """Names of the operators that it uses, sorted."""
        return sorted({node.operator for node in self.nodes})


def leaves(tree: Tree) -> Iterator[Any]:
    """Yield the leaves of a tree, or the items of an argument, in order."""
    if isinstance(tree, dict):
        for item in tree.values():
            yield from leaves(item)
    elif isinstance(tree, list | tuple):
        for item in tree:
            yield from leaves(item)
    else:
        yield tree


def references(tree: Tree) -> Iterator[int]:
    """Yield the numbers of the values that a tree or an argument uses, in order."""
    return (leaf.index for leaf in leaves(tree) if isinstance(leaf, Ref))
