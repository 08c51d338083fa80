"""What a model computes, as a section of an archive: read and written without torch."""

from pemn_compress.format.graph.held import described, graph_of, held_graph
from pemn_compress.format.graph.reading import read_graph
from pemn_compress.format.graph.records import (
    Argument,
    Constant,
    Graph,
    Input,
    Node,
    Ref,
    Tree,
    leaves,
    references,
)
from pemn_compress.format.graph.roles import Tensors, buffers
from pemn_compress.format.graph.schemas import DType, Schema, Type, operators
from pemn_compress.format.graph.writing import write_graph

__all__ = [
    "Argument",
    "Constant",
    "DType",
    "Graph",
    "Input",
    "Node",
    "Ref",
    "Schema",
    "Tensors",
    "Tree",
    "Type",
    "buffers",
    "described",
    "graph_of",
    "held_graph",
    "leaves",
    "operators",
    "read_graph",
    "references",
    "write_graph",
]
