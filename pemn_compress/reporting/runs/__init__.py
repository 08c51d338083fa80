"""Runs compared: records and archives to fronts of stored bytes and metric, beside the papers.

`gather` reads, `compared` works out, `render_runs` and `plot_fronts` show; `front` is the short
way. Nothing here needs torch, and only plots and pages need matplotlib.
"""

from pemn_compress.reporting.runs.against import Counterpart
from pemn_compress.reporting.runs.comparison import SORTS, Comparison, compared
from pemn_compress.reporting.runs.fronts import Front, front
from pemn_compress.reporting.runs.gathering import Gathered, gather
from pemn_compress.reporting.runs.merging import Row, Spread
from pemn_compress.reporting.runs.rendering import FORMATS, render_runs
from pemn_compress.reporting.runs.run import Metric, Run

__all__ = [
    "FORMATS",
    "SORTS",
    "Comparison",
    "Counterpart",
    "Front",
    "Gathered",
    "Metric",
    "Row",
    "Run",
    "Spread",
    "compared",
    "front",
    "gather",
    "render_runs",
]
