"""A report as text, in the format that was asked for."""

from collections.abc import Callable, Iterator, Sequence

from pemn_compress.errors import UnknownNameError
from pemn_compress.reporting.block_types import Block, Facts, Heading, Note, Sheet
from pemn_compress.reporting.blocks import plan_blocks, report_blocks
from pemn_compress.reporting.collect import PlanReport, Report
from pemn_compress.reporting.data import to_csv, to_json


def render(
    found: Report | PlanReport,
    form: str = "table",
    *,
    width: int | None = None,
    color: bool = False,
) -> str:
    """Return a report as text that ends in one line break.

    `form` is one of FORMATS. `width` and `color` are for "table" alone: the columns to fill (None:
    the terminal's) and whether to use its colours. Raises UnknownNameError.
    """
    if form == "table":
        # rich takes a tenth of a second to import; the other formats do without
        from pemn_compress.reporting.tables import to_table

        return to_table(_blocks(found), width, color)
    if form not in _PLAIN:
        raise UnknownNameError("format", form, FORMATS)
    return _PLAIN[form](found)


def _blocks(found: Report | PlanReport) -> Iterator[Block]:
    return report_blocks(found) if isinstance(found, Report) else plan_blocks(found)


def _markdown(found: Report | PlanReport) -> str:
    parts = []
    for block in _blocks(found):
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
                lines = [[_escaped(" ".join(head.split())) for head in heads], rule]
                for index, row in enumerate(body):
                    mark = "**" if index in strong else ""
                    cells = [_escaped(" ".join(cell.split())) for cell in row]
                    lines.append([f"{mark}{cell}{mark}" if cell else "" for cell in cells])
                parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
            case Note(text):
                parts.append(_escaped(text))
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    for character in "\\|<>*`[":
        text = text.replace(character, f"\\{character}")
    return text


_PLAIN: dict[str, Callable[[Report | PlanReport], str]] = {
    "markdown": _markdown,
    "csv": to_csv,
    "json": to_json,
}

FORMATS: Sequence[str] = ("table", *_PLAIN)
