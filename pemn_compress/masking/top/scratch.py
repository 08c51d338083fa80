"""Memory to select in, each thread's own: fresh pages cost more than the selection."""

import threading
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Kind = TypeVar("Kind", np.float32, np.bool_)

_LARGEST_KEPT = 1 << 24  # elements: 64 MiB of ranks
_NO_RANKS, _NO_FLAGS = np.empty(0, np.float32), np.empty(0, np.bool_)
_kept = threading.local()


def ranks_scratch(count: int) -> npt.NDArray[np.float32]:
    """Return memory for ranks, of shape (count,), whatever is in it."""
    return _scratch("ranks", _NO_RANKS, count)


def flags_scratch(count: int) -> npt.NDArray[np.bool_]:
    """Return memory for yes and no, of shape (count,), whatever is in it."""
    return _scratch("flags", _NO_FLAGS, count)


def _scratch(name: str, empty: npt.NDArray[Kind], count: int) -> npt.NDArray[Kind]:
    """Return this thread's memory of a name and of the type of `empty`, larger if need be."""
    held: npt.NDArray[Kind] = getattr(_kept, name, empty)
    if held.size < count:
        held = np.empty(count, empty.dtype)
        if count <= _LARGEST_KEPT:
            setattr(_kept, name, held)
    return held[:count]
