"""The command pemn-check: what it prints, its exit status, and files that are none."""

import json
import os
import socket
import struct
import subprocess
import sys

import pytest
from handmade import GOOD, put_together, rehash, restored_digest


def test_the_command(check, tmp_path):
    good, bad = tmp_path / "good.pemn", tmp_path / 'bad "é\n.pemn'
    good.write_bytes(GOOD)
    bad.write_bytes(GOOD[:-1])
    assert check.run(good).returncode == 0
    assert check.run(good, bad).returncode == 1
    assert json.loads(check.run(bad).stdout)["file"] == str(bad)
    for path, status in ((good, 0), (bad, 1), (tmp_path / "none", 2), (tmp_path, 2)):
        done = check.run("--quiet", path)
        assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
    missing = check.run(tmp_path / "none", good)
    assert missing.returncode == 2
    assert [json.loads(line)["ok"] for line in missing.stdout.splitlines()] == [False, True]
    assert check.run("--help").stdout.startswith("usage: pemn-check")
    for arguments in (
        [], ["--loud", good], ["--max-bytes"], ["--max-bytes", "x", good],
        ["--max-weights", "-1", good], ["--max-bytes", str(2**64), good],
        ["--max-file-bytes", "", good],
    ):  # fmt: skip
        done = check.run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("usage: pemn-check")


def refused(check, path, got):
    done = check.run(path)
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr, told["ok"]) == (2, "", False)
    assert told["error"] == f"expected a regular file, got a {got}"


def test_a_pipe_is_refused_at_once(check, tmp_path):
    pipe, link = tmp_path / "a.pemn", tmp_path / "link.pemn"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    refused(check, pipe, "pipe")
    refused(check, link, "pipe")
    held = os.open(pipe, os.O_RDWR)  # one that somebody writes to
    os.write(held, GOOD)
    refused(check, pipe, "pipe")
    os.close(held)


def test_folders_sockets_and_devices_are_refused(check, tmp_path, monkeypatch):
    refused(check, tmp_path, "folder")
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("a.pemn")
        refused(check, "a.pemn", "socket")
    for device in ("/dev/null", "/dev/zero"):
        refused(check, device, "device")


def test_a_link_to_a_file_is_followed(check, tmp_path):
    (tmp_path / "a.pemn").write_bytes(GOOD)
    (tmp_path / "link").symlink_to("a.pemn")
    (tmp_path / "broken").symlink_to("none")
    assert check.run(tmp_path / "link").returncode == 0
    assert json.loads(check.run(tmp_path / "broken").stdout)["error"] == "cannot be opened"


NAMES = [
    b"a\x1b]0;owned\x07\x1b[31m.pemn", b"\xc2\x9b31m", "\u202egnp.pemn".encode(), b"\x7f\x01\n\r\t",
    "é€𐀀\U0010ffff".encode(), b"\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82", b'"\\"',
    b"x" * 4096, b"y" * 4097, "é".encode() * 30_000,
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_nothing_but_printable_ascii_reaches_the_terminal(check, name):
    out = check.run(os.fsdecode(name)).stdout
    assert all(" " <= letter <= "~" for letter in out.removesuffix("\n"))
    assert len(out) < 3 * 4096 + 200  # six letters for two bytes
    told = json.loads(out)["file"]
    if len(name) <= 4096:
        assert told.replace("\ufffd", "") == name.decode("utf-8", "ignore")
        assert ("\ufffd" in told) == (name.decode("utf-8", "replace") != os.fsdecode(name))
    else:
        assert told == name.decode()[: len(told) - 1] + "\u2026"


def archive(sections, sparse=0):
    """Return an archive of no tensors, and its size when `sparse` zeros end its last section."""
    payloads = {name: payload for name, (payload, _) in sections.items()}
    manifest = {
        "about": {}, "architecture": {}, "prototype": None,
        "restored_sha256": restored_digest([]), "tensors": [],
        "sections": [{"critical": c, "name": n} for n, (_, c) in sections.items()],
    }  # fmt: skip
    rehash(manifest, payloads)
    if sparse:
        manifest["sections"][-1]["bytes"] += sparse
    data = put_together(manifest, payloads, elements=0, restored=0)
    if not sparse:
        return data
    fields = dict(zip(("elements", "restored"), (0, 0), strict=True))
    return put_together(manifest, payloads, length=len(data) + sparse, **fields)


PEAK = """
import os, sys
_, _, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(used.ru_maxrss * 1024)
"""


def peak(check, path, *options):
    """Run the command; return what it said, and the most memory it had, in bytes.

    It is started by a small process, for Linux counts the memory of the one that starts another.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PEAK, check.program, *options, path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told, used = done.stdout.splitlines()
    return json.loads(told), int(used)


def test_an_unknown_section_takes_no_memory(check, tmp_path):
    small = tmp_path / "small.pemn"
    small.write_bytes(archive({"junk": (b"x", False)}))
    told, before = peak(check, small)
    assert told["ok"]
    large, size = tmp_path / "large.pemn", 300 << 20
    large.write_bytes(archive({"junk": (b"x", False)}, sparse=size))
    os.truncate(large, struct.unpack_from("<Q", large.read_bytes()[:24], 16)[0])
    told, after = peak(check, large)
    assert told["error"] == "section 'junk': SHA-256 differs"
    assert after - before < size / 10
    told, _ = peak(check, large, "--max-file-bytes", str(size))
    assert "beyond the limit" in told["error"]


def test_a_mask_that_cannot_be_so_large_is_not_read(check, tmp_path):
    size = 300 << 20
    for codec, fits in (("bitmap", 1), ("csr", 3), ("rice", 9)):
        for told_bytes in (fits, fits + 1, size):
            positions = {"bytes": told_bytes, "codec": codec, "ones": 1}
            manifest = {
                "about": {}, "architecture": {}, "prototype": None,
                "restored_sha256": "0" * 64,
                "sections": [{"critical": True, "name": "masks"}],
                "tensors": [{"dtype": "u8", "name": "t", "shape": [8], "positions": positions,
                             "values": {"bits": "01", "kind": "constant"}}],
            }  # fmt: skip
            rehash(manifest, {"masks": b"x"})
            manifest["sections"][0]["bytes"] = told_bytes
            data = put_together(manifest, {"masks": b"x"}, elements=8, restored=8)
            data = put_together(
                manifest, {"masks": b"x"}, elements=8, restored=8, length=len(data) + told_bytes - 1
            )
            path = tmp_path / "a.pemn"
            path.write_bytes(data)
            os.truncate(path, len(data) + told_bytes - 1)
            told, used = peak(check, path)
            assert not told["ok"]
            assert ("bytes of" in told["error"]) == (told_bytes > fits), (codec, told)
            assert used < size / 2
