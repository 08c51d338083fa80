"""Everything that a comparison of runs tells, worked out once for every way of showing it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pemn_compress.errors import UnknownNameError
from pemn_compress.reporting.papers import published
from pemn_compress.reporting.runs.against import Counterpart, Table, matches_of, tables_of
from pemn_compress.reporting.runs.fronts import Front, fronts_of
from pemn_compress.reporting.runs.gathering import Gathered
from pemn_compress.reporting.runs.merging import Row, rows_of
from pemn_compress.reporting.runs.naming import method

Key = Callable[[Row], object]
SORTS: dict[str, Key] = {
    "metric": lambda row: row.metric.mean,
    "bytes": lambda row: row.bytes.mean,
    "strategy": lambda row: method(row.first),
    "density": lambda row: row.first.settings.get("density"),
    "ratio": lambda row: row.first.settings.get("ratio"),
    "architecture": lambda row: row.first.architecture.get("name"),
    "epochs": lambda row: row.first.recipe.get("epochs"),
    "seed": lambda row: row.first.seed,
    "runs": lambda row: len(row.runs),
    "seconds": lambda row: row.first.seconds,
    "finished": lambda row: row.first.finished,
    "file": lambda row: row.first.file,
}


@dataclass(frozen=True)
class Comparison:
    """Fronts, one for each data set and metric; the papers' tables beside them; what is missing.

    `sections` are what was asked for: "front", "summary", "papers".
    """

    fronts: tuple[Front, ...]
    tables: tuple[Table, ...]
    gathered: Gathered
    sections: frozenset[str]
    merged: bool
    counterpart: Counterpart

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd, a sentence each."""
        twice = []
        for front in self.fronts:
            for row, label in zip(front.rows, front.labels, strict=True):
                seeds = [str(seed) for seed in row.seeds]
                for seed in dict.fromkeys(seed for seed in seeds if seeds.count(seed) > 1):
                    files = [run.file for run in row.runs if str(run.seed) == seed]
                    told = f"{label}: seed {seed} is there more than once: {', '.join(files)}"
                    twice.append(told)
        return (*self.gathered.notes, *twice)


def compared(
    gathered: Gathered,
    sections: Iterable[str],
    *,
    merge_seeds: bool = True,
    sort: str | None = None,
    counterpart: Counterpart | None = None,
) -> Comparison:
    """Return the comparison of gathered runs. `sort` is one of SORTS, with - for the largest first.

    Raises UnknownNameError for another one, and for a counterpart that no paper, or no run, has.
    """
    order = _order(sort)
    if counterpart:
        _check(counterpart, gathered)
    asked, counterpart = frozenset(sections), counterpart or Counterpart()
    fronts = [
        replace(front, rows=tuple(order(front.rows)))
        for front in fronts_of(rows_of(gathered.runs, merge=merge_seeds))
    ]
    tables: list[Table] = []
    if "papers" in asked:
        matches = [
            match for front in fronts for match in matches_of(front.rows, front.labels, counterpart)
        ]
        tables = tables_of(matches)
    return Comparison(tuple(fronts), tuple(tables), gathered, asked, merge_seeds, counterpart)


def _check(counterpart: Counterpart, gathered: Gathered) -> None:
    figures, own = published(), {run.dataset for run in gathered.runs}
    for ours, theirs in counterpart.datasets.items():
        if ours and ours not in own:
            raise UnknownNameError("data of the runs", ours, own)
        if theirs not in {figure.data for figure in figures}:
            raise UnknownNameError("data of the papers", theirs, {f.data for f in figures})
    architectures = {figure.architecture for figure in figures}
    if counterpart.architecture and counterpart.architecture not in architectures:
        raise UnknownNameError(
            "architecture of the papers", counterpart.architecture, architectures
        )
    arguments = {name for figure in figures for name in figure.arguments}
    for name in counterpart.arguments:
        if name not in arguments:
            raise UnknownNameError("argument of the papers' architectures", name, arguments)


def _order(sort: str | None) -> Callable[[Sequence[Row]], list[Row]]:
    if sort is None:
        return list
    name, falling = sort.removeprefix("-"), sort.startswith("-")
    if name not in SORTS:
        raise UnknownNameError("column to sort by", name, SORTS)
    key = SORTS[name]

    def ordered(rows: Sequence[Row]) -> list[Row]:
        known = [row for row in rows if key(row) is not None]
        unknown = [row for row in rows if key(row) is None]  # last, whichever way
        return sorted(known, key=lambda row: _comparable(key(row)), reverse=falling) + unknown

    return ordered


def _comparable(value: object) -> tuple[bool, float, str]:
    """Return what sorts numbers before texts, whatever a record holds."""
    if isinstance(value, int | float):
        return False, min(max(value, -1e300), 1e300), ""
    return True, 0.0, str(value)
