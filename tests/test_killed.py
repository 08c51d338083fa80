"""A run that is killed, at whatever moment, and resumed ends in the archive of one left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pemn_compress

ROOT = str(Path(pemn_compress.__file__).parents[1])


def start(output: Path, checkpoint: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "pemn_compress", "compress", "mlp", "--data", "digits",
        "--arg", "width=32", "--epochs", "40", "--train-limit", "400", "--test-limit", "60",
        "--force", "-o", str(output), "--checkpoint", str(checkpoint),
    ]  # fmt: skip
    return subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    """Wait until an epoch has ended, or the run has said that it goes on from one."""
    assert process.stderr is not None
    return process.stderr.readline()


def same_bytes(folder: Path) -> bool:
    return (folder / "killed.pemn").read_bytes() == (folder / "whole.pemn").read_bytes()


def test_a_killed_run_ends_in_the_same_bytes(tmp_path: Path) -> None:
    whole = start(tmp_path / "whole.pemn", tmp_path / "whole.ckpt")
    assert "epoch" in first_line(whole)
    started = time.monotonic()
    _, told = whole.communicate()
    assert whole.returncode == 0, told
    length = time.monotonic() - started

    moments, killed = random.Random(0), 0
    for _ in range(2):
        process = start(tmp_path / "killed.pemn", tmp_path / "killed.ckpt")
        line = first_line(process)
        assert killed == 0 or "going on from" in line
        time.sleep(moments.uniform(0, length / 2))
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        if (tmp_path / "killed.pemn").exists():  # killed after the archive, or not at all
            assert same_bytes(tmp_path)
    assert killed > 0
    last = start(tmp_path / "killed.pemn", tmp_path / "killed.ckpt")
    assert "going on from" in first_line(last)
    last.communicate()
    assert last.returncode == 0
    assert same_bytes(tmp_path)
    left = {path.name for path in tmp_path.iterdir() if path.suffix != ".part"}
    assert left == {"whole.pemn", "whole.ckpt", "killed.pemn", "killed.ckpt"}
