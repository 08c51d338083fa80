"""What a setting of training is held as: a whole number, a number, or True or False. Torch-free."""

import sys
from typing import Any

from pemn_compress.errors import SettingError
from pemn_compress.masking.rules import numbers
from pemn_compress.masking.rules.numbers import LARGEST, is_number, plain, shown


def integer(name: str, value: Any, least: int | None = None, most: int = LARGEST) -> int:
    """Return a whole number, of any library, as an int. Raises SettingError for anything else.

    An array, even of one number, is none, and so is a number below `least` or above `most`.
    """
    number = _single(value)
    if number is value and getattr(value, "shape", ()) != ():
        raise SettingError(f"{name}: expected a whole number, got {shown(value)}")
    return numbers.whole(number, name, least, most)


def real(name: str, value: Any) -> float:
    """Return a number, of any library, as a float, or as an int where it is one.

    Raises SettingError for anything else and for infinity. NaN is not refused: it fails every
    range, and a range says what was expected.
    """
    number: float = _single(value)
    if not is_number(number):
        raise SettingError(f"{name}: expected a number, got {shown(value)}")
    if abs(number) > sys.float_info.max:  # a whole number may be larger than any float
        raise SettingError(f"{name}: expected a finite number, got {shown(number)}")
    return number


def flag(name: str, value: Any) -> bool:
    """Return True or False, of any library. Raises SettingError for anything else."""
    return numbers.flag(_single(value), name)


def _single(value: Any) -> Any:
    """Return Python's own number; an array, even of one number, is none."""
    return value if getattr(value, "shape", ()) != () else plain(value)
