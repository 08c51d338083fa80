"""Reading a graph: every field checked on its own, then all of them together.

Nothing is allocated on the word of a field that has not been checked.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, TypeVar

import numpy as np

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import canonical, fields
from pemn_compress.format.archive.layout import MAX_ELEMENTS, MAX_RANK, Limits
from pemn_compress.format.archive.records import DTYPE_BYTES
from pemn_compress.format.archive.zstd import decompress
from pemn_compress.format.graph.checking import check
from pemn_compress.format.graph.records import Constant, Graph, Input, Node, Tree, references
from pemn_compress.format.graph.roles import Tensors, check_buffers
from pemn_compress.format.graph.schemas import operators
from pemn_compress.format.graph.spelling import from_json, tree_from_json

VERSION = 1
LENGTH_BYTES = 4  # of the JSON text, in front of it
MAX_INPUTS = 1 << 10
MAX_CONSTANTS = 1 << 12
MAX_NODES = 1 << 16
MAX_ARGUMENTS = 1 << 16
MAX_KEYWORD = 255  # characters
_FIELDS = (
    "buffers", "call", "constants", "inputs", "nodes", "operators", "result", "sizes", "tensors",
    "version",
)  # fmt: skip
NUMPY = {
    "bool": "?", "u8": "u1", "i8": "i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
    "bf16": "<u2", "f16": "<f2", "f32": "<f4", "f64": "<f8",
}  # fmt: skip
_T = TypeVar("_T")


def read_graph(raw: bytes, tensors: Tensors, limits: Limits | None = None) -> Graph:
    """Return the graph that a section holds; ArchiveError, in one line, for anything else.

    `tensors` are those that the archive restores, aliases too: name to dtype and shape. The bytes
    of the text are bounded by the limits' max_manifest_bytes, those of constants by max_bytes.
    """
    limits = limits or Limits()
    most = LENGTH_BYTES + limits.max_manifest_bytes + limits.max_bytes
    try:
        body = decompress(bytes(raw), most, None, "frame")
        length = int.from_bytes(body[:LENGTH_BYTES], "little")
        largest = min(limits.max_manifest_bytes, len(body) - LENGTH_BYTES)
        if not 1 <= length <= largest:
            raise fields.bad("text", f"1 to {max(largest, 0)} bytes", str(length))
        text = body[LENGTH_BYTES : LENGTH_BYTES + length]
        told = canonical.decode(text, "text")
        return _graph(told, memoryview(body)[LENGTH_BYTES + length :], tensors, limits)
    except ArchiveError as error:
        raise ArchiveError(f"graph: {error}") from None


def _graph(value: Any, payload: memoryview, tensors: Tensors, limits: Limits) -> Graph:
    if isinstance(value, dict) and value.get("version") != VERSION and "version" in value:
        raise fields.bad("version", f"{VERSION}", f"{value['version']!r}; a newer writer's?")
    got = fields.table(value, "text", _FIELDS)
    names = fields.items(got["operators"], "operators", len(operators()))
    for name in names:
        if not isinstance(name, str) or name not in operators():
            raise fields.bad("operators", "names on the format's list", repr(name))
    if names != sorted(set(names)):
        raise fields.bad("operators", "sorted names, each once", "others")
    sizes = _sizes(got["sizes"])
    call = fields.table(got["call"], "call", ("args", "kwargs"))
    graph = Graph(
        inputs=_each(got["inputs"], "input", MAX_INPUTS, lambda one: _input(one, sizes)),
        tensors=_each(got["tensors"], "tensors", len(tensors), lambda one: _known(one, tensors)),
        constants=_constants(got["constants"], payload, limits),
        nodes=_each(got["nodes"], "nodes", MAX_NODES, lambda one: _node(one, names)),
        args=_each(call["args"], "call args", MAX_INPUTS, lambda one: _tree(one, "call")),
        result=_tree(got["result"], "result"),
        kwargs={
            _keyword(key): _tree(one, "call")
            for key, one in fields.mapping(call["kwargs"], "call kwargs").items()
        },
        sizes=sizes,
        buffers=_each(got["buffers"], "buffers", len(tensors), lambda one: _known(one, tensors)),
    )
    fields.unique([one.name for one in graph.inputs], "input")
    fields.unique([*graph.tensors], "tensor")
    fields.unique([one.name for one in graph.constants], "constant")
    for constant in graph.constants:
        if constant.name in tensors:
            raise fields.bad(f"constant {constant.name!r}", "no tensor's name", "one")
    if len({node.operator for node in graph.nodes}) != len(names):
        raise fields.bad("operators", "those that nodes use", "more")
    if {one for put in graph.inputs for one in put.shape if isinstance(one, str)} != {*sizes}:
        raise fields.bad("sizes", "those that inputs name", "others")
    used = [*references([*graph.args, *graph.kwargs.values()])]
    if used != [*range(len(graph.inputs))]:
        raise fields.bad("call", "all inputs once, in their order", "others")
    check(graph)
    check_buffers(graph, tensors)
    return graph


def _each(value: Any, where: str, most: int, read: Callable[[Any], _T]) -> tuple[_T, ...]:
    return tuple(read(one) for one in fields.items(value, where, most))


def _sizes(value: Any) -> dict[str, tuple[int, int | None]]:
    sizes: dict[str, tuple[int, int | None]] = {}
    for name, bounds in fields.mapping(value, "sizes").items():
        where = f"size {fields.name(name, 'size')!r}"
        if len(fields.items(bounds, where, 2)) != 2:
            raise fields.bad(where, "the least and the greatest", "others")
        least = fields.integer(bounds[0], where, low=1)
        most = None if bounds[1] is None else fields.integer(bounds[1], where, low=least)
        sizes[name] = (least, most)
    return sizes


def _input(value: Any, sizes: Mapping[str, object]) -> Input:
    got = fields.table(value, "input", ("dtype", "name", "shape"))
    where = f"input {fields.name(got['name'], 'input')!r}"
    shape = fields.items(got["shape"], f"{where} shape", MAX_RANK)
    for size in shape:
        if isinstance(size, str):
            fields.choice(size, sizes, f"{where} shape")
        else:
            fields.integer(size, f"{where} shape", low=1)
    return Input(got["name"], fields.choice(got["dtype"], DTYPE_BYTES, where), tuple(shape))


def _known(value: Any, tensors: Tensors) -> str:
    name = fields.name(value, "tensors")
    if name not in tensors:
        raise fields.bad("tensors", "names of the archive's tensors", repr(name))
    return name


def _constants(value: Any, payload: memoryview, limits: Limits) -> tuple[Constant, ...]:
    """Return the constants; together they have to take every byte of the payload."""
    constants: list[Constant] = []
    start = 0
    for one in fields.items(value, "constants", MAX_CONSTANTS):
        got = fields.table(one, "constant", ("dtype", "name", "shape"))
        where = f"constant {fields.name(got['name'], 'constant')!r}"
        dtype = fields.choice(got["dtype"], DTYPE_BYTES, where)
        shape = tuple(
            fields.integer(size, f"{where} shape", low=1, high=MAX_ELEMENTS)
            for size in fields.items(got["shape"], f"{where} shape", MAX_RANK)
        )
        count = prod(shape)
        if count > limits.max_weights:
            raise fields.bad(where, limits.at_most("max_weights"), str(count))
        end = start + count * DTYPE_BYTES[dtype]
        if end > len(payload):
            raise fields.bad(where, f"{end} bytes of constants up to it", f"{len(payload)}")
        part = payload[start:end]
        if dtype == "bool" and np.frombuffer(part, np.uint8).max() > 1:
            raise fields.bad(where, "bytes of 0 and 1", "others")
        values = np.frombuffer(part, NUMPY[dtype]).reshape(shape)
        constants.append(Constant(got["name"], dtype, shape, values))
        start = end
    if start != len(payload):
        raise fields.bad("constants", f"{start} bytes as told", f"{len(payload)}")
    return tuple(constants)


def _node(value: Any, names: list[str]) -> Node:
    told = fields.items(value, "node", MAX_ARGUMENTS)
    if not told:
        raise fields.bad("node", "an operator first", "nothing")
    index = fields.integer(told[0], "node operator", high=len(names) - 1)
    where = f"node of {names[index]}"
    return Node(names[index], tuple(from_json(one, where) for one in told[1:]))


def _tree(value: Any, where: str) -> Tree:
    return tree_from_json(value, where)


def _keyword(key: str) -> str:
    if not (key.isascii() and key.isidentifier() and len(key) <= MAX_KEYWORD):
        raise fields.bad("call kwargs", "names of arguments", repr(key))
    return key
