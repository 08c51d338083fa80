"""The files that a run writes, checked before it starts."""

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pemn_compress.atomic import check_output
from pemn_compress.errors import OutputError


@dataclass(frozen=True)
class Outputs:
    """Where the archive, the checkpoint and the record go; None: nowhere."""

    archive: Path | None
    checkpoint: Path | None
    record: Path | None

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
        paths = [Path(p) if p else None for p in (archive, checkpoint, record)]
        for path, replaced in zip(paths, (force, True, force), strict=True):
            if path is not None:
                check_output(path, force=replaced)
        given = [path.absolute() for path in paths if path is not None]
        if len(set(given)) < len(given):
            raise OutputError(
                f"{given[0]}: expected different files for archive, checkpoint and record, got one"
            )
        return cls(*paths)

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
