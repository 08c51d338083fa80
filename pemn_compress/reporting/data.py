"""Reports for programs: JSON and CSV, every number in bytes.

JSON. A report of archives is {"unit": "bytes", "archives": [ARCHIVE, ...], "broken": [{"file",
"error"}, ...]}; of a plan it is {"unit": "bytes", "plan": PLAN}. Keys are never renamed or removed
within a major version. Text is exact here; in CSV it is made printable.

- ARCHIVE: "file", "architecture", "settings" and "training" (as the manifest has them, null for
  numbers that JSON lacks), "accuracy" ({"correct", "total", "data", "fraction"} or null), "metric"
  (the headline metric: {"name", "better", "value", "total", "data", "correct"} or null),
  "baselines", "equal_bytes_sparsity", and an ACCOUNT's keys.
- PLAN: "architecture" (its name), "settings", "strategies" (a list of {"strategy", "ratio",
  "chosen", "seed": ACCOUNT, "stored_prototype": ACCOUNT}), "baselines", "equal_bytes_sparsity".
- ACCOUNT: "kind" ("masked", "pruned", "dense", "binary" or "ternary"), "values" (how C_w is held:
  "seed", "fp32", "fp16", "bf16", "int8", "int4", "signs" or another dtype), "unmasked_weights" (of
  an archive without masks),
  "masked_tensors", "masked_weights", "kept_weights", "density", "prototype_length", "prototype"
  ("seed", "stored" or null), "planes_bytes" (the part of C_w that says which weights were renewed
  or negated), "frozen_weights" (that keep their seeded value at no bits), "predicted_weights"
  (whose mask the seed says), "mispredicted_weights" (where it is wrong), "columns" ({"paper",
  "stored", "limit"}, each a COST; in a plan "expected" stands for "stored"), "bits_per_weight"
  ({"mask", "total"}), "state_dict_bytes", "bytes", "compression_ratio".
- COST: "C_w", "C_m", "C_d", "overhead", "total"; null for a part that the column does not count.
- "baselines": a list of {"methods": ["random", "magnitude"], "sparsity", "paper": COST,
  "best_codec": {"fp32": COST, "fp16": COST, "int8": COST, "int4": COST}}.
- "equal_bytes_sparsity": {"fp32", "fp16", "int8", "int4"}: fraction of weights removed, or null.

CSV has one row per column kind of every archive, strategy or baseline. `column` is paper, stored,
expected or limit; `values` is how C_w is held: seed, fp32, fp16, bf16, int8, int4, signs or another
dtype.
Random and magnitude pruning cost the same and share their rows; an archive's own settings (seed,
scaling, epochs, ...) stand in its own rows, and are empty where it does not record them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple
from typing import Any

from pemn_compress.accounting import Account, Baseline, Cost
from pemn_compress.reporting import words
from pemn_compress.reporting.collect import ArchiveReport, PlanReport, PlanRow, Report
from pemn_compress.reporting.interchange import csv_text, json_text

PRUNING_METHODS = ("random", "magnitude")
PRUNED = "random or magnitude"
# what tells one archive's rows from another's: of its settings, then of its training
SETTINGS = (
    "search", "renewal", "seed", "score_seed", "scaling", "distribution", "order", "ranking",
    "budget", "density_schedule", "pruning_schedule", "value_dtype", "qat", "scale",
    "entropy_weight",
)  # fmt: skip
TRAINING = ("recipe", "epochs")
CSV_FIELDS = (
    "file", "architecture", "method", "ratio", *SETTINGS, *TRAINING, "density", "sparsity",
    "accuracy", "data", "column", "values", "C_w", "C_m", "C_d", "overhead", "total",
    "masked_weights", "state_dict_bytes", "compression_ratio",
)  # fmt: skip


def to_json(found: Report | PlanReport) -> str:
    """Return the report as JSON, indented by two."""
    if isinstance(found, Report):
        value: dict[str, Any] = {
            "archives": [_archive_json(archive) for archive in found.archives],
            "broken": [{"file": one.file, "error": one.error} for one in found.broken],
        }
    else:
        value = {"plan": _plan_json(found)}
    return json_text({"unit": "bytes", **value}) + "\n"


def to_csv(found: Report | PlanReport) -> str:
    """Return the report as CSV with a header line."""
    if isinstance(found, Report):
        rows = [row for archive in found.archives for row in _archive_rows(archive)]
    else:
        rows = list(_plan_rows(found))
    return csv_text(CSV_FIELDS, rows)


def _archive_json(archive: ArchiveReport) -> dict[str, Any]:
    accuracy = archive.accuracy
    return {
        "file": archive.file,
        "architecture": dict(archive.architecture),
        "settings": dict(archive.settings),
        "training": dict(archive.training),
        "accuracy": accuracy and {**asdict(accuracy), "fraction": accuracy.fraction},
        "metric": archive.metric and asdict(archive.metric),
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
        "frozen_weights": account.frozen,
        "predicted_weights": account.predicted,
        "mispredicted_weights": account.mispredicted,
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


def _columns(account: Account) -> tuple[tuple[str, Cost], ...]:
    stored = "expected" if account.expected else "stored"
    return (("paper", account.paper), (stored, account.stored), ("limit", account.limit))


def _archive_rows(archive: ArchiveReport) -> Iterator[dict[str, Any]]:
    account, settings, accuracy = archive.account, archive.settings, archive.accuracy
    shared = {
        "file": archive.file,
        "architecture": words.architecture(archive.architecture),
    }
    own = {
        "method": settings.get("strategy"),
        "ratio": settings.get("ratio") if settings.get("strategy") == "rp" else None,
        **{key: settings.get(key) for key in SETTINGS},
        **{key: archive.training.get(key) for key in TRAINING},
        "accuracy": accuracy and accuracy.fraction,
        "data": accuracy and accuracy.data,
    }
    for row in (*_account_rows(account, own), *_rival_rows(account, archive.baselines)):
        yield shared | row


def _plan_rows(report: PlanReport) -> Iterator[dict[str, Any]]:
    shared = {"architecture": report.name}
    settings = asdict(report.settings)
    shared_settings = {key: settings.get(key) for key in ("scaling", "distribution")}
    for row in report.rows:
        for line in _strategy_rows(row):
            yield shared | shared_settings | line
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
            "density": density,
            "sparsity": None if density is None else round(1 - density, 9),
            "column": column,
            "values": "fp32" if column == "paper" else account.values,
            **_cost_json(cost),
            **_reduction(account, cost, column),
        }


def _rival_rows(account: Account, baselines: tuple[Baseline, ...]) -> Iterator[dict[str, Any]]:
    for row in baselines:
        kinds = [("paper", "fp32", row.paper)]
        kinds += [("expected", values, cost) for values, cost in row.best.items()]
        for column, values, cost in kinds:
            yield {
                "method": PRUNED,
                "density": round(1 - row.sparsity, 9),
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
        "compression_ratio": round(account.state_dict_bytes / cost.total, 4)
        if real and cost.total > 0
        else None,
    }
