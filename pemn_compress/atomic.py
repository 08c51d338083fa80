"""Whole files or none: write beside the target, flush to disk, rename."""

import errno
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from pemn_compress.errors import OutputError


def check_output(path: Path, *, force: bool) -> None:
    """Refuse, before any work is done, an output that could not be written later."""
    try:
        exists, is_file, is_folder = path.exists(), path.is_file(), path.is_dir()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None
    if is_folder:
        raise OutputError(f"{path}: expected a file name, got a folder")
    if exists and not is_file:
        raise OutputError(f"{path}: expected a regular file, got a device or a pipe")
    if exists and not force:
        raise OutputError(f"{path} exists and is kept; pass --force to replace it")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"{path}: its folder {path.parent} does not exist; make it first")
    if not os.access(path.absolute().parent, os.W_OK):
        raise OutputError(f"{path}: its folder {path.parent} is not writable")


def write_file(path: Path, write: Callable[[IO[bytes]], object], *, force: bool) -> None:
    """Call `write` on a temporary file in the same folder, fsync it, and rename it to `path`.

    Whatever fails, `path` is as it was before and the temporary file is gone. Raises OutputError.
    """
    check_output(path, force=force)
    folder = path.absolute().parent
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=folder)
    except OSError as error:
        raise OutputError(f"{path}: cannot write in {folder}: {error.strerror}") from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        if force:
            os.replace(temporary, path)
        else:
            _rename_new(temporary, path)
        _sync_folder(folder)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else error.strerror or str(error)
        raise OutputError(f"{path}: not written: {reason}; nothing was changed") from None
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, *, force: bool) -> None:
    """Write `content` to `path`, whole or not at all. Raises OutputError."""
    write_file(path, lambda stream: stream.write(content), force=force)


def _rename_new(temporary: Path, path: Path) -> None:
    """Rename without replacing a file that appeared since the check."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise OutputError(f"{path} exists and is kept; pass --force to replace it") from None
    except OSError:  # a file system without hard links
        os.replace(temporary, path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    with suppress(OSError):  # not every folder can be opened or flushed; the rename has happened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
