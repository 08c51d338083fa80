"""The files that a run writes, checked before it starts."""

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pemn_compress.atomic import check_output
from pemn_compress.compressing.events import Events, check_events
from pemn_compress.compressing.logs import Log, Table, is_log, scalars
from pemn_compress.compressing.recording import is_unfinished
from pemn_compress.errors import OutputError


@dataclass(frozen=True)
class Outputs:
    """Where the archive, the checkpoint, the record and the logs go; None: nowhere.

    `events` is a folder, for TensorBoard.

    `replaces_record` where there may be a record that gives way to a new one: by force, or since a
    run that was interrupted left it and goes on from its checkpoint.
    """

    archive: Path | None
    checkpoint: Path | None
    record: Path | None
    replaces_record: bool = False
    log: Path | None = None
    events: Path | None = None

    @classmethod
    def checked(
        cls,
        archive: str | Path | None,
        checkpoint: str | Path | None,
        record: str | Path | None,
        log: str | Path | None = None,
        events: str | Path | None = None,
        *,
        force: bool,
    ) -> "Outputs":
        """Return them as paths that can be written. Raises OutputError."""
        paths = tuple(Path(p) if p else None for p in (archive, checkpoint, record, log))
        written, kept, curve, table = paths
        resumes = kept is not None and kept.exists()
        replaces_record = force or (resumes and curve is not None and is_unfinished(curve))
        replaces_log = force or (resumes and table is not None and is_log(table))
        may = (force, True, replaces_record, replaces_log)
        for path, replaced in zip(paths, may, strict=True):
            if path is not None:
                check_output(path, force=replaced)
        given = [path.absolute() for path in paths if path is not None]
        if len(set(given)) < len(given):
            raise OutputError(
                f"{_twice(given)}: expected different files for archive, checkpoint, record and "
                "log, got one"
            )
        folder = Path(events) if events else None
        if folder is not None:
            check_events(folder, force=force or resumes)
        return cls(written, kept, curve, replaces_record, table, folder)

    def read_only(self) -> "Outputs":
        """Return them for a rank that writes nothing."""
        return replace(self, archive=None, record=None, log=None, events=None)

    def logs(self) -> list[Log]:
        """Return the logs that are asked for."""
        made: list[Log] = []
        if self.log is not None:
            made.append(Table(self.log))
        if self.events is not None:
            made.append(Events(self.events, scalars))
        return made

    def check_space(self, needed: int) -> None:
        """Refuse a disk that has no room for an archive of `needed` bytes. Raises OutputError."""
        if self.archive is None:
            return
        with suppress(OSError):
            free = shutil.disk_usage(self.archive.absolute().parent).free
            if free < needed:
                raise OutputError(
                    f"{self.archive}: the archive will take about {needed} bytes, the disk has "
                    f"{free} free"
                )


def _twice(paths: list[Path]) -> Path:
    return next(path for path in paths if paths.count(path) > 1)
