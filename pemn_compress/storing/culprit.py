"""Which line of a user's code it is that a program cannot be made of."""

import linecache
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from types import FrameType
from typing import Any

import torch

_LONGEST_PATH = 200_000  # lines of user code that are remembered of one forward pass
_PLACES = re.compile(r'File "([^"\n]+)", line (\d+)')
_TORCH, _OURS, _PYTHON = (
    os.path.join(os.path.realpath(folder), "")
    for folder in (
        os.path.dirname(torch.__file__),
        os.path.dirname(__file__),
        sysconfig.get_path("stdlib"),
    )
)


def failing_line(error: BaseException) -> str:
    """Return the last line of user code that an exception passed through, "" if none."""
    found = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        if _is_users(frame.f_code.co_filename):
            found = _told(frame.f_code.co_filename, number)
    return found


def parting_line(one: Callable[[], object], other: Callable[[], object]) -> str:
    """Return the line after which two calls go different ways in user code, "" if they do not."""
    first, second = _path(one), _path(other)
    for number, (here, there) in enumerate(zip(first, second, strict=False)):
        if here != there:
            return _told(*first[number - 1]) if number else ""
    longer = max(first, second, key=len)
    shared = min(len(first), len(second))
    return _told(*longer[shared - 1]) if len(first) != len(second) and shared else ""


def guarding_line(program: torch.export.ExportedProgram) -> str:
    """Return the line of user code that asked for a size while a program was traced, "" if none.

    Torch keeps these in a place that is no part of its interface: there may be none.
    """
    with suppress(Exception):
        for node in program.graph.nodes:
            value: Any = node.meta.get("val")
            if isinstance(value, torch.Tensor):
                for guard in value.fake_mode.shape_env.guards:  # type: ignore[attr-defined]
                    place = guard.sloc.framework_loc
                    if _is_users(place.filename):
                        return _told(place.filename, place.lineno)
    return ""


def traced_line(trace: str | None) -> str:
    """Return the last line of user code in a stack trace that torch wrote down, "" if none."""
    found = ""
    for filename, number in _PLACES.findall(trace or ""):
        if _is_users(filename):
            found = _told(filename, int(number))
    return found


def _path(call: Callable[[], object]) -> list[tuple[str, int]]:
    """Return the lines of user code that a call runs, in order."""
    lines: list[tuple[str, int]] = []

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if event == "call" and not _is_users(frame.f_code.co_filename):
            return None
        if event == "line" and len(lines) < _LONGEST_PATH:
            lines.append((frame.f_code.co_filename, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(Exception):
            call()
    finally:
        sys.settrace(before)
    return lines


@lru_cache(4096)
def _is_users(filename: str) -> bool:
    """Return whether a file is the user's, or of a library that is neither torch nor Python."""
    path = os.path.realpath(filename)
    if filename.startswith("<") or path.startswith((_TORCH, _OURS)):
        return False
    return not path.startswith(_PYTHON) or "-packages" in path  # site-packages may lie in there


def _told(filename: str, number: int) -> str:
    text = linecache.getline(filename, number).strip()
    where = f"{os.path.basename(filename)}, line {number}"
    return f"{where}: {text}" if text else where
