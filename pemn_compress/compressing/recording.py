"""The record as a run goes on: its curve is on disk after every epoch, whatever comes next."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pemn_compress.atomic import write_bytes
from pemn_compress.errors import OutputError
from pemn_compress.reporting.interchange import json_text
from pemn_compress.training.history import Epoch
from pemn_compress.training.watching import Observer, say_after, say_kept, warn

_MOST_BYTES = 1 << 28


class Recording:
    """An observer that writes the record after every epoch, for another one as well.

    `begun` is the record as far as it is known before training (`record.begun`); until `finish` its
    `"finished"` is null. `path` None writes nothing. A disk that is full does not end the run.
    """

    def __init__(
        self,
        path: Path | None,
        begun: Mapping[str, Any],
        observer: Observer | None,
        *,
        force: bool,
    ) -> None:
        """Keep what is known; `force` replaces a file that is there."""
        self._path, self._begun, self._observer, self._force = path, begun, observer, force
        self.warnings: list[str] = []
        self._history: list[Epoch] = []
        self._failed = False
        self._clock = time.perf_counter()

    def start(self, epochs: int, steps: int, done: int) -> None:
        """Pass it on."""
        if self._observer:
            self._observer.start(epochs, steps, done)

    def step(self, epoch: int, step: int, images: int, loss: Callable[[], float]) -> None:
        """Pass it on."""
        if self._observer:
            self._observer.step(epoch, step, images, loss)

    def epoch(self, epoch: Epoch) -> None:
        """Write the curve as it is now, whole or not at all."""
        if len(self._history) < epoch.epoch:
            self._history.append(epoch)
        passed = time.perf_counter() - self._clock
        curve = {"epochs": [one.to_dict() for one in self._history], "seconds": passed}
        try:
            self._write({**self._begun, **curve})
        except OutputError as error:
            if not self._failed:
                self.warning(f"{error}; training goes on, and tries again after every epoch")
            self._failed = True
        else:
            self._failed = False
        if self._observer:
            self._observer.epoch(epoch)

    def warning(self, text: str) -> None:
        """Keep it in `warnings`, and pass it on."""
        self.warnings.append(text)
        warn(self._observer, text)

    def kept(self, history: Sequence[Epoch]) -> None:
        """Take over the epochs of a run that goes on, and pass it on."""
        if len(history) > len(self._history):
            self._history = list(history)
        say_kept(self._observer, history)

    def after(self, what: str, done: int = 0, of: int = 0, archive: Path | None = None) -> None:
        """Pass it on."""
        say_after(self._observer, what, done, of, archive)

    def finish(self, record: Mapping[str, Any]) -> None:
        """Write the whole record in its place. Raises OutputError."""
        self._write(record)

    def _write(self, record: Mapping[str, Any]) -> None:
        if self._path is None:
            return
        text = json_text(record)  # a metric may be no number
        write_bytes(self._path, f"{text}\n".encode(), force=self._force)
        self._force = True  # the file is ours from now on


def is_unfinished(path: Path) -> bool:
    """Tell whether a file is the record of a run that did not come to its end."""
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return False
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "epochs" in record and record.get("finished", 0) is None
