"""Processes that load data: started so that they keep quiet, and missed when they are gone."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from torch.utils.data import DataLoader

from pemn_compress.data.failures import cut
from pemn_compress.errors import DataError, PemnError

_WORKER = "DataLoader worker (pid"


def loaded(loader: DataLoader[Any]) -> Iterator[Any]:
    """Yield a loader's batches. Raises DataError when a worker is lost, or fails elsewhere.

    Why a single sample could not be read arrives as a value, a DataError in place of a batch, and
    is raised here.
    """
    batches: Iterator[Any] = iter(())
    try:
        with _interrupts_held():
            batches = iter(loader)
        for batch in batches:
            if isinstance(batch, DataError):
                raise batch
            yield batch
    except (MemoryError, KeyboardInterrupt):
        stop(batches)
        raise
    except DataError as error:
        stop(batches)
        raise DataError(str(error)) from None
    except Exception as error:  # torch wraps a worker's own error with its traceback, in one text
        lost = lost_worker(error)
        if lost is None:
            last = (str(error).splitlines() or [type(error).__name__])[-1]
            lost = f"samples cannot be loaded: {' '.join(last.split())}"
        stop(batches)
        raise DataError(lost) from None


def stop(batches: Any) -> None:
    """End the workers of a loader's iterator now.

    In the garbage collector it takes torch five seconds, and is not quiet.
    """
    end = getattr(batches, "_shutdown_workers", None)
    if end is not None:
        with suppress(Exception):  # the news of a lost worker may come once more
            end()


def keep_quiet(_: int) -> None:
    """Be called in a worker when it starts: what it has to say of an error it sends.

    Threads of multiprocessing's would print the traceback of a connection that another end closed.
    """
    sys.excepthook = _say_nothing
    threading.excepthook = _say_nothing


def _say_nothing(*_: Any) -> None:
    pass


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let workers that start inside never see an interrupt from the terminal.

    It is for this process, which then stops them; each would print a traceback of its own. Here it
    counts when they have all started: a loader's iterator that is interrupted half made prints one.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    with _interrupt_later():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupt_later() -> Iterator[None]:
    """Hand an interrupt that comes inside to its handler at the end.

    The mask above is a thread's own: a signal to the process may reach another one, of torch's, and
    Python then runs the handler in the main thread all the same.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    came = []
    signal.signal(signal.SIGINT, lambda *_: came.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)


def lost_worker(error: BaseException) -> str | None:
    """Return in one line that a worker is gone, where that is what an error says.

    torch raises it from a signal handler: wherever the program happens to be.
    """
    text = " ".join(str(error).split())
    is_cut = isinstance(error, ConnectionError | EOFError)  # while it was sending a batch
    if isinstance(error, PemnError) or not (is_cut or _WORKER in text):
        return None
    return (
        f"a process that loads data is gone: {cut(text)}; it may have been killed for want of "
        "memory: fewer workers, or none, take less"
    )
