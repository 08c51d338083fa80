"""A report as text, in the format that was asked for."""

import io
from collections.abc import Callable, Iterator, Sequence

from pemn_compress.errors import UnknownNameError
from pemn_compress.report.blocks import (
    Block,
    Facts,
    Heading,
    Note,
    Sheet,
    plan_blocks,
    report_blocks,
)
from pemn_compress.report.collect import PlanReport, Report
from pemn_compress.report.data import to_csv, to_json

_NEVER_REACHED = 1000

MARGIN = 2  # columns by which all but titles are indented

# rows of a box: top, head, line under the head, ... of four characters each
_RULE_UNDER_HEAD = "    \n    \n -- \n    \n    \n    \n    \n    \n"


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
        return _table(_blocks(found), width, color)
    if form not in _PLAIN:
        raise UnknownNameError("format", form, FORMATS)
    return _PLAIN[form](found)


def _blocks(found: Report | PlanReport) -> Iterator[Block]:
    return report_blocks(found) if isinstance(found, Report) else plan_blocks(found)


def _table(blocks: Iterator[Block], width: int | None, color: bool) -> str:
    # rich takes a tenth of a second to import; the other formats do without
    from rich.box import Box
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()

    def console_of(columns: int | None) -> Console:
        return Console(
            file=stream,
            width=columns,
            force_terminal=color,
            color_system="standard" if color else None,
            highlight=False,
            force_jupyter=False,
            legacy_windows=False,
        )

    console = console_of(width)
    # numbers are never cut: in a terminal too narrow for them, their lines run on
    endless = console_of(_NEVER_REACHED)

    for number, block in enumerate(blocks):
        match block:
            case Heading(text, level):
                if number:
                    console.print()
                heading = Text(text, "bold" if level == 1 else "underline")
                console.print(Padding(heading, (0, 0, 0, 0 if level == 1 else MARGIN)))
            case Facts(rows):
                grid = Table.grid(padding=(0, 2, 0, 0))
                for label, value in rows:
                    grid.add_row(Text(label, "dim", no_wrap=True), Text(value, overflow="fold"))
                console.print(Padding(grid, (0, 0, 0, MARGIN)))
            case Sheet(heads, body, strong, left):
                table = Table(
                    box=Box(_RULE_UNDER_HEAD, ascii=True),
                    padding=(0, 1, 0, 0),
                    pad_edge=False,
                    show_edge=False,
                    header_style="",
                )
                for index, head in enumerate(heads):
                    side = "left" if index < left else "right"
                    table.add_column(Text(head), justify=side, no_wrap=True)  # type: ignore[arg-type]
                for index, row in enumerate(body):
                    style = "bold" if index in strong else ""
                    table.add_row(*(Text(cell) for cell in row), style=style)
                endless.print(Padding(table, (0, 0, 0, MARGIN), expand=False))
            case Note(text):
                console.print(Padding(Text(text, "dim"), (0, 0, 0, MARGIN)))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


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
