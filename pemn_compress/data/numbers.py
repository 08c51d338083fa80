"""Numbers that a caller gives as settings: Python's, numpy's or torch's, as Python's own."""

import math
import operator
from collections.abc import Iterable
from typing import Any

from pemn_compress.errors import SettingError


def whole(what: str, value: Any, low: int, high: int | None = None) -> int:
    """Return a whole number from `low` to `high`, whichever library's integer it is.

    Raises SettingError, which names the setting `what`, for anything else; True is no number.
    """
    try:
        number = operator.index(value)
    except (TypeError, ValueError, RuntimeError):
        number = None
    if number is None or isinstance(value, bool) or "bool" in str(getattr(value, "dtype", "")):
        raise SettingError(f"{what}: expected a whole number, got {_shown(value)}")
    if number < low or (high is not None and number > high):
        span = f"{low} or more" if high is None else f"{low} to {high}"
        raise SettingError(f"{what}: expected {span}, got {number}")
    return number


def finite(what: str, values: Any) -> tuple[float, ...]:
    """Return finite numbers, of any library's array or sequence, as a tuple of floats.

    Raises SettingError, which names the setting `what`.
    """
    expected = f"{what}: expected finite numbers, one for each channel"
    if hasattr(values, "tolist"):  # arrays and tensors, wherever they are
        values = values.tolist()
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise SettingError(f"{expected}, got {_shown(values)}")
    found = []
    for value in values:
        try:
            number = math.nan if isinstance(value, bool | str | bytes) else float(value)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            number = math.nan
        if not math.isfinite(number):
            raise SettingError(f"{expected}, got {_shown(value)}")
        found.append(number)
    return tuple(found)


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
