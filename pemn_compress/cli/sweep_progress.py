"""Progress of a sweep: one line for each run that ends; on a terminal the running ones below."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from pemn_compress.reporting.words import clean
from pemn_compress.sweeping.launching import Job, Outcome
from pemn_compress.sweeping.runs import epochs_done

LOOK_SECONDS = 1.0


def metric_of(record: Mapping[str, Any]) -> str:
    """Return the headline of a finished run: "accuracy 91.20 %"."""
    metric = record.get("metric") or {"name": "accuracy", "value": record.get("accuracy")}
    name, value = metric.get("name"), metric.get("value")
    if value is None:
        return "no metric"
    return f"{name} {100 * value:.2f} %" if name == "accuracy" else f"{name} {value:.5g}"


def duration(seconds: float) -> str:
    """Return a time in words: 42 s, 3 min, 2.5 h, 3.1 days.

    >>> duration(41.6), duration(150), duration(9000), duration(3e5)
    ('42 s', '2 min 30 s', '2 h 30 min', '3 days 11 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, hours = whole // 60, whole // 3600
    if minutes < 60:
        rest = whole % 60
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"
    if hours < 48:
        return f"{hours} h {minutes % 60} min"
    return f"{hours // 24} days {hours % 24} h"


class Lines:
    """One line on standard error for each run that ends."""

    def __init__(self, count: int, done: int, epochs: Mapping[str, int]) -> None:
        """`count` runs in all, `done` of them before; `epochs` are those of each by its name."""
        self._count, self._done, self._epochs = count, done, epochs
        self._width = len(str(count))
        self._running: dict[str, tuple[Path, float]] = {}
        self._begun, self._ended, self._told_waiting = time.monotonic(), 0, False
        self.outcomes: list[Outcome] = []

    def started(self, job: Job) -> None:
        """Remember since when it runs."""
        self._running[job.id] = (job.folder, time.monotonic())

    def waiting(self, count: int) -> None:
        """Say it once."""
        if not self._told_waiting:
            self._told_waiting = True
            self._say(f"waiting for {count} runs that another process computes")

    def ended(self, outcome: Outcome) -> None:
        """Say what a run came to, and how long the others will take."""
        _, since = self._running.pop(outcome.id, (None, None))
        self._done, self._ended = self._done + 1, self._ended + 1
        self.outcomes.append(outcome)
        place = f"[{self._done:>{self._width}}/{self._count}] {clean(outcome.id)}"
        if outcome.record is None:
            self._say(f"{place}  failed: {outcome.reason}")
            return
        size = (outcome.record.get("archive") or {}).get("bytes") or 0
        took = duration(time.monotonic() - since) if since else "by another process"
        self._say(f"{place}  {metric_of(outcome.record)}  {size:,} B  {took}{self._left()}")

    def look(self) -> None:
        """Do nothing: lines do not change."""

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _left(self) -> str:
        left = self._count - self._done
        if not left:
            return ""
        return f"  {duration((time.monotonic() - self._begun) / self._ended * left)} left"

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class Table(Lines):
    """Below these lines live ones: each running run, its epoch and its time."""

    def __init__(self, count: int, done: int, epochs: Mapping[str, int]) -> None:
        super().__init__(count, done, epochs)
        self._live = Live(console=Console(stderr=True), transient=True, auto_refresh=False)
        self._looked = 0.0

    def __enter__(self) -> "Table":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def ended(self, outcome: Outcome) -> None:
        """Say it above the live lines."""
        super().ended(outcome)
        self._show()

    def look(self) -> None:
        """Show the live lines anew, once a second."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._show()

    def _show(self) -> None:
        self._looked = now = time.monotonic()
        lines = [
            Text(f"  {name}  epoch {epochs_done(folder)}/{self._epochs[name]}  "
                 f"{duration(now - since)}", no_wrap=True, overflow="crop")
            for name, (folder, since) in self._running.items()
        ]  # fmt: skip
        lines.append(Text(f"  {self._done} of {self._count} runs have ended{self._left_so_far()}"))
        self._live.update(Group(*lines), refresh=True)

    def _left_so_far(self) -> str:
        left = self._left().strip() if self._ended else ""
        return f", {left}" if left else ""

    def _say(self, line: str) -> None:
        # as it is: brackets in a name are no markup, and the terminal breaks what is too long
        self._live.console.print(Text(line), soft_wrap=True)


def watcher() -> Callable[[int, int, Mapping[str, int]], Lines]:
    """Return who watches a sweep: with live lines on a terminal."""
    return Table if sys.stderr.isatty() else Lines
