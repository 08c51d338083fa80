"""Reports for programs: JSON and CSV, every number in bytes.

JSON. A report of archives is {"unit": "bytes", "archives": [ARCHIVE, ...]}; of a plan it is
{"unit": "bytes", "plan": PLAN}. Keys are never renamed or removed within a major version.

- ARCHIVE: "file", "architecture" and "settings" (as the manifest has them), "accuracy" ({"correct",
  "total", "data", "fraction"} or null), "baselines", "equal_bytes_sparsity", and an ACCOUNT's keys.
- PLAN: "architecture" (its name), "settings", "strategies" (a list of {"strategy", "ratio",
  "chosen", "seed": ACCOUNT, "stored_prototype": ACCOUNT}), "baselines", "equal_bytes_sparsity".
- ACCOUNT: "kind" ("masked", "pruned" or "dense"), "values" (how C_w is held: "seed", "fp32",
  "fp16", "bf16", "int8"), "unmasked_weights" (of an archive without masks), "masked_tensors",
  "masked_weights", "kept_weights", "density", "prototype_length", "prototype" ("seed", "stored"
  or null), "planes_bytes" (the part of C_w that says which weights were renewed or negated),
  "columns" ({"paper", "stored", "limit"}, each a COST; in a plan "expected" stands for "stored"),
  "bits_per_weight" ({"mask", "total"}), "state_dict_bytes", "bytes", "compression_ratio".
- COST: "C_w", "C_m", "C_d", "overhead", "total"; null for a part that the column does not count.
- "baselines": a list of {"methods": ["random", "magnitude"], "sparsity", "paper": COST,
  "best_codec": {"fp32": COST, "fp16": COST, "int8": COST}}.
- "equal_bytes_sparsity": {"fp32", "fp16", "int8"}: fraction of weights removed, or null.

CSV has one row per column kind of every archive, strategy or baseline. `column` is paper, stored,
expected or limit; `values` is how C_w is held: seed, fp32, fp16, bf16 or int8.
"""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple
from typing import Any

from pemn_compress.accounting import Account, Baseline, Cost
from pemn_compress.reporting import words
from pemn_compress.reporting.collect import ArchiveReport, PlanReport, PlanRow, Report

PRUNING_METHODS = ("random", "magnitude")
CSV_FIELDS = (
    "file",
    "architecture",
    "method",
    "ratio",
    "search",
    "renewal",
    "sparsity",
    "accuracy",
    "column",
    "values",
    "C_w",
    "C_m",
    "C_d",
    "overhead",
    "total",
    "masked_weights",
    "state_dict_bytes",
    "compression_ratio",
)


def to_json(found: Report | PlanReport) -> str:
    """Return the report as JSON, indented by two."""
    if isinstance(found, Report):
        value: dict[str, Any] = {"archives": [_archive_json(archive) for archive in found.archives]}
    else:
        value = {"plan": _plan_json(found)}
    return json.dumps({"unit": "bytes", **value}, indent=2) + "\n"


