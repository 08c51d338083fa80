"""What `compress` exports beside the archive: tried before the first step, made of the restored."""

import json
import shutil
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pemn_compress
from pemn_compress.compressing import verb
from pemn_compress.compressing.outputs import Outputs
from pemn_compress.compressing.preparing import DataRequest
from pemn_compress.compressing.storage import Storage
from pemn_compress.compressing.verb import Compressed, compress
from pemn_compress.errors import ModelError, OutputError, SettingError, UnknownNameError
from pemn_compress.format.archive import verify
from pemn_compress.training.history import Epoch

QUICK = DataRequest("digits", train_limit=100, test_limit=50)
SMALL: dict[str, Any] = {"data": QUICK, "epochs": 1}
MLP = SMALL | {"model": "mlp", "arguments": {"width": 8}}
IMAGES = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))

MODEL_FILE = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm = nn.Linear(64, 10), nn.BatchNorm1d(10)

    def forward(self, x):
        x = self.norm(self.a(x.flatten(1)))
        if BRANCHES and x.sum() > 0:
            return x * 2
        return x


def build_model():
    return Net()
"""


class Net(nn.Module):
    """A module that only its owner can build."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm = nn.Linear(64, 10), nn.BatchNorm1d(10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.a(x.flatten(1)))


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def outputs(path: Path) -> torch.Tensor:
    with torch.no_grad():
        made: torch.Tensor = torch.export.load(path).module()(IMAGES)
    return made


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def never(*args: object, **kwargs: object) -> Compressed:
    raise AssertionError("training started")


def test_what_is_exported_is_the_restored_model_and_stands_in_the_record(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("m.pt2", "m.npz", "m.pt")]
    record = tmp_path / "m.json"
    made = compress(**MLP, output=tmp_path / "m.pemn", export=paths, record=record)
    model = pemn_compress.load(tmp_path / "m.pemn")
    with torch.no_grad():
        assert torch.equal(outputs(paths[0]), model(IMAGES))
    arrays, state = np.load(paths[1]), torch.load(paths[2], weights_only=True)
    for name, tensor in model.state_dict().items():
        assert np.array_equal(arrays[name], tensor.numpy())
        assert torch.equal(state[name], tensor)
    told = [
        {"path": str(path), "bytes": path.stat().st_size, "sha256": digest(path)} for path in paths
    ]
    assert made.record["exports"] == json.loads(record.read_text())["exports"] == told
    assert [one.path for one in made.exports] == paths
    assert made.exports[0].compared == "batch 1, 2, 3"
    plain = compress(**MLP)
    assert plain.archive == made.archive, "exports change nothing of the training"
    assert (plain.record["exports"], plain.exports) == ([], ())


@pytest.mark.parametrize("kind", ["a model file", "a module"])
def test_a_model_that_is_not_registered_is_built_anew_for_it(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "net.py"
    file.write_text(f"BRANCHES = False\n{MODEL_FILE}")
    model = Net() if kind == "a module" else str(file)
    storage = Storage(dense_dtype="bfloat16", fold_batchnorm=True)
    given = SMALL | {"storage": storage, "output": tmp_path / "m.pemn"}
    compress(model, **given, export=tmp_path / "m.pt2")
    restored = pemn_compress.load(
        tmp_path / "m.pemn",
        model=Net() if kind == "a module" else None,
        trust_source=kind == "a model file",
    )
    with torch.no_grad():
        assert torch.equal(outputs(tmp_path / "m.pt2"), restored(IMAGES))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"export": "m.tflite"}, UnknownNameError, r"export m.tflite: '.tflite'; .*\.onnx"),
        ({"export": "m"}, UnknownNameError, "extension of export m"),
        ({"export": "no/m.pt2"}, OutputError, "folder no does not exist"),
        ({"export": ["a.pt", "./a.pt"]}, OutputError, r"a.pt: .*different files"),
        ({"export": "m.pt", "checkpoint": "m.pt"}, OutputError, "different files"),
        ({"export": "m.pt", "output": None}, SettingError, "a file for the archive, too"),
        ({"export": ["here.pt"]}, OutputError, "here.pt exists and is kept"),
        ({"export": ["a.pt", "b.onnx"]}, OutputError, r"export b.onnx: .*pip install .*\[onnx\]"),
        ({"model": "branching.py", "export": "m.pt2"}, ModelError, r"m.pt2: .*branches on values"),
    ],
)
def test_what_cannot_be_exported_is_one_line_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: Any, error: type, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verb, "fit", never)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    Path("here.pt").write_text("precious")
    Path("branching.py").write_text(f"BRANCHES = True\n{MODEL_FILE}")
    given = MLP | {"output": "m.pemn"} | changes
    if given["model"] != "mlp":
        del given["arguments"]
    with pytest.raises(error, match=message) as caught:
        compress(**given)
    assert "\n" not in str(caught.value)
    assert listing(tmp_path) == ["branching.py", "here.pt"]
    assert Path("here.pt").read_text() == "precious"


def test_a_disk_that_is_too_small_for_archive_and_exports_is_told(tmp_path: Path) -> None:
    files = Outputs.of(tmp_path / "m.pemn", None, None, tmp_path / "m.pt")
    free = shutil.disk_usage(tmp_path).free
    files.check_space(free // 4, {tmp_path / "m.pt": free // 4})
    with pytest.raises(OutputError, match=r"m.pt: it will take .* with the others, the disk has"):
        files.check_space(free // 2, {tmp_path / "m.pt": free})


class Meddling:
    """Puts a file where an export is to come."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def start(self, epochs: int, steps: int, done: int) -> None:
        self._path.write_text("precious")

    def step(self, epoch: int, step: int, images: int, loss: Any) -> None:
        pass

    def epoch(self, epoch: Epoch) -> None:
        pass


def test_a_failure_after_training_leaves_archive_record_and_other_exports(tmp_path: Path) -> None:
    archive, record, late = (tmp_path / name for name in ("m.pemn", "m.json", "late.pt"))
    with pytest.raises(
        OutputError, match=r"late.pt exists and is kept.*the archive \S*m.pemn is complete"
    ):
        compress(
            **MLP,
            output=archive,
            record=record,
            export=[late, tmp_path / "m.npz"],
            observer=Meddling(late),
        )
    assert late.read_text() == "precious"
    told = json.loads(record.read_text())
    assert told["finished"]
    assert [one["path"] for one in told["exports"]] == [str(tmp_path / "m.npz")]
    assert verify(archive)
    assert (tmp_path / "m.npz").exists()


def test_the_command_exports_and_says_so(call: Any, tmp_path: Path) -> None:
    words = ["compress", "mlp", "-a", "width=8", "--data", "digits", "--epochs", 1]
    words += ["--train-limit", 100, "--export", "m.pt2", "--export", "m.npz"]
    code, out, err = call(*words)
    assert code == 0, err
    assert "exported         m.pt2: " in out
    assert "equal to the restored model at batch 1, 2, 3" in out
    assert "exported: m.pt2, m.npz" in err
    assert listing(tmp_path) == ["m.npz", "m.pt2", "mlp.pemn"]
    code, _, err = call(*words, "-o", "other.pemn")
    assert (code, err) == (2, "pemn: m.pt2 exists and is kept; pass --force to replace it\n")
