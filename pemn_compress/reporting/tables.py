"""A report as lines of text; ASCII but for names, so that every terminal can show it.

In a terminal long names are folded, never cut, and so are sentences. Where there is no width to
fill only explanations are: whoever searches the lines finds whole names.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from pemn_compress.reporting.block_types import Block, Facts, Heading, Note, Sheet
from pemn_compress.reporting.terminal import columns

_INDENT = "  "  # of all but the titles of archives
_GAP = "  "
PROSE = 80  # columns of explanations, at most
_NARROW, _NARROWEST = 24, 12  # columns that folded texts keep: of names, and if need be
_STYLES = {"bold": "\x1b[1m", "dim": "\x1b[2m", "underline": "\x1b[4m"}


def to_table(blocks: Iterable[Block], width: int | None = None, color: bool = False) -> str:
    """Return the blocks as text of `width` columns.

    None: the terminal's where standard output is one, else as many as the longest line needs.
    `color` uses the terminal's bold, dim and underlined text.
    """
    width = width or columns()
    lines: list[str] = []
    for number, block in enumerate(blocks):
        match block:
            case Heading(text, level):
                if number:
                    lines.append("")
                indent = _INDENT if level > 1 else ""
                style = "underline" if level > 1 else "bold"
                lines += (indent + _styled(line, style, color) for line in _folded(text, width))
            case Facts(rows, prose):
                lines += _facts(rows, width, color, prose=prose)
            case Sheet():
                lines += _sheet(block, width, color)
            case Note(text):
                wrapped = _wrapped(text, width and width - len(_INDENT))
                lines += (_INDENT + _styled(line, "dim", color) for line in wrapped)
    return "\n".join(lines) + "\n"


def _facts(
    rows: Sequence[tuple[str, str]], width: int | None, color: bool, *, prose: bool
) -> Iterator[str]:
    labels = max((len(label) for label, _ in rows), default=0)
    margin = len(_INDENT) + labels + len(_GAP)
    for label, value in rows:
        start = f"{_INDENT}{_styled(label, 'dim', color)}{' ' * (labels - len(label))}{_GAP}"
        room = width and width - margin
        if prose:
            room = min(width or PROSE, PROSE) - margin
        lines = _wrapped(value, room)
        for line in lines or [""]:
            yield f"{start}{line}".rstrip()
            start = " " * margin


def _sheet(sheet: Sheet, width: int | None, color: bool) -> Iterator[str]:
    heads = [head.split("\n") for head in sheet.heads]
    deep = max(map(len, heads))
    heads = [[""] * (deep - len(head)) + head for head in heads]
    widths = [max(map(_cells, head)) for head in heads]
    for row in sheet.rows:
        for index, cell in enumerate(row):
            size = len(cell) if cell.isascii() else _cells(cell)
            if size > widths[index]:
                widths[index] = size
    if width is not None:
        _narrow(widths, sheet.left, width - len(_INDENT))
    for line in range(deep):
        yield _line([head[line] for head in heads], widths, sheet.left)
    yield _INDENT + "-" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    for number, row in enumerate(sheet.rows):
        style = "bold" if number in sheet.strong else ""
        for cells in _folded_row(row, widths, sheet.left):
            yield _styled(_line(cells, widths, sheet.left), style, color)


def _narrow(widths: list[int], left: int, width: int) -> None:
    """Take columns from texts, first of all from names, until a row fits; numbers keep theirs."""
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    for least in (_NARROW, _NARROWEST):
        for index in range(left):
            taken = max(0, min(excess, widths[index] - least))
            widths[index] -= taken
            excess -= taken


def _folded_row(row: Sequence[str], widths: Sequence[int], left: int) -> Iterator[Sequence[str]]:
    if all(len(cell) <= widths[index] for index, cell in enumerate(row[:left])):
        yield row
        return
    parts = [_folded_text(cell, widths[index]) for index, cell in enumerate(row[:left])]
    for line in range(max(map(len, parts))):
        texts = [part[line] if line < len(part) else "" for part in parts]
        yield [*texts, *(row[left:] if not line else [""] * (len(row) - left))]


def _line(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    parts = []
    for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        if cell.isascii():
            parts.append(cell.ljust(width) if index < left else cell.rjust(width))
        else:
            blank = " " * (width - _cells(cell))
            parts.append(cell + blank if index < left else blank + cell)
    return (_INDENT + _GAP.join(parts)).rstrip()


def _cells(text: str) -> int:
    """Return how many columns a text takes: some letters take two, some none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _folded(text: str, width: int | None) -> list[str]:
    """Return a text in lines of `width` columns, broken anywhere."""
    if width is None or _cells(text) <= width:
        return [text]
    if text.isascii():
        return [text[start : start + width] for start in range(0, len(text), width)]
    from rich.cells import chop_cells

    return chop_cells(text, width)


def _folded_text(text: str, width: int | None) -> list[str]:
    """Return a text in lines of `width` columns: a list after its commas, a name anywhere."""
    if width is None or ", " not in text or _cells(text) <= width:
        return _folded(text, width)
    lines = [""]
    for part in text.replace(", ", ",\n").split("\n"):
        joined = f"{lines[-1]} {part}".lstrip()
        if _cells(joined) <= width:
            lines[-1] = joined
        else:
            lines += _folded(part, width)
    return [line for line in lines if line]


def _wrapped(text: str, width: int | None) -> list[str]:
    """Return sentences in lines of `width` columns, broken between words where that is possible."""
    if width is None or _cells(text) <= width:
        return [text]
    lines = textwrap.wrap(text, max(width, _NARROWEST), break_on_hyphens=False)
    return [part for line in lines for part in _folded(line, width)]


def _styled(text: str, style: str, color: bool) -> str:
    return f"{_STYLES[style]}{text}\x1b[0m" if color and style and text else text
