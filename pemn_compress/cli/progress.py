"""Progress of a training run: a live line on a terminal, one line an epoch everywhere."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from pemn_compress.cli.flags import as_flags
from pemn_compress.cli.holding import release_warnings
from pemn_compress.cli.wording import fitted
from pemn_compress.data.ranks import world
from pemn_compress.printable import one_line
from pemn_compress.training.history import Epoch

REFRESH_SECONDS = 0.2
AFTER_SECONDS = 5.0  # between two lines of what is done after training


class _Watcher:
    """Says what an interrupted run leaves behind, and warnings; nothing of progress."""

    def __init__(self, checkpoint: Path | None) -> None:
        self._checkpoint = checkpoint
        self._epochs = self._done = self._kept = 0
        self._started = False
        self._after = ""
        self._archive: Path | None = None
        self._before_start: list[str] = []

    def before(self, what: str) -> None:
        pass

    def ready(self, told: str, warnings: Sequence[str]) -> None:
        for text in warnings:
            self.warning(text)

    def warning(self, text: str) -> None:
        line = f"warning: {as_flags(one_line(text))}"
        if self._started:
            self._say(line)
        else:  # what stops a run before it starts is one line, and alone
            self._before_start.append(line)

    def start(self, epochs: int, steps: int, done: int) -> None:
        self._epochs, self._done, self._started = epochs, done, True
        release_warnings()
        for line in self._before_start:
            self._say(line)

    def step(self, epoch: int, step: int, images: int, loss: Callable[[], float]) -> None:
        pass

    def epoch(self, epoch: Epoch) -> None:
        self._done = epoch.epoch

    def kept(self, history: Sequence[Epoch]) -> None:
        self._kept = len(history)

    def after(self, what: str, done: int = 0, of: int = 0, archive: Path | None = None) -> None:
        self._after = f"{what} ({done} of {of})" if of else what
        self._archive = archive

    def __enter__(self) -> "_Watcher":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(self._left_behind()) from None

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def _left_behind(self) -> str:
        if not self._started:
            return "before training started; nothing was written"
        place = f"after {self._done} of {self._epochs} epochs"
        if self._after:  # it may have ended early
            place = (
                f"when training was done, {self._done} epochs, in what comes after: {self._after}"
            )
        if self._archive is not None:
            return f"{place}; the archive {self._archive} is complete"
        place = f"{place}; no archive was written"
        if self._checkpoint is None:
            return f"{place}, and without --checkpoint there is nothing to go on from"
        if not self._done:
            return f"{place}, and no epoch had ended for {self._checkpoint}"
        if not self._kept:
            return f"{place}, and {self._checkpoint} could not be written"
        which = f", which keeps epoch {self._kept}" if self._kept < self._done else ""
        return f"{place}; the same command goes on from {self._checkpoint}{which}"


class _Silent(_Watcher):
    """Says nothing: another rank does."""

    def _say(self, line: str) -> None:
        pass


class _Lines(_Watcher):
    """Says before the first epoch what will happen, and one line per epoch on standard error."""

    def ready(self, told: str, warnings: Sequence[str]) -> None:
        super().ready(told, warnings)
        self._before_start.append(fitted(told))

    def after(self, what: str, done: int = 0, of: int = 0, archive: Path | None = None) -> None:
        super().after(what, done, of, archive)
        now = time.perf_counter()
        if not done:
            self._since_after = self._told_after = now
        elif self._due(now) and done < of:
            self._told_after = now
            left = (now - self._since_after) / done * (of - done)
            self._say(f"{what}: {done:>{len(str(of))}}/{of}  {left:.0f} s left")

    def _due(self, now: float) -> bool:
        return now - self._told_after >= AFTER_SECONDS

    def start(self, epochs: int, steps: int, done: int) -> None:
        super().start(epochs, steps, done)
        self._clock = time.perf_counter()
        self._before = done
        if done:
            self._say(f"going on from {self._checkpoint}, {done} epochs done")

    def epoch(self, epoch: Epoch) -> None:
        super().epoch(epoch)
        self._say(self._told(epoch))

    def _told(self, epoch: Epoch) -> str:
        passed = time.perf_counter() - self._clock
        metric = epoch.test.headline
        left = passed / (epoch.epoch - self._before) * (self._epochs - epoch.epoch)
        return (
            f"epoch {epoch.epoch:>{len(str(self._epochs))}}/{self._epochs}  "
            f"loss {epoch.train_loss:.4f}  test {metric.name} {metric.shown()}  "
            f"{self._more(epoch)}  {left:.0f} s left"
        )

    def _more(self, epoch: Epoch) -> str:
        """Return what there is room for beside: the validation, or else the speed."""
        if epoch.validation is not None:
            return f"validation {epoch.validation.headline.shown()}"
        return f"{epoch.images_per_second:,.0f} samples/s"


class _Bar(_Lines):
    """Below these lines a live one: epoch, loss, accuracy, samples per second, time left."""

    def __init__(self, checkpoint: Path | None) -> None:
        super().__init__(checkpoint)
        self._progress = Progress(
            TextColumn("{task.fields[place]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            expand=True,
        )
        self._task = self._progress.add_task("", total=None, place="", numbers="")
        self._metric = ""
        self._samples, self._since = 0, time.perf_counter()

    def before(self, what: str) -> None:
        self._progress.start()
        self._progress.update(self._task, place=what, refresh=True)

    def __exit__(self, *error: Any) -> None:
        self._progress.stop()
        super().__exit__(*error)

    def start(self, epochs: int, steps: int, done: int) -> None:
        self._steps = steps
        super().start(epochs, steps, done)
        self._progress.reset(
            self._task,
            total=epochs * steps,
            completed=done * steps,
            place=f"epoch {done}/{epochs}",
            numbers="",
        )
        self._since = time.perf_counter()
        self._progress.start()

    def step(self, epoch: int, step: int, images: int, loss: Callable[[], float]) -> None:
        self._progress.update(
            self._task,
            completed=epoch * self._steps + step + 1,
            place=f"epoch {epoch + 1}/{self._epochs}",
        )
        self._samples += images
        passed = time.perf_counter() - self._since
        if passed >= REFRESH_SECONDS:  # looking at the loss more often would hold up a GPU
            self._show(loss(), self._samples / passed)

    def after(self, what: str, done: int = 0, of: int = 0, archive: Path | None = None) -> None:
        super().after(what, done, of, archive)
        if not done:  # a bar of its own
            self._progress.reset(self._task, total=of or None, place=what, numbers="")
        self._progress.update(self._task, completed=done)

    def _due(self, now: float) -> bool:
        return False  # the live line tells it

    def epoch(self, epoch: Epoch) -> None:
        super().epoch(epoch)
        self._metric = f"{epoch.test.headline.name} {epoch.test.headline.shown()} "
        self._show(epoch.train_loss, epoch.images_per_second)

    def _say(self, line: str) -> None:
        # as it is: brackets in a name are no markup, and the terminal breaks what is too long
        self._progress.console.print(Text(line), soft_wrap=True)

    def _told(self, epoch: Epoch) -> str:
        return super()._told(epoch).rpartition("  ")[0]  # the live line tells the time

    def _show(self, loss: float, rate: float) -> None:
        numbers = f"loss {loss:.3f} {self._metric}{rate:,.0f} samples/s"
        self._progress.update(self._task, numbers=numbers)
        self._samples, self._since = 0, time.perf_counter()


def observer(*, quiet: bool, checkpoint: Path | None) -> _Watcher:
    """Return who watches a run from the command line; use it as a context manager too."""
    if world().rank > 0:
        return _Silent(checkpoint)
    if quiet:
        return _Watcher(checkpoint)
    return _Bar(checkpoint) if sys.stderr.isatty() else _Lines(checkpoint)
