"""The one line that the command prints where something goes wrong."""

import re
import shutil
import textwrap

from pemn_compress.cli.flags import as_flags
from pemn_compress.printable import one_line

BAD_INPUT = 2  # exit status


def error_line(message: object) -> str:
    """Return the line of an error, in the words of the command."""
    return f"pemn: {as_flags(one_line(message))}"


def fitted(text: str, margin: int = 2) -> str:
    """Return a long line as lines of the terminal's width, broken between words or after a ";".

    Lines after the first are indented by `margin` columns. Words are never broken.

    >>> print(fitted("masks 8 of 9 numbers in 2 tensors, in place of values; the archive has 99 B"))
    masks 8 of 9 numbers in 2 tensors, in place of values; the archive has 99 B
    """
    width = shutil.get_terminal_size().columns
    if len(text) <= width:
        return text
    lines: list[str] = []
    for part in re.split(r"(?<=;) ", text):
        lines += textwrap.wrap(
            part,
            max(width, margin + 20),
            initial_indent=" " * margin if lines else "",
            subsequent_indent=" " * margin,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error is that of Python, numpy or torch for memory that there is none of."""
    told = isinstance(error, RuntimeError) and re.search(
        "can't allocate memory|out of memory", str(error)
    )
    return isinstance(error, MemoryError) or bool(told)


def out_of_memory(error: BaseException) -> str:
    """Return what there was no memory for, as far as an error tells."""
    return f"out of memory: {str(error) or 'the system gives no more'}"
