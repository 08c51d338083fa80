"""A comparison of masks as a table, CSV or JSON.

JSON: {"archives": [{"file", "density"}], "tensors": [{"name", "shape"}], "skipped": [names],
"pairs": [{"first", "second", OVERLAP, "tensors": [OVERLAP, ...]}], "mean": {"smc", "jaccard"}};
"first" and "second" are indices into "archives", the inner lists follow "tensors", and the mean is
over pairs: {"mean", "std" (null for one pair), "least", "most", "by_chance", "by_chance_least",
"by_chance_most"}: what chance gives depends on a pair's densities. An OVERLAP has the keys of
FIELDS. CSV has one row for each pair and tensor, and one for each pair with an empty tensor
name: all tensors together.
"""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from pemn_compress.analysis.comparing import Comparison
from pemn_compress.analysis.similarity import Overlap
from pemn_compress.reporting.block_types import Block, Facts, Heading, Note, Sheet
from pemn_compress.reporting.interchange import csv_text, json_text
from pemn_compress.reporting.tables import to_table
from pemn_compress.reporting.words import clean, file_name

FIELDS = (
    "weights", "kept_first", "kept_second", "kept_both",
    "smc", "smc_by_chance", "jaccard", "jaccard_by_chance",
)  # fmt: skip
_COLUMNS = 10  # of a matrix, side by side in 80 columns
_IWR = (
    "jaccard is M11 / (M11 + M10 + M01); the figures that the weight-recycling paper prints in its "
    "Table 2 are J / (1 + J): 0.25 where this table says 0.34"
)


def to_json(found: Comparison) -> str:
    """Return the comparison as JSON, indented by two."""
    pairs = [
        {
            "first": first,
            "second": second,
            **_values(found.overall(first, second)),
            "tensors": [_values(overlap) for overlap in overlaps],
        }
        for (first, second), overlaps in found.overlaps.items()
    ]
    overall = [found.overall(*pair) for pair in found.overlaps]
    value = {
        "archives": [
            {"file": file, "density": found.density(index)}
            for index, file in enumerate(found.files)
        ],
        "tensors": [
            {"name": name, "shape": shape}
            for name, shape in zip(found.tensors, found.shapes, strict=True)
        ],
        "skipped": found.skipped,
        "pairs": pairs,
        "mean": {measure: _spread(overall, measure) for measure in ("smc", "jaccard")},
    }
    return json_text(value) + "\n"


def to_csv(found: Comparison) -> str:
    """Return the comparison as CSV with a header line."""
    rows = []
    for (first, second), overlaps in found.overlaps.items():
        shared = {"first": found.files[first], "second": found.files[second]}
        for name, overlap in zip(found.tensors, overlaps, strict=True):
            rows.append({**shared, "tensor": name, **_values(overlap)})
        rows.append({**shared, "tensor": "", **_values(found.overall(first, second))})
    return csv_text(("first", "second", "tensor", *FIELDS), rows)


def to_text(found: Comparison, *, width: int | None = None, color: bool = False) -> str:
    """Return the comparison as tables for a terminal of `width` columns (None: this one's)."""
    return to_table(_blocks(found), width, color)


def _blocks(found: Comparison) -> Iterator[Block]:
    weights = found.overall(0, 1).total
    yield Heading(f"masks of {len(found.files)} archives")
    yield Facts(
        (
            *(
                (str(index + 1), f"{file_name(file)}, density {found.density(index):.4g}")
                for index, file in enumerate(found.files)
            ),
            ("over", f"{weights:,} weights in {len(found.tensors):,} tensors"),
            *([("skipped", ", ".join(found.skipped))] if found.skipped else []),
        )
    )
    if len(found.files) == 2:
        yield Heading("Tensor by tensor, beside masks drawn by chance", 2)
        yield _two(found)
    else:
        for measure, title in (("smc", "Simple matching coefficient"), ("jaccard", "Jaccard")):
            yield Heading(title, 2)
            yield from _matrix(found, measure)
        yield Heading(f"Over {len(found.overlaps)} pairs: mean, std, and by chance", 2)
        yield _many(found)
    yield Note(_IWR)


def _two(found: Comparison) -> Sheet:
    rows = []
    named = zip(found.tensors, found.overlaps[0, 1], strict=True)
    for name, o in (*named, ("all", found.overall(0, 1))):
        kept = (o.first / o.total, o.second / o.total)
        numbers = (*kept, o.smc, o.chance_smc, o.jaccard, o.chance_jaccard)
        rows.append((clean(name), f"{o.total:,}", *(f"{number:.3f}" for number in numbers)))
    heads = ("tensor", "weights", "kept1", "kept2", "SMC", "chance", "Jaccard", "chance")
    return Sheet(heads, tuple(rows), frozenset({len(rows) - 1}))


def _matrix(found: Comparison, measure: str) -> Iterator[Sheet]:
    count = len(found.files)
    for start in range(0, count - 1, _COLUMNS):
        columns = range(start, min(start + _COLUMNS, count - 1))
        rows = []
        for row in range(start + 1, count):
            cells = [
                f"{getattr(found.overall(column, row), measure):.3f}" if column < row else ""
                for column in columns
            ]
            rows.append((str(row + 1), *cells))
        yield Sheet(("", *(str(column + 1) for column in columns)), tuple(rows))


def _many(found: Comparison) -> Sheet:
    rows = []
    for index, name in enumerate((*found.tensors, "all")):
        if index < len(found.tensors):
            overlaps = [found.overlaps[pair][index] for pair in found.overlaps]
        else:
            overlaps = [found.overall(*pair) for pair in found.overlaps]
        cells = [clean(name), f"{overlaps[0].total:,}"]
        for measure in ("smc", "jaccard"):
            spread = _spread(overlaps, measure)
            cells += [f"{spread['mean']:.3f}", f"{spread['std']:.3f}", _range(spread)]
        rows.append(tuple(cells))
    heads = ("tensor", "weights", "SMC", "std", "chance", "Jaccard", "std", "chance")
    return Sheet(heads, tuple(rows), frozenset({len(rows) - 1}))


def _values(overlap: Overlap) -> dict[str, float]:
    o = overlap
    numbers = (o.total, o.first, o.second, o.both, o.smc, o.chance_smc, o.jaccard, o.chance_jaccard)
    return dict(zip(FIELDS, numbers, strict=True))


def _spread(overlaps: Sequence[Overlap], measure: str) -> dict[str, Any]:
    found = [getattr(overlap, measure) for overlap in overlaps]
    chance = [getattr(overlap, f"chance_{measure}") for overlap in overlaps]
    return {
        "mean": statistics.fmean(found),
        "std": statistics.stdev(found) if len(found) > 1 else None,
        "least": min(found),
        "most": max(found),
        "by_chance": statistics.fmean(chance),
        "by_chance_least": min(chance),
        "by_chance_most": max(chance),
    }


def by_chance(found: Comparison, measure: str) -> str:
    """Return what chance gives over all tensors together: a range where densities differ."""
    return _range(_spread([found.overall(*pair) for pair in found.overlaps], measure))


def _range(spread: dict[str, Any]) -> str:
    least, most = f"{spread['by_chance_least']:.3f}", f"{spread['by_chance_most']:.3f}"
    return least if least == most else f"{least}-{most}"
