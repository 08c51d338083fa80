"""Processes that load data: started so that they keep quiet, and missed when they are gone."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils.data import DataLoader

from pemn_compress.data.failures import cut
from pemn_compress.errors import DataError, PemnError

_WORKER = "DataLoader worker (pid"


def loaded(loader: DataLoader[Any]) -> Iterator[Any]:
    """Yield a loader's batches. Raises DataError when a worker is lost, or fails elsewhere.

    Why a single sample could not be read is expected to arrive as a value, in place of a batch.
    """
    try:
        with _interrupts_held():
            batches = iter(loader)
        yield from batches
    except MemoryError:
        raise
    except Exception as error:  # torch wraps a worker's own error with its traceback, in one text
        lost = lost_worker(error)
        if lost is None:
            last = (str(error).splitlines() or [type(error).__name__])[-1]
            lost = f"samples cannot be loaded: {' '.join(last.split())}"
        raise DataError(lost) from None


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let workers that start inside never see an interrupt from the terminal.

    It is for this process, which then stops them; each would print a traceback of its own.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def lost_worker(error: BaseException) -> str | None:
    """Return in one line that a worker is gone, where that is what an error says.

    torch raises it from a signal handler: wherever the program happens to be.
    """
    text = " ".join(str(error).split())
    if _WORKER not in text or isinstance(error, PemnError):
        return None
    return (
        f"a process that loads data is gone: {cut(text)}; it may have been killed for want of "
        "memory: fewer workers, or none, take less"
    )
