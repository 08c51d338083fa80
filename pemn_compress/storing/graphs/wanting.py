"""Whether an archive is to hold a graph: what users say of it, and what that means."""

from collections.abc import Mapping
from typing import Any

from pemn_compress.errors import UnknownNameError

AUTO, ALWAYS, NEVER = "auto", "always", "never"
GRAPHS = (AUTO, ALWAYS, NEVER)


def check_graph(graph: str) -> None:
    """Refuse what says neither that a graph is stored nor that it is not. UnknownNameError."""
    if graph not in GRAPHS:
        raise UnknownNameError("graph", graph, GRAPHS)


def is_wanted(graph: str, architecture: Mapping[str, Any]) -> bool:
    """Tell whether a graph is stored, with an archive that says so of how to build its model."""
    return graph == ALWAYS or (graph == AUTO and architecture.get("kind") != "registered")
