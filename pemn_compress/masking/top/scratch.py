"""Memory to select in, each thread's own: fresh pages cost more than the selection."""

import threading

import numpy as np
import numpy.typing as npt

_LARGEST_KEPT = 1 << 24  # elements: 64 MiB of ranks
_NO_RANKS, _NO_FLAGS = np.empty(0, np.float32), np.empty(0, np.bool_)
_kept = threading.local()


def ranks_scratch(count: int) -> npt.NDArray[np.float32]:
    """Return memory for ranks, of shape (count,), whatever is in it."""
    held: npt.NDArray[np.float32] = getattr(_kept, "ranks", _NO_RANKS)
    if held.size < count:
        held = np.empty(count, np.float32)
        if count <= _LARGEST_KEPT:
            _kept.ranks = held
    return held[:count]


def flags_scratch(count: int) -> npt.NDArray[np.bool_]:
    """Return memory for yes and no, of shape (count,), whatever is in it."""
    held: npt.NDArray[np.bool_] = getattr(_kept, "flags", _NO_FLAGS)
    if held.size < count:
        held = np.empty(count, np.bool_)
        if count <= _LARGEST_KEPT:
            _kept.flags = held
    return held[:count]
