"""Numbers as settings: Python's, numpy's and torch's alike become Python's, once. Torch-free."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from pemn_compress.errors import SettingError

LARGEST = 2**63 - 1  # of whole numbers: what records, manifests and torch hold
MOST_PROCESSES = 1024  # and threads: of more, a machine has none left before it says so
_MOST_SHOWN = 60
# the number of digits that a narrow float is told by; torch's bfloat16 is in no numpy
_NARROW = {"float16": np.float16, "float32": np.float32, "bfloat16": np.float32}


def plain(value: Any) -> Any:
    """Return a number of any kind as Python's int or float, and anything else as it is.

    A scalar of numpy, and an array or a tensor of one element, count as their element. A float of
    fewer than 64 bits means the shortest decimal number that its own type tells it by, which is
    what was written: float32's 0.1 is 0.1, not 0.10000000149.

    >>> plain(np.float32(0.1)), plain(np.array([3])), plain("0.1")
    (0.1, 3, '0.1')
    """
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | Fraction | Decimal):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    shape, item = getattr(value, "shape", None), getattr(value, "item", None)
    if not isinstance(shape, tuple) or item is None or math.prod(shape) != 1:
        return value
    try:
        element = item()
    except RuntimeError:  # a tensor without memory has a shape and no element
        return value
    narrow = _NARROW.get(str(value.dtype).removeprefix("torch."))
    return float(str(narrow(element))) if narrow else element


def is_number(value: Any) -> bool:
    """Whether a value that `plain` returned is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(value: Any, name: str, least: int | None = 0, most: int = LARGEST) -> int:
    """Return a whole number, `least` to `most`. Raises SettingError that names it otherwise."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise SettingError(f"{name}: expected a whole number, got {shown(value)}")
    if least is not None and number < least:
        raise SettingError(f"{name}: expected {least} or more, got {shown(number)}")
    if number > most:
        raise SettingError(f"{name}: expected at most {most:,}, got {shown(number)}")
    return number


def flag(value: Any, name: str) -> bool:
    """Return a truth value, Python's or numpy's. Raises SettingError for anything else."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise SettingError(f"{name}: expected True or False, got {shown(value)}")


def shown(value: Any) -> str:
    """Return what a message says of a value, in one line: arrays by their shape."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"{type(value).__name__} of shape {tuple(shape)}"
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
