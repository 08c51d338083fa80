"""Training on several ranks: torchrun's processes on the CPU, and what they must agree on."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import pemn_compress
from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest
from pemn_compress.data.ranks import World, world
from pemn_compress.data.sources import load_data
from pemn_compress.errors import SettingError, TrainingError
from pemn_compress.training import recipes
from pemn_compress.training.evaluation import evaluate

# Without batch normalisation, whose statistics are of a rank's own part of a batch; 501 samples in
# batches of 64 leave a last batch of 53, which two ranks cannot halve.
SCRIPT = """
import json, os, signal, sys, torch
torch.set_num_threads(1)
from pemn_compress.training import recipes
from pemn_compress.data.sources import load_data
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.training.fitting import fit
import pemn_compress

folder, die_after = sys.argv[1], int(sys.argv[2])
rank = int(os.environ.get("RANK", 0))
torch.manual_seed(rank)  # ranks that start apart must meet: parameters are those of rank 0
model = MaskedModel(pemn_compress.build("mlp", classes=10, channels=1, image_size=8, width=16))

class Watch:
    def start(self, epochs, steps, done): print("from", done, flush=True)
    def step(self, epoch, step, images, loss):
        if rank == 1 and epoch == die_after and step == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    def epoch(self, epoch): pass

recipe = recipes.load("default").override(epochs=3, batch_size=64, augment=())
data = load_data("digits", data_dir=".", train_limit=501, test_limit=100)
history = fit(model, data, recipe, checkpoint=__import__("pathlib").Path(folder, "run.ckpt"),
              observer=Watch())
torch.save(model.state_dict(), f"{folder}/state{rank}.pt")
torch.save(model.masks(), f"{folder}/masks{rank}.pt")
json.dump([e.train_loss for e in history], open(f"{folder}/losses{rank}.json", "w"))
"""


def run(folder: Path, ranks: int, die_after: int = -1) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    script = folder / "script.py"
    script.write_text(SCRIPT)
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    root = str(Path(pemn_compress.__file__).parents[1])
    return subprocess.run(
        [sys.executable, *(launch if ranks > 1 else []), script, folder, str(die_after)],
        env=os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )


def losses(folder: Path, rank: int = 0) -> list[float]:
    return json.loads((folder / f"losses{rank}.json").read_text())


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    done = run(folder, 2)
    assert done.returncode == 0, done.stderr
    return folder


def load(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)


def test_two_ranks_have_the_same_masks_and_the_losses_of_one(two: Path, tmp_path: Path) -> None:
    masks, others = load(two / "masks0.pt"), load(two / "masks1.pt")
    assert masks.keys() == others.keys()
    assert all(torch.equal(mask, others[name]) for name, mask in masks.items())
    state, other = load(two / "state0.pt"), load(two / "state1.pt")
    assert all(torch.equal(v, other[k]) for k, v in state.items() if torch.is_tensor(v))
    assert losses(two, 0) == losses(two, 1)
    assert run(tmp_path, 1).returncode == 0
    assert losses(two) == pytest.approx(losses(tmp_path), rel=1e-4)
    assert losses(two)[-1] < losses(two)[0] - 0.3, "it learns"


def test_a_rank_that_dies_ends_the_others_and_the_checkpoint_goes_on(
    two: Path, tmp_path: Path
) -> None:
    started = time.monotonic()
    died = run(tmp_path, 2, die_after=1)
    assert died.returncode != 0
    assert time.monotonic() - started < 60
    assert "SIGKILL" in died.stderr
    assert not (tmp_path / "masks0.pt").exists()
    resumed = run(tmp_path, 2)
    assert resumed.returncode == 0, resumed.stderr
    assert "from 1" in resumed.stdout
    expected, got = load(two / "state0.pt"), load(tmp_path / "state0.pt")
    assert all(torch.equal(v, got[k]) for k, v in expected.items() if torch.is_tensor(v))


def test_ranks_that_do_not_divide_the_batch_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "5", "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, value)
    small = DataRequest("digits", train_limit=40, test_limit=20)
    with pytest.raises(SettingError, match=r"divides it \(1, 2, 3, 4, 6, 12\), got 5"):
        compress("mlp", data=small, epochs=1, batch_size=12)
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"RANK": "first"}, "expected numbers: .*'first'"),
        ({"WORLD_SIZE": ""}, "expected numbers"),
        ({"RANK": "2"}, "expected a rank below 2, got 2"),
        ({"RANK": "-1"}, "expected a rank below 2, got -1"),
    ],
)
def test_what_torchrun_does_not_say_is_refused(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], message: str
) -> None:
    for name, value in ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "::1"} | told).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=message):
        world()


def test_ranks_that_cannot_meet_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MASTER_PORT", raising=False)
    with pytest.raises(
        TrainingError, match="cannot meet the other ranks at localhost:no port: "
    ) as e:
        compress("mlp", data=DataRequest("digits", train_limit=40, test_limit=20), epochs=1)
    assert "\n" not in str(e.value)


@given(start=st.integers(0, 100), count=st.integers(1, 50), size=st.integers(1, 9))
@settings(derandomize=True, deadline=None)
def test_parts_make_up_the_batch_and_weights_its_mean(start: int, count: int, size: int) -> None:
    worlds = [World(rank, size) for rank in range(size)]
    parts = [one.part(start, start + count) for one in worlds]
    weights = [one.weight(start, start + count) for one in worlds]
    counted = [at for part, weight in zip(parts, weights, strict=True) if weight for at in part]
    assert counted == list(range(start, start + count))
    assert all(part for part in parts)
    means = [sum(part) / len(part) for part in parts]
    mean = sum(w * m for w, m in zip(weights, means, strict=True)) / size
    assert mean == pytest.approx(start + (count - 1) / 2)
    assert World().weight(start, start + count) == 1.0
    assert recipes.load("default").batch_size % 2 == 0, "the default runs on two ranks"


def test_the_command_under_torchrun_with_batch_normalisation(tmp_path: Path) -> None:
    root = str(Path(pemn_compress.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
         "-m", "pemn_compress", "compress", "convmixer", "-a", "dim=8", "-a", "depth=2",
         "-a", "patch=2", "--data", "digits", "--train-limit", "300", "--epochs", "2",
         "--ratio", "0.2", "--record", "run.json", "-o", "run.pemn", "--export", "run.npz"],
        env=os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("read back") == 1, "one rank prints"
    assert {path.name for path in tmp_path.iterdir()} == {"run.pemn", "run.json", "run.npz"}
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["run"]["ranks"] == 2
    assert [one["path"] for one in record["exports"]] == ["run.npz"]
    # the model that was evaluated, running statistics included, is the one that was stored
    model = pemn_compress.load(tmp_path / "run.pemn")
    data = load_data("digits", data_dir=tmp_path)
    assert evaluate(model, data.test, data).accuracy == record["accuracy"]


TOGETHER = """
import gc, os, sys, torch
import torch.distributed as dist
from datetime import timedelta
from pathlib import Path
from torch import nn
torch.set_num_threads(1)
from trainable import RECIPE, Stop, Watch, images, net
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.training.fitting import fit

