"""A sweep that is told to end does as one that is interrupted. Torch-free."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def told_to_end() -> Iterator[None]:
    """Make KeyboardInterrupt of SIGTERM, by which schedulers of clusters tell a process to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
