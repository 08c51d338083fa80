"""Pruned and dense networks as archives: bit for bit, measured, accounted for, refused."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pemn_compress
from pemn_compress import PrunedModel
from pemn_compress.accounting import archive_account
from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest
from pemn_compress.compressing.storage import Storage
from pemn_compress.errors import ModelError, SettingError
from pemn_compress.format.archive import inspect, open_archive, verify
from pemn_compress.masking.rules.pruning import VALUE_DTYPES
from pemn_compress.reporting import render, report, terminal
from pemn_compress.storing import saving as packing
from pemn_compress.training.history import Epoch

QUICK = DataRequest("digits", train_limit=200, test_limit=50)
SMALL: dict[str, Any] = {"data": QUICK, "epochs": 2, "arguments": {"width": 16}}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


class Tied(nn.Module):
    """Convolutions, batch norm, and one linear layer under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3)
        self.norm = nn.BatchNorm2d(6)
        self.up = nn.ConvTranspose2d(6, 4, 2)
        self.first = nn.Linear(100, 100)
        self.second = nn.Linear(100, 100)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(self.norm(self.conv(x)).relu()).flatten(1)
        return self.second(self.first(x).relu())


def images(count: int = 16) -> Tensor:
    return torch.randn(count, 1, 6, 6, generator=torch.Generator().manual_seed(1))


def trained(strategy: str, density: float | None = 0.1, model: nn.Module | None = None) -> Any:
    made = PrunedModel(model or Tied(), strategy=strategy, density=density)
    optimizer = torch.optim.AdamW(made.parameters(), 0.01)
    for step in range(5):
        optimizer.zero_grad()
        made(images()).square().mean().backward()
        optimizer.step()
        made.set_progress((step + 1) / 5)
    return made.eval()


def bits(tensor: Tensor) -> bytes:
    return tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize("value_dtype", VALUE_DTYPES)
@pytest.mark.parametrize("strategy", ["magnitude", "random", "dense"])
def test_what_was_trained_comes_back_bit_for_bit(strategy: str, value_dtype: str, tmp_path: Path):
    model = trained(strategy, None if strategy == "dense" else 0.1)
    options: dict[str, Any] = {
        "value_dtype": value_dtype, "dense_dtype": "float16", "fold_batchnorm": True,
    }  # fmt: skip
    path = pemn_compress.save(model, tmp_path / "m.pemn", **options)
    verify(path)
    restored, expected = pemn_compress.load(path, model=Tied()), packing.shrunk(model, **options)
    assert torch.equal(restored(images()), expected.eval()(images()))
    assert restored.second.weight is restored.first.weight
    for name, tensor in expected.state_dict().items():
        assert bits(restored.state_dict()[name]) == bits(tensor), name
    for name, mask in model.masks().items():
        gone = restored.state_dict()[name][~mask]
        assert not gone.view(torch.int32).any(), "removed weights are +0.0"
    about = inspect(path)["about"]["settings"]
    assert (about["strategy"], about["value_dtype"]) == (strategy, value_dtype)
    assert about["density"] == (1 if strategy == "dense" else 0.1)
    if value_dtype == "float32":
        plain = pemn_compress.load(packing.pack(model), model=Tied())
        assert torch.equal(plain(images()), model(images()))


def stored(path: Path) -> dict[str, Any]:
    return {tensor["name"]: tensor for tensor in inspect(path)["tensors"]}


@pytest.mark.parametrize(
    ("value_dtype", "held", "width"),
    [("float32", "f32", 4), ("float16", "f16", 2), ("bfloat16", "bf16", 2), ("int8", "i8", 1)],
)
def test_only_kept_values_are_stored_and_in_their_width(tmp_path, value_dtype, held, width):
    path = packing.save(trained("random"), tmp_path / "m.pemn", value_dtype=value_dtype)
    record = stored(path)["first.weight"]
    assert record["positions"]["ones"] == 1000
    assert record["values"]["dtype"] == held
    assert record["values"]["bytes"] <= 1000 * width
    assert stored(path)["second.weight"]["values"] == {"kind": "alias", "of": "first.weight"}