folder, rank = Path(sys.argv[1]), int(os.environ["RANK"])
dist.init_process_group("gloo", timeout=timedelta(seconds=60))

class Narrow(nn.Module):  # no variance in one sample, and a layer that no step reaches
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.last = nn.Conv2d(1, 4, 6), nn.BatchNorm2d(4), nn.Linear(4, 3)
        self.unused = nn.LayerNorm(4)
    def forward(self, x):
        return self.last(self.norm(self.conv(x)).relu().flatten(1))

def same(model):
    for value in model.state_dict().values():
        if torch.is_tensor(value) and value.is_floating_point():
            other = value.clone()
            dist.broadcast(other, 0)
            assert torch.equal(value, other)

watch, narrow = Watch(), MaskedModel(Narrow(), ratio=1)
fit(narrow, images(35), RECIPE, observer=watch)
assert watch.told[0] == (4, 2, 0), watch.told
if rank == 0:
    joined, unused = watch.warnings
    assert "is too small for the model, and joins the one before it: " in joined, joined
    assert "no gradient reached 2 of 8 " in unused and "(unused.weight, " in unused, unused
else:
    assert watch.warnings == []
same(narrow)

def plain():  # its state must not hang on what a rank's own part of a batch has for statistics
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.ReLU(), nn.Linear(16, 3))

for number, make in enumerate((
    lambda: MaskedModel(plain(), ratio=1, renewal="iterand", renewal_every=2),
    lambda: PrunedModel(plain(), strategy="magnitude", sparsity=0.8),
    lambda: PrunedModel(plain(), strategy="ternary", entropy_weight=0.2, scale="channel"),
)):
    path = folder / f"{number}.ckpt"
    try:
        fit(make(), images(), RECIPE, checkpoint=path, observer=Watch(2))
    except Stop:
        pass
    dist.barrier()
    resumed, whole = make(), make()
    watch = Watch()
    history = fit(resumed, images(), RECIPE, checkpoint=path, observer=watch)
    assert watch.told[0] == (4, 3, 2), watch.told
    expected = fit(whole, images(), RECIPE, observer=Watch())
    assert [e.train_loss for e in history] == [e.train_loss for e in expected]
    for key, value in resumed.state_dict().items():
        if torch.is_tensor(value):
            assert torch.equal(value, whole.state_dict()[key]), key
    same(resumed)
del watch, narrow, resumed, whole, make
gc.collect()
dist.destroy_process_group()
threads = [task.joinpath("comm").read_text().strip() for task in Path("/proc/self/task").glob("*")]
assert not [name for name in threads if "gloo" in name], threads  # one may abort at the end
print("rank", rank, "done", flush=True)
"""


def test_ranks_join_batches_and_go_on_together(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(TOGETHER)
    root = Path(pemn_compress.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
         script, tmp_path],
        env=os.environ
        | {"PYTHONPATH": f"{root}:{Path(__file__).parent}", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("done") == 2
