"""Compressing: the whole road from a model and data to an archive, its record, and back."""

import copy
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pemn_compress.compressing import verb as compressing
from pemn_compress.compressing.preparing import DataRequest
from pemn_compress.compressing.storage import Storage
from pemn_compress.compressing.verb import Compressed, compress
from pemn_compress.data.sources import load_data
from pemn_compress.errors import (
    DataError,
    ModelError,
    OutputError,
    SettingError,
    TrainingError,
    UnknownNameError,
)
from pemn_compress.format.archive import open_archive, verify
from pemn_compress.masking.rules.strategies import STRATEGIES, Settings
from pemn_compress.masking.selection import Selection
from pemn_compress.storing import loading
from pemn_compress.training.evaluation import evaluate

QUICK = DataRequest("digits", train_limit=200, test_limit=50)
SMALL: dict[str, Any] = {"data": QUICK, "epochs": 1, "arguments": {"width": 16}}

MODEL_FILE = """
import torch
from torch import nn


def build_model(width=8):
    return nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 2))


def data(count):
    points = torch.randn(count, 2, generator=torch.Generator().manual_seed(count))
    return points, (points[:, 0] * points[:, 1] > 0).long()


def train_data():
    return data(256)


def eval_data():
    return data(64)
"""


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_digits_end_to_end(strategy: str, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    path, record = tmp_path / "digits.pemn", tmp_path / "digits.json"
    made = compress(
        "mlp", data="digits", output=path, record=record, strategy=strategy, epochs=2, lr=0.02,
        arguments={"width": 64}, seed=5,
    )  # fmt: skip
    assert made.accuracy > 0.85, "chance is 0.1"
    assert listing(tmp_path) == ["digits.json", "digits.pemn"]
    assert path.read_bytes() == made.archive
    verify(path)

    data = load_data("digits", data_dir=tmp_path)
    assert evaluate(loading.load(path), data.test, data) == made.history[-1].test
    told = json.loads(record.read_text())
    assert told == json.loads(json.dumps(made.record))
    assert told["archive"] == {
        "path": str(path),
        "bytes": path.stat().st_size,
        "sha256": sha256(path.read_bytes()).hexdigest(),
    }
    assert told["settings"]["strategy"] == strategy
    assert told["settings"]["seed"] == 5
    assert (told["recipe"]["epochs"], told["recipe"]["lr"]) == (2, 0.02)
    parts = {"train": 1438, "validation": 0, "test": 359}
    assert told["data"] == {"name": "digits", "classes": 10} | parts
    assert told["versions"]["torch"] == torch.__version__
    assert told["versions"].keys() >= {"pemn-compress", "python", "numpy", "platform"}
    assert [e["test_accuracy"] for e in told["epochs"]] == [e.test.accuracy for e in made.history]
    assert told["accuracy"] == made.accuracy == told["epochs"][-1]["test_accuracy"]
    assert told["masked"]["weights"] == 64 * 64 + 64 * 64 + 64 * 10
    with open_archive(path) as archive:
        about = archive.manifest.about
    assert about["accuracy"]["correct"] == made.history[-1].test.correct
    assert about["input"]["shape"] == [1, 8, 8]


def test_the_same_run_gives_the_same_bytes_whatever_the_random_state() -> None:
    archives = []
    for state in (1, 2):
        torch.manual_seed(state)
        archives.append(compress("mlp", seed=2**64 - 1, **SMALL).archive)
    assert archives[0] == archives[1]
    assert archives[0] != compress("mlp", seed=1, **SMALL).archive


def test_a_users_module_is_left_as_it_was() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.BatchNorm1d(10))
    before, parameters = copy.deepcopy(model.state_dict()), list(model.parameters())
    state = torch.get_rng_state()
    made = compress(model, data=QUICK, epochs=1, strategy="mask")
    assert torch.equal(torch.get_rng_state(), state)
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert list(made.model.state_dict()) == list(before)
    assert not torch.equal(made.model[1].weight, model[1].weight)
    restored = loading.load(made.archive, model=copy.deepcopy(model))
    inputs = torch.randn(3, 1, 8, 8)
    assert torch.equal(restored(inputs), made.model(inputs))


def test_a_model_file_brings_its_own_data_and_travels_along(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text(MODEL_FILE)
    made = compress(str(file), epochs=2, arguments={"width": 6}, output=tmp_path / "m.pemn")
    assert made.record["data"]["name"] == "model.py"
    restored = loading.load(tmp_path / "m.pemn", trust_source=True)
    inputs = torch.randn(5, 2)
    assert torch.equal(restored(inputs), made.model(inputs))
    assert restored[0].weight.shape == (6, 2)
    bare = compress(f"{file}:build_model", epochs=1, storage=Storage(include_source=False))
    with open_archive(bare.archive) as archive:
        assert archive.source() is None


def test_a_pair_of_datasets_will_do() -> None:
    inputs = torch.randint(9, (40, 3), generator=torch.Generator().manual_seed(0))
    pair = (inputs, inputs[:, 0] % 2)
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 2))
    made = compress(model, data=(pair, pair), epochs=2)
    assert (made.history[-1].test.total, made.path) == (40, None)


