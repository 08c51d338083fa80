"""Our rows beside the papers' figures, and our order of methods beside the papers'."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from pemn_compress.reporting.papers import Published, published
from pemn_compress.reporting.runs.merging import Row
from pemn_compress.reporting.runs.run import Run

LEAST = 3  # methods that make an order
CLOSE = 1e-6  # relative: how equal a ratio, a density, an argument has to be
MASKED = ("mask", "one-layer", "mp", "rp")


@dataclass(frozen=True)
class Counterpart:
    """What the papers call ours, as the user says: data by our name, arguments by name.

    `datasets` maps our data's name to the papers', "" stands for all data. `arguments` are those
    of the papers' architecture that stand in place of ours, `architecture` is its name.
    """

    datasets: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, float] = field(default_factory=dict)
    architecture: str | None = None

    def dataset(self, run: Run) -> str:
        """Return the papers' name of a run's data."""
        return self.datasets.get(run.dataset, self.datasets.get("", run.dataset))


@dataclass(frozen=True)
class Match:
    """A row of ours and the figure of a paper that it is held against."""

    row: Row
    label: str
    figure: Published

    @property
    def difference(self) -> float:
        """Ours minus theirs."""
        return self.row.metric.mean - self.figure.mean


@dataclass(frozen=True)
class Disagreement:
    """Two methods that we order otherwise than the paper: ours has `first` ahead, theirs `second`.

    `beyond_noise` tells whether both differences are larger than their noise; None where there is
    no noise known, ours or theirs.
    """

    first: str
    second: str
    ours: float
    theirs: float
    our_noise: float | None
    their_noise: float | None

    @property
    def beyond_noise(self) -> bool | None:
        """Whether both differences are beyond noise."""
        both = ((self.ours, self.our_noise), (self.theirs, self.their_noise))
        told = [abs(difference) > noise for difference, noise in both if noise is not None]
        if not all(told):
            return False  # one of them is within its noise: no disagreement, whatever the other
        return True if len(told) == 2 else None


@dataclass(frozen=True)
class Order:
    """Three or more methods of one table, in our order and in the paper's.

    `matches` are in our order, `their_places` the places that the paper gives them, from 1. Of
    `pairs` pairs the paper orders `agreeing` as we do.
    """

    matches: tuple[Match, ...]
    their_places: tuple[int, ...]
    pairs: int
    agreeing: int
    disagreements: tuple[Disagreement, ...]


@dataclass(frozen=True)
class Table:
    """What of one table of a paper has a counterpart among ours: same architecture, same epochs.

    `matches` are in the paper's order of rows; `order` is None for fewer than three methods.
    """

    matches: tuple[Match, ...]
    order: Order | None

    @property
    def figure(self) -> Published:
        """The figure that speaks for the table: where it stands, data, architecture, epochs."""
        return self.matches[0].figure

    @property
    def run(self) -> Run:
        """The run that speaks for ours: data, architecture, epochs."""
        return self.matches[0].row.first


def matches_of(
    rows: Sequence[Row], names: Sequence[str], counterpart: Counterpart | None = None
) -> list[Match]:
    """Return each row with every published figure that is of the same experiment.

    The same are data, architecture, the arguments that the figure names, strategy, ratio, density,
    and where the figure names them search, renewal and distribution. Epochs need not be the same,
    and neither does anything that the papers do not tell. `names` are the rows' labels.
    """
    counterpart = counterpart or Counterpart()
    found = []
    by_place: dict[tuple[str, str, str], list[Published]] = {}
    for figure in published():
        key = (figure.data, figure.architecture, figure.metric)
        by_place.setdefault(key, []).append(figure)
    for row, label in zip(rows, names, strict=True):
        run = row.first
        name = counterpart.architecture or str(run.architecture.get("name"))
        place = (counterpart.dataset(run), name, run.metric.name)
        for figure in by_place.get(place, ()):
            if _fits(run, figure, counterpart.arguments):
                found.append(Match(row, label, figure))
    return found


def tables_of(matches: Iterable[Match]) -> list[Table]:
    """Return the matches by the papers' tables: for each architecture, and our data and epochs.

    Where several rows of ours match one figure (another storage, say) the best counts in the order.
    """
    groups: dict[str, list[Match]] = {}
    for match in matches:
        figure, run = match.figure, match.row.first
        theirs = (figure.where, figure.data, figure.architecture, figure.arguments)
        ours = (run.data, run.built, run.recipe.get("epochs"))
        groups.setdefault(json.dumps([theirs, ours], sort_keys=True, default=str), []).append(match)
    place = {id(figure): number for number, figure in enumerate(published())}
    tables = [
        Table(tuple(sorted(group, key=lambda match: place[id(match.figure)])), _order(group))
        for group in groups.values()
    ]
    return sorted(tables, key=lambda table: place[id(table.figure)])


def noise_of(first: int | None, second: int | None, pooled: float | None) -> float | None:
    """Return how large a difference of two means has to be to count: twice its standard error.

    The means are over `first` and `second` runs; `pooled` is the standard deviation pooled over all
    methods of the table, as three seeds tell little of one. None: not known.
    """
    if pooled is None or not first or not second:
        return None
    return 2 * pooled * math.sqrt(1 / first + 1 / second)


def pooled_std(spreads: Iterable[tuple[float | None, int | None]]) -> float | None:
    """Return the standard deviation pooled over methods, each weighed by its runs less one.

    >>> pooled_std([(0.3, 2), (0.4, 2), (None, 1)])
    0.3535533905932738
    """
    known = [(std, n - 1) for std, n in spreads if std is not None and n is not None and n > 1]
    if not known:
        return None
    return math.sqrt(sum(std * std * n for std, n in known) / sum(n for _, n in known))


def _order(matches: list[Match]) -> Order | None:
    best: dict[Published, Match] = {}
    for match in matches:
        before = best.get(match.figure)
        if before is None or match.row.metric.mean > before.row.metric.mean:
            best[match.figure] = match
    if len(best) < LEAST:
        return None
    # the papers' metric is accuracy: more is better
    ours = sorted(best.values(), key=lambda match: -match.row.metric.mean)
    theirs = sorted(ours, key=lambda match: -match.figure.mean)
    places = {match.figure: place for place, match in enumerate(theirs, 1)}
    own_std = pooled_std((m.row.metric.std, m.row.metric.count) for m in ours)
    other_std = pooled_std((m.figure.std, m.figure.runs) for m in ours)
    apart = []
    pairs = list(combinations(ours, 2))
    for first, second in pairs:
        here = first.row.metric.mean - second.row.metric.mean
        there = first.figure.mean - second.figure.mean
        if here * there < 0:  # equal in one of them: no order, and so no disagreement
            noises = (
                noise_of(first.row.metric.count, second.row.metric.count, own_std),
                noise_of(first.figure.runs, second.figure.runs, other_std),
            )
            names = method_of(first.figure), method_of(second.figure)
            apart.append(Disagreement(*names, here, there, *noises))
    return Order(
        tuple(ours),
        tuple(places[match.figure] for match in ours),
        len(pairs),
        len(pairs) - len(apart),
        tuple(apart),
    )


def method_of(figure: Published) -> str:
    """Return what tells a figure from the others of its table: strategy, ratio, method, density."""
    parts = [figure.strategy]
    if figure.ratio is not None:
        parts.append(f"{figure.ratio:g}")
    if figure.search and (figure.paper != "PEMN"):
        parts = [figure.search]
    if figure.renewal and figure.renewal != "none":
        parts.append(figure.renewal)
    if figure.distribution and figure.paper == "edge-popup":
        parts.append(figure.distribution)
    if figure.strategy != "dense" and not (figure.paper == "PEMN" and figure.density == 0.5):
        parts.append(f"at {figure.density:g}")
    return " ".join(parts)


def _fits(run: Run, figure: Published, theirs: Mapping[str, float]) -> bool:
    settings = run.settings
    if settings.get("strategy") != figure.strategy:
        return False
    density = settings.get("density")
    if density is None and figure.strategy == "dense":
        density = 1.0
    wanted: list[tuple[Any, Any]] = [(density, figure.density)]
    if figure.ratio is not None:
        wanted.append((settings.get("ratio"), figure.ratio))
    own = run.architecture.get("arguments")
    arguments = {**(own if isinstance(own, dict) else {}), **theirs}
    for name, value in figure.arguments.items():
        # an architecture without widths has that of the paper
        wanted.append((arguments.get(name, 1.0 if name == "width" else None), value))
    if not all(_equal(*pair) for pair in wanted):
        return False
    if figure.strategy not in MASKED:
        return True
    usual = {"search": "edge-popup", "renewal": "none", "distribution": "kaiming-normal"}
    named = {key: getattr(figure, key) for key in usual}
    return all(
        value is None or (settings.get(key) or usual[key]) == value for key, value in named.items()
    )


def _equal(first: object, second: object) -> bool:
    numbers = [v for v in (first, second) if isinstance(v, int | float) and not isinstance(v, bool)]
    return len(numbers) == 2 and math.isclose(*numbers, rel_tol=CLOSE)
