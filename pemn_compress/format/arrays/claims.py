"""What an archive says of the data that its model was trained on: checked, for anyone can write it.

docs/data.md tells which fields of `about` these are.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import Archive

LARGEST_RANK = 8
LARGEST_AXIS = 2**31 - 1
LARGEST_CLASSES = 2**20


@dataclass(frozen=True)
class Claims:
    """The shape of one input, the statistics of its channels, the names of the classes.

    What is not said is empty; `mean` and `std` are both there or neither.
    """

    shape: tuple[int, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()


def read_claims(about: Mapping[str, Any], name: str) -> Claims:
    """Return what `about` says of the data, each part of the kind and size that it has to be.

    Raises ArchiveError, with the archive's `name`, where a part makes no sense.
    """
    told = about.get("input", {})
    told = told if isinstance(told, Mapping) else {"shape": told}
    found = [
        _list(told.get(key, []), f"{name}: about, input, {key}", "numbers", good, longest)
        for key, good, longest in (
            ("shape", _is_size, LARGEST_RANK),
            ("mean", _is_finite, LARGEST_AXIS),
            ("std", _is_finite, LARGEST_AXIS),
        )
    ]
    shape, mean, std = found
    if len(mean) != len(std) or (shape and mean and len(mean) != shape[0]) or _not_above_0(std):
        raise ArchiveError(
            f"{name}: about, input: expected a mean and a deviation above 0 for every channel, got "
            f"{_shown(mean)} and {_shown(std)}"
        )
    classes = _list(
        about.get("classes", []), f"{name}: about, classes", "names", _is_name, LARGEST_CLASSES
    )
    return Claims(shape, tuple(map(float, mean)), tuple(map(float, std)), classes)


def claims_or_none(archive: Archive) -> Claims:
    """Return what an archive says of its data, and nothing where that makes no sense.

    For those to whom it is a help alone, and who can do without.
    """
    try:
        return read_claims(archive.manifest.about, archive.name)
    except ArchiveError:
        return Claims()


def _list(value: Any, where: str, what: str, good: Any, longest: int) -> tuple[Any, ...]:
    is_list = isinstance(value, list | tuple) and len(value) <= longest
    if not is_list or not all(map(good, value)):
        raise ArchiveError(f"{where}: expected a list of {what}, got {_shown(value)}")
    return tuple(value)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_AXIS


def _is_finite(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _is_name(value: Any) -> bool:
    return isinstance(value, str)


def _not_above_0(values: tuple[float, ...]) -> bool:
    return any(value <= 0 for value in values)


def _shown(value: Any) -> str:
    """Return a stranger's value on one line, not endless, without what a terminal would obey."""
    text = "".join(c if c.isprintable() else "?" for c in str(value))
    return text if len(text) <= 100 else f"{text[:100]}..."
