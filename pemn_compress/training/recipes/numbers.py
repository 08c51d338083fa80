"""What a setting of training is held as: a whole number, a number, or True or False. Torch-free."""

import math
from typing import Any

from pemn_compress.errors import SettingError
from pemn_compress.masking.rules import numbers
from pemn_compress.masking.rules.numbers import is_number, plain, shown


def integer(name: str, value: Any, least: int | None = None) -> int:
    """Return a whole number, of any library, as an int. Raises SettingError for anything else."""
    number = _single(value)
    if not is_number(number) or not isinstance(number, int):
        raise SettingError(f"{name}: expected a whole number, got {shown(value)}")
    if least is not None and number < least:
        raise SettingError(f"{name}: expected {least} or more, got {number}")
    return number


def real(name: str, value: Any) -> float:
    """Return a number, of any library, as a float, or as an int where it is one.

    Raises SettingError for anything else and for infinity. NaN is not refused: it fails every
    range, and a range says what was expected.
    """
    number: float = _single(value)
    if not is_number(number):
        raise SettingError(f"{name}: expected a number, got {shown(value)}")
    if math.isinf(number):
        raise SettingError(f"{name}: expected a finite number, got {number}")
    return number


def flag(name: str, value: Any) -> bool:
    """Return True or False, of any library. Raises SettingError for anything else."""
    return numbers.flag(_single(value), name)


def _single(value: Any) -> Any:
    """Return Python's own number; an array, even of one number, is none."""
    return value if getattr(value, "shape", ()) != () else plain(value)
