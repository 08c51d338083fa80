"""A sweep's directory: one folder per run, what each has come to, and whose grid it is. Torch-free.

OUT/grid.json                the grid: {"sha256", "title", "profile", "rows"}
OUT/<run>/run.json           {"id", "row", "options", "command", "grid"}
          record.json        as of `pemn compress --record`; "finished" is null until it is
          log.csv            a line per epoch
          model.pemn         the archive
          checkpoint.pt      while the run is unfinished
          output.txt         what the run printed, over all its starts
          failed.txt         one line, where its last start failed
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pemn_compress.atomic import write_bytes
from pemn_compress.errors import OutputError, SettingError
from pemn_compress.printable import one_line

NEW, INTERRUPTED, FAILED, FINISHED = "new", "interrupted", "failed", "finished"
GRID, RUN, RECORD, ARCHIVE, LOG = "grid.json", "run.json", "record.json", "model.pemn", "log.csv"
CHECKPOINT, OUTPUT, FAILURE, LOCK = "checkpoint.pt", "output.txt", "failed.txt", ".lock"

# what a run writes into its folder
WRITTEN = (RUN, RECORD, LOG, ARCHIVE, CHECKPOINT, OUTPUT, FAILURE)


@dataclass(frozen=True)
class Found:
    """What a run's folder says: its state, its record where there is one, and why it failed.

    `failure` tells two failures of a run apart.
    """

    state: str
    record: dict[str, Any] | None = None
    reason: str = ""
    failure: int | None = None


def look(folder: Path) -> Found:
    """Return what has become of a run. Reads its archive: finished is what agrees with its record.

    Never raises: a folder that cannot be read is that of a new run.
    """
    record = _read(folder / RECORD)
    if record is not None and record.get("finished") and _is_whole(folder / ARCHIVE, record):
        return Found(FINISHED, record)
    with suppress(OSError, UnicodeDecodeError):
        failed = folder / FAILURE
        return Found(FAILED, record, failed.read_text("utf-8").strip(), failed.stat().st_mtime_ns)
    if (folder / CHECKPOINT).exists():
        return Found(INTERRUPTED, record)
    return Found(NEW)


def epochs_done(folder: Path) -> int:
    """Return how many epochs a run's record has; 0 where there is none."""
    record = _read(folder / RECORD)
    return len(record.get("epochs") or ()) if record else 0


def files_of(folder: Path) -> list[str]:
    """Return the words of a command that writes a run's files: what an earlier start left goes."""
    return [
        f"--output={folder / ARCHIVE}",
        f"--record={folder / RECORD}",
        f"--checkpoint={folder / CHECKPOINT}",
        f"--log={folder / LOG}",
        "--force",
    ]


def lock_of(folder: Path) -> FileLock:
    """Return the lock that whoever computes a run holds, and nobody else."""
    return FileLock(folder / LOCK)


def is_taken(folder: Path) -> bool:
    """Tell whether another process is at a run just now."""
    if not folder.exists():
        return False
    try:
        lock_of(folder).acquire(timeout=0).lock.release()
    except Timeout:
        return True
    except OSError:  # what is wrong with the folder is told once the run starts
        return False
    return False


def fail(folder: Path, reason: str) -> None:
    """Leave a run's failure in its folder: one line. A disk that takes nothing is left alone."""
    with suppress(OutputError, OSError):
        write_bytes(folder / FAILURE, f"{one_line(reason)}\n".encode(), force=True)


def check_folder(folder: Path) -> None:
    """Refuse a folder whose files a run would write over although no sweep left them. OutputError.

    A run's folder has a run.json of before any of the others.
    """
    left = [name for name in WRITTEN if (folder / name).exists()]
    if left and (_read(folder / RUN) or {}).get("command") is None:
        raise OutputError(
            f"{folder}: expected the folder of a run, or none, got {', '.join(left)} without the "
            f"{RUN} of a sweep; what is there is kept: move it, or name another -o"
        )


def keep_run(folder: Path, told: dict[str, Any]) -> None:
    """Make a run's folder and write its run.json. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror or error}") from None
    write_bytes(folder / RUN, _text(told), force=True)


def keep_grid(directory: Path, told: dict[str, Any]) -> int:
    """Make the directory of a grid, and return how many runs it has gained since it was here last.

    A grid may grow: more seeds, more rows. Raises SettingError for a directory of another grid,
    OutputError for one that cannot be written.
    """
    check_grid(directory, told)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with FileLock(directory / LOCK):
            before = check_grid(directory, told)
            if before is None or before.get("sha256") != told["sha256"]:
                write_bytes(directory / GRID, _text(told), force=True)
    except OSError as error:
        raise OutputError(f"{directory}: cannot be written: {error.strerror or error}") from None
    return len(told["rows"]) - len(before["rows"]) if before else 0


def check_grid(directory: Path, told: dict[str, Any]) -> dict[str, Any] | None:
    """Return the grid that a directory holds, None for none. Raises SettingError for another one.

    Every run of the one that is there must be among those of the new one, with the same options.
    """
    path = directory / GRID
    if directory.exists() and not directory.is_dir():
        raise SettingError(f"{directory}: expected a directory, got a file; name another -o")
    before = _read(path)
    if before is None and not path.exists():
        return None
    if before is None or not _is_grid(before):
        raise SettingError(
            f"{path}: expected the grid of a sweep, got another file or a damaged one; name "
            "another directory (-o)"
        )
    ours = {row["id"]: row for row in told["rows"]}
    for row in before["rows"]:
        wrong = _difference(row, ours.get(row["id"]))
        if wrong:
            what = f"{before.get('title')!r}" + (
                f", profile {before['profile']}" if before.get("profile") else ""
            )
            raise SettingError(
                f"{directory}: holds the runs of another grid ({what}): {row['id']}: {wrong}; name "
                "another directory (-o), or remove that one"
            )
    return before


def _difference(before: dict[str, Any], now: dict[str, Any] | None) -> str | None:
    if now is None:
        return "is not in this one, which may add runs and drop none (--only runs a part of them)"
    if before.get("source") != now.get("source"):
        return "its model file had another text then"
    then, here = before["options"], now["options"]
    for key in dict.fromkeys([*then, *here]):
        if then.get(key) != here.get(key):
            return f"{key} was {then.get(key, 'not given')} then, {here.get(key, 'not given')} now"
    return None


def _is_grid(told: dict[str, Any]) -> bool:
    rows = told.get("rows")
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and isinstance(row.get("id"), str)
        and isinstance(row.get("options"), dict)
        for row in rows
    )


def _is_whole(archive: Path, record: dict[str, Any]) -> bool:
    told = record.get("archive") or {}
    try:
        if archive.stat().st_size != told.get("bytes"):
            return False
        return sha256(archive.read_bytes()).hexdigest() == told.get("sha256")
    except OSError:
        return False


def _read(path: Path) -> dict[str, Any] | None:
    try:
        read = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None


def _text(told: dict[str, Any]) -> bytes:
    return f"{json.dumps(told, indent=2, allow_nan=False)}\n".encode()
