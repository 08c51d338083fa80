"""Checkpoints: a full disk costs no training, and what is not trained may be put right."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from trainable import RECIPE, Stop, Watch, images, masked, points

import pemn_compress
from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest
from pemn_compress.data.samples import Data
from pemn_compress.errors import (
    ModelError,
    OutputError,
    PemnWarning,
    SettingError,
    TrainingError,
)
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.training.fitting import fit
from pemn_compress.training.run import Run

ROOT = str(Path(pemn_compress.__file__).parents[1])
SMALL = DataRequest("digits", train_limit=200, test_limit=50)

# A limit for the size of files is how a disk without room looks to whoever writes.
FULL = """
import json, resource, sys
from pathlib import Path
import torch
from trainable import RECIPE, Watch, images, masked
from pemn_compress.training.fitting import fit

torch.set_num_threads(1)

class Disk(Watch):
    def __init__(self, path, full):
        super().__init__()
        self.path, self.full, self.sizes = path, full, []
    def step(self, epoch, step, images, loss):
        room = 500 if epoch + 1 in self.full else resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    def epoch(self, epoch):
        super().epoch(epoch)
        exists = self.path.exists()
        self.sizes.append(len(torch.load(self.path, weights_only=True)["history"]) if exists else 0)

results = []
for name, full in json.loads(sys.argv[1]).items():
    folder = Path(name)
    folder.mkdir()
    watch = Disk(folder / "run.ckpt", full)
    history = fit(masked(), images(), RECIPE, checkpoint=watch.path, observer=watch)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    results.append([watch.warnings, watch.keeps, watch.sizes, [e.train_loss for e in history],
                    sorted(other.name for other in folder.iterdir())])
print(json.dumps(results))
"""
# the epochs after which there is no room, what is kept, what the file holds, what is said at last
FULL_AFTER: list[tuple[list[int], list[int], list[int], str | None]] = [
    ([1, 2, 3, 4], [], [0, 0, 0, 0], "no checkpoint was ever written"),
    ([2, 3], [1, 4], [1, 1, 1, 4], None),
    ([3, 4], [1, 2], [1, 2, 2, 2], "keeps epoch 2, not the last one"),
    ([1, 3], [2, 4], [0, 2, 2, 4], None),
]


def test_a_full_disk_does_not_end_training(tmp_path: Path) -> None:
    cases = {str(number): full for number, (full, *_) in enumerate(FULL_AFTER)}
    done = subprocess.run(
        [sys.executable, "-c", FULL, json.dumps(cases)],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}", "OMP_NUM_THREADS": "1"},
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    expected = [epoch.train_loss for epoch in fit(masked(), images(), RECIPE)]
    for name, got in enumerate(json.loads(done.stdout)):
        full, kept, sizes, last = FULL_AFTER[name]
        warnings, keeps, held, losses, files = got
        assert (keeps, held, losses) == (kept, sizes, expected)
        streaks = sum(epoch - 1 not in full for epoch in full)
        told = "the disk is full; nothing was changed; training goes on, and tries again after"
        path = f"{name}/run.ckpt"
        assert warnings[:streaks] == [f"{path}: not written: {told} every epoch"] * streaks
        assert warnings[streaks:] == ([f"{path}: {last}"] if last else [])
        assert files == (["run.ckpt"] if kept else [])


def test_whatever_keeps_a_checkpoint_from_being_written_is_told(tmp_path: Path) -> None:
    class Removing(Watch):
        def start(self, epochs: int, steps: int, done: int) -> None:
            folder.rmdir()

    folder = tmp_path / "gone"
    folder.mkdir()
    watch = Removing()
    assert len(fit(masked(), images(), RECIPE, checkpoint=folder / "x", observer=watch)) == 4
    assert "does not exist" in watch.warnings[0]
    assert watch.warnings[1].endswith("no checkpoint was ever written")
    folder.mkdir()
    with pytest.warns(PemnWarning) as told:  # an observer that knows nothing of warnings, and none
        fit(masked(), images(), RECIPE, checkpoint=folder / "x", observer=Old(folder))
    assert [str(one.message) for one in told] == watch.warnings
    assert {one.filename for one in told} == {__file__}


class Old:
    """An observer as they were."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, epochs: int, steps: int, done: int) -> None:
        self.folder.rmdir()

    def step(self, epoch: int, step: int, images: int, loss: Any) -> None:
        pass

    def epoch(self, epoch: Any) -> None:
        pass


