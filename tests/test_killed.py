"""A run that is killed, at whatever moment, and resumed ends in the archive of one left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pemn_compress
from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest

ROOT = str(Path(pemn_compress.__file__).parents[1])


def start(output: Path, checkpoint: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "pemn_compress", "compress", "mlp", "--data", "digits",
        "--arg", "width=32", "--epochs", "150", "--train-limit", "400", "--test-limit", "60",
        "--renewal", "iterand", "--renewal-every", "50", "--force", "-o", str(output),
        "--checkpoint", str(checkpoint),
    ]  # fmt: skip
    return subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def line_of(process: subprocess.Popen[str]) -> str:
    """Wait for the next line: an epoch has ended, or the run says from where it goes on."""
    assert process.stderr is not None
    return process.stderr.readline()


def begun(process: subprocess.Popen[str]) -> str:
    """Return what a run says until its first epoch, or where it goes on from."""
    said = ""
    while "epoch " not in said and "going on from" not in said:
        line = line_of(process)
        assert line, said
        said += line
    return said


def test_a_killed_run_ends_in_the_same_bytes(tmp_path: Path) -> None:
    data = DataRequest("digits", train_limit=400, test_limit=60)
    renewal = {"renewal": "iterand", "renewal_every": 50}  # its state has to survive too
    whole = compress("mlp", data=data, epochs=150, arguments={"width": 32}, **renewal).archive

    archive, moments, killed = tmp_path / "run.pemn", random.Random(0), 0
    for _ in range(2):
        process = start(archive, tmp_path / "run.ckpt")
        resumes = (tmp_path / "run.ckpt").exists()
        said = begun(process)
        assert said.startswith("masks 3,392 of 3,466 numbers")
        assert ("going on from" in said) == resumes
        for _ in range(moments.randint(0, 40)):
            line_of(process)
        time.sleep(moments.uniform(0, 0.1))  # in a step, a checkpoint, or an evaluation
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        assert not archive.exists() or archive.read_bytes() == whole, "whole or not at all"
    assert killed > 0
    last = start(archive, tmp_path / "run.ckpt")
    assert "going on from" in begun(last)
    last.communicate()
    assert last.returncode == 0
    assert archive.read_bytes() == whole
    left = {path.name for path in tmp_path.iterdir() if path.suffix != ".part"}
    assert left == {"run.pemn", "run.ckpt"}
