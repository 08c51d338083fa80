"""A grid and its directory: checked, told what is there, computed by an engine."""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pemn_compress.apart import check_apart
from pemn_compress.compressing.preparing import files_read
from pemn_compress.errors import SettingError
from pemn_compress.sweeping.checking import Ask, Checker
from pemn_compress.sweeping.engines import ENGINES, Settings, Watch
from pemn_compress.sweeping.estimating import estimates, known_seconds, seconds_of
from pemn_compress.sweeping.grid import Grid, RunOf
from pemn_compress.sweeping.launching import Job
from pemn_compress.sweeping.runs import (
    FINISHED,
    GRID,
    WRITTEN,
    Found,
    check_folder,
    check_grid,
    files_of,
    keep_grid,
    look,
)
from pemn_compress.sweeping.trying import trial_seconds


class Sweep:
    """The runs of a grid in a directory; nothing is written until `compute`.

    `words` says what follows `pemn compress` for a run, `ask` what `compress` is called with;
    `only` are patterns of the runs that are meant, all of them without any.

    Raises SettingError for a run that cannot be, naming its line in the grid, and for a directory
    of another grid, OutputError for a run that reads one of the files that it would write, or
    whose folder holds such a file that no sweep has left there.
    """

    def __init__(
        self,
        grid: Grid,
        directory: Path,
        *,
        words: Callable[[RunOf], list[str]],
        ask: Ask,
        only: Sequence[str] = (),
        checker: Checker | None = None,
    ) -> None:
        checker = checker or Checker(ask)
        planned = dict(zip(grid.runs, checker.check(grid.runs), strict=True))
        self.directory, self._words, self._ask = directory, words, ask
        self.told = grid.told(checker.source_digest)
        check_grid(directory, self.told)
        self.runs = _chosen(grid, only)
        self.planned = {run.id: planned[run] for run in self.runs}
        self.found: dict[str, Found] = {}
        self.look()
        for run in self.runs:
            self._check_apart(run)

    def look(self) -> None:
        """See what has become of each run."""
        self.found = {run.id: look(self.directory / run.id) for run in self.runs}

    def states(self) -> list[str]:
        """Return what has become of each run."""
        return [self.found[run.id].state for run in self.runs]

    def keep(self) -> int:
        """Write grid.json, and return how many runs it has gained. Raises as `keep_grid`."""
        return keep_grid(self.directory, self.told)

    def compute(self, engine: str, settings: Settings, watch: Watch) -> None:
        """Compute all runs that are not finished. Raises KeyboardInterrupt when interrupted."""
        jobs = [self._job(run) for run in self.runs if self.found[run.id].state != FINISHED]
        ENGINES[engine](jobs, settings, watch)

    def rows(self, *, trial: bool = False) -> list[dict[str, Any]]:
        """Return as plain values what is known of each run.

        `trial` tries a few steps of each kind of run of which none is finished. Raises
        SettingError for one that cannot be trained.
        """
        known = known_seconds(
            (run, record)
            for run in self.runs
            if self.found[run.id].state == FINISHED
            and (record := self.found[run.id].record) is not None
        )
        left = [run for run in self.runs if self.found[run.id].state != FINISHED]
        times = dict(zip(left, estimates(left, known, self._trial if trial else None), strict=True))
        return [run.told() | self._row(run, times.get(run, (None, None))) for run in self.runs]

    def _row(self, run: RunOf, expected: tuple[float | None, str | None]) -> dict[str, Any]:
        found = self.found[run.id]
        record: Mapping[str, Any] = found.record or {} if found.state == FINISHED else {}
        return {
            "state": found.state,
            "reason": found.reason or None,
            "expected_bytes": self.planned[run.id].bytes,
            "expected_seconds": expected[0],
            "expected_from": expected[1],
            "bytes": record["archive"]["bytes"] if record else None,
            "metric": record.get("metric"),
            "accuracy": record.get("accuracy"),
            "seconds": seconds_of(record) if record else None,
        }

    def _job(self, run: RunOf) -> Job:
        folder = self.directory / run.id
        command = ["pemn", "compress", *self._words(run), *files_of(folder)]
        told = run.told() | {"command": command, "grid": self.told["sha256"]}
        return Job(run.id, folder, told, int(run.options["threads"]))

    def _check_apart(self, run: RunOf) -> None:
        """Refuse a run that writes over what it reads, its teacher for one, or others' files."""
        if self.found[run.id].state == FINISHED:
            return
        check_folder(self.directory / run.id)
        model, keywords = self._ask(run)
        written = [self.directory / GRID, *(self.directory / run.id / name for name in WRITTEN)]
        check_apart(written, files_read(model, keywords["data"], keywords["teacher"]))

    def _trial(self, run: RunOf) -> float:
        return trial_seconds(run, self.planned[run.id], self._ask)


def _chosen(grid: Grid, patterns: Sequence[str]) -> list[RunOf]:
    for pattern in patterns:
        if not any(fnmatchcase(run.id, pattern) for run in grid.runs):
            raise SettingError(
                f"--only {pattern}: matches no run; expected a pattern for names such as "
                f"{grid.runs[0].id}; --dry-run lists them"
            )
    return [
        run
        for run in grid.runs
        if not patterns or any(fnmatchcase(run.id, pattern) for pattern in patterns)
    ]
