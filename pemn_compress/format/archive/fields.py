"""Fields of a manifest, one by one: each function returns a good value and refuses any other.

All raise ArchiveError, which says where, what was expected and what was found.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import layout

_NAME = re.compile(r"(?!\.)(?!.*\.\.)(?!.*\.$)[A-Za-z0-9_.\-]{1,255}")
_STREAM = ("seed", "stream")
_HEX = re.compile(r"[0-9a-f]*")
_MOST_SHOWN = 300  # characters of a file's own text in a message


def bad(where: str, expected: str, got: str) -> ArchiveError:
    """Return the error for one bad value."""
    return ArchiveError(f"{where}: expected {expected}, got {got[:_MOST_SHOWN]}")


def table(
    value: Any, where: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return an object that has the required fields, and no others but optional ones."""
    if not isinstance(value, dict):
        raise bad(where, "an object", type(value).__name__)
    if len(value) == len(required) and all(map(value.__contains__, required)):
        return value
    missing = [key for key in required if key not in value]
    unknown = [key for key in value if key not in required + optional]
    if missing:
        raise bad(where, f"the field {missing[0]!r}", "none")
    if unknown:
        raise bad(where, "no other fields", repr(unknown[0]))
    return value


def mapping(value: Any, where: str) -> dict[str, Any]:
    """Return an object with any fields."""
    if not isinstance(value, dict):
        raise bad(where, "an object", type(value).__name__)
    return value


def items(value: Any, where: str, most: int) -> list[Any]:
    """Return a list of at most `most` items."""
    if not isinstance(value, list) or len(value) > most:
        raise bad(where, f"a list of at most {most}", type(value).__name__)
    return value


def choice(value: Any, known: Collection[str], where: str) -> str:
    """Return one of the known strings."""
    if not isinstance(value, str) or value not in known:
        raise bad(where, f"one of {', '.join(known)}", repr(value))
    return value


def integer(value: Any, where: str, *, low: int = 0, high: int = layout.MAX_ELEMENTS) -> int:
    """Return an integer in the range."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise bad(where, f"an integer from {low} to {high}", repr(value))
    return value


def hex_digits(value: Any, digits: int | None, where: str) -> str:
    """Return lower-case hex digits: so many, or (None) an even number."""
    even = isinstance(value, str) and _HEX.fullmatch(value) and len(value) % 2 == 0
    if not even or (digits is not None and len(value) != digits):
        raise bad(where, f"{digits or 'an even number of'} hex digits", repr(value))
    return str(value)


def digest(value: Any, where: str) -> str:
    """Return a SHA-256 as hex digits."""
    return hex_digits(value, 64, where)


def stream(got: Mapping[str, Any], where: str) -> tuple[int, int]:
    """Return the seed and the stream of an object that has both, as 16 hex digits each."""
    seed, number = (int(hex_digits(got[key], 16, f"{where} {key}"), 16) for key in _STREAM)
    return seed, number


def name(value: Any, where: str) -> str:
    """Return a name: of a tensor or a section, never a path."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise bad(
            where, "a name of 1 to 255 letters, digits, '_', '-' and single inner dots", repr(value)
        )
    return value


def unique(names: list[str], kind: str) -> None:
    """Refuse a name that is there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise bad(f"{kind} {name!r}", "a unique name", "two")
        seen.add(name)
