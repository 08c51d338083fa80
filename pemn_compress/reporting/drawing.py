"""What every plot shares: how its file is called, matplotlib set up for it, the picture's bytes."""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

from pemn_compress.errors import OutputError, SettingError, install

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXTENSIONS = (".png", ".svg")


def check_plot(name: str) -> str:
    """Return the extension that a plot's file name has. Raises SettingError for another."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in EXTENSIONS:
        raise SettingError(
            f"{name}: expected a plot named *.png or *.svg, got {suffix or 'no extension'}"
        )
    return suffix


@contextmanager
def drawing(settings: Mapping[str, Any]) -> Iterator[None]:
    """Draw with settings of matplotlib, such that the same plot comes to the same bytes.

    There is no pyplot in it: that keeps state of its own and looks for a display. Raises
    OutputError where matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise OutputError(f"a plot needs the plot extra: {install('plot')}") from None
    all_settings = cast("Any", {"svg.hashsalt": "pemn", **settings})
    with matplotlib.rc_context(all_settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph ")  # a name in letters that the font lacks
        yield


def picture_of(figure: "Figure", extension: str, dpi: int, *, transparent: bool = False) -> bytes:
    """Return a figure as a file's bytes, without a date and a program's version in them."""
    stream = io.BytesIO()
    metadata: dict[str, Any] = {"Date": None} if extension == ".svg" else {"Software": None}
    figure.savefig(
        stream, format=extension[1:], dpi=dpi, metadata=metadata, transparent=transparent
    )
    return stream.getvalue()