@pytest.mark.parametrize("value_dtype", ["int8", "int8-tensor"])
def test_integers_by_a_slow_reference(value_dtype: str):
    model = trained("magnitude", 0.3)
    with torch.no_grad():
        model.values[0][2] = 0  # a channel of nothing
        model.values[0][3] = model.values[0][3].abs().clamp_min(0.1) * 1e-6
    trained_weights = {k: v.detach().numpy() for k, v in model.weights().items()}
    rounded = packing.shrunk(model, value_dtype=value_dtype).state_dict()
    for tensor in model.plan:
        rows = trained_weights[tensor.name]
        got = rounded[tensor.name].numpy()
        largest = np.abs(rows).max()
        for row, found in zip(rows, got, strict=True):
            top = np.abs(row).max() if value_dtype == "int8" else largest
            scale = max(np.float32(top) / np.float32(127), np.float32(2.0**-100))
            integers = np.rint(row / scale)
            assert np.abs(integers).max() <= 127
            assert np.array_equal(found, (integers * scale).astype(np.float32))
            assert np.abs(found - row).max() <= scale * 0.501


def test_a_tensor_that_a_dtype_cannot_hold_stays_as_it_is(tmp_path: Path):
    model = trained("magnitude")
    with torch.no_grad():
        model.values[0].fill_(1e35)
        model.values[0][0] = 2e35
    for value_dtype in ("int8", "int8-tensor", "float16"):
        path = tmp_path / f"{value_dtype}.pemn"
        packing.save(model, path, value_dtype=value_dtype)
        assert torch.equal(
            pemn_compress.load(path, model=Tied()).conv.weight, model.weights()["conv.weight"]
        )
        assert stored(path)["first.weight"]["values"]["dtype"] in ("i8", "f16")
    with torch.no_grad():
        model.values[0].fill_(torch.inf)
    with pytest.raises(ModelError, match=r"conv\.weight: expected finite weights"):
        packing.pack(model)


@pytest.mark.parametrize("value_dtype", VALUE_DTYPES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_models_come_back_in_their_own_dtype(dtype: torch.dtype, value_dtype: str):
    def plain() -> nn.Module:
        return nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 2)).to(dtype)

    model = PrunedModel(plain(), density=0.25)
    model.set_progress(1.0)
    options = {"value_dtype": value_dtype}
    restored = pemn_compress.load(packing.pack(model, **options), model=plain())
    expected = packing.shrunk(model, **options)
    assert [bits(t) for t in restored.state_dict().values()] == [
        bits(t) for t in expected.state_dict().values()
    ]
    if value_dtype in ("float32", "float16", "bfloat16"):
        assert bits(restored[0].weight) == bits(model.weights()["0.weight"])


def test_pruning_that_has_not_ended_is_not_stored():
    model = PrunedModel(Tied(), density=0.1)
    model.set_progress(0.2)
    with pytest.raises(ModelError, match=r"expected density 0.1, got 0\.\d+; call advance"):
        packing.pack(model)
    with pytest.raises(SettingError, match="store_prototype is for masks"):
        packing.pack(trained("random"), store_prototype=True)
    with pytest.raises(SettingError, match="value_dtype is for trained weights"):
        packing.pack(pemn_compress.MaskedModel(Tied()), value_dtype="int8")


@pytest.mark.parametrize(
    ("strategy", "sparsity", "least"),
    [("magnitude", 0.9, 0.85), ("random", 0.9, 0.7), ("dense", None, 0.9)],
)
def test_digits_end_to_end(strategy: str, sparsity: float | None, least: float, tmp_path: Path):
    pytest.importorskip("sklearn")
    made = compress(
        "mlp", data="digits", output=tmp_path / "m.pemn", strategy=strategy, sparsity=sparsity,
        epochs=5, lr=0.02, arguments={"width": 64}, storage=Storage(value_dtype="int8-tensor"),
    )  # fmt: skip
    assert made.accuracy > least, "chance is 0.1"
    verify(tmp_path / "m.pemn")
    assert [step.label for step in made.steps] == ["as trained", "values int8-tensor"]
    assert made.steps[0].score == made.history[-1].test
    assert made.steps[1].archive_bytes == len(made.archive) < 0.6 * made.steps[0].archive_bytes
    kept = 8832 if strategy == "dense" else 410 + 410 + 64
    assert made.record["pruned"] == {"tensors": 3, "weights": 8832, "kept": kept}
    assert made.record["storage"]["value_dtype"] == "int8-tensor"


