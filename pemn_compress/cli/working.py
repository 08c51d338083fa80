"""What a command is doing, on a terminal, while it does it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say on a terminal what is being done, in a line that goes; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    line = Spinner("line", Text(f"{what} ..."))
    shared = sys.stdout.isatty()  # a pipe gets what is printed meanwhile, as ever
    with Live(line, console=Console(stderr=True), transient=True, redirect_stdout=shared):
        yield
