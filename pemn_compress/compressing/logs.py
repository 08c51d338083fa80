"""Logs of a run as it goes on: a line of CSV per epoch, and what TensorBoard is told.

All are made from the history, which a run that goes on takes from its checkpoint: no epoch is
missing or told twice.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from pemn_compress.atomic import write_bytes
from pemn_compress.errors import OutputError
from pemn_compress.reporting.interchange import csv_text
from pemn_compress.training.history import Epoch, Score
from pemn_compress.training.watching import Observer, say_after, say_kept, warn

FIRST = ("epoch", "lr", "train_loss", "test_loss")
LAST = ("seconds", "samples_per_second")


class Log(Protocol):
    """A place that a history is told to."""

    def tell(self, history: Sequence[Epoch]) -> None:
        """Tell all epochs so far, of which some may have been told. Raises OutputError."""


class Table:
    """A CSV file, whole after every epoch: what is there is replaced by one with a line more."""

    def __init__(self, path: Path) -> None:
        """Keep where it goes; the file may be there, and be an earlier part of the same run's."""
        self._path = path

    def tell(self, history: Sequence[Epoch]) -> None:
        """Write the table anew. Raises OutputError."""
        lines = [_line(epoch) for epoch in history]
        middle = dict.fromkeys(key for line in lines for key in line)
        columns = [*FIRST, *(key for key in middle if key not in FIRST + LAST), *LAST]
        write_bytes(self._path, csv_text(columns, lines).encode(), force=True)


class Logging:
    """An observer that tells logs after every epoch, for another observer as well.

    A log that cannot be written is told of once, and does not end the run.
    """

    def __init__(self, logs: Sequence[Log], observer: Observer) -> None:
        """Take the logs, none of which has been told anything."""
        self._logs, self._observer = logs, observer
        self._history: list[Epoch] = []
        self._failed: set[int] = set()

    def start(self, epochs: int, steps: int, done: int) -> None:
        """Tell the epochs that are behind, and pass it on."""
        if done:
            self._tell()
        self._observer.start(epochs, steps, done)

    def step(self, epoch: int, step: int, images: int, loss: Callable[[], float]) -> None:
        """Pass it on."""
        self._observer.step(epoch, step, images, loss)

    def epoch(self, epoch: Epoch) -> None:
        """Tell it, and pass it on."""
        if len(self._history) < epoch.epoch:
            self._history.append(epoch)
        self._tell()
        self._observer.epoch(epoch)

    def warning(self, text: str) -> None:
        """Pass it on."""
        warn(self._observer, text)

    def kept(self, history: Sequence[Epoch]) -> None:
        """Take over the epochs of a run that goes on, and pass it on."""
        if len(history) > len(self._history):
            self._history = list(history)
        say_kept(self._observer, history)

    def after(self, what: str, done: int = 0, of: int = 0, archive: Path | None = None) -> None:
        """Pass it on."""
        say_after(self._observer, what, done, of, archive)

    def close(self) -> None:
        """Try once more where that failed."""
        for number, log in enumerate(self._logs):
            if number in self._failed:
                self._try(number, log)

    def _tell(self) -> None:
        for number, log in enumerate(self._logs):
            self._try(number, log)

    def _try(self, number: int, log: Log) -> None:
        try:
            log.tell(self._history)
        except OutputError as error:
            if number not in self._failed:
                self.warning(f"{error}; training goes on, and tries again after every epoch")
            self._failed.add(number)
        else:
            self._failed.discard(number)


def is_log(path: Path) -> bool:
    """Tell whether a file is a log of a run, as `Table` writes it."""
    try:
        with path.open("rb") as stream:
            return stream.read(200).startswith(",".join(FIRST).encode())
    except OSError:
        return False


def _line(epoch: Epoch) -> dict[str, float]:
    return {
        "epoch": epoch.epoch,
        "lr": epoch.lr,
        "train_loss": epoch.train_loss,
        **_numbers("test_", epoch.test),
        **_numbers("validation_", epoch.validation),
        **({} if epoch.bits is None else {"pull": epoch.pull or 0.0, "bits": epoch.bits}),
        "seconds": epoch.seconds,
        "samples_per_second": epoch.images_per_second,
    }


def scalars(epoch: Epoch) -> dict[str, float]:
    """Return what TensorBoard is told of an epoch, by tag."""
    return {
        "train/loss": epoch.train_loss,
        "train/lr": epoch.lr,
        "train/samples_per_second": epoch.images_per_second,
        **_numbers("test/", epoch.test),
        **_numbers("validation/", epoch.validation),
    }


def _numbers(prefix: str, score: Score | None) -> dict[str, float]:
    if score is None:
        return {}
    return {f"{prefix}loss": score.loss} | {
        f"{prefix}{metric.name}": metric.value for metric in score.metrics
    }
