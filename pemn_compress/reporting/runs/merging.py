"""Runs to rows: one for each run, or the seeds of one experiment as mean and spread."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from pemn_compress.masking.rules.pruning import TRAINED_STRATEGIES
from pemn_compress.reporting.runs.run import Run


@dataclass(frozen=True)
class Spread:
    """Numbers as their mean and their sample standard deviation (n - 1); None for a single one."""

    mean: float
    std: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of one or more finite numbers."""
        mean = math.fsum(values) / len(values)
        if len(values) == 1:
            return cls(mean, None, 1)
        squares = math.fsum((value - mean) ** 2 for value in values)
        return cls(mean, math.sqrt(squares / (len(values) - 1)), len(values))


@dataclass(frozen=True)
class Row:
    """Runs of one experiment, by seed; a single run is a row too."""

    runs: tuple[Run, ...]

    @property
    def first(self) -> Run:
        """The run that speaks for all but seed, bytes and metric."""
        return self.runs[0]

    @cached_property
    def metric(self) -> Spread:
        """The headline metric over the runs."""
        return Spread.of([run.metric.value for run in self.runs])

    @cached_property
    def bytes(self) -> Spread:
        """The stored bytes over the runs."""
        return Spread.of([float(run.bytes) for run in self.runs])

    @property
    def seeds(self) -> tuple[object, ...]:
        """The runs' seeds, None for one that is not recorded."""
        return tuple(run.seed for run in self.runs)

    @property
    def trained(self) -> bool:
        """Whether it is a baseline, whose weights were trained."""
        return self.first.settings.get("strategy") in TRAINED_STRATEGIES


def rows_of(runs: Iterable[Run], *, merge: bool = True) -> list[Row]:
    """Return a row for each experiment, or for each run, in the order of their first runs.

    A run whose seed is not recorded is a row of its own: it might be another's double.
    """
    if not merge:
        return [Row((run,)) for run in runs]
    groups: dict[str, list[Run]] = {}
    for run in runs:
        key = run.experiment if run.seed is not None else f"{run.experiment} {run.file}"
        groups.setdefault(key, []).append(run)
    return [Row(tuple(sorted(group, key=_by_seed))) for group in groups.values()]


def _by_seed(run: Run) -> tuple[bool, float, str]:
    seed = run.seed
    if isinstance(seed, int) and not isinstance(seed, bool) and abs(seed) < 1 << 64:
        return False, float(seed), run.file
    return True, 0.0, run.file
