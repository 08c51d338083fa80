"""Writing a graph: the same graph always gives the same bytes."""

import numpy as np

from pemn_compress.format.archive import canonical, zstd
from pemn_compress.format.archive.layout import MAX_ELEMENTS, MAX_MANIFEST_BYTES, Limits
from pemn_compress.format.graph.reading import LENGTH_BYTES, NUMPY, VERSION, read_graph
from pemn_compress.format.graph.records import Constant, Graph, Node
from pemn_compress.format.graph.roles import Tensors
from pemn_compress.format.graph.spelling import to_json, tree_to_json


def write_graph(graph: Graph, tensors: Tensors) -> bytes:
    """Return the bytes of the section. `tensors` are the archive's, as for read_graph.

    Raises ArchiveError where the graph breaks a rule of the format.
    """
    names = graph.operators
    number = {name: index for index, name in enumerate(names)}
    told = {
        "buffers": [*graph.buffers],
        "call": {
            "args": [tree_to_json(tree) for tree in graph.args],
            "kwargs": {key: tree_to_json(tree) for key, tree in graph.kwargs.items()},
        },
        "constants": [
            {"dtype": one.dtype, "name": one.name, "shape": [*one.shape]} for one in graph.constants
        ],
        "inputs": [
            {"dtype": one.dtype, "name": one.name, "shape": [*one.shape]} for one in graph.inputs
        ],
        "nodes": [_node(node, number) for node in graph.nodes],
        "operators": names,
        "result": tree_to_json(graph.result),
        "sizes": {name: [*bounds] for name, bounds in graph.sizes.items()},
        "tensors": [*graph.tensors],
        "version": VERSION,
    }
    text = canonical.encode(told, "graph")
    length = len(text).to_bytes(LENGTH_BYTES, "little")
    raw = b"".join((length, text, *map(_bytes, graph.constants)))
    packed = zstd.compress(raw)
    limits = Limits(MAX_ELEMENTS, max(len(raw), 1), MAX_MANIFEST_BYTES)
    read_graph(packed, tensors, limits)  # never write what a reader would refuse
    return packed


def _node(node: Node, number: dict[str, int]) -> list[object]:
    return [number[node.operator], *map(to_json, node.arguments)]


def _bytes(constant: Constant) -> bytes:
    return np.ascontiguousarray(constant.values, NUMPY[constant.dtype]).tobytes()
