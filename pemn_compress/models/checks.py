"""The checks that every builder makes on its arguments: what, what was expected, what was got."""

import math
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from pemn_compress.errors import SettingError, UnknownNameError, cut

# Archives name architectures with arguments, and anyone can write an archive: these bounds keep
# a builder from looping for hours before the size of its tensors can be looked at.
LARGEST_INTEGER = 2**20
LARGEST_DEPTH = 1024
LARGEST_FACTOR = 64.0

DOWN, NEAREST = "down", "nearest"
ROUNDINGS = (DOWN, NEAREST)


def plain(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return arguments with numbers of numpy and torch as Python's, so that JSON can hold them."""
    return {name: _plain(value) for name, value in arguments.items()}


def check_argument(builder: str, name: str, value: object, default: object) -> None:
    """Refuse a value of another type than the argument's default has."""
    expected = type(default)
    # JSON has one kind of number: 1 is a valid width; but True is an int only in Python.
    accepted = (int, float) if expected is float else expected
    if not isinstance(value, accepted) or isinstance(value, bool) != (expected is bool):
        raise SettingError(
            f"{builder}: {name} must be of type {expected.__name__}; "
            f"got {cut(repr(value))} of type {type(value).__name__}"
        )


def check_scalar(builder: str, name: str, value: object) -> None:
    """Refuse what JSON cannot hold, and integers that no size of a network is."""
    scalar = value is None or isinstance(value, (bool, int, float, str))
    if not scalar or (isinstance(value, float) and not math.isfinite(value)):
        raise SettingError(
            f"{builder}: {name} must be a string, a finite number, true, false or null; "
            f"got {cut(repr(value))}"
        )
    if isinstance(value, (int, float)) and abs(value) > LARGEST_INTEGER:
        raise SettingError(
            f"{builder}: {name} must be from -{LARGEST_INTEGER} to {LARGEST_INTEGER}; "
            f"got {cut(repr(value))}"
        )


def check_integers(builder: str, *, at_most: int = LARGEST_INTEGER, **values: int) -> None:
    """Refuse values that are not integers from 1 to `at_most`."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= at_most:
            raise SettingError(
                f"{builder}: {name} must be an integer from 1 to {at_most}; got {cut(repr(value))}"
            )


def check_width(builder: str, width: float, rounding: str) -> None:
    """Refuse a width factor outside 0 to `LARGEST_FACTOR`, and an unknown rounding."""
    number = isinstance(width, (int, float)) and not isinstance(width, bool)
    if not number or not 0 < width <= LARGEST_FACTOR:
        raise SettingError(
            f"{builder}: width must be a number above 0 and at most {LARGEST_FACTOR:g}; "
            f"got {cut(repr(width))}"
        )
    if rounding not in ROUNDINGS:
        raise UnknownNameError(f"{builder} rounding", rounding, ROUNDINGS)


def check_divisible(builder: str, name: str, value: int, by_name: str, by: int) -> None:
    """Refuse a value that is not a multiple of another one."""
    if value % by:
        raise SettingError(
            f"{builder}: {name} must be a multiple of {by_name}; got {name}={value}, {by_name}={by}"
        )


def scaled(size: int, width: float, rounding: str = DOWN) -> int:
    """Return a layer size times a width factor, at least 1.

    "down" cuts the fraction off, as the papers' code does: the numbers of weights that they publish
    (IWR, appendix B) are those. "nearest" takes the nearest integer, halves up.

    >>> scaled(256, 0.1), scaled(256, 0.1, "nearest"), scaled(4, 0.1)
    (25, 26, 1)
    """
    return max(1, int(size * width + (0.5 if rounding == NEAREST else 0.0)))


def _plain(value: object) -> object:
    if isinstance(value, np.generic | np.ndarray | Tensor) and value.ndim == 0:
        return value.item()
    return value
