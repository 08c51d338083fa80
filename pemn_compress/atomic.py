"""Whole files or none: write beside the target, flush to disk, rename."""

import errno
import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from pemn_compress.errors import OutputError


def check_output(path: Path, *, force: bool) -> None:
    """Refuse, before any work is done, an output that could not be written later."""
    _target(path, force=force)


def _target(path: Path, *, force: bool) -> Path:
    """Return the file that a path leads to, through any links. Raises OutputError."""
    try:
        target = Path(os.path.realpath(path))
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:  # a new file, or a link to one
            mode = None
        except NotADirectoryError:
            raise OutputError(f"{path}: its folder {path.parent} does not exist") from None
    except OSError as error:
        reason = "a link that leads to itself" if error.errno == errno.ELOOP else error.strerror
        raise OutputError(f"{path}: cannot be written: {reason}") from None
    except ValueError as error:  # a zero byte
        raise OutputError(f"{path}: cannot be written: {error}") from None
    told = f"{path} (a link to {target})" if path.is_symlink() else f"{path}"
    if mode is not None and stat.S_ISDIR(mode):
        raise OutputError(f"{told}: expected a file name, got a folder")
    if mode is not None and not stat.S_ISREG(mode):
        raise OutputError(
            f"{told}: expected a regular file, got a device or a pipe, which is never replaced"
        )
    if mode is not None and not force:
        raise OutputError(f"{told} exists and is kept; pass force=True to replace it")
    folder = target.parent if path.is_symlink() else path.parent
    if not target.parent.is_dir():
        raise OutputError(f"{told}: its folder {folder} does not exist; make it first")
    if not os.access(target.parent, os.W_OK):
        raise OutputError(f"{told}: its folder {folder} is not writable")
    return target


def write_file(path: Path, write: Callable[[IO[bytes]], object], *, force: bool) -> None:
    """Call `write` on a temporary file in the same folder, fsync it, and rename it to `path`.

    Where `path` is a link the file that it leads to is written, and the link stays. A file that is
    replaced leaves its permissions to the new one; another name of it (a hard link) keeps the old
    content. Whatever fails, `path` is as it was before and the temporary file is gone. Raises
    OutputError.
    """
    target = _target(path, force=force)
    folder = target.parent
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=folder)
    except OSError as error:
        raise OutputError(f"{path}: cannot write in {folder}: {error.strerror}") from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        _set_permissions(temporary, target)
        if force:
            os.replace(temporary, target)
        else:
            _rename_new(temporary, target, path)
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


def _set_permissions(temporary: Path, target: Path) -> None:
    """Give a new file what it replaces had, or what the umask leaves."""
    try:
        before = os.stat(target)
    except OSError:
        os.chmod(temporary, 0o666 & ~_umask())
        return
    if hasattr(os, "chown"):
        with suppress(OSError):  # only the system's owner may give files away
            os.chown(temporary, before.st_uid, before.st_gid)
    os.chmod(temporary, stat.S_IMODE(before.st_mode))


def _rename_new(temporary: Path, target: Path, path: Path) -> None:
    """Rename without replacing a file that appeared since the check."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise OutputError(f"{path} exists and is kept; pass force=True to replace it") from None
    except OSError:  # a file system without hard links
        os.replace(temporary, target)


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
