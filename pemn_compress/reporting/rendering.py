"""A report as text, in the format that was asked for."""

import re
from collections.abc import Callable, Iterator, Sequence

from pemn_compress.errors import UnknownNameError
from pemn_compress.reporting.block_types import Block, Facts, Heading, Note, Sheet
from pemn_compress.reporting.blocks import plan_blocks, report_blocks
from pemn_compress.reporting.collect import PlanReport, Report
from pemn_compress.reporting.data import to_csv, to_json
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
        return _markdown(_blocks(found, details))
    if form not in _DATA:
        raise UnknownNameError("format", form, FORMATS)
    return _DATA[form](found)


def _blocks(found: Report | PlanReport, details: bool | None) -> Iterator[Block]:
    if isinstance(found, PlanReport):
        return plan_blocks(found)
    return report_blocks(found, len(found.archives) == 1 if details is None else details)


def _markdown(blocks: Iterator[Block]) -> str:
    parts = []
    for block in blocks:
        match block:
            case Heading(text, level):
                parts.append(f"{'#' * (level + 1)} {_escaped(text)}")
            case Facts(rows):
                joined: list[str] = []
                for label, value in rows:
                    if label:
                        joined.append(f"- **{_escaped(label)}**: {_escaped(value)}")
                    else:
                        joined[-1] += f" {_escaped(value)}"
                parts.append("\n".join(joined))
            case Sheet(heads, body, strong, left):
                rule = [":--" if i < left else "--:" for i in range(len(heads))]
                lines = [[_escaped(head) for head in heads], rule]
                for index, row in enumerate(body):
                    mark = "**" if index in strong else ""
                    cells = [_escaped(cell) for cell in row]
                    lines.append([f"{mark}{cell}{mark}" if cell else "" for cell in cells])
                parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
            case Note(text):
                parts.append(_escaped(text))
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    """Return a text that Markdown shows as it is; an underline within a word is no mark."""
    return _MARKS.sub(r"\\\g<0>", " ".join(text.split()))


_MARKS = re.compile(r"[\\|<>*`\[\]~&#]|(?<!\w)_|_(?!\w)")
_DATA: dict[str, Callable[[Report | PlanReport], str]] = {"csv": to_csv, "json": to_json}

FORMATS: Sequence[str] = ("table", "markdown", *_DATA)
