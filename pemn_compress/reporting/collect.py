"""What a report is about, collected: archives' accounts with their records, or a plan's."""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
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
from pemn_compress.apart import STANDARD_INPUT, PathLike
from pemn_compress.errors import ArchiveError, SettingError, unreadable
from pemn_compress.format.archive import Archive, Limits, open_archive
from pemn_compress.kinds import check_kind, listed
from pemn_compress.masking.rules.plan import Plan
from pemn_compress.masking.rules.strategies import STRATEGIES, Settings
from pemn_compress.reporting.recorded import (
    Accuracy,
    RecordedMetric,
    recorded_accuracy,
    recorded_metric,
)

SUFFIX = ".pemn"
RATIOS = (1e-1, 1e-2, 1e-3)  # [PEMN] table 1
# a report reads headers, and restores nothing
NO_LIMITS = Limits(max_weights=1 << 63, max_bytes=1 << 63)


@dataclass(frozen=True)
class ArchiveReport:
    """One archive: its account, what it records about itself, and its rivals.

    `architecture`, `settings` and `training` are the manifest's, as they are: free-form, perhaps
    empty.
    """

    file: str
    architecture: Mapping[str, Any]
    settings: Mapping[str, Any]
    training: Mapping[str, Any]
    accuracy: Accuracy | None
    account: Account
    metric: RecordedMetric | None = None

    @cached_property
    def baselines(self) -> tuple[Baseline, ...]:
        """What pruning the same tensors would cost; worked out when it is asked for."""
        return baselines(self.account)

    @cached_property
    def equal_bytes(self) -> Mapping[str, float | None]:
        """The sparsities at which pruning costs as much."""
        return equal_bytes(self.account)


@dataclass(frozen=True)
class Broken:
    """A file or folder that cannot be read, or is no valid archive; `error` begins with its name.

    `named` tells whether it was asked for by its own name, not found in a folder.
    """

    file: str
    error: str
    named: bool


@dataclass(frozen=True)
class Report:
    """Archives, in the order in which they were given or found, and what is none."""

    archives: tuple[ArchiveReport, ...]
    broken: tuple[Broken, ...] = ()


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


def report(paths: PathLike | Iterable[PathLike] = (), *further: PathLike) -> Report:
    """Account for archives: files, or folders that are searched as `find_archives` does.

    Reads headers and manifests only. What is broken in a folder is told in the report's `broken`.
    Raises ArchiveError, which names the file, for the first path given that is missing or no valid
    archive, and where no archive is left.
    """
    found = survey(as_paths(paths, *further))
    refused = [one for one in found.broken if one.named or not found.archives]
    if refused:
        raise ArchiveError(refused[0].error)
    return found


def survey(paths: Iterable[PathLike]) -> Report:
    """Account for archives as `report` does, and tell of all that is broken in `broken`.

    Raises ArchiveError where there is nothing to tell of.
    """
    files, broken = search(paths)
    archives = []
    for path, named in files:
        try:
            archives.append(_archive_report(path))
        except ArchiveError as error:
            broken.append(Broken(_display(path), str(error), named))
    return Report(tuple(archives), tuple(broken))


def as_paths(paths: PathLike | Iterable[PathLike], *further: PathLike) -> list[PathLike]:
    """Return the paths of a call that takes one, several, or a list of them. SettingError."""
    given = [*listed(paths), *further]
    for path in given:
        check_kind("archive", path, (str, os.PathLike), "a path")
        if not os.fspath(path):  # which Path would take for the current folder
            raise SettingError("archive: expected a path, got ''")
    return given


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


def find_archives(paths: PathLike | Iterable[PathLike] = ()) -> list[Path]:
    """Return the archives at `paths`, each once; no path means the current folder.

    A file is taken as it is, and so is "-", standard input; a folder is searched recursively for
    *.pemn, in order of name; links to folders are not followed. Raises ArchiveError for a path that
    is missing or cannot be read, or where nothing was found.
    """
    files, broken = search(as_paths(paths))
    if broken:
        raise ArchiveError(broken[0].error)
    return [path for path, _ in files]


def search(paths: Iterable[PathLike]) -> tuple[list[tuple[Path, bool]], list[Broken]]:
    """Return the files to read, each once and whether it was named, and what cannot be read.

    Raises ArchiveError where there is neither.
    """
    places = [Path(path) for path in paths] or [Path()]
    found: dict[str, tuple[Path, bool]] = {}
    broken: list[Broken] = []
    for place in places:
        try:
            is_folder, exists = place.is_dir(), place.exists() or place.is_symlink()
        except (OSError, ValueError) as error:  # in a folder that may not be entered, a bad name
            broken.append(Broken(str(place), unreadable(place, error), named=True))
            continue
        if is_folder:
            below = _below(place, broken)
        elif exists or str(place) == STANDARD_INPUT:
            below = [place]
        else:
            broken.append(Broken(str(place), f"{place}: no such file or folder", named=True))
            continue
        for path in below:
            found.setdefault(os.path.realpath(path), (path, not is_folder))
    if not found and not broken:
        names = ", ".join("the current folder" if p == Path() else str(p) for p in places)
        raise ArchiveError(
            f"no *{SUFFIX} file in or below {names}; make one with: "
            f"pemn compress MODEL -o FILE{SUFFIX}, or name another path; pemn report --summary "
            "compares records (*.json) too"
        )
    return list(found.values()), broken


def _below(folder: Path, broken: list[Broken]) -> list[Path]:
    """Return the archives in and below a folder, by name; note folders that cannot be read."""

    def note(error: OSError) -> None:
        place = str(error.filename)
        broken.append(Broken(place, unreadable(place, error), named=False))

    walked = os.walk(folder, onerror=note)
    return sorted(
        Path(place, name) for place, _, names in walked for name in names if name.endswith(SUFFIX)
    )


def read_standard_input() -> bytes:
    """Return the archive that standard input brings. Raises ArchiveError where it brings none."""
    data = sys.stdin.buffer.read() if sys.stdin is not None else b""
    if not data:
        raise ArchiveError("standard input: expected a .pemn archive, got nothing")
    return data


def _display(path: Path) -> str:
    return "standard input" if str(path) == STANDARD_INPUT else str(path)


def _archive_report(path: Path) -> ArchiveReport:
    source = read_standard_input() if str(path) == STANDARD_INPUT else path
    with open_archive(source, NO_LIMITS, name=_display(path)) as archive:
        return report_of(archive)


def report_of(archive: Archive) -> ArchiveReport:
    """Return the report of an open archive, under its name in messages."""
    account, manifest = archive_account(archive), archive.manifest
    return ArchiveReport(
        file=archive.name,
        architecture=manifest.architecture,
        settings=_object(manifest.about.get("settings")),
        training=_object(manifest.about.get("training")),
        accuracy=recorded_accuracy(manifest.about.get("accuracy")),
        account=account,
        metric=recorded_metric(manifest.about),
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
