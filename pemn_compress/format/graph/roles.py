"""Which of an archive's tensors are buffers of the model, and not parameters.

Two rules tell most: what is no floating-point tensor is one, and so are the running statistics of
normalising layers. The graph names the others.
"""

from collections.abc import Mapping

from pemn_compress.format.archive import fields
from pemn_compress.format.graph.records import Graph, Ref

FLOATING = ("f32", "f64", "f16", "bf16")
_RUNNING = {"batch_norm", "instance_norm"}  # whose arguments 3 and 4 are running statistics
Tensors = Mapping[str, tuple[str, tuple[int, ...]]]  # name to dtype and shape


def buffers(graph: Graph, tensors: Tensors) -> set[str]:
    """Return the names of an archive's tensors that are buffers."""
    return told_by_rules(graph, tensors) | set(graph.buffers)


def told_by_rules(graph: Graph, tensors: Tensors) -> set[str]:
    """Return the names of those that need not be named."""
    first = len(graph.inputs)
    running = {
        graph.tensors[value.index - first]
        for node in graph.nodes
        if node.operator in _RUNNING
        for value in node.arguments[3:5]
        if isinstance(value, Ref) and first <= value.index < first + len(graph.tensors)
    }
    return running | {name for name, (dtype, _) in tensors.items() if dtype not in FLOATING}


def check_buffers(graph: Graph, tensors: Tensors) -> None:
    """Refuse names that are out of order, or that need not be told. Raises ArchiveError."""
    if list(graph.buffers) != sorted(set(graph.buffers)):
        raise fields.bad("buffers", "sorted names, each once", "others")
    known = told_by_rules(graph, tensors).intersection(graph.buffers)
    if known:
        raise fields.bad("buffers", "those alone that no rule tells", repr(min(known)))
