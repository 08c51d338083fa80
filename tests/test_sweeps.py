"""Sweeps as they are run: real processes that fail, are killed, share a directory, and go on."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import pemn_compress
from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest
from pemn_compress.sweeping import local
from pemn_compress.sweeping.engines import Settings
from pemn_compress.sweeping.launching import Job, Outcome
from pemn_compress.sweeping.runs import epochs_done

ROOT = str(Path(pemn_compress.__file__).parents[1])
GRID = """\
[common]
model = "mlp"
data = "digits"
train_limit = 300
test_limit = 60
epochs = 40
renewal = "iterand"  # its state has to survive too
renewal_every = 50
args = {width = 16}

[axes]
seed = [0, 1, 2]
"""
# some of its runs end badly
MODEL = """\
import os, resource, signal
import torch
from torch import nn

class Net(nn.Sequential):
    mode = "fine"
    def forward(self, x):
        if self.training and self.mode == "raises":
            raise KeyError("no such luck")
        if self.training and self.mode == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.training and self.mode == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))
        return super().forward(x)

def build_model(mode="fine"):
    net = Net(nn.Flatten(), nn.Linear(64, 10))
    net.mode = mode
    return net
"""


def start(*words, **further):
    command = [sys.executable, "-m", "pemn_compress", "sweep", *map(str, words)]
    return subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1", "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **further,
    )


def epochs_of(directory):
    """Return how many epochs all runs have come to."""
    return sum(epochs_done(path.parent) for path in directory.glob("*/record.json"))


def archives(directory):
    return {path.parent.name: path.read_bytes() for path in directory.glob("*/model.pemn")}


@pytest.fixture(scope="module")
def alone():
    """Return the archives of the runs of GRID, made one by one and left alone."""
    data = DataRequest("digits", train_limit=300, test_limit=60)
    torch.set_num_threads(1)
    return {
        f"seed-{seed}": compress(
            "mlp", data=data, epochs=40, arguments={"width": 16}, seed=seed,
            renewal="iterand", renewal_every=50,
        ).archive
        for seed in range(3)
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("grid.toml").write_text(GRID)
    Path("model.py").write_text(MODEL)
    return tmp_path


@pytest.mark.skipif(os.name != "posix", reason="needs process groups")
@pytest.mark.long
def test_a_sweep_that_is_killed_ends_in_the_same_bytes(folder, alone):
    runs, moments, killed, resumed = folder / "runs", random.Random(0), 0, 0
    for attempt in range(5):
        # its workers are in its group: all of them die at once, as when a machine goes down
        process = start("grid.toml", "-o", "runs", "--workers", "2", start_new_session=True)
        assert process.stderr.readline().startswith("3 runs in runs: ")
        resumed += len(list(runs.glob("*/checkpoint.pt"))) > 0
        more = moments.randint(1, 25) if attempt else 0  # the first one: before any epoch
        reached = epochs_of(runs) + more
        while process.poll() is None and epochs_of(runs) < reached:
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 0.2))  # in a step, a checkpoint, an archive, between runs
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        for name, archive in archives(runs).items():
            assert archive == alone[name], "whole or not at all"
    assert killed > 2
    assert resumed > 2

    two = [start("grid.toml", "-o", "runs", "--workers", "1") for _ in range(2)]
    told = [process.communicate() for process in two]
    assert [process.returncode for process in two] == [0, 0], told
    assert all("3 runs finished" in out for out, _ in told)
    assert archives(folder / "runs") == alone
    for run in (folder / "runs").glob("seed-*"):
        kept = {path.name for path in run.iterdir()} - {".lock"}
        assert kept == {"model.pemn", "record.json", "run.json", "output.txt", "log.csv"}


def test_what_fails_is_told_and_stops_no_other(folder, call):
    Path("bad.toml").write_text(
        "[common]\nmodel='model.py'\ndata='digits'\nepochs=1\ntrain_limit=128\n"
        "[axes]\nargs.mode=['raises', 'fine', 'killed', 'full']\n"
    )
    process = start("bad.toml", "-o", "runs", "--workers", "2")
    out, err = process.communicate()
    assert process.returncode == 1, (out, err)
    assert out.startswith("1 run finished, 3 failed, in runs\n")
    assert "mode-raises: " in out
    assert "no such luck" in out
    assert "mode-killed: killed by signal 9 SIGKILL" in out
    assert "mode-full: " in out
    assert "the disk is full" in out
    assert len(err.splitlines()) == 1 + 4
    assert (folder / "runs/mode-killed/failed.txt").read_text().count("\n") == 1
    before = (folder / "runs/mode-fine/model.pemn").stat().st_mtime_ns

    status, out, _ = call("sweep", "bad.toml", "-o", "runs", "--dry-run")
    assert status == 0
    assert "to try again (killed by signal 9" in out
    status, out, err = call(
        "sweep", "bad.toml", "-o", "runs", "--only", "mode-[fr]*[es]", "--json", "--workers", "1"
    )
    assert status == 1
    assert [row["state"] for row in json.loads(out)["rows"]] == ["failed", "finished"]
    assert err.splitlines()[0] == "2 runs in runs: 1 finished, 1 to try again"
    assert (folder / "runs/mode-fine/model.pemn").stat().st_mtime_ns == before

    told = json.loads((folder / "runs/mode-fine/run.json").read_text())
    assert told["options"]["args"] == {"mode": "fine"}
    assert told["command"][:3] == ["pemn", "compress", "model.py"]
    assert told["grid"] == json.loads((folder / "runs/grid.json").read_text())["sha256"]

    Path("model.py").write_text(MODEL + "\n")
    status, _, err = call("sweep", "bad.toml", "-o", "runs")
    assert status == 2
    assert "mode-raises: its model file had another text then" in err


def test_a_directory_takes_one_grid_which_may_grow(folder, call):
    short = GRID.replace("epochs = 40", "epochs = 1").replace("[0, 1, 2]", "[0]")
    Path("grid.toml").write_text(short)
    status, out, err = call("sweep", "grid.toml", "-o", "runs")
    assert (status, out) == (0, "1 run finished, 0 failed, in runs\n")
    size = (folder / "runs/seed-0/model.pemn").stat().st_size
    _, out, _ = call("sweep", "grid.toml", "-o", "runs", "--dry-run")
    assert re.search(rf"seed-0 +{size:,} B  finished, accuracy ", out)
    # known before training: within what header and manifest may take
    Path("grid.toml").write_text(short.replace("[0]", "[0, 1]"))
    _, out, _ = call("sweep", "grid.toml", "-o", "runs", "--dry-run", "--json")
    rows = json.loads(out)["rows"]
    assert abs(rows[1]["expected_bytes"] - size) < 200
    assert rows[1]["expected_from"] == "finished runs"

    for changed, told in (
        (short.replace("epochs = 1", "epochs = 2"), "seed-0: epochs was 1 then, 2 now"),
        (short.replace("[0]", "[1]"), "seed-0: is not in this one"),
    ):
        Path("grid.toml").write_text(changed)
        status, _, err = call("sweep", "grid.toml", "-o", "runs")
        assert (status, err.count("\n")) == (2, 1)
        assert "runs: holds the runs of another grid ('grid')" in err
        assert told in err
    Path("grid.toml").write_text(short.replace("[0]", "[0, 1]"))
    status, out, err = call("sweep", "grid.toml", "-o", "runs")
    assert err.splitlines()[0] == (
        "2 runs in runs: 1 finished, 1 to do; the grid has grown by 1 since it was here last"
    )
    assert (status, out) == (0, "2 runs finished, 1 of them before this start, 0 failed, in runs\n")
    for content in ("{", "[]", '{"rows": [3]}', '{"rows": [{"id": "x"}]}'):
        (folder / "odd").mkdir(exist_ok=True)
        (folder / "odd/grid.json").write_text(content)
        status, _, err = call("sweep", "grid.toml", "-o", "odd")
        assert (status, err.count("\n")) == (2, 1)
        assert "odd/grid.json: expected the grid of a sweep" in err
        assert [path.name for path in (folder / "odd").iterdir()] == ["grid.json"]
    (folder / "runs/seed-1/model.pemn").write_bytes(b"damaged")
    _, out, _ = call("sweep", "grid.toml", "-o", "runs", "--dry-run")
    assert re.search(r"seed-1 +~[\d,]+ B  to do", out)


def test_files_of_others_in_the_folder_of_a_run_are_kept(folder, call):
    theirs = folder / "runs" / "seed-0" / "model.pemn"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("precious")
    status, _, err = call("sweep", "grid.toml", "-o", "runs")
    assert status == 2
    assert "expected the folder of a run, or none, got model.pemn without the run.json" in err
    assert theirs.read_text() == "precious"
    assert [path.name for path in theirs.parent.iterdir()] == ["model.pemn"]
    assert not (folder / "runs" / "grid.json").exists()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_an_interrupted_sweep_ends_its_runs_and_says_how_to_go_on(folder):
    Path("grid.toml").write_text(GRID.replace("epochs = 40", "epochs = 20000"))
    process = start("grid.toml", "-o", "runs", "--workers", "1")
    process.stderr.readline()
    record = folder / "runs/seed-0/checkpoint.pt"
    while not record.exists():
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.strip() == (
        "pemn: interrupted with 0 of 3 runs finished in runs; the same command goes on from there"
    )
    last = (folder / "runs/seed-0/output.txt").read_text().splitlines()[-1]
    assert last.endswith("the same command goes on from runs/seed-0/checkpoint.pt")
    assert not (folder / "runs/seed-0/failed.txt").exists()


class Watch:
    def __init__(self):
        self.ids = []

    def started(self, job):
        pass

    def waiting(self, count):
        pass

    def ended(self, outcome):
        self.ids.append(outcome.id)

    def look(self):
        pass


def test_each_gpu_has_a_run_of_its_own(tmp_path, monkeypatch):
    seen = []

    class Ended:
        def __init__(self, job):
            seen.append(job.environment.get("CUDA_VISIBLE_DEVICES"))
            self.job = job

        def outcome(self):
            return Outcome(self.job.id, "finished")

    monkeypatch.setattr(local, "start", Ended)
    monkeypatch.setattr(local, "end", lambda started: None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    for device, given in (("auto", ["3", "5", "3", "5"]), ("cpu", [None] * 4)):
        jobs = [Job(f"{i}", tmp_path / f"{i}", {"options": {"device": device}}) for i in range(4)]
        watch = Watch()
        local.run(jobs, Settings(), watch)
        assert sorted(watch.ids) == ["0", "1", "2", "3"]
        assert seen == given
        seen.clear()
    for said in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", said)
        assert local.visible_gpus() == []


@pytest.mark.long
def test_ray_gives_the_same_bytes(folder, alone):
    pytest.importorskip("ray", reason='the engine ray: pip install ".[ray]"')
    process = start("grid.toml", "-o", "runs", "--engine", "ray", "--workers", "2")
    out, err = process.communicate()
    assert (process.returncode, out) == (0, "3 runs finished, 0 failed, in runs\n"), err
    assert len(err.splitlines()) == 1 + 3, "nothing of ray's own"
    assert archives(folder / "runs") == alone


def test_no_ray_is_one_line(folder, call, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    status, _, err = call("sweep", "grid.toml", "--engine", "ray")
    assert (status, err) == (
        2,
        "pemn: --engine ray: expected ray to be installed, got none: "
        'pip install ".[ray]" in a checkout of pemn-compress, or --engine local\n',
    )
    assert not Path("runs").exists()
