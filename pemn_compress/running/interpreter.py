"""A graph run node by node: what a value needs is there before it, what nothing needs is freed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pemn_compress.errors import ArchiveError, ModelError
from pemn_compress.format.archive import values
from pemn_compress.format.archive.layout import Limits
from pemn_compress.format.graph import DType, Graph, Node, Ref, references
from pemn_compress.running import bounds
from pemn_compress.running.dtypes import BF16, Array
from pemn_compress.running.inputs import Inputs, checked
from pemn_compress.running.kernels import KERNELS, MISSING

# what kernels and numpy raise where arguments do not go together
_REFUSALS = (ValueError, TypeError, IndexError, ZeroDivisionError, OverflowError, AssertionError)


def run_graph(
    graph: Graph,
    tensors: Mapping[str, Array],
    inputs: Inputs,
    limits: Limits | None = None,
) -> Any:
    """Return what a graph makes of its inputs: arrays in the tuples, lists and dicts of its result.

    `tensors` are the archive's by name, bf16 as 16-bit patterns (as `Archive.tensor` gives them);
    `inputs` numpy arrays in the graph's order, or by name. bf16 is computed with in binary32, and
    rounded where the graph casts to it. Values that no later node uses are freed.

    The limits' max_weights bounds the elements of every value, max_bytes the memory of all that are
    held at a time, each before it is allocated where its size can be known. Time is not bounded.

    Raises DataError for inputs that do not fit; ModelError, which names the node, where an operator
    cannot be run; ArchiveError where a value would be larger than the limits allow.
    """
    limits = limits or Limits()
    held: dict[int, Any] = dict(enumerate(checked(graph, inputs)))
    for name in graph.tensors:
        held[len(held)] = _held(tensors[name])
    for constant in graph.constants:
        held[len(held)] = _held(constant.values)
    last = _last_uses(graph)
    memory = _Memory(limits)
    with np.errstate(all="ignore"):
        for number, node in enumerate(graph.nodes):
            index = graph.first_node + number
            where = f"graph: node {number} ({node.operator})"
            held[index] = _run(node, held, memory, where)
            memory.hold(index, held[index], where)
            for used in {*references(node.arguments), index}:
                if last.get(used) == index:
                    memory.free(used)
                    del held[used]
    return _result(graph.result, held)


def _last_uses(graph: Graph) -> dict[int, int]:
    """Return after which value each may go; those of the result stay."""
    last: dict[int, int] = {}
    for number, node in enumerate(graph.nodes):
        index = graph.first_node + number
        last[index] = index
        for used in references(node.arguments):
            last[used] = index
    for used in references(graph.result):
        last.pop(used, None)
    return last


def _held(array: Array) -> Array:
    """Return a tensor of an archive as kernels hold it."""
    if array.dtype == np.uint16:
        return np.asarray(values.widen(np.ascontiguousarray(array), BF16, "f32")).reshape(
            array.shape
        )
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _run(node: Node, held: Mapping[int, Any], memory: "_Memory", where: str) -> Any:
    kernel = KERNELS.get(node.operator)
    if kernel is None:
        reason = MISSING.get(node.operator, "it is not on the list")
        raise ModelError(f"{where}: cannot be run in numpy: {reason}")
    arguments = [_argument(one, held) for one in node.arguments]
    try:
        memory.expect(bounds.expected(node.operator, arguments), _width(arguments), where)
        result = kernel(*arguments)
    except ArchiveError:
        raise
    except _REFUSALS as error:
        reason = str(error) or type(error).__name__
        raise ModelError(f"{where}: {reason}; got {_told(arguments)}") from None
    if not isinstance(result, int | tuple):
        result = np.asarray(result)
    return result


def _argument(value: Any, held: Mapping[int, Any]) -> Any:
    if isinstance(value, Ref):
        return held[value.index]
    if isinstance(value, tuple):
        return [_argument(item, held) for item in value]
    return value.name if isinstance(value, DType) else value


def _width(arguments: Sequence[Any]) -> int:
    """Return the bytes of an element, as the widest argument has them."""
    widths = [one.itemsize for one in _arrays(arguments)]
    return max(widths, default=8)


def _arrays(value: Any) -> list[Array]:
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, list | tuple):
        return [array for item in value for array in _arrays(item)]
    return []


def _told(arguments: Sequence[Any]) -> str:
    """Return arguments for a message: tensors by dtype and shape."""
    return ", ".join(
        f"{one.dtype}{list(one.shape)}"
        if isinstance(one, np.ndarray)
        else f"[{_told(one)}]"
        if isinstance(one, list | tuple)
        else repr(one)
        for one in arguments[:12]
    )


def _result(tree: Any, held: Mapping[int, Any]) -> Any:
    if isinstance(tree, Ref):
        value = held[tree.index]
        return np.array(value) if isinstance(value, np.ndarray) else value
    if isinstance(tree, dict):
        return {key: _result(item, held) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(_result(item, held) for item in tree)
    return tree


class _Memory:
    """What values take, each array counted once however many views of it there are."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._owners: dict[int, list[Array]] = {}  # value -> the arrays that hold its elements
        self._users: dict[int, int] = {}  # array, by its identity -> how many values use it
        self._bytes = 0

    def expect(self, count: int, width: int, where: str) -> None:
        """Refuse what would be too large. Raises ArchiveError."""
        self._check(count, self._bytes + count * width, where)

    def hold(self, index: int, value: Any, where: str) -> None:
        """Note a value. Raises ArchiveError where it is too large after all."""
        arrays = _arrays(value)
        owners = [_owner(array) for array in arrays]
        for owner in owners:
            key = id(owner)
            self._bytes += 0 if key in self._users else owner.nbytes
            self._users[key] = self._users.get(key, 0) + 1
        self._owners[index] = owners
        self._check(max((array.size for array in arrays), default=0), self._bytes, where)

    def free(self, index: int) -> None:
        """Forget a value."""
        for owner in self._owners.pop(index, ()):
            key = id(owner)
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key]
                self._bytes -= owner.nbytes

    def _check(self, count: int, size: int, where: str) -> None:
        if count > self._limits.max_weights:
            expected = self._limits.at_most("max_weights")
            raise ArchiveError(f"{where}: elements: expected {expected}, got {count}")
        if size > self._limits.max_bytes:
            expected = self._limits.at_most("max_bytes")
            raise ArchiveError(f"{where}: bytes of values: expected {expected}, got {size}")


def _owner(array: Array) -> Array:
    """Return the array whose memory a view sees, through what numpy puts in between."""
    while True:
        base = array.base
        inner = base if isinstance(base, np.ndarray) else getattr(base, "base", None)
        if not isinstance(inner, np.ndarray):
            return array
        array = inner
