"""TensorBoard's events of a run. The only module that needs the package tensorboard.

Records are written by that package, but in this thread: torch's SummaryWriter has one of its own,
whose failure on a full disk is a traceback.
"""

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from pemn_compress.errors import OutputError, SettingError
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
        """Write the events of the epochs that have not been told. Raises OutputError."""
        events, summaries, writer = _parts()
        try:
            records = self._begun() if self._path is None else []
            for epoch in history[self._told :]:
                told = [
                    summaries.Summary.Value(tag=tag, simple_value=value)
                    for tag, value in self._scalars(epoch).items()
                ]
                records.append({"step": epoch.epoch, "summary": summaries.Summary(value=told)})
            text = BytesIO()
            for record in records:
                event = events.Event(wall_time=time.time(), **record)
                writer(text).write(event.SerializeToString())
            assert self._path is not None
            with self._path.open("ab") as stream:
                stream.write(text.getvalue())
        except OSError as error:
            self._told, self._path = 0, None  # after a record cut short nothing more is read
            reason = error.strerror or error
            raise OutputError(f"{self._folder}: cannot be written: {reason}") from None
        self._told = len(history)

    def _begun(self) -> list[dict[str, Any]]:
        """Name a new file, and return what it starts with."""
        events, _, _ = _parts()
        self._folder.mkdir(parents=True, exist_ok=True)
        there = len(list(self._folder.glob(FILES)))
        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{there}"
        self._path = self._folder / FILES.replace("*", name)
        started: list[dict[str, Any]] = [{"file_version": "brain.Event:2"}]
        if there:  # all steps from 1 on that were told before give way
            restart = events.SessionLog(status=events.SessionLog.START)
            started.append({"step": 1, "session_log": restart})
        return started


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
            "tensorboard: expected the package to be installed: pip install "
            f'"pemn-compress[tensorboard]" ({error})'
        ) from None
    return event_pb2, summary_pb2, RecordWriter
