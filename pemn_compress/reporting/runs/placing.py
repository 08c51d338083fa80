"""Labels beside points, each where it hides no point and no other label."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]  # left, bottom, right, top; in pixels
_WAYS = ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0))
_STEPS = (7, 14, 24, 38, 56, 80)  # points
_DOT = 5  # half of what a marker takes, in points
_MOST_STEPS = 1000


def place_labels(
    canvas: Any,
    axes: "Axes",
    labels: Sequence[tuple[float, float, str]],
    color: str,
    size: float,
) -> int:
    """Write a text beside each point (x, y in data) and return how many had room.

    `canvas` is Agg's, its layout settled. A label further away from its point has a line to it.
    """
    renderer = canvas.get_renderer()
    unit = canvas.figure.dpi / 72
    frame = axes.get_window_extent(renderer)
    inside: Box = (frame.x0, frame.y0, frame.x1, frame.y1)
    taken = [_around(x, y, _DOT * unit) for x, y in _drawn_points(axes)]
    taken += [_around(x, y, unit) for x, y in _along_lines(axes, 4 * unit)]
    placed = 0
    # the crowded middle last: those at the ends have few places
    for x, y, text in sorted(labels):
        at = axes.transData.transform((x, y))
        note: Any = axes.annotate(
            text, (x, y), (0, 0), textcoords="offset points", fontsize=size, color=color,
            annotation_clip=False, zorder=5,
        )  # fmt: skip
        extent = note.get_window_extent(renderer)
        wide, high = extent.width, extent.height
        for box, offset, step, way in _places(at, wide, high, unit):
            if _within(box, inside) and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                _put(axes, note, offset, (x, y), box, step, way, color)
                placed += 1
                break
        else:
            note.remove()
    return placed


def _drawn_points(axes: "Axes") -> "np.ndarray[Any, Any]":
    found = [
        line.get_xydata() for line in axes.lines if line.get_marker() not in ("None", "", None)
    ]
    return axes.transData.transform(np.concatenate(found)) if found else np.empty((0, 2))


def _along_lines(axes: "Axes", step: float) -> "Iterator[tuple[float, float]]":
    """Yield places along the lines that are drawn, `step` pixels apart: no text crosses them."""
    ways = [line.get_xydata() for line in axes.lines if line.get_linestyle() not in ("None", "")]
    ways += [way for bars in axes.collections for way in bars.get_segments()]  # type: ignore[attr-defined]
    for way in ways:
        pixels = axes.transData.transform(np.asarray(way, dtype=float))
        for (x, y), (to_x, to_y) in pairwise(pixels):
            count = 1 + int(min(np.hypot(to_x - x, to_y - y) / step, _MOST_STEPS))
            for part in np.linspace(0, 1, count + 1):
                yield x + part * (to_x - x), y + part * (to_y - y)


def _places(at: Any, wide: float, high: float, unit: float) -> Any:
    for step in _STEPS:
        for way in _WAYS:
            right, up = way
            reach = step * unit * (0.72 if right and up else 1.0)
            left = at[0] + right * reach - (wide if right < 0 else wide / 2 if right == 0 else 0)
            bottom = at[1] + up * reach - (high if up < 0 else high / 2 if up == 0 else 0)
            box = (left - 2, bottom - 1, left + wide + 2, bottom + high + 1)
            yield box, ((left - at[0]) / unit, (bottom - at[1]) / unit), step, way


def _put(
    axes: "Axes", note: Any, offset: tuple[float, float], point: tuple[float, float], box: Box,
    step: int, way: tuple[int, int], color: str,
) -> None:  # fmt: skip
    note.set_position(offset)
    if step <= _STEPS[1]:
        return
    back = axes.transData.inverted()
    nearest = (
        box[0] if way[0] > 0 else box[2] if way[0] < 0 else (box[0] + box[2]) / 2,
        box[1] if way[1] > 0 else box[3] if way[1] < 0 else (box[1] + box[3]) / 2,
    )
    end = back.transform(nearest)
    axes.plot(
        [point[0], end[0]], [point[1], end[1]], color=color, linewidth=0.6, alpha=0.6, zorder=2
    )


def _around(x: float, y: float, reach: float) -> Box:
    return x - reach, y - reach, x + reach, y + reach


def _within(box: Box, frame: Box) -> bool:
    return box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]


def _overlap(first: Box, second: Box) -> bool:
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )
