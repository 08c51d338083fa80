"""Where what is restored goes: beside its archive."""

from pathlib import Path

from pemn_compress.errors import ArchiveError


def beside(archive: str | Path, extension: str) -> Path:
    """Return an archive's path with another extension. Raises ArchiveError where it has no name."""
    path = Path(archive)
    if not path.name:
        raise ArchiveError(f"{archive!s:.200}: expected a .pemn archive, got a folder")
    return path.with_suffix(extension)
