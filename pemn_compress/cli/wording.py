"""The one line that the command prints where something goes wrong."""

import re

from pemn_compress.cli.flags import as_flags
from pemn_compress.printable import one_line

BAD_INPUT = 2  # exit status


def error_line(message: object) -> str:
    """Return the line of an error, in the words of the command."""
    return f"pemn: {as_flags(one_line(message))}"


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error is that of Python, numpy or torch for memory that there is none of."""
    told = isinstance(error, RuntimeError) and re.search(
        "can't allocate memory|out of memory", str(error)
    )
    return isinstance(error, MemoryError) or bool(told)


def out_of_memory(error: BaseException) -> str:
    """Return what there was no memory for, as far as an error tells."""
    return f"out of memory: {str(error) or 'the system gives no more'}"
