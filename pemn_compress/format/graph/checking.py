"""What single fields of a graph cannot show: that arguments are of the types that operators take.

The kind of a value is the type of a result, or a tuple of them where an operator has several.
"""

from collections.abc import Sequence

from pemn_compress.errors import cut
from pemn_compress.format.archive import fields
from pemn_compress.format.graph.records import Argument, Graph, Node, Ref, references
from pemn_compress.format.graph.schemas import (
    ANY,
    INTEGER,
    MEMORY_FORMATS,
    TENSOR,
    TUPLE_GET,
    DType,
    Plain,
    Type,
)
from pemn_compress.format.graph.spelling import to_json

MOST_RESULTS = 1 << 16
LISTED = "Tensor[]"  # the kind of a value that is any number of tensors
Kind = str | tuple[str, ...]


def check(graph: Graph) -> None:
    """Refuse a graph whose values and uses do not fit together. Raises ArchiveError."""
    kinds: list[Kind] = [TENSOR] * graph.first_node
    uses = _Uses(graph)
    for index, node in enumerate(graph.nodes):
        where = f"node {index} ({node.operator})"
        kinds.append(_kind(node, kinds, where))
        uses.note(node.arguments, where)
    for reference in references(graph.result):
        _value(Ref(reference), (TENSOR, INTEGER), kinds, "result")
    uses.note((graph.result,), "result")
    uses.finish(len(kinds))


class _Uses:
    """Which values are used: all of them have to be, tensors and constants in their order."""

    def __init__(self, graph: Graph) -> None:
        self._used: set[int] = set()
        tensors = len(graph.inputs)
        constants = tensors + len(graph.tensors)
        self._next = {tensors: tensors, constants: constants}
        self._starts = (tensors, constants, graph.first_node)

    def note(self, used: object, where: str) -> None:
        tensors, constants, nodes = self._starts
        for index in references(used):
            if tensors <= index < nodes and index not in self._used:
                group = tensors if index < constants else constants
                if index != self._next[group]:
                    raise fields.bad(
                        where, "tensors and constants in the order of their first use", f"%{index}"
                    )
                self._next[group] += 1
            self._used.add(index)

    def finish(self, count: int) -> None:
        for index in range(self._starts[0], count):
            if index not in self._used:
                raise fields.bad(f"value %{index}", "a use of it", "none")


def _kind(node: Node, kinds: Sequence[Kind], where: str) -> Kind:
    """Return the kind of a node's value; its arguments have to be of the schema's types."""
    schema, given = node.schema, node.arguments
    if not schema.required <= len(given) <= len(schema.arguments):
        least, most = schema.required, len(schema.arguments)
        told = str(least) if least == most else f"{least} to {most}"
        raise fields.bad(where, f"{told} arguments", str(len(given)))
    for argument, value in zip(schema.arguments, given, strict=False):
        _check(value, argument.type, kinds, f"{where} {argument.name}")
    if given:
        last = schema.arguments[len(given) - 1]
        if not last.required and _same(given[-1], last.default):
            raise fields.bad(f"{where} {last.name}", "no default to be told", "one")
    if node.operator == TUPLE_GET:
        return _taken(given[0], given[1], kinds, where)
    if len(schema.results) > 1:
        return tuple(map(str, schema.results))
    return str(schema.results[0])


def _same(value: Argument, default: Plain | tuple[Plain, ...]) -> bool:
    return repr(to_json(value)) == repr(to_json(default))  # 1 is not true


def _taken(values: Argument, index: Argument, kinds: Sequence[Kind], where: str) -> Kind:
    assert isinstance(values, Ref)
    kind = kinds[values.index]
    most = MOST_RESULTS if kind == LISTED else len(kind)
    if not isinstance(index, int) or not 0 <= index < most:
        raise fields.bad(f"{where} index", f"a number below {most}", _told(index))
    return TENSOR if kind == LISTED else kind[index]


def _check(value: Argument, type_: Type, kinds: Sequence[Kind], where: str) -> None:
    if value is None and type_.optional:
        return
    if type_.base == ANY:
        if not isinstance(value, Ref):
            raise fields.bad(where, "a value of several results", _told(value))
        _value(value, (LISTED,), kinds, where)
    elif type_.listed:
        if not isinstance(value, tuple):
            raise fields.bad(where, f"{type_}", _told(value))
        for item in value:
            if not (item is None and type_.holes):
                _check_one(item, type_, kinds, where)
    else:
        _check_one(value, type_, kinds, where)


def _check_one(value: Argument, type_: Type, kinds: Sequence[Kind], where: str) -> None:
    base = type_.base
    number = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, Ref):
        expected = TENSOR if base == TENSOR else INTEGER
        if base not in (TENSOR, INTEGER, "Scalar"):
            raise fields.bad(where, f"{type_}", _told(value))
        _value(value, (expected,), kinds, where)
        return
    fits = {
        TENSOR: False,
        INTEGER: number,
        "float": isinstance(value, float),
        "bool": isinstance(value, bool),
        "Scalar": isinstance(value, int | float),
        "str": isinstance(value, str),
        "ScalarType": isinstance(value, DType),
        "MemoryFormat": value in MEMORY_FORMATS,
    }[base]
    if not fits:
        raise fields.bad(where, f"{type_}", _told(value))
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise fields.bad(where, "an integer of 64 bits", _told(value))


def _value(value: Ref, expected: tuple[str, ...], kinds: Sequence[Kind], where: str) -> None:
    """Refuse a value that is not there yet, or of another kind; a tuple passes as a list."""
    if value.index >= len(kinds):
        raise fields.bad(where, f"a value below %{len(kinds)}", f"%{value.index}")
    kind = kinds[value.index]
    if (LISTED if isinstance(kind, tuple) else kind) not in expected:
        told = kind if isinstance(kind, str) else f"({', '.join(kind)})"
        raise fields.bad(where, f"{' or '.join(expected)}", f"%{value.index}, {told}")


def _told(value: Argument) -> str:
    if isinstance(value, tuple):
        return "a list"
    return cut(repr(to_json(value)))
