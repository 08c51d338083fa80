"""A report for the terminal, by rich; ASCII alone, so that every terminal can show it."""

import io
from collections.abc import Iterator

from rich.box import Box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pemn_compress.reporting.block_types import Block, Facts, Heading, Note, Sheet

_INDENT = (0, 0, 0, 2)  # of all but the titles of archives: top, right, bottom, left
_ENDLESS = 1000
# the lines of a box, four characters each: top, head, under the head, row, ...
_RULE_UNDER_HEAD = "    \n    \n -- \n    \n    \n    \n    \n    \n"


def to_table(blocks: Iterator[Block], width: int | None, color: bool) -> str:
    """Return the blocks as text of `width` columns (None: the terminal's)."""
    stream = io.StringIO()
    console = _console(stream, width, color)
    # numbers are never cut: in a terminal too narrow for them, their lines run on
    endless = _console(stream, _ENDLESS, color)
    for number, block in enumerate(blocks):
        match block:
            case Heading(text, level):
                if number:
                    console.print()
                if level == 1:
                    console.print(Text(text, "bold"))
                else:
                    console.print(Padding(Text(text, "underline"), _INDENT))
            case Facts():
                console.print(Padding(_facts(block), _INDENT))
            case Sheet():
                endless.print(Padding(_sheet(block), _INDENT, expand=False))
            case Note(text):
                console.print(Padding(Text(text, "dim"), _INDENT))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _console(stream: io.StringIO, width: int | None, color: bool) -> Console:
    return Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        force_jupyter=False,
        legacy_windows=False,
    )


def _facts(facts: Facts) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for label, value in facts.rows:
        grid.add_row(Text(label, "dim", no_wrap=True), Text(value, overflow="fold"))
    return grid


def _sheet(sheet: Sheet) -> Table:
    table = Table(
        box=Box(_RULE_UNDER_HEAD, ascii=True),
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="",
    )
    for index, head in enumerate(sheet.heads):
        table.add_column(
            Text(head), justify="left" if index < sheet.left else "right", no_wrap=True
        )
    for index, row in enumerate(sheet.rows):
        style = "bold" if index in sheet.strong else ""
        table.add_row(*(Text(cell) for cell in row), style=style)
    return table
