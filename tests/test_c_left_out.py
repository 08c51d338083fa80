"""libzstd for the reader in C, and what is said where there is none: no network is used here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from c_tools import C

PIP = r"""#!/bin/sh
# a pip that packs what is to be downloaded
while [ "$1" != --dest ]; do
    shift
done
echo asked >>"$0.asked"
[ -d "$0.package" ] || { echo "ERROR: no index"; exit 1; }
tar czf "$2/zstandard-9.tar.gz" -C "$0.package" zstandard-9
"""


def written(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(compiler, tmp_path):
    """Return a function that runs zstd.sh with a compiler that knows no libzstd."""
    hiding = f'#!/bin/sh\ncase "$*" in *-lzstd*) exit 1 ;; esac\nexec {compiler.command} "$@"\n'
    command = written(tmp_path / "cc", hiding)
    written(
        tmp_path / "python",
        f'#!/bin/sh\n[ "$2" = pip ] && exec sh {tmp_path}/pip "$@"\nexec {sys.executable} "$@"\n',
    )
    written(tmp_path / "pip", PIP)

    def run(**changed):
        names = {"CC": str(command), "PYTHON": str(tmp_path / "python")}
        return subprocess.run(
            ["sh", C / "zstd.sh", tmp_path / "zstd"], capture_output=True, text=True,
            env={**os.environ, **names, **changed},
        )  # fmt: skip

    return run


def test_a_libzstd_that_the_compiler_finds_is_left_alone(compiler, bare, tmp_path):
    flags = " ".join(compiler.zstd[:-1])
    done = bare(CC=compiler.command, CPPFLAGS=flags)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list((tmp_path / "zstd").iterdir()) == []


def test_without_a_compiler_or_an_index_there_is_a_line(bare, tmp_path):
    done = bare(CC="no-such-compiler")
    assert done.returncode == 1
    assert done.stderr == "no C compiler: 'no-such-compiler' cannot build a program\n"
    done = bare()
    assert done.returncode == 1
    assert done.stderr.startswith("no libzstd, and pip cannot get the sources of zstandard==")
    assert done.stderr.endswith(": ERROR: no index\n")
    assert len(done.stderr.splitlines()) == 1
    assert list((tmp_path / "zstd").iterdir()) == []


def test_sources_become_a_library_once(bare, compiler, tmp_path):
    sources = tmp_path / "pip.package" / "zstandard-9" / "zstd"
    sources.mkdir(parents=True)
    (sources / "zstd.c").write_text('#include "zstd.h"\nint two(void) { return 2; }\n')
    (sources / "zstd.h").write_text("int two(void);\n")
    done = bare()
    assert done.returncode == 1
    assert done.stderr.startswith("no libzstd, and none in the sources of zstandard==")
    (sources / "zstd_errors.h").write_text("\n")
    for _ in range(2):
        done = bare()
        assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "pip.asked").read_text() == "asked\n" * 2  # not for what is there
    made = tmp_path / "zstd"
    assert sorted(p.name for p in made.iterdir()) == ["libzstd.a", "zstd.h", "zstd_errors.h"]
    code = "#include <zstd.h>\nint three[2] = {0, 0};\n"
    assert compiler.runs(code, f"-I{made}", f"-L{made}", "-lzstd")


def test_the_last_line_says_what_was_left_out(tmp_path):
    here = Path(__file__).parent
    (tmp_path / "sh").symlink_to(shutil.which("sh"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         here / "test_c_conformance.py", "-k", "has_to"],
        capture_output=True, text=True, cwd=here.parent,
        env={**os.environ, "PATH": str(tmp_path), "CC": "cc"},
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == (
        "Left out: 2 tests of the reader in C, since there is no C compiler (Debian: gcc,"
        " libc6-dev); install what is missing and run `make test` again."
    )
