"""What a report is about, collected: archives' accounts with their records, or a plan's."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pemn_compress.accounting import (
    Account,
    Baseline,
    archive_account,
    baselines,
    equal_bytes,
    plan_account,
)
from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import open_archive
from pemn_compress.masking.rules.plan import Plan
from pemn_compress.masking.rules.strategies import STRATEGIES, Settings

SUFFIX = ".pemn"
STANDARD_INPUT = "-"
RATIOS = (1e-1, 1e-2, 1e-3)  # [PEMN] table 1


@dataclass(frozen=True)
class Accuracy:
    """The accuracy that was recorded when the archive was made: `correct` of `total` on `data`."""

    correct: int
    total: int
    data: str

    @property
    def fraction(self) -> float:
        """Share of correct answers, from 0 to 1."""
        return self.correct / self.total


@dataclass(frozen=True)
class ArchiveReport:
    """One archive: its account, what it records about itself, and its rivals.

    `architecture` and `settings` are the manifest's, as they are: free-form, perhaps empty.
    """

    file: str
    architecture: Mapping[str, Any]
    settings: Mapping[str, Any]
    accuracy: Accuracy | None
    account: Account
    baselines: tuple[Baseline, ...]
    equal_bytes: Mapping[str, float | None]


@dataclass(frozen=True)
class Report:
    """Archives, in the order in which they were given or found."""

    archives: tuple[ArchiveReport, ...]


@dataclass(frozen=True)
class PlanRow:
    """One strategy for a plan; `ratio` is None where the strategy has none.

    `chosen` marks the row of the caller's own settings.
    """

    strategy: str
    ratio: float | None
    chosen: bool
    seeded: Account
    stored_prototype: Account


@dataclass(frozen=True)
class PlanReport:
    """What an architecture would cost by every strategy; no archive exists.

    `baselines` and `equal_bytes` are held against the chosen row with a seed.
    """

    name: str
    settings: Settings
    rows: tuple[PlanRow, ...]
    baselines: tuple[Baseline, ...]
    equal_bytes: Mapping[str, float | None]

    @property
    def account(self) -> Account:
        """The account of the caller's own settings, with a seed."""
        return next(row.seeded for row in self.rows if row.chosen)


def report(paths: Sequence[str | Path]) -> Report:
    """Account for archives: files, or folders that are searched as `find_archives` does.

    Reads headers and manifests only. Raises ArchiveError, which names the file, for the first path
    that is missing or no valid archive.
    """
    return Report(tuple(_archive_report(path) for path in find_archives(paths)))


def plan_report(name: str, plan: Plan, dense_bytes: int, settings: Settings) -> PlanReport:
    """Work out what `plan` would cost by every strategy at the settings' density.

    `name` is what the report calls the architecture. `dense_bytes` are those of all parameters and
    buffers outside the plan, floating ones in fp32. `rp` appears at the ratios of the paper and at
    the settings' own.
    """
    rows = []
    for strategy in STRATEGIES:
        ratios = sorted({*RATIOS, settings.ratio}, reverse=True) if strategy == "rp" else [None]
        for ratio in ratios:
            of_row = replace(settings, strategy=strategy, ratio=ratio or settings.ratio)
            accounts = [
                plan_account(plan, of_row, dense_bytes, seeded=seeded) for seeded in (True, False)
            ]
            rows.append(PlanRow(strategy, ratio, of_row == settings, *accounts))
    chosen = next(row.seeded for row in rows if row.chosen)
    return PlanReport(name, settings, tuple(rows), baselines(chosen), equal_bytes(chosen))


def find_archives(paths: Sequence[str | Path]) -> list[Path]:
    """Return the archives at `paths`, each once; no path means the current folder.

    A file is taken as it is, and so is "-", standard input; a folder is searched recursively for
    *.pemn, in order of name. Raises ArchiveError for a missing path, or where nothing was found.
    """
    places = [Path(path) for path in paths] or [Path()]
    found: dict[Path, Path] = {}
    for place in places:
        try:
            is_folder, exists = place.is_dir(), place.exists()
        except OSError as error:  # in a folder that may not be entered, a name too long
            raise ArchiveError(f"{place}: cannot be read: {error.strerror}") from None
        if is_folder:
            below = sorted(path for path in place.rglob(f"*{SUFFIX}") if path.is_file())
        elif exists or str(place) == STANDARD_INPUT:
            below = [place]
        else:
            raise ArchiveError(f"{place}: no such file or folder")
        for path in below:
            found.setdefault(path.resolve(), path)
    if not found:
        names = ", ".join("the current folder" if p == Path() else str(p) for p in places)
        raise ArchiveError(
            f"no *{SUFFIX} file in or below {names}; make one with: "
            f"pemn compress MODEL -o FILE{SUFFIX}, or name another path"
        )
    return list(found.values())


def _archive_report(path: Path) -> ArchiveReport:
    from_input = str(path) == STANDARD_INPUT
    with open_archive(sys.stdin.buffer.read() if from_input else path) as archive:
        account = archive_account(archive)
        manifest = archive.manifest
    settings = manifest.about.get("settings")
    return ArchiveReport(
        file="standard input" if from_input else str(path),
        architecture=manifest.architecture,
        settings=settings if isinstance(settings, dict) else {},
        accuracy=recorded_accuracy(manifest.about.get("accuracy")),
        account=account,
        baselines=baselines(account),
        equal_bytes=equal_bytes(account),
    )


def recorded_accuracy(recorded: object) -> Accuracy | None:
    """Return a recorded accuracy, or None for one that is missing or makes no sense."""
    if not isinstance(recorded, dict):
        return None
    correct, total = recorded.get("correct"), recorded.get("total")
    if not isinstance(correct, int) or not isinstance(total, int) or not 0 <= correct <= total:
        return None
    return Accuracy(correct, total, str(recorded.get("data") or "unnamed data")) if total else None
