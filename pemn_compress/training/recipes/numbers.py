"""Numbers of numpy and torch, and of any other library, as Python's own; or why they are none."""

import math
from numbers import Real
from typing import Any

from pemn_compress.errors import SettingError


def integer(name: str, value: Any) -> int:
    """Return a whole number as an int: a Python or numpy one, or an array or tensor of no axes.

    Raises SettingError for anything else, True and 10.0 among them.
    """
    number = _scalar(value)
    is_array = getattr(number, "shape", ()) != ()  # torch takes one of a single number for it
    if isinstance(number, bool) or is_array or not hasattr(number, "__index__"):
        raise SettingError(f"{name}: expected a whole number, got {_shown(value)}")
    return int(number)


def real(name: str, value: Any) -> float:
    """Return a number as a float, or as an int where it is one; as `integer` otherwise.

    Infinity is refused. NaN is not: it fails every range, and a range says what was expected.
    """
    number = _scalar(value)
    if isinstance(number, bool) or not isinstance(number, Real):
        raise SettingError(f"{name}: expected a number, got {_shown(value)}")
    if not isinstance(number, int):
        number = float(number)
    if math.isinf(number):
        raise SettingError(f"{name}: expected a finite number, got {number}")
    return number


def flag(name: str, value: Any) -> bool:
    """Return True or False, numpy's or torch's too. Raises SettingError."""
    found = _scalar(value)
    if not isinstance(found, bool):
        raise SettingError(f"{name}: expected True or False, got {_shown(value)}")
    return found


def _scalar(value: Any) -> Any:
    """Return Python's own number for one that an array library holds."""
    if getattr(value, "shape", None) != () or not hasattr(value, "item"):
        return value
    try:
        return value.item()
    except (RuntimeError, ValueError, TypeError):  # a tensor without values, on torch's meta device
        return value


def _shown(value: Any) -> str:
    shape = getattr(value, "shape", ())
    if shape != () and hasattr(value, "dtype"):
        return f"an array of shape {tuple(shape)}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:60]}..."
