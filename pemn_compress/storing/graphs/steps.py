"""A graph's nodes as steps that torch can take: functions, with places for their arguments.

No text of an archive becomes code or an attribute that is looked up: an operator is found in torch
by its name on the format's closed list.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from pemn_compress.errors import ModelError
from pemn_compress.format.graph import Argument, DType, Graph, Node, Ref, Schema, references
from pemn_compress.format.graph.schemas import MEMORY_FORMATS
from pemn_compress.storing.tensors import TORCH_DTYPES

Function = Callable[..., Any]
SINCE: dict[str, str] = {}  # operators that came after torch 2.6, which the list is made from
_FIRST = "2.6"


def _size_of(tensor: Tensor, dim: int) -> int:
    return tensor.shape[dim]


_OWN: dict[str, Function] = {
    "size.add": operator.add,
    "size.sub": operator.sub,
    "size.mul": operator.mul,
    "size.floordiv": operator.floordiv,
    "size.mod": operator.mod,
    "size.neg": operator.neg,
    "size.max": torch.sym_max,
    "size.min": torch.sym_min,
    "sym_size.int": _size_of,
    "tuple.get": operator.getitem,
}
FORMATS = {
    name: getattr(torch, f"{name}_format" if name in ("contiguous", "preserve") else name)
    for name in MEMORY_FORMATS
}


@dataclass(frozen=True)
class Step:
    """One operator: `fixed` arguments, into which values go at `places` and into lists at `lists`.

    `named` are those by keyword, `valued` the numbers of the ones that are values. With `placed`
    the operator makes a tensor from nothing, and is told where. The values of the numbers in `dead`
    are used by no later step.
    """

    function: Function
    fixed: tuple[Any, ...]
    places: tuple[tuple[int, int], ...]
    lists: tuple[tuple[int, tuple[Any, ...]], ...]
    named: Mapping[str, Any]
    valued: tuple[tuple[str, int], ...]
    placed: bool
    dead: tuple[int, ...]

    def take(self, values: list[Any], device: torch.device) -> Any:
        """Return the operator's result; arguments come from `values`."""
        args, named = [*self.fixed], self.named
        for place, index in self.places:
            args[place] = values[index]
        for place, items in self.lists:
            args[place] = [values[i.index] if type(i) is Ref else i for i in items]
        if self.placed or self.valued:
            named = dict(named)
            for name, index in self.valued:
                named[name] = values[index]
            if self.placed:
                named["device"] = device
        return self.function(*args, **named)


def steps(graph: Graph) -> list[Step]:
    """Return the steps of a graph's nodes. Raises ModelError for an operator that torch lacks."""
    used: dict[int, int] = {}
    for number, node in enumerate(graph.nodes):
        used |= dict.fromkeys(references(node.arguments), number)
    for index in references(graph.result):
        used[index] = len(graph.nodes)
    dead: dict[int, list[int]] = {}
    for index, number in used.items():
        dead.setdefault(number, []).append(index)
    return [_step(node, tuple(dead.get(number, ()))) for number, node in enumerate(graph.nodes)]


def _step(node: Node, dead: tuple[int, ...]) -> Step:
    function, named, placed = _function(node.operator)
    fixed: list[Any] = []
    places: list[tuple[int, int]] = []
    lists: list[tuple[int, tuple[Any, ...]]] = []
    keywords: dict[str, Any] = {}
    valued: list[tuple[str, int]] = []
    for argument, given in zip(node.schema.arguments, _given(node), strict=True):
        value = _plain(given, argument.type.base)
        if argument.name in named:
            if isinstance(value, Ref):
                valued.append((argument.name, value.index))
            elif given is not None or argument.required:
                keywords[argument.name] = value
            continue
        if isinstance(value, Ref):
            places.append((len(fixed), value.index))
        elif isinstance(value, tuple):
            if any(isinstance(item, Ref) for item in value):
                lists.append((len(fixed), value))
            else:
                value = list(value)
        fixed.append(value)
    return Step(
        function, tuple(fixed), tuple(places), tuple(lists), keywords, tuple(valued), placed, dead
    )


def _given(node: Node) -> Iterator[Argument]:
    yield from node.bound().values()


def _plain(value: Argument, base: str) -> Any:
    if isinstance(value, DType):
        return TORCH_DTYPES[value.name]
    if base == "MemoryFormat" and isinstance(value, str):
        return FORMATS[value]
    return value


@cache
def _function(name: str) -> tuple[Function, frozenset[str], bool]:
    """Return what computes an operator, the arguments it takes by keyword, and if it needs a place.

    Raises ModelError for one that this torch has not.
    """
    if name in _OWN:
        return _OWN[name], frozenset(), False
    base, _, overload = name.partition(".")
    packet = getattr(torch.ops.aten, base, None)
    found = getattr(packet, overload or "default", None)
    if found is None:
        raise ModelError(
            f"the graph needs the operator {name}, which torch {torch.__version__} lacks: expected "
            f"torch {SINCE.get(name, _FIRST)} or newer"
        )
    named = frozenset(one.name for one in found._schema.arguments if one.kwarg_only)
    places = {one.name for one in found._schema.arguments}
    # what an overload calls: without its Python wrapper, which costs a tenth of a small operator
    function = getattr(found, "_op", found)
    return function, named, "device" in places and not _has_tensor(name)


def _has_tensor(name: str) -> bool:
    schema: Schema = Node(name, ()).schema
    return any(one.type.base == "Tensor" for one in schema.arguments)
