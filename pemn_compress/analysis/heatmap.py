"""A comparison of masks as a heat map, like [IWR] figures 5 and 9; drawn by matplotlib."""

from typing import TYPE_CHECKING, Any

import numpy as np

from pemn_compress.analysis.comparing import Comparison
from pemn_compress.analysis.rendering import by_chance
from pemn_compress.printable import printable
from pemn_compress.reporting.drawing import drawing, picture_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MEASURES = (("smc", "SMC"), ("jaccard", "Jaccard index"))
_MOST_NUMBERS = 30  # rows up to which every cell has its number written into it
_MOST_LABELS = 60
_LONGEST_LABEL = 60  # characters


def heat_map(found: Comparison, extension: str) -> bytes:
    """Return the heat map as a picture, ".png" or ".svg"; the same comparison gives the same bytes.

    Two archives: a row for each tensor, its SMC and Jaccard index beside what chance would give.
    More: two matrices of archives by archives, over all tensors together.
    Raises OutputError where matplotlib is not installed.
    """
    with drawing({"svg.fonttype": "none"}):
        from matplotlib.figure import Figure

        count = len(found.files)
        if count == 2:
            figure = Figure(
                (7, 1.6 + 0.3 * min(len(found.tensors) + 1, _MOST_LABELS)), layout="constrained"
            )
            _draw_two(figure.subplots(), found)
        else:
            side = 2.2 + 0.35 * min(count, _MOST_LABELS)
            figure = Figure((2 * side, side), layout="constrained")
            for axes, (measure, title) in zip(figure.subplots(1, 2), _MEASURES, strict=True):
                _draw_matrix(axes, found, measure, title)
        return picture_of(figure, extension, 150)


def _draw_two(axes: "Axes", found: Comparison) -> None:
    overlaps = (*found.overlaps[0, 1], found.overall(0, 1))
    values = np.array([(o.smc, o.chance_smc, o.jaccard, o.chance_jaccard) for o in overlaps])
    _draw(axes, values, ("SMC", "by chance", "Jaccard", "by chance"), (*found.tensors, "all"))
    title = f"masks of {_end(found.files[0])} and {_end(found.files[1])}"
    axes.set_title(title, fontsize=10, parse_math=False)


def _draw_matrix(axes: "Axes", found: Comparison, measure: str, title: str) -> None:
    values = np.ones((len(found.files),) * 2)
    for first, second in found.overlaps:
        value = getattr(found.overall(first, second), measure)
        values[first, second] = values[second, first] = value
    numbers = tuple(str(index + 1) for index in range(len(found.files)))
    _draw(axes, values, numbers, tuple(map(_end, found.files)) if measure == "smc" else numbers)
    axes.set_title(f"{title} (by chance {by_chance(found, measure)})", fontsize=10)


def _draw(
    axes: "Axes", values: np.ndarray[Any, Any], columns: tuple[str, ...], rows: tuple[str, ...]
) -> None:
    image = axes.imshow(values, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    axes.figure.colorbar(image, ax=axes)
    if len(rows) <= _MOST_LABELS:
        # a $ in a file's name starts no formula
        axes.set_yticks(range(len(rows)), rows, fontsize=8, parse_math=False)
        axes.set_xticks(range(len(columns)), columns, fontsize=8)
    if len(rows) <= _MOST_NUMBERS:
        for (row, column), value in np.ndenumerate(values):
            shade = "white" if value < 0.6 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=shade, size=7)


def _end(name: str) -> str:
    return printable(name, _LONGEST_LABEL)
