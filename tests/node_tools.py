"""Node, where there is one, for the reader in JavaScript."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

JS = Path(__file__).parent.parent / "format_spec" / "js"
LEFT_OUT = "the reader in JavaScript: "  # how the reason of a skipped test begins


@pytest.fixture(scope="module")
def node():
    """Return a command that runs Node on some arguments and returns what it prints."""
    found = shutil.which("node")
    if found is None:
        pytest.skip(LEFT_OUT + "there is no Node (Debian: nodejs; 18 or later)")
    told = subprocess.run([found, "--version"], capture_output=True, text=True).stdout.strip()
    if int((re.match(r"v(\d+)", told) or ["", "0"])[1]) < 18:
        pytest.skip(LEFT_OUT + f"Node is {told}, not 18 or later")

    def run(*arguments, cwd=JS):
        done = subprocess.run(
            [found, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=300
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    return run
