"""Labels beside points, each where it hides no point and no other label."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]  # left, bottom, right, top; in pixels
# right above first, then to the other corners, then what lies between
_WAYS = tuple(np.deg2rad(angle) for angle in (
    45, 135, 315, 225, 90, 270, 0, 180, 67.5, 112.5, 292.5, 247.5, 22.5, 157.5, 337.5, 202.5,
))  # fmt: skip
_STEPS = (7, 14, 24, 38, 56, 80, 110)  # points
_DOT = 5  # half of what a marker takes, in points
_AIR = 2  # pixels around a text
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
    dots = _drawn_points(axes)
    taken = [_around(x, y, _DOT * unit) for x, y in dots]
    taken += [_around(x, y, unit) for x, y in _along(_drawn_lines(axes), 4 * unit)]
    texts: list[Box] = []
    for x, y, text in sorted(labels):
        at = axes.transData.transform((x, y))
        others = dots[np.hypot(*(dots - at).T) > _DOT * unit]
        note: Any = axes.annotate(
            text, (x, y), (0, 0), textcoords="offset points", fontsize=size, color=color,
            annotation_clip=False, zorder=5,
        )  # fmt: skip
        extent = note.get_window_extent(renderer)
        free = [
            place
            for place in _places(at, extent.width, extent.height, unit)
            if _within(place.box, inside) and not any(_overlap(place.box, o) for o in taken)
        ]
        clear = (place for place in free if _is_told_apart(place, at, others, texts, unit))
        chosen = next(clear, next((place for place in free if place.far), None))
        if chosen is None:
            note.remove()
            continue
        box, end = chosen.box, chosen.end
        note.set_position(((box[0] + _AIR - at[0]) / unit, (box[1] + _AIR - at[1]) / unit))
        taken.append(box)
        texts.append(box)
        if chosen.far:
            to = axes.transData.inverted().transform(end)
            axes.plot([x, to[0]], [y, to[1]], color=color, linewidth=0.6, alpha=0.6, zorder=2)
            taken += [_around(*spot, unit) for spot in _along([[at, end]], 4 * unit)]
    return len(texts)


class _Place(NamedTuple):
    """Where a label might be: its box, the point of it that is nearest to its own, whether far."""

    box: Box
    end: tuple[float, float]
    far: bool


def _is_told_apart(place: _Place, at: Any, others: Any, texts: Sequence[Box], unit: float) -> bool:
    """Tell whether a label is seen to be of its own point.

    A line to it crosses no other point and no text, and ends away from other points; without a line
    its own point is the nearest.
    """
    if place.far:
        spots = list(_along([[at, place.end]], 2 * unit))
        if any(_overlap(_around(*spot, 1.0), text) for spot in spots for text in texts):
            return False
    if not len(others):
        return True
    left, bottom, right, top = place.box
    across = np.maximum(np.maximum(left - others[:, 0], others[:, 0] - right), 0)
    up = np.maximum(np.maximum(bottom - others[:, 1], others[:, 1] - top), 0)
    nearest = np.hypot(across, up).min()
    if not place.far:
        return bool(nearest >= np.hypot(*np.subtract(place.end, at)))
    way = np.subtract(place.end, at)
    part = np.clip((others - at) @ way / max(way @ way, 1e-9), 0, 1)
    crossed = np.hypot(*(others - at - part[:, None] * way).T).min()
    return bool(min(crossed, nearest - _DOT * unit) > _DOT * unit)


def _drawn_points(axes: "Axes") -> "np.ndarray[Any, Any]":
    found = [
        line.get_xydata() for line in axes.lines if line.get_marker() not in ("None", "", None)
    ]
    return axes.transData.transform(np.concatenate(found)) if found else np.empty((0, 2))


def _drawn_lines(axes: "Axes") -> list[Any]:
    """Return the lines that are drawn, in pixels: no text crosses them."""
    ways = [line.get_xydata() for line in axes.lines if line.get_linestyle() not in ("None", "")]
    ways += [way for bars in axes.collections for way in bars.get_segments()]  # type: ignore[attr-defined]
    return [axes.transData.transform(np.asarray(way, dtype=float)) for way in ways]


def _along(ways: list[Any], step: float) -> Iterator[tuple[float, float]]:
    """Yield places along lines, `step` pixels apart."""
    for way in ways:
        for (x, y), (to_x, to_y) in pairwise(way):
            count = 1 + int(min(np.hypot(to_x - x, to_y - y) / step, _MOST_STEPS))
            for part in np.linspace(0, 1, count + 1):
                yield x + part * (to_x - x), y + part * (to_y - y)


def _places(at: Any, wide: float, high: float, unit: float) -> Iterator[_Place]:
    """Yield where a label of that size might be, the nearest places first."""
    for step in _STEPS:
        for angle in _WAYS:
            right, up = _side(np.cos(angle)), _side(np.sin(angle))
            x = at[0] + step * unit * np.cos(angle)
            y = at[1] + step * unit * np.sin(angle)
            left, bottom = x - wide * (1 - right) / 2, y - high * (1 - up) / 2
            box = (left - _AIR, bottom - _AIR, left + wide + _AIR, bottom + high + _AIR)
            yield _Place(box, (x - right * _AIR, y - up * _AIR), step > _STEPS[1])


def _side(way: float) -> int:
    """Return on which side of a place the text lies: before it, in its middle, after it."""
    return 0 if abs(way) < 0.3 else int(np.sign(way))


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
