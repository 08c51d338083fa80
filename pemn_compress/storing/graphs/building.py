"""From an archive's graph to a module, tried before anything of it runs."""

from torch import nn

from pemn_compress.format.archive import Archive, Limits
from pemn_compress.format.graph import Graph, Tensors, described, held_graph
from pemn_compress.storing.graphs.module import graph_module
from pemn_compress.storing.graphs.trying import try_out


def build_graph(graph: Graph, tensors: Tensors, limits: Limits, where: str) -> nn.Module:
    """Return the module of a graph, its state on the meta device, to be filled.

    `tensors` are the archive's. Raises ModelError, which begins with `where`, for a graph that does
    not fit them, that computes with more than `limits` allow, or that this torch cannot run.
    """
    module = graph_module(graph, tensors)
    try_out(graph, module.state_dict(), limits, where)
    return module


def build_from_graph(archive: Archive) -> nn.Module:
    """Return the module of an archive's graph, to be filled. Raises ArchiveError, ModelError."""
    return build_graph(held_graph(archive), described(archive), archive.limits, archive.name)
