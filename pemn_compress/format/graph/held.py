"""The graph of an open archive."""

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive.reader import Archive
from pemn_compress.format.archive.records import GRAPH
from pemn_compress.format.graph.reading import read_graph
from pemn_compress.format.graph.records import Graph
from pemn_compress.format.graph.roles import Tensors


def graph_of(archive: Archive) -> Graph | None:
    """Return the graph that travels in an archive, or None. Raises ArchiveError."""
    if GRAPH not in archive.section_offsets:
        return None
    raw = bytes(archive.section(GRAPH))
    try:
        return read_graph(raw, described(archive), archive.limits)
    except ArchiveError as error:
        raise ArchiveError(f"{archive.name}: {error}") from None


def held_graph(archive: Archive) -> Graph:
    """Return the graph of an open archive. Raises ArchiveError where it holds none."""
    graph = graph_of(archive)
    if graph is None:
        raise ArchiveError(
            f"{archive.name}: holds no graph of what the model computes: expected an archive that "
            "was written with its inputs known; restore the model and run that"
        )
    return graph


def described(archive: Archive) -> Tensors:
    """Return what an archive's tensors are, aliases too: name to dtype and shape."""
    return {one.name: (one.dtype, one.shape) for one in archive.manifest.tensors}
