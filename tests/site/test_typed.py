"""What only `make test-docs` does: the notebook in a kernel, the README's commands as typed."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _this_tree(monkeypatch):
    """Have processes import the package of this tree, from whatever folder."""
    paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


def test_the_notebook_runs_in_a_kernel(tmp_path):
    notebook = nbformat.read(REPOSITORY / "examples" / "tutorial.ipynb", as_version=4)
    nbformat.validate(notebook)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": tmp_path}}).execute()
    told = "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    )
    assert "59,832 bytes as a state dict" in told
    assert re.search(r"accuracy 9\d\.\d%", told)
    assert list(tmp_path.iterdir()) == []


def test_the_readmes_commands_run_as_they_are_typed(tmp_path):
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    commands = re.findall(r"^pemn .*$", readme, re.MULTILINE)
    assert len(commands) >= 4
    for command in commands:
        words = shlex.split(command, comments=True)[1:]
        subprocess.run(
            [sys.executable, "-m", "pemn_compress", *words],
            cwd=tmp_path, check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"examples", "model.pemn", "model.pt2"}
