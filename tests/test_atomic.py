"""Files are whole or not there: whatever fails, nothing changes and nothing is left behind."""

import errno
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pemn_compress import atomic
from pemn_compress.atomic import check_output, write_bytes, write_file
from pemn_compress.errors import OutputError

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def failing(error):
    def write(stream):
        stream.write(b"half of it")
        stream.flush()
        raise error

    return write


@pytest.mark.parametrize("force", [False, True])
def test_writes_a_new_file(tmp_path, force):
    path = tmp_path / "model.pemn"
    write_bytes(path, b"content", force=force)
    assert path.read_bytes() == b"content"
    assert names(tmp_path) == ["model.pemn"]


def test_the_writer_may_write_in_parts(tmp_path):
    write_file(tmp_path / "a", lambda s: s.writelines([b"x", b"yz"]), force=False)
    assert (tmp_path / "a").read_bytes() == b"xyz"


def test_relative_paths_are_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bytes(Path("a"), b"x", force=False)
    assert names(tmp_path) == ["a"]


def test_an_existing_file_is_kept_unless_forced(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match=f"^{path} exists and is kept; pass force=True"):
        write_bytes(path, b"new", force=False)
    assert path.read_bytes() == b"old"
    write_bytes(path, b"new", force=True)
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    path = tmp_path / "a"

    def write(stream):
        stream.write(b"mine")
        path.write_bytes(b"theirs")

    with pytest.raises(OutputError, match="exists and is kept"):
        write_file(path, write, force=False)
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a"]


def test_works_without_hard_links(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    write_bytes(tmp_path / "a", b"x", force=False)
    assert (tmp_path / "a").read_bytes() == b"x"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("force", [False, True])
def test_refuses_places_that_cannot_hold_a_file(tmp_path, force):
    (tmp_path / "file").write_bytes(b"x")
    for path, message in [
        (tmp_path, "expected a file name, got a folder"),
        (tmp_path / "none" / "a", f"its folder {tmp_path / 'none'} does not exist"),
        (tmp_path / "file" / "a", "does not exist"),
        (tmp_path / ("a" * 300), "File name too long"),
    ]:
        for refuse in (
            lambda p: check_output(p, force=force),
            lambda p: write_bytes(p, b"", force=force),
        ):
            with pytest.raises(OutputError, match=message) as error:
                refuse(path)
            assert str(path)[:60] in str(error.value)  # what is too long for a file is cut
    assert names(tmp_path) == ["file"]


@posix
@pytest.mark.parametrize("force", [False, True])
def test_never_replaces_a_device_or_a_pipe(tmp_path, force):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/null")):
        with pytest.raises(OutputError, match="expected a regular file, got a device or a pipe"):
            check_output(path, force=force)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_refuses_a_folder_that_is_not_writable(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="not writable"):
            write_bytes(tmp_path / "a", b"", force=False)
    finally:
        tmp_path.chmod(0o700)


def test_names_as_long_as_the_file_system_allows(tmp_path):
    path = tmp_path / ("a" * 255)
    write_bytes(path, b"x", force=False)
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OSError("odd"), "odd"),
    ],
)
def test_a_failing_write_changes_nothing(tmp_path, force, error, told):
    path = tmp_path / "a"
    if force:
        path.write_bytes(b"old")
    with pytest.raises(OutputError, match=f"not written: {told}; nothing was changed"):
        write_file(path, failing(error), force=force)
    assert names(tmp_path) == (["a"] if force else [])
    assert not force or path.read_bytes() == b"old"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError(), MemoryError()])
def test_other_errors_pass_through_and_leave_nothing(tmp_path, error):
    with pytest.raises(type(error)):
        write_file(tmp_path / "a", failing(error), force=False)
    assert names(tmp_path) == []


