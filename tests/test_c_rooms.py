"""The reader in C: rooms that lead one way, one file made of them, no names but its own."""

import json
import re
import subprocess

import pytest
from c_tools import SOURCES, SPEC, STRICT, C, Checker

ROOMS = re.search(r'^rooms="(.*)"$', (C / "single.sh").read_text(), re.MULTILINE)[1].split()
FILES = sorted((C / "src").glob("*/*.[ch]"))
MOST_LINES = 350


def included(path):
    """Return the files of ours that one includes."""
    names = re.findall(r'^#include "(.*)"$', path.read_text(), re.MULTILINE)
    return [(path.parent / name).resolve() for name in names]


def test_the_rooms_are_all_there():
    assert sorted(ROOMS) == sorted({path.parent.name for path in FILES})
    assert len(FILES) > 50
    written = [*FILES, *C.glob("*.[ch]"), *C.glob("fuzz/*.[ch]")]
    assert {p.name: n for p in written if (n := len(p.read_text().splitlines())) > MOST_LINES} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_file_includes_one_of_a_later_room(path):
    own = ROOMS.index(path.parent.name)
    for other in included(path):
        if other != C / "pemn.h":
            assert ROOMS.index(other.parent.name) <= own
    first = path.read_text().splitlines()[0]
    assert first.startswith(f"/* {path.name} - "), "says what is in it"
    if path.suffix == ".c" and path.with_suffix(".h").exists():
        assert path.with_suffix(".h") in included(path)


def test_no_header_includes_itself():
    def reached(path, above):
        assert path not in above
        for other in included(path):
            reached(other, [*above, path])

    for path in FILES:
        reached(path, [])


def test_nothing_but_the_interface_is_to_be_seen(compiler):
    shared = re.findall(
        r"^(?:AVX2 |SHA )?PEMN_SHARED [^(]*?(\w+)\(",
        "".join(path.read_text() for path in SOURCES),
        re.MULTILINE,
    )
    assert len(shared) > 40
    assert all(name.startswith("pemn_") for name in shared)
    library = compiler.build("-shared", "-fPIC", "-O1", *SOURCES, name="library.so", zstd=False)
    told = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    ).stdout
    seen = re.findall(r"^[0-9a-f]+ [A-Z] (\w+)$", told, re.MULTILINE)
    interface = (C / "pemn.h").read_text()
    assert sorted(seen) == sorted(re.findall(r"^\w[\w ]*[ *](pemn_\w+)\(", interface, re.MULTILINE))


@pytest.mark.parametrize("flags", [["-O2"], ["-O1", "-DPEMN_PORTABLE"]], ids=["fast", "portable"])
def test_the_single_file_says_the_same(check, compiler, single, flags):
    program = compiler.build(
        *STRICT, *flags, f"-I{single}", C / "pemn_check.c", single / "pemn.c", name="single"
    )
    alone = Checker(program, compiler.folder)
    for folder in ("accept", "reject"):
        paths = sorted((SPEC / "conformance" / folder).glob("*.pemn"))
        assert alone.run(*paths).stdout == check.run(*paths).stdout


def test_the_single_file_stands_alone(single):
    text = (single / "pemn.c").read_text()
    assert re.findall(r'^#include "(.*)"$', text, re.MULTILINE) == ["pemn.h"]
    for path in FILES:
        assert text.count(f"/* ---- src/{path.parent.name}/{path.name} */") == 1
    assert sorted(path.name for path in single.iterdir()) == ["pemn.c", "pemn.h"]
    assert (single / "pemn.h").read_text() == (C / "pemn.h").read_text()


@pytest.mark.long
def test_the_targets_that_any_compiler_can_build(compiler, tmp_path):
    flags = [f"CPPFLAGS={compiler.zstd[0]}", f"LDFLAGS={compiler.zstd[1]}"]
    flags = flags if len(compiler.zstd) == 3 else []
    done = subprocess.run(
        ["make", "-s", "-C", C, f"BUILD={tmp_path}", f"CC={compiler.command}", "CFLAGS=-O0",
         "SANITIZE=-O0", *flags, "all", "single", "sanitize", "time", "fuzz-alone"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    example = SPEC / "examples" / "small.pemn"
    told = subprocess.run([tmp_path / "pemn-check", example], capture_output=True, check=True)
    assert json.loads(told.stdout)["ok"]
    told = subprocess.run([tmp_path / "pemn-time", "2", example], capture_output=True, check=True)
    assert [sorted(json.loads(line)) for line in told.stdout.splitlines()] == [["cpu", "wall"]] * 2
    told = subprocess.run(
        [tmp_path / "pemn-fuzz-alone", "20", example], capture_output=True, check=True
    )
    assert told.stdout == b"20 inputs\n"
