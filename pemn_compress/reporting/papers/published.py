"""The papers' figures, read from the JSON files beside this module."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

PAPERS = ("pemn", "edge_popup", "iwr")


@dataclass(frozen=True, eq=False)
class Published:
    """One figure of a paper: `mean` and `std` of `metric` over `runs`, all fractions.

    `table` and `figure` are where it stands. `arguments` are those of the architecture that the
    row names, a width of 1 where it names none. `density` is the fraction of weights kept,
    `strategy` one of this project's. `std` and `runs` are None where the paper gives a single
    number, `epochs` where it does not tell them.
    """

    paper: str
    table: str
    figure: str | None
    data: str
    architecture: str
    arguments: Mapping[str, float]
    strategy: str
    ratio: float | None
    search: str | None
    renewal: str | None
    distribution: str | None
    density: float
    metric: str
    mean: float
    std: float | None
    runs: int | None
    epochs: int | None

    @property
    def where(self) -> str:
        """Where it stands: paper, table and figure."""
        table = f"Table {self.table}" if self.table[0].isdigit() else self.table
        figure = f" (Fig. {self.figure})" if self.figure else ""
        return f"{self.paper} {table}{figure}"


@cache
def published() -> tuple[Published, ...]:
    """Return every figure of every paper, in the papers' order."""
    folder = resources.files(__package__)
    found = []
    for name in PAPERS:
        paper: dict[str, Any] = json.loads(folder.joinpath(f"{name}.json").read_text("utf-8"))
        found += [Published(paper["paper"], **figure) for figure in paper["figures"]]
    return tuple(found)
