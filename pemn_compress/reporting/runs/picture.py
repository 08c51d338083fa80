"""The front as a plot: the headline metric against stored bytes, drawn by matplotlib."""

from collections.abc import Sequence
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any

from pemn_compress.errors import SettingError
from pemn_compress.printable import printable
from pemn_compress.reporting import words
from pemn_compress.reporting.drawing import drawing, picture_of
from pemn_compress.reporting.runs import figures
from pemn_compress.reporting.runs.fronts import Front
from pemn_compress.reporting.runs.placing import place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PANELS = 12
_MOST_LABELS = 40
_LONGEST_LABEL = 44  # characters
_MORE = ", ..."
_FAR = 3  # spans of the front that the axis goes on beyond it
# colours of Okabe and Ito, told apart by eyes of all kinds, on white and on black; and markers, so
# that a print without colours tells as much
STYLES = {
    "mask": ("#0072b2", "o"),
    "one-layer": ("#56a0d3", "s"),
    "mp": ("#009e73", "^"),
    "rp": ("#d55e00", "D"),
    "magnitude": ("#8a6fc0", "P"),
    "random": ("#b8860b", "X"),
    "dense": ("#cc5f9c", "*"),
    "binary": ("#5d6d7e", "v"),
    "ternary": ("#a6443a", "<"),
}
_OTHER = ("#808080", "v")
INK = "#1c1e21"  # of texts and axes; a page puts its own colour in its place


def plot_fronts(fronts: Sequence[Front], extension: str) -> tuple[bytes, int]:
    """Return a picture, ".png" or ".svg", of one panel for each front; same fronts, same bytes.

    And how many points of the fronts have no label, for want of room.

    Raises OutputError where matplotlib is not installed, SettingError for nothing to draw or too
    many panels.
    """
    if not fronts:
        raise SettingError("nothing to plot: no finished run with a metric was found")
    if len(fronts) > MOST_PANELS:
        raise SettingError(
            f"expected at most {MOST_PANELS} pairs of data and metric in one plot, got "
            f"{len(fronts)}; name fewer runs"
        )
    return _drawn(fronts, (8.0, 4.8), extension, transparent=False)


def svg_of(front: Front, size: tuple[float, float]) -> tuple[str, int]:
    """Return one front as SVG of `size` inches without a background, its ink in INK.

    And how many points of the front have no label, for want of room.
    """
    drawn, unlabelled = _drawn([front], size, ".svg", transparent=True)
    return drawn.decode(), unlabelled


def _drawn(
    fronts: Sequence[Front], size: tuple[float, float], extension: str, *, transparent: bool
) -> tuple[bytes, int]:
    settings = {
        "svg.fonttype": "path",  # looks the same, whatever fonts there are
        "text.parse_math": False,  # a $ in a name starts no formula
        "font.family": ["DejaVu Sans"],
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color",
                         "ytick.color"), INK),
    }  # fmt: skip
    with drawing(settings):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        wide, high = size
        figure = Figure((wide, high * len(fronts)), layout="constrained")
        panels = figure.subplots(len(fronts), 1, squeeze=False)[:, 0]
        drawn = [
            _panel(axes, front, narrow=wide < 6) for axes, front in zip(panels, fronts, strict=True)
        ]
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()  # the layout is settled before labels look for room
        figure.set_layout_engine("none")
        placed = sum(
            place_labels(canvas, axes, labels, INK, 8.0 if wide >= 6 else 7.0)
            for axes, labels in zip(panels, drawn, strict=True)
        )
        content = picture_of(figure, extension, 160, transparent=transparent)
    return content, sum(sum(front.on_front) for front in fronts) - placed


