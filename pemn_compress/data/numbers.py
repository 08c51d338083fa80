"""Numbers that a caller gives with data: any library's, in a range or one for each channel."""

import math
from collections.abc import Iterable
from typing import Any

from pemn_compress.errors import SettingError
from pemn_compress.masking.rules import numbers
from pemn_compress.masking.rules.numbers import is_number, plain, shown


def whole(what: str, value: Any, low: int, high: int | None = None) -> int:
    """Return a whole number from `low` to `high`, whichever library's integer it is.

    Raises SettingError, which names the setting `what`, for anything else; True is no number.
    """
    if high is None:
        return numbers.whole(value, what, low)
    number = plain(value)
    if not is_number(number) or not isinstance(number, int) or not low <= number <= high:
        raise SettingError(f"{what}: expected a whole number, {low} to {high}, got {shown(value)}")
    return number


def finite(what: str, values: Any) -> tuple[float, ...]:
    """Return finite numbers, of any library's array or sequence, as a tuple of floats.

    Raises SettingError, which names the setting `what`.
    """
    expected = f"{what}: expected finite numbers, one for each channel"
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise SettingError(f"{expected}, got {shown(values)}")
    try:
        each = [plain(value) for value in values]
    except TypeError:  # an array or a tensor without axes
        each = [None]
    for number in each:
        if not is_number(number) or abs(number) > 1e300 or not math.isfinite(number):
            raise SettingError(f"{expected}, got {shown(number if each != [None] else values)}")
    return tuple(map(float, each))
