"""The files that a run writes, checked before it starts."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pemn_compress.apart import PathLike, check_apart
from pemn_compress.atomic import check_output
from pemn_compress.compressing.events import Events, check_events
from pemn_compress.compressing.logs import Log, Table, is_log, scalars
from pemn_compress.compressing.recording import is_unfinished
from pemn_compress.errors import OutputError, SettingError, UnknownNameError
from pemn_compress.kinds import listed, path_of
from pemn_compress.storing.programs import PROGRAM_FORMATS
from pemn_compress.storing.weightfiles import STATE_FORMATS

# one path, or several
Exports = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Outputs:
    """Where the archive, the checkpoint, the record, exports and logs go; None: nowhere.

    `events` is a folder, for TensorBoard.

    `replaces_record` where there may be a record that gives way to a new one: by force, or since a
    run that was interrupted left it and goes on from its checkpoint.
    """

    archive: Path | None
    checkpoint: Path | None
    record: Path | None
    exports: tuple[Path, ...] = ()
    replaces_record: bool = False
    log: Path | None = None
    events: Path | None = None

    @classmethod
    def of(
        cls,
        archive: str | Path | None,
        checkpoint: str | Path | None,
        record: str | Path | None,
        exports: Exports = (),
        log: str | Path | None = None,
        events: str | Path | None = None,
        *,
        inputs: Iterable[PathLike] = (),
    ) -> "Outputs":
        """Return them as paths, none of which is another or one of the run's `inputs`.

        Raises OutputError, UnknownNameError for an export whose extension no format has,
        SettingError for exports without a file for the archive.
        """
        named = {
            "output": archive, "checkpoint": checkpoint, "record": record, "log": log,
            "tensorboard": events,
        }  # fmt: skip
        five = (None if given is None else path_of(name, given) for name, given in named.items())
        written, kept, curve, table, folder = five
        exported = tuple(path_of("export", path) for path in listed(exports))
        _check_exports(exported, written)
        made = cls(written, kept, curve, exported, log=table, events=folder)
        check_apart(made._files(), inputs)
        return made

    def checked(self, *, force: bool, read: Iterable[PathLike] = ()) -> "Outputs":
        """Return them once each can be written: the last that is looked at before a run starts.

        None may be a file that has been `read` by now. Raises OutputError.
        """
        check_apart(self._files(), read)
        kept, curve, table = self.checkpoint, self.record, self.log
        resumes = kept is not None and kept.exists()
        replaces_record = force or (resumes and curve is not None and is_unfinished(curve))
        replaces_log = force or (resumes and table is not None and is_log(table))
        paths = (
            (self.archive, force),
            (kept, True),
            (curve, replaces_record),
            (table, replaces_log),
            *((path, force) for path in self.exports),
        )
        for path, replaced in paths:
            if path is not None:
                check_output(path, force=replaced)
        if self.events is not None:
            check_events(self.events, force=force or resumes)
        return replace(self, replaces_record=replaces_record)

    def _files(self) -> list[Path]:
        files = (self.archive, self.checkpoint, self.record, self.log, *self.exports)
        return [path for path in files if path is not None]

    def read_only(self) -> "Outputs":
        """Return them for a rank that writes nothing; it tries the exports all the same."""
        return replace(self, archive=None, record=None, log=None, events=None)

    def logs(self) -> list[Log]:
        """Return the logs that are asked for."""
        made: list[Log] = []
        if self.log is not None:
            made.append(Table(self.log))
        if self.events is not None:
            made.append(Events(self.events, scalars))
        return made

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
