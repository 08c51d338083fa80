"""The files that a run writes, checked before it starts."""

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pemn_compress.atomic import check_output
from pemn_compress.compressing.recording import is_unfinished
from pemn_compress.errors import OutputError


@dataclass(frozen=True)
class Outputs:
    """Where the archive, the checkpoint and the record go; None: nowhere.

    `replaces_record` where there may be a record that gives way to a new one: by force, or since a
    run that was interrupted left it and goes on from its checkpoint.
    """

    archive: Path | None
    checkpoint: Path | None
    record: Path | None
    replaces_record: bool = False

    @classmethod
    def checked(
        cls,
        archive: str | Path | None,
        checkpoint: str | Path | None,
        record: str | Path | None,
        *,
        force: bool,
    ) -> "Outputs":
        """Return them as paths that can be written. Raises OutputError."""
        written, kept, curve = (Path(p) if p else None for p in (archive, checkpoint, record))
        paths = (written, kept, curve)
        resumes = kept is not None and kept.exists()
        replaces_record = force or (resumes and curve is not None and is_unfinished(curve))
        for path, replaced in zip(paths, (force, True, replaces_record), strict=True):
            if path is not None:
                check_output(path, force=replaced)
        given = [path.absolute() for path in paths if path is not None]
        if len(set(given)) < len(given):
            raise OutputError(
                f"{given[0]}: expected different files for archive, checkpoint and record, got one"
            )
        return cls(written, kept, curve, replaces_record)

    def read_only(self) -> "Outputs":
        """Return them for a rank that writes nothing."""
        return replace(self, archive=None, record=None)

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
