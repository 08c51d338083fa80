"""What one torch writes, another restores: needs a second Python, see `make test-torches`.

`PEMN_OTHER_PYTHON` names the Python of an environment with another torch, torchvision and this
package's other dependencies; the package itself is read from this tree.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

OTHER = os.environ.get("PEMN_OTHER_PYTHON")
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    OTHER is None, reason="PEMN_OTHER_PYTHON is not set: make test-torches"
)


def ran(python: str, *arguments: str) -> str:
    done = subprocess.run(
        [python, str(Path(__file__).parent / "across_torches.py"), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("way", ["other to this", "this to other"])
def test_graphs_are_restored_under_another_torch(way: str, tmp_path: Path) -> None:
    assert OTHER is not None
    writer, reader = (OTHER, sys.executable) if way == "other to this" else (sys.executable, OTHER)
    ran(writer, "write", str(tmp_path))
    told = json.loads(ran(reader, "read", str(tmp_path)))
    print(way, told)
    assert len(told) > 5
    # kernels of another release may add up in another order
    assert max(told.values()) < 1e-4, told