def test_the_command_goes_on_and_writes_its_archive(tmp_path: Path) -> None:
    script = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (16000, resource.RLIM_INFINITY))\n"
        "runpy.run_module('pemn_compress', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "compress", "mlp", "-a", "width=32", "--data", "digits",
         "--train-limit", "200", "--epochs", "3", "--checkpoint", "run.ckpt", "-o", "x.pemn"],
        env=os.environ | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"},
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "bit for bit" in done.stdout
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: run.ckpt")]
    assert len(warnings) == 2
    assert "the disk is full" in warnings[0]
    assert warnings[1] == "warning: run.ckpt: no checkpoint was ever written"
    assert [path.name for path in tmp_path.iterdir()] == ["x.pemn"]
    assert "Traceback" not in done.stderr


class Table(nn.Module):
    """A classifier beside things that are not trained, as they are and as they are put right."""

    def __init__(self, kind: str = "right") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(36, 3)
        if kind == "renamed":
            self.head = self.layer
            del self.layer
        self.norm = nn.BatchNorm1d(3)
        if kind == "complex":
            self.register_buffer("table", torch.ones(4, dtype=torch.complex64))
        elif kind == "longer":
            self.register_buffer("table", torch.ones(9))
        elif kind == "double":
            self.register_buffer("table", torch.ones(4, dtype=torch.float64))
        elif kind == "other":
            self.register_buffer("table", torch.full((4,), 2.0))
        elif kind == "loose":
            self.register_buffer("table", torch.ones(4), persistent=False)
        else:
            self.register_buffer("table", torch.ones(4))
        if kind == "marker":
            self.marker = nn.Parameter(torch.empty(0))
        if kind == "frozen":
            self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
        if kind == "extra":
            self.extra = nn.Linear(2, 2)
        if kind == "lambda":
            self.hidden = lambda x: x
        if kind == "wide":
            self.layer = nn.Linear(36, 4)
            self.norm = nn.BatchNorm1d(4)
        if kind == "reordered":
            self._modules = dict(reversed(self._modules.items()))

    def forward(self, x: Tensor) -> Tensor:
        layer = self.head if hasattr(self, "head") else self.layer
        return self.norm(layer(x.flatten(1)))


def interrupted(path: Path, model: nn.Module, **given: Any) -> None:
    with pytest.raises(Stop):
        fit(model, images(), RECIPE, checkpoint=path, observer=Watch(2), **given)


@pytest.mark.parametrize("wrap", [nn.Sequential, MaskedModel])
@pytest.mark.parametrize(
    ("before", "told"),
    [
        ("right", None),
        ("complex", "table was complex64 (4,), is float32 (4,)"),
        ("longer", "table was float32 (9,), is float32 (4,)"),
        ("double", "table was float64 (4,), is float32 (4,)"),
        ("other", "table has other values, those of the checkpoint are used"),
        ("loose", "table is new"),
        ("marker", None),
        ("frozen", "frozen is gone"),
        ("lambda", None),
        ("reordered", None),
    ],
)
def test_a_checkpoint_survives_a_correction(
    tmp_path: Path, wrap: Any, before: str, told: str | None
) -> None:
    path = tmp_path / "run.ckpt"
    interrupted(path, wrap(Table(before)))
    corrected, watch = wrap(Table()), Watch()
    history = fit(corrected, images(), RECIPE, checkpoint=path, observer=watch)
    assert watch.told[0] == (4, 3, 2)
    if told is None:
        assert watch.warnings == []
    else:
        (line,) = watch.warnings
        assert line.startswith(f"{path}: goes on, although not all is as it was: ")
        assert line.endswith(told)
    whole = wrap(Table())
    expected = fit(whole, images(), RECIPE)
    assert [e.test for e in history] == [e.test for e in expected]
    own, other = corrected.state_dict(), whole.state_dict()
    assert own.keys() == other.keys()
    for key, value in own.items():
        if isinstance(value, Tensor) and (before, "table" in key) != ("other", True):
            assert torch.equal(value, other[key]), key
    # and once more, from where it came to
    again, watch = wrap(Table()), Watch()
    fit(again, images(), RECIPE, checkpoint=path, observer=watch)
    assert [w for w in watch.warnings if "other values" not in w] == []