class Stop(Exception):
    pass


class StopAfter:
    """An observer that ends a run when so many epochs are written."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def start(self, *_: Any) -> None:
        pass

    step = start

    def epoch(self, epoch: Epoch) -> None:
        if epoch.epoch == self.epochs:
            raise Stop


@pytest.mark.parametrize("strategy", ["magnitude", "random"])
@pytest.mark.parametrize("stop", [1, 3])
def test_a_run_goes_on_exactly_where_it_was(strategy: str, stop: int, tmp_path: Path):
    given = SMALL | {"epochs": 5, "strategy": strategy, "sparsity": 0.9, "pruning_end": 0.7}
    whole = compress("mlp", **given)
    checkpoint = tmp_path / "run.ckpt"
    with pytest.raises(Stop):
        compress("mlp", **given, checkpoint=checkpoint, observer=StopAfter(stop))
    assert checkpoint.exists()
    resumed = compress("mlp", **given, checkpoint=checkpoint)
    assert resumed.archive == whole.archive
    assert [e.train_loss for e in resumed.history] == [e.train_loss for e in whole.history]


def test_accounts_of_pruned_and_dense_archives_by_hand():
    model = trained("magnitude", 0.1)
    # 54 + 96 + 10,000 weights keep 5 + 10 + 1,000
    for value_dtype, width, scales in (
        ("float32", 4, 0), ("float16", 2, 0), ("int8", 1, 6 + 6 + 100), ("int8-tensor", 1, 3),
    ):  # fmt: skip
        raw = packing.pack(model, value_dtype=value_dtype, codec="bitmap")
        with open_archive(raw) as archive:
            account, manifest = archive_account(archive), archive.manifest
        assert account.kind == "pruned"
        assert account.values == {"float32": "fp32", "float16": "fp16"}.get(value_dtype, "int8")
        assert (account.masked_weights, account.kept_weights) == (10150, 1015)
        assert (account.paper.weights, account.paper.masks) == (4 * 1015, 8 * 1015)
        assert account.stored.masks == 7 + 12 + 1250
        payloads = sum(
            t.values.size for t in manifest.tensors if t.positions and hasattr(t.values, "size")
        )
        assert payloads <= width * 1015
        assert account.stored.weights == payloads + 4 * scales
        assert account.stored.total == len(raw)
        assert account.limit.masks < account.stored.masks
        assert account.prototype_length == 0
    raw = packing.pack(trained("dense", None), value_dtype="bfloat16")
    with open_archive(raw) as archive:
        account = archive_account(archive)
    assert (account.kind, account.values, account.masked) == ("dense", "bf16", ())
    assert account.paper.total == 4 * 10150
    assert account.stored.masks == 0
    assert 10150 < account.stored.weights <= 2 * 10150
    assert account.stored.total == len(raw)


def test_one_kept_weight_per_tensor_is_still_pruning():
    model = PrunedModel(nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2)), sparsity=0.99)
    model.set_progress(1.0)
    raw = packing.pack(model)
    with open_archive(raw) as archive:
        account = archive_account(archive)
    assert (account.kind, account.kept_weights) == ("pruned", 2)
    assert account.paper.total == 12 * 2


def test_a_masked_archive_is_never_called_pruned():
    raw = packing.pack(pemn_compress.MaskedModel(Tied(), strategy="rp", density=0.1))
    with open_archive(raw) as archive:
        account = archive_account(archive)
    assert (account.kind, account.values) == ("masked", "seed")


def test_report_shows_what_each_archive_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    packing.save(trained("magnitude"), "magnitude.pemn", value_dtype="int8")
    packing.save(trained("dense", None), "dense.pemn")
    packing.save(pemn_compress.MaskedModel(Tied()), "rp.pemn")
    found = report(["magnitude.pemn", "dense.pemn", "rp.pemn"])
    text = render(found, "table", width=80, details=True)
    assert max(map(len, text.splitlines())) <= 80
    assert [line.split()[:3] for line in text.splitlines()[3:6]] == [
        ["magnitude.pemn", "magnitude", "int8"],
        ["dense.pemn", "dense", "-"],
        ["rp.pemn", "rp", "0.01"],
    ]
    pruned, dense, masked = (text.split(f"\n{name}.pemn\n")[1] for name in
                             ("magnitude", "dense", "rp"))  # fmt: skip
    assert "pruned        10,150 weights in 3 tensors, density 0.1, int8 values" in pruned
    assert "strategy      magnitude, pruned cubic" in pruned
    assert "Pruned otherwise" in pruned.split("\ndense.pemn")[0]
    assert "dense         10,150 weights, fp32 values, no mask" in dense
    assert "Pruned instead" in dense.split("\nrp.pemn")[0]
    assert "masked        10,150 weights in 3 tensors, density 0.5\n" in masked
    kinds = [a["kind"] for a in json.loads(render(found, "json"))["archives"]]
    assert kinds == ["pruned", "dense", "masked"]
    rows = list(csv.DictReader(io.StringIO(render(found, "csv"))))
    own = [row for row in rows if row["column"] == "stored"]
    assert [(r["method"], r["values"], r["sparsity"]) for r in own] == [
        ("magnitude", "int8", "0.9"), ("dense", "fp32", ""), ("rp", "seed", "0.5"),
    ]  # fmt: skip
    rivals = [r for r in rows if r["file"] == "dense.pemn" and r["column"] == "expected"]
    assert all(float(row["total"]) < float(own[1]["total"]) for row in rivals)


DIGITS = ("compress", "mlp", "--data", "digits", "--epochs", "2", "--threads", "1", "--quiet")


def test_a_pruned_network_on_the_command_line(call, tmp_path, monkeypatch):
    code, out, _ = call(
        *DIGITS, "-a", "width=32", "--strategy", "magnitude", "--sparsity", "0.92", "--value-dtype",
        "int8", "--pruning-end", "0.7", "--pruning-start", "0.1", "--seed", "3", "--record", "r",
    )  # fmt: skip
    assert code == 0
    assert "as trained" in out
    assert "values int8" in out
    assert max(map(len, out.splitlines())) <= 80
    record = json.loads((tmp_path / "r").read_text())
    assert record["settings"] == {
        "strategy": "magnitude", "density": 0.08, "seed": 3, "pruning_schedule": "cubic",
        "pruning_start": 0.1, "pruning_end": 0.7, "qat": None, "scale": None,
        "entropy_weight": None,
    }  # fmt: skip
    for command in (("verify", "mlp.pemn"), ("evaluate", "mlp.pemn", "--data", "digits")):
        code, out, _ = call(*command)
        assert code == 0
    measured, recorded = (line.split("%")[0].split()[-1] for line in out.splitlines()[1:])
    assert measured == recorded
    with monkeypatch.context() as on_a_terminal:
        on_a_terminal.setattr(terminal, "is_terminal", lambda: True)
        on_a_terminal.setenv("NO_COLOR", "1")
        code, out, _ = call("inspect", "mlp.pemn")
    assert "pruned, rice" in out
    assert "value_dtype int8" in out
    assert max(map(len, out.splitlines())) <= 80
    code, _, _ = call("restore", "mlp.pemn", "-o", "m.pt")
    assert code == 0
    state = torch.load(tmp_path / "m.pt", weights_only=True)
    assert 0.9 < float((state["3.weight"] == 0).float().mean()) < 0.95


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--strategy", "magnitude", "--ratio", "0.1"], "take --strategy rp"),
        (["--strategy", "random", "--search", "edge-popup"], "search is a setting of masks"),
        (["--strategy", "random", "--store-prototype"], "which stores its weights"),
        (["--sparsity", "0.9"], "for masks say --density 0.1"),
        (["--value-dtype", "int8"], "--dense-dtype float16"),
        (["--strategy", "dense", "--density", "0.5"], "--strategy magnitude --density 0.5"),
        (["--strategy", "random", "--sparsity", "0.9", "--density", "0.5"], "expected density 0.1"),
    ],
)
def test_combinations_that_make_no_sense_end_with_status_two(call, tmp_path, options, told):
    code, out, err = call(*DIGITS, *options)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