def _panel(axes: "Axes", front: Front, *, narrow: bool) -> list[tuple[float, float, str]]:
    """Draw all rows by strategy, and the front's line; return what is to be labelled, and where."""
    share = 100 if figures.is_share(front.metric) else 1
    sizes = [row.bytes.mean for row in front.rows]
    values = [share * row.metric.mean for row in front.rows]
    edge = _edge(front, values)
    off = [edge is not None and (v < edge if front.better == "max" else v > edge) for v in values]
    shown = [
        edge if beyond and edge is not None else v for v, beyond in zip(values, off, strict=True)
    ]
    groups: dict[str, list[int]] = {}
    for index, row in enumerate(front.rows):
        groups.setdefault(row.first.strategy, []).append(index)
    ordered = [name for name in STYLES if name in groups]
    ordered += sorted(name for name in groups if name not in STYLES)
    for name in ordered:
        color, marker = STYLES.get(name, _OTHER)
        for index in groups[name]:
            row = front.rows[index]
            up, across = share * (row.metric.std or 0.0), row.bytes.std or 0.0
            if not off[index] and (up or across):
                axes.errorbar(
                    sizes[index], shown[index], yerr=up or None,
                    xerr=min(across, 0.9 * sizes[index]) or None, fmt="none", ecolor=color,
                    elinewidth=1, capsize=2, zorder=3,
                )  # fmt: skip
            axes.plot(
                [sizes[index]], [shown[index]], marker, color=color, alpha=0.95,
                markersize=8 if marker in "*PX" else 6,
                markerfacecolor="none" if off[index] else color, zorder=4,
                clip_on=False,
            )  # fmt: skip
        axes.plot([], [], marker, color=color, markersize=6, label=printable(name, 24))
    best = sorted((sizes[i], shown[i]) for i, on in enumerate(front.on_front) if on)
    # as steps: between two of its points nothing better than the first is known
    steps = [(x, y) for (_, y), (x, _) in pairwise(best)]
    line = [point for pair in zip_longest(best, steps) for point in pair if point]
    axes.plot(
        [x for x, _ in line], [y for _, y in line], color=INK, alpha=0.45, linewidth=1.2,
        linestyle="--", zorder=2, label="front",
    )  # fmt: skip
    _scales(axes, sizes, narrow=narrow)
    if any(off):
        low, high = axes.get_ylim()
        axes.set_ylim(*((edge, high) if front.better == "max" else (low, edge)))
    _words(axes, front, sum(off), narrow=narrow)
    return [
        (sizes[index], shown[index], _label(front.labels[index]))
        for index, on in enumerate(front.on_front)
        if on
    ][:_MOST_LABELS]


def _label(name: str) -> str:
    """Return the start of a row's name, in whole parts; tables have all of it."""
    if len(name) <= _LONGEST_LABEL:
        return printable(name)
    kept, _, _ = name[: _LONGEST_LABEL - len(_MORE) + 1].rpartition(",")
    return printable(f"{kept}{_MORE}") if kept else printable(name, _LONGEST_LABEL)


def _edge(front: Front, values: Sequence[float]) -> float | None:
    """Return where the axis ends on its bad side, where a few bad rows would press all others flat.

    They are drawn hollow on that edge. None: the axis holds all.
    """
    best = [values[i] for i, on in enumerate(front.on_front) if on]
    span = max(best) - min(best)
    if not span:
        return None
    sign = 1 if front.better == "max" else -1
    edge = min(best) - _FAR * span if sign > 0 else max(best) + _FAR * span
    inside = [v for v in values if sign * (v - edge) >= 0]
    far = max(sign * (edge - v) for v in values)
    # only where it gains much, and most are still drawn where they are
    return edge if far > span and len(inside) > len(values) / 2 else None


def _scales(axes: "Axes", sizes: Sequence[float], *, narrow: bool) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    axes.set_xscale("log")
    middle = (max(sizes) * min(sizes)) ** 0.5
    # a factor of five at least, so that there is more than one number at the axis
    low, high = min(*sizes, middle / 2.2), max(*sizes, middle * 2.2)
    room = (high / low) ** 0.08
    axes.set_xlim(low / room, high * room)
    axes.margins(y=0.14)
    subs: tuple[float, ...] = (1.0, 2.0, 3.0, 5.0, 7.0)
    if high / low > 8:
        subs = (1.0, 2.0, 5.0) if high / low < 300 else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(10, subs, numticks=6 if narrow else 12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _size(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(MaxNLocator(7))
    axes.grid(True, which="major", color="#808080", alpha=0.22, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _words(axes: "Axes", front: Front, off: int, *, narrow: bool) -> None:
    better, way = ("more", "below") if front.better == "max" else ("less", "above")
    metric = printable(figures.head_of(front.metric), 40)
    axes.set_ylabel(f"{metric} ({better} is better)", fontsize=9)
    axes.set_xlabel("stored bytes (log scale)", fontsize=9)
    told = f"; hollow: {off} more {way} the axis" if off else ""
    axes.set_title(printable(front.data, 40) + told, fontsize=10, loc="left")
    place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
    if narrow:
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17), "ncols": 4}
    axes.legend(fontsize=8, frameon=False, **place)


def _size(value: float) -> str:
    return words.size(value).replace(".00 ", " ").replace(".0 ", " ")
