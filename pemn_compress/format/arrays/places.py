"""Where what is restored goes: beside its archive, and never over it."""

import os
from contextlib import suppress
from pathlib import Path

from pemn_compress.errors import ArchiveError, OutputError


def beside(archive: str | Path, extension: str) -> Path:
    """Return an archive's path with another extension. Raises ArchiveError where it has no name."""
    path = Path(archive)
    if not path.name:
        raise ArchiveError(f"{archive!s:.200}: expected a .pemn archive, got a folder")
    return path.with_suffix(extension)


def check_apart(archive: str | Path | bytes, output: Path) -> None:
    """Refuse to write over the archive that is read. Raises OutputError."""
    same = False
    with suppress(OSError, ValueError):  # one of them is not there
        same = not isinstance(archive, bytes) and os.path.samefile(archive, output)
    if same:
        raise OutputError(f"{output} is the archive itself: expected another output")