@pytest.mark.parametrize("wrap", [nn.Sequential, MaskedModel])
@pytest.mark.parametrize("kind", ["renamed", "extra", "wide"])
def test_other_trainable_parameters_are_another_model(tmp_path: Path, wrap: Any, kind: str) -> None:
    path = tmp_path / "run.ckpt"
    interrupted(path, wrap(Table()))
    before = path.read_bytes()
    with pytest.raises(TrainingError, match=r"of another model: parameters\.\S+: expected ") as e:
        fit(wrap(Table(kind)), images(), RECIPE, checkpoint=path)
    assert "\n" not in str(e.value)
    assert path.read_bytes() == before


def test_optimizer_state_goes_by_name_and_not_by_place(tmp_path: Path) -> None:
    def twins(names: str) -> nn.Module:
        torch.manual_seed(0)
        layers = {"a": nn.Linear(36, 36), "b": nn.Linear(36, 36), "c": nn.Linear(36, 3)}
        model = nn.Sequential(nn.Flatten())
        chain = nn.ModuleDict({name: layers[name] for name in names})
        model.chain = chain
        model.forward = lambda x: chain["c"](chain["b"](chain["a"](x.flatten(1)).relu()))
        return model

    recipe = RECIPE.override(optimizer="sgd", decay="all", weight_decay=0.01)
    path = tmp_path / "run.ckpt"
    with pytest.raises(Stop):
        fit(twins("abc"), images(), recipe, checkpoint=path, observer=Watch(2))
    resumed, whole = twins("cba"), twins("abc")
    fit(resumed, images(), recipe, checkpoint=path)
    fit(whole, images(), recipe)
    state = whole.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in resumed.state_dict().items())


def test_running_statistics_come_from_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    interrupted(path, Table())
    kept = torch.load(path, weights_only=True)["model"]["norm.running_mean"]
    seen = []

    class First(Watch):
        def start(self, epochs: int, steps: int, done: int) -> None:
            seen.append(model.norm.running_mean.clone())

    model = Table()
    fit(model, images(), RECIPE, checkpoint=path, observer=First())
    assert torch.equal(seen[0], kept)


def test_what_changes_numbers_a_little_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    interrupted(path, Table(), run=Run(amp=True))
    data = images()
    other = Data("lines", data.train, data.test.first(10), 3, None, (1, 6, 6), True, (0.3,), (0.3,))
    watch = Watch()
    fit(Table(), other, RECIPE, checkpoint=path, observer=watch)
    (line,) = watch.warnings
    assert line.endswith(
        "amp: True then, False now; data: bars then, lines now; test samples: 20 then, 10 now"
    )
    watch = Watch()  # what changes nothing is not worth a word, a recipe of another name either
    same = RECIPE.override(name="mine", source="here")
    fit(Table(), other, same, checkpoint=path, observer=watch, run=Run(workers=1))
    assert watch.warnings == []