def test_settings_selection_and_storage_reach_the_archive() -> None:
    made = compress(
        "mlp", **SMALL, settings=Settings(strategy="mp", density=0.3), density=0.25,
        selection=Selection(last_layer_dense=True),
        storage=Storage(codec="csr", store_prototype=True),
    )  # fmt: skip
    with open_archive(made.archive) as archive:
        told, manifest = archive.manifest.about["settings"], archive.manifest
    assert (told["strategy"], told["density"]) == ("mp", 0.25)
    assert manifest.prototype is not None
    assert manifest.prototype.seed is None
    assert {t.name: t.positions.codec for t in manifest.tensors if t.positions} == {
        "1.weight": "csr",
        "3.weight": "csr",
    }
    assert made.record["selection"]["last_layer_dense"]
    assert made.record["storage"]["codec"] == "csr"


def test_a_recipes_mask_settings_are_the_default() -> None:
    made = compress("mlp", **SMALL, recipe="edge-popup", augment=())
    assert made.record["settings"]["distribution"] == "signed-constant"
    assert made.record["architecture"]["bias"] is False
    assert [name for name in made.model.state_dict() if name.endswith("bias")] == []


def test_a_prototype_of_few_values_is_worth_a_warning() -> None:
    made = compress("mlp", **SMALL, ratio=1e-3)
    assert made.warnings == (
        "rp with ratio 0.001 leaves a prototype of 2 values (fewer than 8); use a larger ratio",
    )
    assert compress("mlp", **SMALL, ratio=0.1).warnings == ()


def never(*args: object, **kwargs: object) -> Compressed:
    raise AssertionError("training started")


@pytest.mark.parametrize("taken", ["m.pemn", "m.json"])
def test_an_existing_output_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    monkeypatch.setattr(compressing, "fit", never)
    (tmp_path / taken).write_text("precious")
    with pytest.raises(OutputError, match=f"{taken} exists and is kept"):
        compress("mlp", **SMALL, output=tmp_path / "m.pemn", record=tmp_path / "m.json")
    assert listing(tmp_path) == [taken]
    assert (tmp_path / taken).read_text() == "precious"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"rate": 1}, UnknownNameError, "setting 'rate'.*lr.*strategy"),
        ({"strategy": "best"}, UnknownNameError, "strategy 'best'"),
        ({"strategy": "mp", "ratio": 0.1}, SettingError, "ratio is a setting of strategy rp"),
        ({"density": 0}, SettingError, "0 < density <= 1"),
        ({"recipe": "none"}, UnknownNameError, "recipe 'none'"),
        ({"storage": Storage(codec="zip")}, UnknownNameError, "codec 'zip'"),
        ({"output": "no/such/folder.pemn"}, OutputError, "does not exist"),
        ({"checkpoint": "m.pemn", "output": "m.pemn"}, OutputError, "expected different files"),
        ({"record": "m.pemn", "output": "./m.pemn"}, OutputError, "expected different files"),
        ({"data": None}, DataError, "no data: expected --data"),
        ({"selection": Selection(exclude=["x"])}, SettingError, "matches no parameter"),
    ],
)
def test_what_cannot_work_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: Any, error: type, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compressing, "fit", never)
    with pytest.raises(error, match=message) as caught:
        compress("mlp", **(SMALL | changes))
    assert "\n" not in str(caught.value)
    assert listing(tmp_path) == []


class Forgetful(nn.Module):
    """Keeps something that decides its outputs where no state dict looks."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)
        self.steps = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.steps += self.training
        return self.linear(x.flatten(1)) + self.steps


def test_outputs_that_the_archive_does_not_give_back_are_no_success(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"state outside its state dict.*steps: 2 and 1"):
        compress(
            Forgetful(),
            data=QUICK,
            epochs=1,
            output=tmp_path / "m.pemn",
            storage=Storage(graph="never"),
        )
    assert listing(tmp_path) == []


def test_a_failure_leaves_only_the_checkpoint(tmp_path: Path) -> None:
    given = SMALL | {"output": tmp_path / "m.pemn", "checkpoint": tmp_path / "m.ckpt"}
    with pytest.raises(TrainingError):
        compress("mlp", **given | {"strategy": "dense", "lr": 1e6, "optimizer": "sgd"})
    assert set(listing(tmp_path)) <= {"m.ckpt"}


def test_a_checkpoint_belongs_to_its_model_and_its_settings(tmp_path: Path) -> None:
    given = SMALL | {"checkpoint": tmp_path / "m.ckpt"}
    made = compress("mlp", **given)
    assert compress("mlp", **given).archive == made.archive
    for change, message in (
        ({"arguments": {"width": 24}}, "architecture.arguments.width: expected 24, got 16"),
        ({"density": 0.1}, "density: expected 0.1, got 0.5"),
        ({"data": DataRequest("digits", train_limit=100)}, "training samples: expected 100"),
    ):
        with pytest.raises(TrainingError, match=message):
            compress("mlp", **(given | change))
