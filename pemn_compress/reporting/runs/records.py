"""A record of a run, read from its JSON; whatever else the file holds is one line of an error."""

import json
import math
import os
import shlex
from collections.abc import Mapping
from typing import Any

from pemn_compress.errors import PemnError, unreadable
from pemn_compress.reporting.runs.run import Metric, Run

MOST_BYTES = 1 << 26  # of a record; one of a thousand epochs has half a megabyte
MOST = 1e100  # of a metric: means and spreads stay finite
_PARTS = ("archive", "architecture", "settings")  # what every record has


class NoRecord(PemnError):
    """JSON of another kind: no record at all."""


class Unfinished(PemnError):
    """The record of a run that has not come to anything yet."""


def read_record(path: str) -> Run:
    """Return the run that a record tells of; `archive` is None until somebody looks for it.

    Raises NoRecord for JSON of another kind, Unfinished for a run without a metric yet, PemnError
    for a file that cannot be read or a record that makes no sense. Messages begin with the path.
    """
    return run_of(path, _loaded(path))


def run_of(path: str, record: object) -> Run:
    """Return the run that a record tells of; messages call it `path`. Raises as `read_record`."""
    if not isinstance(record, Mapping) or not all(part in record for part in _PARTS):
        raise NoRecord(
            f"{path}: no record of a run: expected an object with {', '.join(_PARTS)}, as "
            f"pemn compress --record writes it, got {_kind(record)}"
        )
    try:
        return _run(path, record)
    except RecursionError:
        raise PemnError(f"{path}: a record nested too deeply to be one") from None


def metric_of(told: object, path: str, what: str = "metric") -> Metric:
    """Return a metric as a record or an archive tells it. Raises PemnError, which names `path`."""
    if not isinstance(told, dict):
        raise PemnError(f"{path}: {what}: expected an object, got {_kind(told)}")
    name, better, value = told.get("name"), told.get("better"), told.get("value")
    if not isinstance(name, str) or not name.strip():
        raise PemnError(f"{path}: {what}: expected a name, got {_kind(name)}")
    if better not in ("max", "min"):
        raise PemnError(f'{path}: {what} {name}: expected better "max" or "min", got {better!r}')
    number = _finite(value)
    if number is None:
        shown = value if isinstance(value, float) else _kind(value)
        raise PemnError(f"{path}: {what} {name}: expected a finite number, got {shown}")
    return Metric(name, better, number)


def _loaded(path: str) -> object:
    try:
        if os.path.getsize(path) > MOST_BYTES:
            raise PemnError(f"{path}: expected a record of at most {MOST_BYTES >> 20} MiB")
        with open(path, "rb") as stream:
            return json.loads(stream.read(), parse_int=_integer)
    except OSError as error:
        raise PemnError(unreadable(path, error)) from None
    except RecursionError:
        raise PemnError(f"{path}: no record of a run: JSON nested too deeply") from None
    except ValueError as error:  # no JSON, no UTF-8, a number of thousands of digits
        raise PemnError(f"{path}: no record of a run: not JSON: {error}") from None


def _run(path: str, record: Mapping[str, Any]) -> Run:
    parts = {key: _object(path, record, key) for key in (
        "architecture", "settings", "data", "recipe", "storage", "selection", "run", "versions",
    )}  # fmt: skip
    metric = _headline(path, record)
    archive = _object(path, record, "archive")
    size = archive.get("bytes")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size < 1 << 63:
        raise PemnError(f"{path}: archive: expected its bytes as a whole number, got {_kind(size)}")
    run = Run(
        file=path,
        archive=archive["path"] if isinstance(archive.get("path"), str) else None,
        bytes=size,
        sha256=archive["sha256"] if isinstance(archive.get("sha256"), str) else None,
        metric=metric,
        others=_others(record, metric),
        machine=parts.pop("run"),
        seconds=_finite(record.get("seconds")),
        finished=record["finished"] if isinstance(record.get("finished"), str) else None,
        command=command_of(record.get("command")),
        **parts,
    )
    _ = run.experiment  # told now where something in it cannot be compared
    return run


def command_of(told: object) -> str | None:
    """Return a command that a record or a sweep tells, as one types it; None for anything else."""
    if isinstance(told, str) and told.strip():
        return told
    if isinstance(told, list) and told and all(isinstance(word, str) for word in told):
        return shlex.join(told)
    return None


def _headline(path: str, record: Mapping[str, Any]) -> Metric:
    """Return the headline metric: "metric", or in records of before "accuracy"."""
    told = record.get("metric")
    if told is None and record.get("accuracy") is not None:
        told = {"name": "accuracy", "better": "max", "value": record["accuracy"]}
    if told is None or record.get("archive") is None:
        raise Unfinished(f"{path}: not finished: no metric is recorded yet")
    return metric_of(told, path)


def _others(record: Mapping[str, Any], headline: Metric) -> tuple[Metric, ...]:
    told = record.get("metrics")
    found = []
    for one in told if isinstance(told, list) else ():
        try:
            metric = metric_of(one, "")
        except PemnError:  # beside the headline, a metric that was not measured
            continue
        if metric.name != headline.name:
            found.append(metric)
    return tuple(found)


def _object(path: str, record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = record.get(key)
    if value is None and key not in _PARTS:
        return {}
    if not isinstance(value, dict):
        raise PemnError(f"{path}: {key}: expected an object, got {_kind(value)}")
    return value


def _integer(digits: str) -> float:
    """Return a whole number, as a float where no record has one as large."""
    return int(digits) if len(digits) < 20 else float(digits)


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= MOST and math.isfinite(value) else None


def _kind(value: object) -> str:
    """Return what a value of JSON is, for a message."""
    kinds = ((bool, "true or false"), (int, "a whole number"), (float, "a number"),
             (str, "a text"), (list, "a list"), (dict, "an object"))  # fmt: skip
    return next((told for kind, told in kinds if isinstance(value, kind)), "nothing")
