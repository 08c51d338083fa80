"""Errors in code that a user wrote, told in one line with the place of the user's own line."""

import dis
import os
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType

LONGEST = 300
_RAISING = {dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE")}
_OURS = str(Path(__file__).parents[1])


def told(error: BaseException, *more: str) -> str:
    """Return what happened and where: "NameError: name 'x' is not defined (net.py, line 12, in f)".

    `more` is said of the place besides. The line is the deepest one of the user's own, as far as
    there is one; else that of a library that is neither torch nor Python itself.
    """
    where = ", ".join([*filter(None, [_place(error)]), *more])
    return f"{_one_line(error)} ({where})" if where else _one_line(error)


def frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """Yield the frames that an error came through and their lines, the deepest first."""
    found, trace = [], error.__traceback__
    while trace is not None:
        found.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    yield from reversed(found)


def is_raised_by_user(error: BaseException) -> bool:
    """Tell whether a line of the user's own raised an error itself, by `raise` or `assert`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or _kind(trace.tb_frame.f_code.co_filename) != "user":
        return False
    code = trace.tb_frame.f_code.co_code
    return code[trace.tb_lasti] in _RAISING


def _one_line(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "its message cannot be read"
    return f"{type(error).__name__}: {cut(text)}" if text else type(error).__name__


def cut(text: str) -> str:
    """Return a text that is not too long for a line."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _place(error: BaseException) -> str | None:
    others = []
    for frame, line in frames(error):
        name = frame.f_code.co_filename
        kind = _kind(name)
        if kind == "quiet":
            continue
        where = f"{os.path.basename(name)}, line {line}, in {frame.f_code.co_name}"
        if kind == "user":
            return where
        others.append(where)
    return others[0] if others else None


@cache
def _kind(filename: str) -> str:
    """Return whose code a file holds: "user"; "library"; "torch" for what says nothing here."""
    if filename.startswith(("<frozen", "<eval_with_key>", "<attrs", "<__array_function__")):
        return "quiet"
    path = os.path.abspath(filename)
    parts = Path(path).parts
    for packages in ("site-packages", "dist-packages"):
        if packages in parts:
            inner = parts[parts.index(packages) + 1 :]
            quiet = inner[:1] in {("torch",), ("numpy",), ("pemn_compress",)}
            return "quiet" if quiet else "library"
    python = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    if any(path.startswith(f"{folder}{os.sep}") for folder in (_OURS, *python)):
        return "quiet"
    return "user"
