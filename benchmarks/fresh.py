"""A fresh process for every call, forked from one that has imported everything and done nothing.

A program loads a model once, into memory that it first has to get from the system. In a process
that has done it before, either side of a comparison may take half the time, as its heap happens to
lie; and a peak of memory can only be told for a process that has had none.
"""

import ctypes
import gc
import multiprocessing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch

T = TypeVar("T")
IMPORTED = [
    "torchvision",
    "safetensors.torch",
    "pemn_compress.storing.saving",
    "pemn_compress.storing.loading",
]


def alone(function: Callable[..., T], *arguments: object) -> T:
    """Call a module's function in a process of its own, with one thread, and return its result."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    with context.Pool(1, torch.set_num_threads, (1,)) as pool:
        return pool.apply(function, arguments)


def rounds(functions: Mapping[str, Callable[[], T]], count: int) -> dict[str, list[T]]:
    """Return what each function returns, round by round; the order rotates, as in `interleaved`."""
    names = list(functions)
    told: dict[str, list[T]] = {name: [] for name in names}
    for turn in range(count):
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            told[name].append(functions[name]())
    return told


class Growth:
    """How a process's resident memory grows from here on, in bytes (Linux only)."""

    def __init__(self) -> None:
        _trim()
        self._before = _status("VmRSS")
        self.forget_peak()

    def forget_peak(self) -> None:
        """Let the peak be that of what comes."""
        Path("/proc/self/clear_refs").write_text("5")

    def peak(self) -> int:
        """Return the most that it was above the start."""
        return _status("VmHWM") - self._before

    def now(self) -> int:
        """Return what is held above the start, without what the C library keeps for later."""
        _trim()
        return _status("VmRSS") - self._before


def _trim() -> None:
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc's
        trim(0)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(dict(line.split(":", 1) for line in lines)[field].split()[0])
