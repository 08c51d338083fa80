"""The one line that the command prints where something goes wrong."""

from pemn_compress.cli.flags import as_flags
from pemn_compress.printable import one_line

BAD_INPUT = 2  # exit status


def error_line(message: object) -> str:
    """Return the line of an error, in the words of the command."""
    return f"pemn: {as_flags(one_line(message))}"
