"""The blocks of the docs' pages, run one after another as a reader would type them.

A block is of one of these kinds, which stand in its first line:

    python          run in one scope for the whole page, or, where it begins with `# name.py`,
                    written to that file
    toml            written to the file that its first line names
    sh              each line is typed; it has to end with status 0
    sh refused      each line has to end with status 2
    text output     lines that what ran last has printed, in this order; `...` is anything, in a
                    line too, and blanks do not count
    text            an illustration: files of the reader's own, figures of another machine
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., tuple[object, str, str]]

REPOSITORY = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
NAMED = re.compile(r"# (\w+\.(?:py|toml))\n")


def blocks(page: str) -> list[tuple[str, str]]:
    """Return kind and text of every block of a page in docs/."""
    return BLOCK.findall((REPOSITORY / "docs" / page).read_text("utf-8"))


def run_page(page: str, call: Call, printed: Callable[[], str]) -> dict[str, Any]:
    """Run a page's blocks in the current folder; return what its Python left.

    The repository's `format_spec` is there too, as for whoever types in a checkout. `call` types a
    command, `printed` returns what Python has printed since it was last asked.
    """
    scope: dict[str, Any] = {}
    said = ""
    Path("format_spec").symlink_to(REPOSITORY / "format_spec")
    for kind, code in blocks(page):
        named = NAMED.match(code)
        if named and kind in ("python", "toml"):
            Path(named[1]).write_text(code, "utf-8")
        elif kind == "python":
            exec(code, scope)
            said = printed()
        elif kind in ("sh", "sh refused"):
            wanted = 2 if kind == "sh refused" else 0
            said = "".join(_typed(line, wanted, call) for line in code.splitlines())
        elif kind == "text output":
            _told(code, said, page)
        else:
            assert kind == "text", f"a block of {page} that nothing runs: {kind}"
    return scope


def _typed(line: str, wanted: int, call: Call) -> str:
    """Type a line; return what it printed."""
    command, *words = shlex.split(line, comments=True)
    if ">" in words:
        line = re.sub(r"^pemn ", f"'{sys.executable}' -m pemn_compress ", line)
        command, words = "sh", ["-c", line]
    if command != "pemn":
        assert wanted == 0, line
        done = subprocess.run([command, *words], check=True, capture_output=True, text=True)
        return done.stdout
    status, out, err = call(*words)
    assert status == wanted, f"{line}: {err}"
    return out + err


def _told(block: str, said: str, page: str) -> None:
    """Compare what a page shows of an output with what there was."""
    lines = iter(" ".join(line.split()) for line in said.splitlines())
    for line in filter(None, map(str.split, block.splitlines())):
        shown = re.escape(" ".join(line)).replace(re.escape("..."), ".*")
        found = line == ["..."] or any(re.fullmatch(shown, other) for other in lines)
        assert found, f"{page} shows {' '.join(line)!r}, not in\n{said}"
