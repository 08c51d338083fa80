"""TensorBoard's events of a run. The only module that needs the package tensorboard.

Records are written by that package, but in this thread: torch's SummaryWriter has one of its own,
whose failure on a full disk is a traceback.
"""

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from pemn_compress.errors import OutputError, SettingError, install
from pemn_compress.training.history import Epoch

FILES = "events.out.tfevents.*"  # what TensorBoard looks for, in the order of their names


class Events:
    """Scalars of every epoch in a file of a folder; `scalars` are those of one epoch by tag.

    A run that goes on writes another file, with all its epochs; TensorBoard shows each once.
    """

    def __init__(self, folder: Path, scalars: Callable[[Epoch], Mapping[str, float]]) -> None:
        """Keep where they go."""
        self._folder, self._scalars = folder, scalars
        self._told = 0
        self._path: Path | None = None

    def tell(self, history: Sequence[Epoch]) -> None:
        """Write the events of the epochs that have not been told, or none of them.

        Raises OutputError.
        """
        try:
            records = [] if self._path else self._begun()
            path = self._path or self._new_file()
            records += [self._record(epoch) for epoch in history[self._told :]]
            _append(path, b"".join(map(_written, records)))
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"{self._folder}: cannot be written: {reason}") from None
        self._path, self._told = path, len(history)

    def _begun(self) -> list[dict[str, Any]]:
        """Return what a file starts with."""
        events, _, _ = _parts()
        started: list[dict[str, Any]] = [{"file_version": "brain.Event:2"}]
        if has_events(self._folder):  # all steps from 1 on that were told there give way
            restart = events.SessionLog(status=events.SessionLog.START)
            started.append({"step": 1, "session_log": restart})
        return started

    def _new_file(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        there = len(list(self._folder.glob(FILES)))
        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{there}"
        return self._folder / FILES.replace("*", name)

    def _record(self, epoch: Epoch) -> dict[str, Any]:
        _, summaries, _ = _parts()
        values = [
            summaries.Summary.Value(tag=tag, simple_value=value)
            for tag, value in self._scalars(epoch).items()
        ]
        return {"step": epoch.epoch, "summary": summaries.Summary(value=values)}


def has_events(folder: Path) -> bool:
    """Tell whether TensorBoard would find events in a folder."""
    return any(folder.glob(FILES))


def check_events(folder: Path, *, force: bool) -> None:
    """Refuse a folder that cannot take events, or has those of another run.

    Raises OutputError, and SettingError where TensorBoard's package is missing.
    """
    _parts()
    first = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not first.is_dir():
        raise OutputError(f"{folder}: expected a folder for TensorBoard's events, got a file")
    if not os.access(first, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: cannot be written: no permission")
    if not force and has_events(folder):
        raise OutputError(
            f"{folder} holds the events of another run, which are kept; name another folder, or "
            "pass force=True to replace it"
        )


def _parts() -> tuple[Any, Any, Any]:
    """Return TensorBoard's events, its summaries, and what writes records to a stream."""
    try:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError as error:
        raise SettingError(
            f"tensorboard: expected the package to be installed: {install('tensorboard')} ({error})"
        ) from None
    return event_pb2, summary_pb2, RecordWriter


def _written(record: Mapping[str, Any]) -> bytes:
    """Return an event as a file holds it: its length, checksums and content."""
    events, _, writer = _parts()
    written = BytesIO()
    writer(written).write(events.Event(wall_time=time.time(), **record).SerializeToString())
    return written.getvalue()


def _append(path: Path, content: bytes) -> None:
    """Write to a file's end; where that fails it is as it was before, or not there."""
    size = path.stat().st_size if path.exists() else None
    try:
        with path.open("ab") as stream:
            stream.write(content)
    except OSError:
        with suppress(OSError):
            if size is None:
                path.unlink(missing_ok=True)
            else:
                os.truncate(path, size)
        raise
