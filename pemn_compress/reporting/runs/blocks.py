"""A comparison of runs as blocks, for every way of showing it to human readers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from pemn_compress.reporting import words
from pemn_compress.reporting.block_types import Block, Facts, Heading, Note, Sheet
from pemn_compress.reporting.runs import figures
from pemn_compress.reporting.runs.comparison import Comparison
from pemn_compress.reporting.runs.fronts import Front
from pemn_compress.reporting.runs.making import made_blocks, shared_rows
from pemn_compress.reporting.runs.naming import short_names
from pemn_compress.reporting.runs.paper_blocks import paper_blocks

_SHOWN = 12  # files that a note names
_FILE = 36  # characters of a file's name on a terminal

Picture = Callable[[Front], Block]


def comparison_blocks(
    found: Comparison,
    *,
    details: bool = False,
    narrow: bool = False,
    picture: Picture | None = None,
) -> Iterator[Block]:
    """Yield the blocks of a comparison.

    `narrow`: long names of files are shortened. `picture` draws a front. `details` are how each
    row was made.
    """
    for front in found.fronts:
        yield Heading(f"{front.data}: {words.clean(front.metric)} and stored bytes")
        yield Facts(tuple(_facts(front, found)))
        if picture:
            yield picture(front)
        if "front" in found.sections:
            yield from _front(front, found)
        if "summary" in found.sections:
            yield Heading("All runs" if not found.merged else "All rows", 2)
            yield _sheet(front, range(len(front.rows)), files=not found.merged, narrow=narrow)
        if details:
            yield from made_blocks(front)
    if "papers" in found.sections:
        yield from paper_blocks(found)
    yield from _missing(found)


def _facts(front: Front, found: Comparison) -> Iterator[tuple[str, str]]:
    runs = sum(len(row.runs) for row in front.rows)
    rows = len(front.rows)
    told = f"{runs}"
    if runs > rows:
        told += f" in {rows} row{'s' if rows > 1 else ''}; "
        told += "those that differ in their seed alone are one row, mean and std (n - 1)"
    yield "runs", told
    yield from shared_rows(front)
    better = "more" if front.better == "max" else "less"
    if "front" in found.sections:
        yield "front", f"no other has both as few bytes and as good a metric; {better} is better"


def _front(front: Front, found: Comparison) -> Iterator[Block]:
    trained = [index for index, row in enumerate(front.rows) if row.trained]
    rivals = replace(front, rows=tuple(front.rows[index] for index in trained))
    best = {index for index, own in zip(trained, rivals.on_front, strict=True) if own}
    shown = [index for index in range(len(front.rows)) if front.on_front[index] or index in best]
    yield Heading("Front", 2)
    yield _sheet(front, shown, files=False, narrow=False)
    beaten = len(front.rows) - len(shown)
    told = ["* on the front"]
    if not all(front.on_front[index] for index in shown):
        told.append("without it: beaten, and a trained baseline that no other baseline beats")
    if beaten and "summary" not in found.sections:
        noun = "other is" if beaten == 1 else "others are"
        told.append(f"{beaten} {noun} beaten (--summary lists them)")
    if not any(row.trained for row in front.rows):
        told.append(
            "no trained baseline is among the runs; pemn compress --strategy magnitude makes one, "
            "stored with the same codecs"
        )
    yield Note("; ".join(told))


def _sheet(front: Front, shown: Sequence[int], *, files: bool, narrow: bool) -> Sheet:
    rows = [front.rows[index] for index in shown]
    several = any(len(row.runs) > 1 for row in rows)
    heads = ["", "run", *(["file"] if files else [])]
    left = len(heads)
    heads += [figures.head_of(front.metric), *(["std", "n"] if several else []), "bytes"]
    names = [words.file_name(row.first.file) for row in rows]
    if narrow:
        names = short_names(names, _FILE)
    cells = []
    for index, row, name in zip(shown, rows, names, strict=True):
        line = ["*" if front.on_front[index] else "", front.labels[index]]
        line += [name] if files else []
        line.append(figures.number(front.metric, row.metric.mean))
        if several:
            line += [figures.number(front.metric, row.metric.std), f"{len(row.runs)}"]
        cells.append((*line, figures.stored(row.bytes)))
    strong = frozenset(place for place, index in enumerate(shown) if front.on_front[index])
    return Sheet(tuple(heads), tuple(cells), strong, left)


def _missing(found: Comparison) -> Iterator[Block]:
    gathered = found.gathered
    lines = [f"{words.file_name(one.file)}: {one.reason}" for one in gathered.left_out]
    if lines:
        yield Heading("Left out", 2)
        for line in lines[:_SHOWN]:
            yield Note(words.clean(line, words.LONGEST_PATH))
        if len(lines) > _SHOWN:
            yield Note(f"and {len(lines) - _SHOWN} more")
    if gathered.broken:
        files = [words.file_name(one.file) for one in gathered.broken]
        more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        yield Note(f"left out, because broken: {', '.join(files[:_SHOWN])}{more}")
    for line in found.notes:
        yield Note(words.clean(line, words.LONGEST_PATH))
