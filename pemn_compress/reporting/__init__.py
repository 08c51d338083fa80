"""Sizes as tables: archives, or a plan without an archive, beside what pruning would cost.

`report` and `plan_report` collect; `render` turns either into text. Everything is read from headers
and manifests, no mask is decoded, and nothing here needs torch.
"""

from pemn_compress.reporting.collect import (
    ArchiveReport,
    Broken,
    PlanReport,
    PlanRow,
    Report,
    find_archives,
    plan_report,
    report,
    survey,
)
from pemn_compress.reporting.recorded import Accuracy, recorded_accuracy
from pemn_compress.reporting.rendering import FORMATS, render

__all__ = [
    "FORMATS",
    "Accuracy",
    "ArchiveReport",
    "Broken",
    "PlanReport",
    "PlanRow",
    "Report",
    "find_archives",
    "plan_report",
    "recorded_accuracy",
    "render",
    "report",
    "survey",
]
