"""On which line of a TOML text a key stands: what errors name. Torch-free."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]


def lines_of(text: str) -> dict[Path, int]:
    """Return the line, from 1, of every key and table header of a text that tomllib has read.

    A path is made of keys, and of numbers from 0 for the tables of an array.

    >>> lines_of('[common]\\nseed = 1\\n[[rows]]\\nargs.dim = 2')
    {('common',): 1, ('common', 'seed'): 2, ('rows', 0): 3, ('rows', 0, 'args'): 4, \
('rows', 0, 'args', 'dim'): 4}
    """
    found: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, statement in _statements(text):
        read = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _header(read, counts, opens=statement.lstrip().startswith("[["))
            found.setdefault(table, number)
        else:
            for path in _paths(read):
                found.setdefault((*table, *path), number)
    return found


def line_at(lines: Mapping[Path, int], path: Path) -> int:
    """Return the line of a path, or of what it lies in."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield headers and assignments with the line that each starts on."""
    start, held = 0, ""
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not held and not line.partition("#")[0].strip():
            continue
        start, held = start if held else number, held + line
        try:
            tomllib.loads(held)
        except tomllib.TOMLDecodeError:
            continue  # a value of several lines
        yield start, held
        held = ""


def _header(read: Mapping[str, Any], counts: dict[Path, int], *, opens: bool) -> Path:
    """Return the path of a header, with a number for each array of tables that it lies in."""
    path: Path = ()
    inner: Any = read
    while isinstance(inner, Mapping) and inner:
        (key, inner) = next(iter(inner.items()))
        path = (*path, key)
        if isinstance(inner, list):  # the last part of [[...]]
            inner = inner[0]
            counts[path] = counts.get(path, -1) + opens
        if path in counts:
            path = (*path, counts[path])
    return path


def _paths(read: Mapping[str, Any]) -> Iterator[Path]:
    for key, value in read.items():
        yield (key,)
        for inner in _inner(value):
            yield (key, *inner)


def _inner(value: Any) -> Iterator[Path]:
    if isinstance(value, Mapping):
        yield from _paths(value)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            if isinstance(one, Mapping):
                for inner in _paths(one):
                    yield (index, *inner)
