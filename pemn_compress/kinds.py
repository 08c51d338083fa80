"""What a caller passes is of the kind that is expected, or is refused in one line. Torch-free."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pemn_compress.errors import SettingError, cut

Kinds = type | tuple[type, ...]


def check_kind(name: str, value: Any, kind: Kinds, expected: str) -> None:
    """Refuse a value of another kind; `expected` says what one is. Raises SettingError."""
    if not isinstance(value, kind):
        raise SettingError(f"{name}: expected {expected}, got {of_kind(value)}")


def path_of(name: str, value: Any, expected: str = "a path") -> Path:
    """Return what a caller named as a path. Raises SettingError for what names no file."""
    try:
        text = os.fspath(value)
    except TypeError:
        text = None
    if not isinstance(text, str) or not text or "\0" in text:
        raise SettingError(f"{name}: expected {expected}, got {of_kind(value)}")
    return Path(text)


def listed(value: Any) -> list[Any]:
    """Return the values of an argument that takes one, such as a path, or several of them."""
    one = isinstance(value, str | bytes | os.PathLike) or not isinstance(value, Iterable)
    return [value] if one else list(value)


def check_truth(**flags: Any) -> None:
    """Refuse what is neither true nor false: a text "no" would be true. Raises SettingError."""
    for name, value in flags.items():
        of_numpy = str(getattr(value, "dtype", "")) == "bool" and getattr(value, "shape", 0) == ()
        if not isinstance(value, bool) and not of_numpy:
            raise SettingError(f"{name}: expected True or False, got {of_kind(value)}")


def of_kind(value: Any) -> str:
    """Return what messages call a value that is of no use: a text as it is, else its kind."""
    if value is None or isinstance(value, bool):
        return str(value)
    return cut(repr(value)) if isinstance(value, str) else type(value).__name__