def test_other_data_of_the_same_name_are_another_run(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    interrupted(path, Table())
    for change in ("inputs", "targets"):
        data = images()
        getattr(data.train, change)[3] = 1
        with pytest.raises(TrainingError, match="of another run: training data: expected '"):
            fit(Table(), data, RECIPE, checkpoint=path)


class Told(nn.Linear):
    """Has state that is no tensor."""

    def __init__(self, told: Any) -> None:
        super().__init__(2, 2)
        self.what = told

    def get_extra_state(self) -> Any:
        return self.what

    def set_extra_state(self, state: Any) -> None:
        self.what = state


def test_state_that_no_checkpoint_can_keep_is_refused_before_training(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    for unfit in (Watch(), lambda: None):
        watch = Watch()
        with pytest.raises(ModelError, match=r"can keep .*'_extra_state'") as caught:
            fit(Told(unfit), points(), RECIPE, checkpoint=path, observer=watch)
        assert "\n" not in str(caught.value)
        assert watch.told == []
    model = Told({"plain": [1, "two"]})
    with pytest.raises(Stop):
        fit(model, points(), RECIPE, checkpoint=path, observer=Watch(1))
    again = Told(None)
    fit(again, points(), RECIPE, checkpoint=path)
    assert again.what == {"plain": [1, "two"]}


def test_a_checkpoint_as_they_were_before_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    torch.save({"identity": {}, "history": [], "model": {}, "optimizer": {}}, path)
    with pytest.raises(TrainingError, match="expected a checkpoint of this program"):
        fit(Table(), images(), RECIPE, checkpoint=path)


FILE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(64, 32), nn.Linear(32, 10)
        TABLE

    def forward(self, x):
        return self.b(self.a(x.flatten(1)).relu())

def build_model():
    return Net()
"""


def test_a_model_file_may_be_put_right_and_renamed(tmp_path: Path) -> None:
    wrong, right = tmp_path / "wrong.py", tmp_path / "right.py"
    wrong.write_text(FILE.replace("TABLE", "self.register_buffer('t', torch.ones(3))"))
    right.write_text(FILE.replace("TABLE", "self.scale = 1.0  # put right"))
    given: dict[str, Any] = {"data": SMALL, "epochs": 4, "ratio": 0.1}
    path, watch = tmp_path / "run.ckpt", Watch()
    with pytest.raises(Stop):
        compress(str(wrong), checkpoint=path, observer=Watch(2), **given)
    made = compress(f"{right}:build_model", checkpoint=path, observer=watch, **given)
    assert watch.told[0] == (4, 4, 2)
    assert [line for line in watch.warnings if line.endswith("model.t is gone")]
    assert made.archive == compress(str(right), **given).archive


def test_a_place_or_an_identity_that_cannot_be_kept_is_refused_before_training(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path, "expected a file name, got a folder"),
        (tmp_path / "none" / "run.ckpt", "its folder .* does not exist"),
        (tmp_path / "pipe", "expected a regular file, got a device or a pipe"),
    ):
        with pytest.raises(OutputError, match=message):
            fit(Table(), images(), RECIPE, checkpoint=path, observer=Watch())
    with pytest.raises(SettingError, match=r"no checkpoint can keep the identity \(") as caught:
        fit(Table(), images(), RECIPE, checkpoint=tmp_path / "x", identity={"who": Watch()})
    assert "\n" not in str(caught.value)


def test_state_of_every_kind_is_kept(tmp_path: Path) -> None:
    class Kinds(nn.Linear):
        def __init__(self) -> None:
            super().__init__(36, 3)
            for name, value in {
                "complex": torch.ones(2, dtype=torch.complex64), "none": torch.empty(0),
                "flag": torch.tensor(True), "wide": torch.ones(1).expand(5).clone(),
                "sparse": torch.eye(3).to_sparse(), "narrow": torch.ones(2, dtype=torch.bfloat16),
            }.items():  # fmt: skip
                self.register_buffer(name, value)

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.flatten(1))

    path, watch = tmp_path / "run.ckpt", Watch()
    with pytest.raises(Stop):
        fit(Kinds(), images(), RECIPE, checkpoint=path, observer=Watch(2))
    assert len(fit(Kinds(), images(), RECIPE, checkpoint=path, observer=watch)) == 4
    assert watch.warnings == []
