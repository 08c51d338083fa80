"""The graph of an archive, and what it makes of inputs: no code, no torch."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pemn_compress.errors import ArchiveError, DataError
from pemn_compress.format.archive import Archive, Limits
from pemn_compress.format.archive.opening import Source, open_archive
from pemn_compress.format.graph import Graph, held_graph
from pemn_compress.running.interpreter import run_graph

Array = npt.NDArray[Any]


def run(archive: Source, *inputs: Any, limits: Limits | None = None, **named: Any) -> Any:
    """Return what the model of an archive (a path or bytes) makes of numpy arrays, without torch.

    The archive's graph is run in numpy: `inputs` in its order, or `named` ones. What comes back are
    arrays in the tuples, lists and dicts that the model's forward returns, equal to torch's within
    float rounding. All digests are checked; no code from the archive is run.

    Raises ArchiveError for an archive that holds no graph or a wrong one, or whose values would
    pass the limits; DataError for inputs that do not fit; ModelError, which names the node, where
    an operator cannot be run.
    """
    if inputs and named:
        raise DataError("inputs: expected all in order or all by name, got both")
    with open_archive(archive, limits) as opened:
        return run_archive(opened, inputs or named, limits)


def run_archive(
    archive: Archive, inputs: Any, limits: Limits | None = None, graph: Graph | None = None
) -> Any:
    """Return what an open archive's graph makes of inputs; `graph` where it has been read."""
    graph = held_graph(archive) if graph is None else graph
    tensors = archive.restored()
    try:
        return run_graph(graph, tensors, inputs, limits)
    except ArchiveError as error:
        raise ArchiveError(f"{archive.name}: {error}") from None


def outputs_of(result: Any) -> dict[str, Array]:
    """Return the arrays of a result by name: keys and positions with dots, "output" for one alone.

    Numbers become arrays of no dimensions; what is None or text is left out.
    """
    found: dict[str, Array] = {}
    for name, value in _leaves(result, ""):
        if isinstance(value, np.ndarray | bool | int | float):
            found[name or "output"] = np.asarray(value)
    return found


def _leaves(tree: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(tree, Mapping | list | tuple):
        yield name, tree
        return
    for key, item in tree.items() if isinstance(tree, Mapping) else enumerate(tree):
        yield from _leaves(item, f"{name}.{key}" if name else str(key))
