"""The checks that every builder makes on its arguments: what, what was expected, what was got."""

import math

from pemn_compress.errors import SettingError

# Archives name architectures with arguments, and anyone can write an archive: these bounds keep
# a builder from looping for hours before the size of its tensors can be looked at.
LARGEST_INTEGER = 2**20
LARGEST_DEPTH = 1024
LARGEST_FACTOR = 64.0


def check_integers(builder: str, *, at_most: int = LARGEST_INTEGER, **values: int) -> None:
    """Refuse values that are not integers from 1 to `at_most`."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= at_most:
            raise SettingError(
                f"{builder}: {name} must be an integer from 1 to {at_most}; got {value!r}"
            )


def check_width(builder: str, width: float) -> None:
    """Refuse a width factor that is not a number above 0 and at most `LARGEST_FACTOR`."""
    number = isinstance(width, (int, float)) and not isinstance(width, bool)
    if not number or not math.isfinite(width) or not 0 < width <= LARGEST_FACTOR:
        raise SettingError(
            f"{builder}: width must be a number above 0 and at most {LARGEST_FACTOR:g}; "
            f"got {width!r}"
        )


def check_divisible(builder: str, name: str, value: int, by_name: str, by: int) -> None:
    """Refuse a value that is not a multiple of another one."""
    if value % by:
        raise SettingError(
            f"{builder}: {name} must be a multiple of {by_name}; got {name}={value}, {by_name}={by}"
        )


def scaled(size: int, width: float) -> int:
    """Return a layer size times a width factor: nearest integer, halves up, at least 1."""
    return max(1, int(size * width + 0.5))
