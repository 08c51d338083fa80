"""Runs gathered: records, then the archives that no record speaks of; nothing is counted twice."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from pemn_compress.apart import STANDARD_INPUT, PathLike
from pemn_compress.errors import ArchiveError, PemnError
from pemn_compress.format.archive import open_archive
from pemn_compress.reporting.collect import NO_LIMITS, Broken, as_paths, read_standard_input
from pemn_compress.reporting.recorded import recorded_metric
from pemn_compress.reporting.runs.finding import FAILED, Found, find
from pemn_compress.reporting.runs.records import NoRecord, Unfinished, command_of, read_record
from pemn_compress.reporting.runs.run import Metric, Run

NO_RECORD = "JSON, and no record of a run"
_UNFINISHED = "not finished: no metric is recorded yet"
_LONGEST_REASON = 300  # characters of what a failed run says


@dataclass(frozen=True)
class LeftOut:
    """A file that is no finished run of its own, and why; nothing is wrong with it."""

    file: str
    reason: str


@dataclass(frozen=True)
class Gathered:
    """Runs in the order of their files, what was left out, what is broken, and what is odd."""

    runs: tuple[Run, ...]
    left_out: tuple[LeftOut, ...] = ()
    broken: tuple[Broken, ...] = ()
    notes: tuple[str, ...] = ()


def gather(paths: PathLike | Iterable[PathLike] = (), *further: PathLike) -> Gathered:
    """Return the runs at `paths`: records, archives, or folders that are searched for both.

    An archive that a record speaks of is counted once, as the record's. It is found beside the
    record, where the record says, or by its digest. Records are read whole, of archives the
    manifest alone. Raises ArchiveError where there is nothing to read.
    """
    found = find(as_paths(paths, *further))
    left_out: list[LeftOut] = []
    notes: list[str] = []
    broken = list(found.broken)
    runs = _joined(_records(found, left_out, broken), found, left_out, notes)
    for path, named in found.archives.values():
        try:
            runs.append(_archive_run(path))
        except _NoMetric as error:
            left_out.append(LeftOut(path, str(error)))
        except ArchiveError as error:
            name = "standard input" if path == STANDARD_INPUT else path
            broken.append(Broken(name, str(error), named))
    told = {os.path.dirname(run.file) for run in runs}
    for path in found.failed:
        folder = os.path.dirname(path)
        if folder not in told:  # else it was run again, and finished
            left_out = [one for one in left_out if one.reason != _UNFINISHED
                        or os.path.dirname(one.file) != folder]  # fmt: skip
            left_out.append(LeftOut(path, f"failed: {_first_line(path)}"))
    return Gathered(tuple(runs), tuple(left_out), tuple(broken), tuple(notes))


class _NoMetric(ArchiveError):
    """An archive that records nothing that it could be compared by."""


def _records(found: Found, left_out: list[LeftOut], broken: list[Broken]) -> list[Run]:
    runs = []
    for path, named in found.records.values():
        try:
            runs.append(read_record(path))
        except Unfinished:
            left_out.append(LeftOut(path, _UNFINISHED))
        except NoRecord as error:
            if named or os.path.basename(path) == "record.json":
                broken.append(Broken(path, str(error), named))
            else:
                left_out.append(LeftOut(path, NO_RECORD))
        except PemnError as error:
            broken.append(Broken(path, str(error), named))
    return runs


def _joined(
    records: list[Run], found: Found, left_out: list[LeftOut], notes: list[str]
) -> list[Run]:
    """Return each recorded run once, with its archive; take the archives from those found."""
    homeless: list[int] = []
    joined: list[Run] = []
    seen: dict[str, str] = {}
    for run in records:
        archive = _taken(run, found, notes)
        first = seen.setdefault(run.sha256, run.file) if run.sha256 else run.file
        if first != run.file:
            left_out.append(LeftOut(run.file, f"the same archive as {first}: counted once"))
            continue
        if archive is None:
            homeless.append(len(joined))
        joined.append(replace(run, archive=archive, command=run.command or _command(run.file)))
    if homeless and found.archives:
        _join_by_digest(joined, homeless, found)
    return joined


def _taken(run: Run, found: Found, notes: list[str]) -> str | None:
    """Return the archive that is where a record says, and has the bytes that it says."""
    if run.archive is None:
        return None
    folder, other = os.path.dirname(run.file), None
    places = (os.path.basename(run.archive), run.archive)
    for place in (*(os.path.join(folder, place) for place in places), run.archive):
        try:
            size = os.path.getsize(place)
        except (OSError, ValueError):
            continue
        if size == run.bytes:
            found.archives.pop(os.path.realpath(place), None)
            return place
        other = other or (place, size)
    if other and os.path.realpath(other[0]) in found.archives:
        notes.append(
            f"{run.file}: its archive {other[0]} has {other[1]:,} bytes now, and had {run.bytes:,} "
            "when it was recorded: they are listed apart"
        )
    return None


def _join_by_digest(joined: list[Run], homeless: list[int], found: Found) -> None:
    wanted = {joined[index].sha256: index for index in homeless if joined[index].sha256}
    sizes = {joined[index].bytes for index in homeless}
    for real, (path, _) in list(found.archives.items()):
        try:
            if os.path.getsize(path) not in sizes:
                continue
            with open(path, "rb") as stream:
                digest = sha256(stream.read()).hexdigest()
        except OSError:
            continue  # told when it is opened
        if digest in wanted:
            index = wanted[digest]
            joined[index] = replace(joined[index], archive=path)
            del found.archives[real]


def _archive_run(path: str) -> Run:
    name = "standard input" if path == STANDARD_INPUT else path
    source = read_standard_input() if path == STANDARD_INPUT else path
    with open_archive(source, NO_LIMITS, name=name) as archive:
        manifest, size = archive.manifest, archive.size
    metric = recorded_metric(manifest.about)
    if metric is None:
        raise _NoMetric("records no metric to compare it by")
    settings, training = (_object(manifest.about.get(key)) for key in ("settings", "training"))
    return Run(
        file=name,
        archive=name,
        bytes=size,
        sha256=None,
        metric=Metric(metric.name, metric.better, metric.value),
        data={"name": metric.data} | ({"test": metric.total} if metric.total else {}),
        architecture=manifest.architecture,
        settings=settings,
        recipe={"name" if key == "recipe" else key: value for key, value in training.items()},
    )


def _command(record: str) -> str | None:
    """Return the command that a sweep keeps beside its record."""
    try:
        with open(os.path.join(os.path.dirname(record), "run.json"), "rb") as stream:
            told = json.loads(stream.read(1 << 20))
    except (OSError, ValueError, RecursionError):
        return None
    return command_of(told.get("command")) if isinstance(told, dict) else None


def _first_line(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            lines = stream.read(_LONGEST_REASON * 4).decode("utf-8", "replace").splitlines()
    except OSError as error:
        return f"{FAILED} cannot be read: {error.strerror}"
    return lines[0][:_LONGEST_REASON] if lines else "it does not say why"


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
