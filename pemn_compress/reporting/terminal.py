"""What standard output is: how wide, whether it shows colours, which characters it can take."""

import os
import shutil
import sys

_LEAST_COLUMNS = 40


def is_terminal() -> bool:
    """Tell whether standard output is a terminal; a closed one is none."""
    try:
        return sys.stdout is not None and sys.stdout.isatty()
    except ValueError:  # closed by the program itself
        return False


def is_closed() -> bool:
    """Tell whether the process was started without a standard output."""
    return sys.__stdout__ is None


def columns() -> int | None:
    """Return how many columns to fill; None where nobody looks: nothing is folded in a pipe."""
    return max(_LEAST_COLUMNS, shutil.get_terminal_size().columns) if is_terminal() else None


def has_colors() -> bool:
    """Tell whether to print bold and dim text: on a terminal that can, to somebody who wants it."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown")
    return is_terminal() and not plain
