"""Calls into code that the user wrote: any failure becomes a `ModelError` of one line."""

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType

from pemn_compress.errors import ModelError

LONGEST_REASON = 300


def call_user_code(function: Callable[[], object], path: Path, where: str) -> object:
    """Call `function` and return its result; `path` is the file whose lines a failure names.

    Only KeyboardInterrupt passes through: a model file that calls sys.exit() must not end the
    program that loads it.
    """
    try:
        return function()
    except KeyboardInterrupt:
        raise
    except SyntaxError as error:
        raise ModelError(f"{where} failed with {_syntax_error(error, path)}; correct it") from error
    except BaseException as error:
        raise ModelError(
            f"{where} failed with {type(error).__name__}{_reason(error)}{_place(error, path)}; "
            "expected it to finish without an error"
        ) from error


def describe(value: object) -> str:
    """Say in a few words what a value is, for a message."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__qualname__} itself, not an instance"
    kind = type(value)
    name = kind.__qualname__
    return f"an object of type {name if kind.__module__ == 'builtins' else _full_name(kind)}"


def functions_of(module: ModuleType) -> list[str]:
    """Return the names of the functions and classes that a module itself defines."""
    return [
        name
        for name, value in module.__dict__.items()
        if isinstance(value, (FunctionType, type)) and value.__module__ == module.__name__
    ]


@contextmanager
def importable(path: Path) -> Iterator[None]:
    """Put the folder of a file that exists on the import path, as Python does for a script."""
    if not os.path.isfile(path):
        yield
        return
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def check_arguments(where: str, entry: Callable[..., object], arguments: dict[str, object]) -> None:
    """Refuse arguments that a callable does not accept, or lacks."""
    try:
        signature = inspect.signature(entry)
    except (TypeError, ValueError):
        # Some callables written in C have no signature: the call itself will tell.
        return
    try:
        signature.bind(**arguments)
    except TypeError as error:
        accepted = ", ".join(signature.parameters) or "none"
        raise ModelError(
            f"{where} was called with the arguments: {', '.join(arguments) or 'none'}; "
            f"it accepts: {accepted}; {error}"
        ) from None


def _full_name(kind: type) -> str:
    # The module of a model file has a made-up name that would tell the reader nothing.
    if kind.__module__.startswith("pemn_model_"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _reason(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "its message cannot be read"
    if len(text) > LONGEST_REASON:
        text = f"{text[:LONGEST_REASON]}..."
    return f": {text}" if text else ""


def _place(error: BaseException, path: Path) -> str:
    lines = [
        number
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == str(path)
    ]
    return f" (line {lines[-1]})" if lines else ""


def _syntax_error(error: SyntaxError, path: Path) -> str:
    message = " ".join((error.msg or "").split())
    # The error may lie in a module that the file imports.
    other = error.filename not in (None, str(path))
    file = f"{os.path.basename(str(error.filename))}, " if other else ""
    line = f" ({file}line {error.lineno})" if error.lineno else ""
    return f"{type(error).__name__}: {message}{line}"
