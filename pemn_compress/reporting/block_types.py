"""The kinds of block that a report for human readers is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """A title; `level` 1 starts an archive, 2 a table of it, 3 a part of that.

    What is `folded`, up to the next title as high, is shown on demand where that is possible.
    """

    text: str
    level: int = 1
    folded: bool = False


@dataclass(frozen=True)
class Facts:
    """Labels with their values, which may be explanations (`prose`)."""

    rows: tuple[tuple[str, str], ...]
    prose: bool = False


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


@dataclass(frozen=True)
class Picture:
    """A plot, for what can show one: as SVG for wide and for narrow pages, or as a file's name.

    `unlabelled` are how many points of the two have no label.
    """

    alt: str
    wide: str = ""
    narrow: str = ""
    file: str = ""
    unlabelled: tuple[int, int] = (0, 0)


Block = Heading | Facts | Sheet | Note | Picture