def to_csv(found: Report | PlanReport) -> str:
    """Return the report as CSV with a header line."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, CSV_FIELDS, lineterminator="\n")
    writer.writeheader()
    if isinstance(found, Report):
        for archive in found.archives:
            writer.writerows(_archive_rows(archive))
    else:
        writer.writerows(_plan_rows(found))
    return stream.getvalue()


def _archive_json(archive: ArchiveReport) -> dict[str, Any]:
    accuracy = archive.accuracy
    return {
        "file": archive.file,
        "architecture": _finite(dict(archive.architecture)),
        "settings": _finite(dict(archive.settings)),
        "accuracy": accuracy and {**asdict(accuracy), "fraction": accuracy.fraction},
        **_account_json(archive.account),
        **_rivals_json(archive.baselines, archive.equal_bytes),
    }


def _plan_json(report: PlanReport) -> dict[str, Any]:
    return {
        "architecture": report.name,
        "settings": asdict(report.settings),
        "strategies": [
            {
                "strategy": row.strategy,
                "ratio": row.ratio,
                "chosen": row.chosen,
                "seed": _account_json(row.seeded),
                "stored_prototype": _account_json(row.stored_prototype),
            }
            for row in report.rows
        ],
        **_rivals_json(report.baselines, report.equal_bytes),
    }


def _account_json(account: Account) -> dict[str, Any]:
    held = "seed" if account.seeded else "stored"
    return {
        "kind": account.kind,
        "values": account.values,
        "unmasked_weights": sum(size.numel for size in account.unmasked),
        "masked_tensors": len(account.masked),
        "masked_weights": account.masked_weights,
        "kept_weights": account.kept_weights,
        "density": account.density,
        "prototype_length": account.prototype_length,
        "prototype": held if account.prototype_length else None,
        "planes_bytes": account.planes,
        "columns": {kind: _cost_json(cost) for kind, cost in _columns(account)},
        "bits_per_weight": {
            "mask": account.mask_bits_per_weight,
            "total": account.total_bits_per_weight,
        },
        "state_dict_bytes": account.state_dict_bytes,
        "bytes": _number(account.stored.total),
        "compression_ratio": account.compression_ratio,
    }


def _rivals_json(
    baselines: tuple[Baseline, ...], equal_bytes: Mapping[str, float | None]
) -> dict[str, Any]:
    return {
        "baselines": [
            {
                "methods": PRUNING_METHODS,
                "sparsity": row.sparsity,
                "paper": _cost_json(row.paper),
                "best_codec": {values: _cost_json(cost) for values, cost in row.best.items()},
            }
            for row in baselines
        ],
        "equal_bytes_sparsity": dict(equal_bytes),
    }


def _cost_json(cost: Cost) -> dict[str, float | None]:
    parts = (*astuple(cost), cost.total)
    return dict(zip(("C_w", "C_m", "C_d", "overhead", "total"), map(_number, parts), strict=True))


def _number(value: float | None) -> float | None:
    """Return whole bytes as an int, others without the noise of binary fractions."""
    if value is None:
        return None
    return int(value) if value == int(value) else round(value, 6)


def _finite(value: Any) -> Any:
    """Return an archive's free-form values with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _columns(account: Account) -> tuple[tuple[str, Cost], ...]:
    stored = "expected" if account.expected else "stored"
    return (("paper", account.paper), (stored, account.stored), ("limit", account.limit))


def _archive_rows(archive: ArchiveReport) -> Iterator[dict[str, Any]]:
    account, settings = archive.account, archive.settings
    shared = {
        "file": words.clean(archive.file),
        "architecture": words.architecture(archive.architecture),
    }
    own = {
        "method": words.clean(settings.get("strategy", "")),
        "ratio": settings.get("ratio") if settings.get("strategy") == "rp" else None,
        "search": words.clean(settings.get("search", "")),
        "renewal": words.clean(settings.get("renewal", "")),
        "accuracy": archive.accuracy and archive.accuracy.fraction,
    }
    for row in (*_account_rows(account, own), *_rival_rows(account, archive.baselines)):
        yield shared | row


def _plan_rows(report: PlanReport) -> Iterator[dict[str, Any]]:
    shared = {"architecture": words.clean(report.name)}
    for row in report.rows:
        for line in _strategy_rows(row):
            yield shared | line
    for line in _rival_rows(report.account, report.baselines):
        yield shared | line


def _strategy_rows(row: PlanRow) -> Iterator[dict[str, Any]]:
    own = {"method": row.strategy, "ratio": row.ratio}
    for account in (row.seeded, row.stored_prototype):
        for line in _account_rows(account, own):
            # the paper knows no seed: its row comes once
            if line["column"] != "paper" or account.seeded:
                yield line


def _account_rows(account: Account, own: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    density = account.density
    for column, cost in _columns(account):
        yield {
            **own,
            "sparsity": None if density is None else round(1 - density, 9),
            "column": column,
            "values": "fp32" if column == "paper" else account.values,
            **_cost_json(cost),
            **_reduction(account, cost, column),
        }


def _rival_rows(account: Account, baselines: tuple[Baseline, ...]) -> Iterator[dict[str, Any]]:
    for method in PRUNING_METHODS:
        for row in baselines:
            kinds = [("paper", "fp32", row.paper)]
            kinds += [("expected", values, cost) for values, cost in row.best.items()]
            for column, values, cost in kinds:
                yield {
                    "method": method,
                    "sparsity": row.sparsity,
                    "column": column,
                    "values": values,
                    **_cost_json(cost),
                    **_reduction(account, cost, column),
                }


def _reduction(account: Account, cost: Cost, column: str) -> dict[str, Any]:
    """Return what a ratio is made of; one of the paper's bytes would mix two columns."""
    real = column in ("stored", "expected")
    return {
        "masked_weights": account.masked_weights,
        "state_dict_bytes": account.state_dict_bytes,
        "compression_ratio": round(account.state_dict_bytes / cost.total, 4) if real else None,
    }
