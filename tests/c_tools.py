"""The reader in C, compiled for the tests, with whatever libzstd there is."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SPEC = Path(__file__).parent.parent / "format_spec"
C = SPEC / "c"
SOURCES = sorted((C / "src").glob("*/*.c"))
STRICT = [
    "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wconversion", "-Wshadow",
    "-ffp-contract=off",
]  # fmt: skip
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
LEFT_OUT = "the reader in C: "  # how the reason of a skipped test begins


class Compiler:
    """A C compiler, and the flags that find libzstd."""

    def __init__(self, command: str, folder: Path) -> None:
        self.command, self.folder = command, folder
        self.zstd: list[str] = []
        self.sanitizers = [flag for flag in SANITIZERS if self.runs("", flag)]

    def runs(self, code: str, *flags: str) -> bool:
        """Say whether a program of no more than these lines can be built and run."""
        source, program = self.folder / "try.c", self.folder / "try"
        source.write_text(code + "int main(void) { return 0; }\n")
        done = subprocess.run(
            [self.command, str(source), "-o", str(program), *flags], capture_output=True
        )
        return done.returncode == 0 and (
            subprocess.run([str(program)], capture_output=True).returncode == 0
        )

    def build(self, *arguments: object, name: str = "program", zstd: bool = True) -> Path:
        """Build a program, or a library, with libzstd linked to it or not."""
        made, flags = self.folder / name, self.zstd if zstd else self.zstd[:-1]
        done = subprocess.run(
            [self.command, *map(str, arguments), "-o", str(made), *flags, "-lm"],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return made


class Checker:
    """The command pemn-check, run on many archives at once."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder = program, folder

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *map(str, arguments)], capture_output=True, text=True, timeout=120,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def __call__(self, archives: list[bytes], *options: str) -> list[dict]:
        """Return what is said of each; `archives` are bytes."""
        paths = [self.folder / f"{i}.pemn" for i in range(len(archives))]
        for path, data in zip(paths, archives, strict=True):
            path.write_bytes(data)
        done = self.run(*options, *paths)
        assert done.stderr == ""
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert [Path(one["file"]) for one in told] == paths
        assert done.returncode == (0 if all(one["ok"] for one in told) else 1)
        return told


@pytest.fixture(scope="session")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    """Find a compiler and libzstd: what `make zstd` has built, or the system's."""
    names = (os.environ.get("CC", "cc"), "cc", "gcc", "clang")
    for command in filter(None, map(shutil.which, names)):
        found = Compiler(command, tmp_path_factory.mktemp("c"))
        if found.runs(""):
            break
    else:
        pytest.skip(LEFT_OUT + "there is no C compiler (Debian: gcc, libc6-dev)")
    own = C / "build" / "zstd"
    given = f"{os.environ.get('CPPFLAGS', '')} {os.environ.get('LDFLAGS', '')}".split()
    for flags in ([f"-I{own}", f"-L{own}"], given):
        flags = [*flags, "-lzstd"]
        if found.runs("#include <zstd.h>\n#include <zstd_errors.h>\n", *flags):
            found.zstd = flags
            return found
    pytest.skip(
        LEFT_OUT + "there is no libzstd (Debian: libzstd-dev; or a package index within reach,"
        " from which `make zstd` has it)"
    )


@pytest.fixture(scope="session")
def check(compiler: Compiler) -> Checker:
    """Build pemn-check with all sanitizers that there are."""
    program = compiler.build(
        *STRICT, "-O1", "-g", *compiler.sanitizers, C / "pemn_check.c", *SOURCES, name="pemn-check"
    )
    return Checker(program, compiler.folder)


@pytest.fixture(scope="session")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the one file for embedding: the folder of pemn.c and pemn.h."""
    folder = tmp_path_factory.mktemp("single")
    subprocess.run(["sh", str(C / "single.sh"), str(folder)], check=True)
    return folder
