"""Which files are opened while code runs: a model file reads what it likes, and names it nowhere.

Seen is what Python opens (numpy, torch, PIL by way of it); not what a library opens in C alone.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

# the sets that are being filled: Python takes a hook once, and keeps it for good
_listening: list[set[str]] = []


@contextmanager
def opened_files() -> Iterator[set[str]]:
    """Give a set that has, at the end of the block, the path of each file that it opened."""
    _hook()
    found: set[str] = set()
    _listening.append(found)
    try:
        yield found
    finally:
        _listening[:] = [one for one in _listening if one is not found]


@cache
def _hook() -> None:
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _listening:
        return
    try:
        path = os.path.abspath(os.fsdecode(arguments[0]))
    except (TypeError, ValueError, OSError):  # a descriptor; a folder that is gone
        return
    for found in _listening:
        found.add(path)
