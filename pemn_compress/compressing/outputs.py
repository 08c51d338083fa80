"""The files that a run writes, checked before it starts."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pemn_compress.atomic import check_output
from pemn_compress.compressing.recording import is_unfinished
from pemn_compress.errors import OutputError, SettingError, UnknownNameError
from pemn_compress.storing.programs import PROGRAM_FORMATS
from pemn_compress.storing.weightfiles import STATE_FORMATS

# one path, or several
Exports = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Outputs:
    """Where the archive, the checkpoint, the record and what is exported go; None: nowhere.

    `replaces_record` where there may be a record that gives way to a new one: by force, or since a
    run that was interrupted left it and goes on from its checkpoint.
    """

    archive: Path | None
    checkpoint: Path | None
    record: Path | None
    exports: tuple[Path, ...] = ()
    replaces_record: bool = False

    @classmethod
    def checked(
        cls,
        archive: str | Path | None,
        checkpoint: str | Path | None,
        record: str | Path | None,
        exports: Exports = (),
        *,
        force: bool,
    ) -> "Outputs":
        """Return them as paths that can be written.

        Raises OutputError, UnknownNameError for an export whose extension no format has,
        SettingError for exports without a file for the archive.
        """
        written, kept, curve = (Path(p) if p else None for p in (archive, checkpoint, record))
        given = [exports] if isinstance(exports, str | Path) else exports
        exported = tuple(Path(path) for path in given)
        _check_exports(exported, written)
        resumes = kept is not None and kept.exists()
        replaces_record = force or (resumes and curve is not None and is_unfinished(curve))
        paths = (
            (written, force),
            (kept, True),
            (curve, replaces_record),
            *((path, force) for path in exported),
        )
        seen: set[str] = set()
        for path, replaced in paths:
            if path is None:
                continue
            check_output(path, force=replaced)
            place = os.path.realpath(path)
            if place in seen:
                raise OutputError(
                    f"{path}: expected different files for archive, checkpoint, record and "
                    "exports, got one twice"
                )
            seen.add(place)
        return cls(written, kept, curve, exported, replaces_record)

    def read_only(self) -> "Outputs":
        """Return them for a rank that writes nothing; it tries the exports all the same."""
        return replace(self, archive=None, record=None)

    def check_space(self, needed: int, exports: Mapping[Path, int] | None = None) -> None:
        """Refuse a disk that has no room for an archive of `needed` bytes, and for the exports.

        Raises OutputError.
        """
        if self.archive is None:
            return
        taken: dict[int, int] = {}
        for path, size in {self.archive: needed, **(exports or {})}.items():
            what = "the archive" if path == self.archive else "it"
            with suppress(OSError):
                folder = Path(os.path.realpath(path)).parent
                disk = folder.stat().st_dev
                taken[disk] = taken.get(disk, 0) + size
                free = shutil.disk_usage(folder).free
                if free < taken[disk]:
                    beside = f", {taken[disk]} with the others" if taken[disk] > size else ""
                    raise OutputError(
                        f"{path}: {what} will take about {size} bytes{beside}, the disk has {free} "
                        "free"
                    )


def _check_exports(exports: Sequence[Path], archive: Path | None) -> None:
    for path in exports:
        if path.suffix not in (*PROGRAM_FORMATS, *STATE_FORMATS):
            known = (*PROGRAM_FORMATS, *STATE_FORMATS)
            raise UnknownNameError(f"extension of export {path}:", path.suffix, known)
    if exports and archive is None:
        raise SettingError(
            f"export {exports[0]}: expected a file for the archive, too (output=, -o FILE), got "
            "none: what cannot be exported after training is not to cost the archive"
        )