@posix
@pytest.mark.parametrize("before", [None, b"old"])
def test_a_real_failure_of_the_disk(tmp_path, before):
    path = tmp_path / "model.pemn"
    if before is not None:
        path.write_bytes(before)
    code = """
        import resource, signal, sys
        from pathlib import Path
        from pemn_compress.atomic import write_bytes
        from pemn_compress.errors import OutputError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            write_bytes(Path(sys.argv[1]), bytes(1_000_000), force=True)
        except OutputError as error:
            print(error)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(path)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert run.stdout == f"{path}: not written: the disk is full; nothing was changed\n"
    assert run.stderr == ""
    assert names(tmp_path) == ([] if before is None else ["model.pemn"])
    assert before is None or path.read_bytes() == before


@posix
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path, umask, mode):
    old = os.umask(umask)
    try:
        write_bytes(tmp_path / "a", b"x", force=False)
        assert os.umask(umask) == umask  # and it is as it was
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


@posix
def test_a_folder_that_cannot_be_flushed_is_no_failure(tmp_path, monkeypatch):
    real_open, real_fsync, flushed = os.open, os.fsync, []

    def fsync(handle):
        flushed.append(handle)
        if len(flushed) > 1:
            raise OSError(errno.EINVAL, "Invalid argument")
        real_fsync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    write_bytes(tmp_path / "a", b"x", force=False)
    assert len(flushed) == 2  # the file, then its folder

    def no_folders(path, flags, *further):
        if Path(path) == tmp_path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real_open(path, flags, *further)

    monkeypatch.setattr(os, "fsync", real_fsync)
    monkeypatch.setattr(atomic.os, "open", no_folders)
    write_bytes(tmp_path / "b", b"y", force=False)
    assert (tmp_path / "b").read_bytes() == b"y"


@posix
def test_the_content_is_flushed_before_the_rename(tmp_path, monkeypatch):
    path, seen = tmp_path / "a", []
    real = os.fsync

    def fsync(handle):
        seen.append((path.exists(), os.fstat(handle).st_size))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    write_bytes(path, b"content", force=True)
    assert seen[0] == (False, 7)


@posix
@pytest.mark.parametrize("relative", [False, True])
def test_a_link_stays_and_the_file_that_it_leads_to_is_written(tmp_path, relative):
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "model.pemn"
    target.write_bytes(b"old")
    link, further = tmp_path / "link.pemn", tmp_path / "further.pemn"
    link.symlink_to("far/model.pemn" if relative else target)
    further.symlink_to(link)
    with pytest.raises(OutputError, match=rf"link\.pemn \(a link to {target}\) exists and is kept"):
        write_bytes(link, b"new", force=False)
    for number, path in enumerate((link, further)):
        write_bytes(path, b"new %d" % number, force=True)
        assert target.read_bytes() == b"new %d" % number
        assert (link.is_symlink(), further.is_symlink(), target.is_symlink()) == (True, True, False)
    assert names(tmp_path) == ["far", "further.pemn", "link.pemn"]
    assert names(tmp_path / "far") == ["model.pemn"]


@posix
@pytest.mark.parametrize("force", [False, True])
def test_a_link_to_nothing_makes_the_file_that_it_names(tmp_path, force):
    (tmp_path / "far").mkdir()
    link = tmp_path / "link.pemn"
    link.symlink_to("far/new.pemn")
    check_output(link, force=force)
    write_bytes(link, b"x", force=force)
    assert (tmp_path / "far" / "new.pemn").read_bytes() == b"x"
    assert link.is_symlink()


@posix
@pytest.mark.parametrize("force", [False, True])
def test_links_that_lead_to_no_file(tmp_path, force):
    loop, other = tmp_path / "loop", tmp_path / "other"
    loop.symlink_to(other)
    other.symlink_to(loop)
    (tmp_path / "folder").symlink_to(tmp_path)
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "gone").symlink_to(tmp_path / "no" / "such" / "file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to pipe").symlink_to("pipe")
    before = names(tmp_path)
    for name, told in (
        ("loop", "loop: cannot be written: a link that leads to itself"),
        ("folder", "expected a file name, got a folder"),
        ("null", r"null \(a link to /dev/null\): expected a regular file, got a device or a pipe"),
        ("to pipe", "expected a regular file, got a device or a pipe"),
        ("gone", f"its folder {tmp_path / 'no' / 'such'} does not exist"),
        ("zero\0byte", "cannot be written: embedded null"),
    ):
        for refuse in (
            lambda path: check_output(path, force=force),
            lambda path: write_bytes(path, b"x", force=force),
        ):
            with pytest.raises(OutputError, match=told):
                refuse(tmp_path / name)
    assert names(tmp_path) == before


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_a_replaced_file_leaves_its_permissions(tmp_path, mode):
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(mode)
    link.symlink_to(path)
    for each in (path, link):
        write_bytes(each, b"new", force=True)
        assert path.read_bytes() == b"new"
        assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root")
def test_a_replaced_file_leaves_its_owner(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    os.chown(path, 12, 34)
    write_bytes(path, b"new", force=True)
    assert (path.stat().st_uid, path.stat().st_gid) == (12, 34)


@posix
def test_another_name_of_a_replaced_file_keeps_the_old_content(tmp_path):
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"old")
    os.link(path, other)
    write_bytes(path, b"new", force=True)
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"old")


@posix
def test_a_failure_behind_a_link_changes_nothing(tmp_path):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "a", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with pytest.raises(OutputError, match="the disk is full"):
        write_file(link, failing(OSError(errno.ENOSPC, "No space left on device")), force=True)
    assert target.read_bytes() == b"old"
    assert names(tmp_path / "far") == ["a"]
