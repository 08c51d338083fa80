"""The kinds of block that a report for human readers is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """A title; `level` 1 starts an archive, 2 a table of it."""

    text: str
    level: int = 1


@dataclass(frozen=True)
class Facts:
    """Labels with their values."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sheet:
    """A table: the first column is left-aligned, numbers follow; `strong` rows stand out."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    strong: frozenset[int] = frozenset()
    left: int = 1


@dataclass(frozen=True)
class Note:
    """A sentence or two."""

    text: str


Block = Heading | Facts | Sheet | Note
