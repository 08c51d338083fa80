"""A comparison of runs as text, in the format that was asked for."""

from collections.abc import Callable, Sequence

from pemn_compress.errors import UnknownNameError
from pemn_compress.reporting import words
from pemn_compress.reporting.block_types import Heading, Note, Picture
from pemn_compress.reporting.markdown import to_markdown
from pemn_compress.reporting.runs.blocks import comparison_blocks
from pemn_compress.reporting.runs.comparison import Comparison
from pemn_compress.reporting.runs.data import runs_csv, runs_json
from pemn_compress.reporting.runs.fronts import Front
from pemn_compress.reporting.tables import to_table
from pemn_compress.reporting.terminal import columns
from pemn_compress.version import __version__

_WIDE = 160  # columns that whole names of files have room in
_MADE_BY = f"Made by pemn report of pemn-compress {__version__} from records; not typed by hand."
FORMATS: Sequence[str] = ("table", "markdown", "csv", "json", "html")


def render_runs(
    found: Comparison,
    form: str = "table",
    *,
    width: int | None = None,
    color: bool = False,
    details: bool = False,
    picture: str = "",
) -> str:
    """Return a comparison as text that ends in one line break.

    `form` is one of FORMATS. `width` and `color` are for "table" alone, as for `render`. `details`
    tell how each row was made; a page always does. `picture` is the file that a plot of the fronts
    lies in, as Markdown names it. Raises UnknownNameError, and for "html" OutputError where
    matplotlib is not installed.
    """
    if form == "table":
        width = width or columns()
        narrow = width is not None and width < _WIDE
        blocks = comparison_blocks(found, details=details, narrow=narrow)
        return to_table(blocks, width, color)
    if form == "markdown":
        drawn = _named(picture) if picture else None
        blocks = comparison_blocks(found, details=details, picture=drawn)
        return to_markdown([Heading(title_of(found), 0), *blocks, Note(_MADE_BY)])
    if form == "html":
        from pemn_compress.reporting.runs.page import page, picture_of

        blocks = comparison_blocks(found, details=True, picture=picture_of)
        return page(blocks, title_of(found), _MADE_BY)
    if form == "csv":
        return runs_csv(found)
    if form == "json":
        return runs_json(found)
    raise UnknownNameError("format", form, FORMATS)


def title_of(found: Comparison) -> str:
    """Return what a page of a comparison is called."""
    data = dict.fromkeys(front.data for front in found.fronts)
    return f"Stored bytes and metric: {words.clean(', '.join(data), 100)}"


def _named(file: str) -> Callable[[Front], Picture]:
    shown: list[str] = []

    def picture(front: Front) -> Picture:
        shown.append(file)
        # one file holds the panels of all fronts: it is shown once
        told = f"{words.clean(front.metric, 60)} and stored bytes"
        return Picture(told, file=file if len(shown) == 1 else "")

    return picture
