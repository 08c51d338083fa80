"""Comparisons of runs for programs: JSON and CSV, every size in bytes, every metric as it is.

JSON is {"unit": "bytes", "seeds_merged", "fronts": [FRONT, ...], "published": [TABLE, ...],
"left_out": [{"file", "reason"}, ...], "broken": [{"file", "error"}, ...], "notes": [text, ...]}.
Keys are never renamed or removed within a major version. Text is exact here; in CSV it is made
printable.

- FRONT: "data", "test" (samples, or null), "metric": {"name", "better"}, "rows": [ROW, ...].
- ROW: "label", "on_front", "beaten_by" (the label of the best row that beats it, or null),
  "trained" (a baseline, whose weights were trained), "strategy", "ratio" (rp's), "density",
  "epochs", "mean", "std" (of n - 1; null for a single run), "n", "seeds", "bytes" (the mean),
  "bytes_std", "architecture", "data", "settings", "recipe", "storage" (as the first run has them,
  null for numbers that JSON lacks), "runs": [RUN, ...].
- RUN: "file", "archive" (or null), "bytes", "sha256" (or null), "value", "metrics" (the others,
  [{"name", "better", "value"}, ...]), "seed", "seconds", "finished", "machine", "versions",
  "command" (or null).
- TABLE: "where", "paper", "table", "figure", "data", "architecture", "arguments", "ours": {"data",
  "taken_as", "architecture", "epochs"}, "rows": a list of {"label", "mean", "std", "n",
  "published": {"mean", "std", "runs", "epochs"}, "difference", "place", "published_place"}, places
  null without an "order": {"pairs", "agreeing", "disagreements": [{"ahead_here", "ahead_there",
  "ours", "theirs", "our_noise", "their_noise", "beyond_noise"}, ...]}, which is null for fewer than
  three methods.

CSV has one row per row of a front. `seeds` are separated by blanks; `published_*` are empty where
no paper has a figure, or none was asked for. A row with figures in several tables comes once for
each.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pemn_compress.reporting import words
from pemn_compress.reporting.interchange import csv_text, json_text
from pemn_compress.reporting.runs.against import Disagreement, Match, Order, Table
from pemn_compress.reporting.runs.comparison import Comparison
from pemn_compress.reporting.runs.fronts import Front
from pemn_compress.reporting.runs.making import machine, versions
from pemn_compress.reporting.runs.merging import Row
from pemn_compress.reporting.runs.run import Run

CSV_FIELDS = (
    "data", "metric", "better", "label", "front", "trained", "strategy", "ratio", "search",
    "renewal", "density", "architecture", "recipe", "epochs", "train", "test", "seeds", "n", "mean",
    "std", "bytes", "bytes_std", "file", "archive", "seconds", "finished", "machine", "versions",
    "command", "published_where", "published_data", "published_epochs", "published_mean",
    "published_std", "published_runs",
)  # fmt: skip


def runs_json(found: Comparison) -> str:
    """Return a comparison as JSON, indented by two."""
    gathered = found.gathered
    value = {
        "unit": "bytes",
        "seeds_merged": found.merged,
        "fronts": [_front(front) for front in found.fronts],
        "published": [_table(table, found) for table in found.tables],
        "left_out": [asdict(one) for one in gathered.left_out],
        "broken": [{"file": one.file, "error": one.error} for one in gathered.broken],
        "notes": list(found.notes),
    }
    return json_text(value) + "\n"


def runs_csv(found: Comparison) -> str:
    """Return a comparison as CSV with a header line."""
    return csv_text(CSV_FIELDS, _rows(found))


def _front(front: Front) -> dict[str, Any]:
    return {
        "data": front.data,
        "test": front.test,
        "metric": {"name": front.metric, "better": front.better},
        "rows": [_row(front, index, row) for index, row in enumerate(front.rows)],
    }


def _row(front: Front, index: int, row: Row) -> dict[str, Any]:
    run, beaten = row.first, front.beaten_by[index]
    return {
        "label": front.labels[index],
        "on_front": front.on_front[index],
        "beaten_by": None if beaten is None else front.labels[beaten],
        "trained": row.trained,
        "strategy": run.settings.get("strategy"),
        "ratio": _ratio(run),
        "density": run.settings.get("density"),
        "epochs": run.recipe.get("epochs"),
        "mean": row.metric.mean,
        "std": row.metric.std,
        "n": len(row.runs),
        "seeds": list(row.seeds),
        "bytes": _whole(row.bytes.mean),
        "bytes_std": row.bytes.std,
        **{key: dict(getattr(run, key)) for key in (
            "architecture", "data", "settings", "recipe", "storage"
        )},
        "runs": [_run(one) for one in row.runs],
    }  # fmt: skip


def _run(run: Run) -> dict[str, Any]:
    return {
        "file": run.file,
        "archive": run.archive,
        "bytes": run.bytes,
        "sha256": run.sha256,
        "value": run.metric.value,
        "metrics": [asdict(other) for other in run.others],
        "seed": run.seed,
        "seconds": run.seconds,
        "finished": run.finished,
        "machine": dict(run.machine),
        "versions": dict(run.versions),
        "command": run.command,
    }


def _table(table: Table, found: Comparison) -> dict[str, Any]:
    figure, run, order = table.figure, table.run, table.order
    places = {}
    if order:
        pairs = zip(order.matches, order.their_places, strict=True)
        places = {id(match): (place, theirs) for place, (match, theirs) in enumerate(pairs, 1)}
    return {
        "where": figure.where,
        "paper": figure.paper,
        "table": figure.table,
        "figure": figure.figure,
        "data": figure.data,
        "architecture": figure.architecture,
        "arguments": dict(figure.arguments),
        "ours": {
            "data": dict(run.data),
            "taken_as": found.counterpart.dataset(run),
            "architecture": dict(run.architecture),
            "epochs": run.recipe.get("epochs"),
        },
        "rows": [_match(match, *places.get(id(match), (None, None))) for match in table.matches],
        "order": _order(order) if order else None,
    }


def _match(match: Match, place: int | None, theirs: int | None) -> dict[str, Any]:
    told, figure = match.row.metric, match.figure
    return {
        "label": match.label,
        "mean": told.mean,
        "std": told.std,
        "n": told.count,
        "published": {
            "mean": figure.mean,
            "std": figure.std,
            "runs": figure.runs,
            "epochs": figure.epochs,
        },
        "difference": match.difference,
        "place": place,
        "published_place": theirs,
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "pairs": order.pairs,
        "agreeing": order.agreeing,
        "disagreements": [_disagreement(one) for one in order.disagreements],
    }


def _disagreement(one: Disagreement) -> dict[str, Any]:
    return {
        "ahead_here": one.first,
        "ahead_there": one.second,
        "ours": one.ours,
        "theirs": one.theirs,
        "our_noise": one.our_noise,
        "their_noise": one.their_noise,
        "beyond_noise": one.beyond_noise,
    }


def _rows(found: Comparison) -> Iterator[dict[str, Any]]:
    matched: dict[int, list[Match]] = {}
    for table in found.tables:
        for match in table.matches:
            matched.setdefault(id(match.row), []).append(match)
    for front in found.fronts:
        for index, row in enumerate(front.rows):
            own = _csv_row(front, index, row)
            yield from (own | _published(match) for match in matched.get(id(row), ()))
            if id(row) not in matched:
                yield own


def _csv_row(front: Front, index: int, row: Row) -> dict[str, Any]:
    run = row.first
    return {
        "data": front.data,
        "metric": front.metric,
        "better": front.better,
        "label": front.labels[index],
        "front": int(front.on_front[index]),
        "trained": int(row.trained),
        "strategy": run.settings.get("strategy"),
        "ratio": _ratio(run),
        **{key: run.settings.get(key) for key in ("search", "renewal", "density")},
        "architecture": words.architecture(run.architecture),
        "recipe": run.recipe.get("name"),
        "epochs": run.recipe.get("epochs"),
        "train": run.data.get("train"),
        "test": run.data.get("test"),
        "seeds": " ".join("" if seed is None else str(seed) for seed in row.seeds),
        "n": len(row.runs),
        "mean": row.metric.mean,
        "std": row.metric.std,
        "bytes": _whole(row.bytes.mean),
        "bytes_std": row.bytes.std,
        "file": " ".join(one.file for one in row.runs),
        "archive": " ".join(one.archive or "" for one in row.runs).strip(),
        "seconds": run.seconds,
        "finished": run.finished,
        "machine": machine(run),
        "versions": versions(run),
        "command": run.command,
    }


def _published(match: Match) -> dict[str, Any]:
    figure = match.figure
    return {
        "published_where": figure.where,
        "published_data": figure.data,
        "published_epochs": figure.epochs,
        "published_mean": figure.mean,
        "published_std": figure.std,
        "published_runs": figure.runs,
    }


def _ratio(run: Run) -> object:
    return run.settings.get("ratio") if run.settings.get("strategy") == "rp" else None


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value
