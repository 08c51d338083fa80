"""A report as text, in the format that was asked for."""

from collections.abc import Callable, Iterator, Sequence

from pemn_compress.errors import UnknownNameError
from pemn_compress.reporting.block_types import Block
from pemn_compress.reporting.blocks import plan_blocks, report_blocks
from pemn_compress.reporting.collect import PlanReport, Report
from pemn_compress.reporting.data import to_csv, to_json
from pemn_compress.reporting.markdown import to_markdown
from pemn_compress.reporting.tables import to_table


def render(
    found: Report | PlanReport,
    form: str = "table",
    *,
    width: int | None = None,
    color: bool = False,
    details: bool | None = None,
) -> str:
    """Return a report as text that ends in one line break.

    `form` is one of FORMATS. `width` and `color` are for "table" alone: the columns to fill (None:
    the terminal's, and no limit in a pipe) and whether to use bold and dim text. `details`, for
    "table" and "markdown", are what each archive is made of (None: of one archive, not of several).
    Raises UnknownNameError.
    """
    if form == "table":
        return to_table(_blocks(found, details), width, color)
    if form == "markdown":
        return to_markdown(_blocks(found, details))
    if form not in _DATA:
        raise UnknownNameError("format", form, FORMATS)
    return _DATA[form](found)


def _blocks(found: Report | PlanReport, details: bool | None) -> Iterator[Block]:
    if isinstance(found, PlanReport):
        return plan_blocks(found)
    return report_blocks(found, len(found.archives) == 1 if details is None else details)


_DATA: dict[str, Callable[[Report | PlanReport], str]] = {"csv": to_csv, "json": to_json}

FORMATS: Sequence[str] = ("table", "markdown", *_DATA)
