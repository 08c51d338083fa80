"""One download at a time: ranks of a run, or runs beside each other, fetch nothing twice."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

LOCK = ".pemn-download.lock"


@contextmanager
def one_at_a_time(folder: Path, is_needed: bool = True) -> Iterator[None]:
    """Wait while another process fetches into `folder`, and let others wait meanwhile.

    Whoever comes next finds the files complete. A lock, and not rank 0 alone: each machine of a run
    may have a disk of its own. Where there can be none, a folder that cannot be written to for one,
    whoever fetches will say so.
    """
    lock = None
    if is_needed:
        with suppress(OSError, NotImplementedError):
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / LOCK)
            lock.acquire()
    try:
        yield
    finally:
        if lock is not None:
            lock.release()
