"""Weights of few levels: binary, ternary, int8 and int4, trained and stored as trained."""

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import pemn_compress
from pemn_compress import PrunedModel
from pemn_compress.accounting import archive_account
from pemn_compress.compressing import compress
from pemn_compress.compressing.forecast import expected_bytes
from pemn_compress.compressing.preparing import DataRequest, load_request
from pemn_compress.compressing.storage import Storage
from pemn_compress.data.samples import Data
from pemn_compress.errors import ModelError, SettingError
from pemn_compress.format.archive import inspect, open_archive, verify
from pemn_compress.reporting import render, report
from pemn_compress.storing import saving
from pemn_compress.storing.loading import state_dict

BY_TENSOR, BY_CHANNEL = {"scale": "tensor"}, {"scale": "channel"}
LATENT = [
    {"strategy": "binary"},
    {"strategy": "binary"} | BY_CHANNEL,
    {"strategy": "ternary"},
    {"strategy": "ternary", "entropy_weight": 0.5},
    {"strategy": "ternary", "entropy_weight": 0.5} | BY_CHANNEL,
]
INTEGERS = [
    {"strategy": strategy, "qat": qat, **scale}
    for strategy in ("dense", "magnitude", "random")
    for qat in ("int8", "int4")
    for scale in (BY_TENSOR, BY_CHANNEL)
]
EVERY = pytest.mark.parametrize(
    "chosen", LATENT + INTEGERS, ids=lambda c: "-".join(map(str, c.values()))
)


@pytest.fixture(scope="module")
def digits() -> Data:
    return load_request(DataRequest("digits", train_limit=600, test_limit=100), None)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(96, 12),
        nn.ReLU(), nn.Linear(12, 4),
    )  # fmt: skip


def images(count: int = 16) -> Tensor:
    return torch.randn(count, 1, 6, 6, generator=torch.Generator().manual_seed(1))


def trained(steps: int = 6, **chosen: Any) -> PrunedModel:
    model = PrunedModel(net(), **chosen)
    labels = torch.arange(16) % 4
    optimizer = torch.optim.AdamW(model.parameters(), 0.02)
    for step in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images()), labels).backward()
        optimizer.step()
        model.set_progress((step + 1) / steps)
    model.zero_grad()
    return model.eval()


# ---- slow references: one weight at a time, in Python


def rounded(scale: float) -> float:
    return float(torch.tensor(scale).bfloat16())


def groups(weights: np.ndarray, chosen: dict[str, Any]) -> list[np.ndarray]:
    return list(weights) if chosen.get("scale") == "channel" else [weights.reshape(-1)]


def slow_binary(weights: np.ndarray, chosen: dict[str, Any]) -> np.ndarray:
    rows = []
    for group in groups(weights, chosen):
        alpha = rounded(np.abs(group).mean(dtype=np.float64))
        rows.append([alpha if w >= 0 else -alpha for w in group.flat])
    return np.array(rows, np.float32).reshape(weights.shape)


def slow_ternary(weights: np.ndarray, chosen: dict[str, Any]) -> np.ndarray:
    found = groups(np.abs(weights).astype(np.float64), chosen)
    kept = [group > 0.7 * group.mean() for group in found]
    alphas = [group[k].mean() for group, k in zip(found, kept, strict=True)]
    weight = chosen.get("entropy_weight")
    for _ in range(1 if weight else 0):
        share = min(sum(k.sum() for k in kept) / weights.size, 0.5)
        bits = {0: -math.log2(1 - share), 1: -math.log2(share / 2)}
        kept = []
        for group, alpha in zip(found, alphas, strict=True):
            cost = [group**2 + weight * alpha**2 * bits[0],
                    (group - alpha) ** 2 + weight * alpha**2 * bits[1]]  # fmt: skip
            kept.append(np.argmin(cost, axis=0) == 1)
            kept[-1] |= group == group.max()  # one at least
        alphas = [group[k].mean() for group, k in zip(found, kept, strict=True)]
    rows = [k * rounded(alpha) for k, alpha in zip(kept, alphas, strict=True)]
    return (np.array(rows).reshape(weights.shape) * np.sign(weights) + 0.0).astype(np.float32)


def slow_integers(weights: np.ndarray, chosen: dict[str, Any]) -> np.ndarray:
    top, rows = {"int8": 127, "int4": 7}[chosen["qat"]], []
    for group in groups(weights, chosen):
        scale = np.float32(rounded(float(np.abs(group).max() / np.float32(top))))
        whole = [max(-top, min(top, round(float(np.float32(w) / scale)))) for w in group.flat]
        rows.append([np.float32(one) * scale for one in whole])
    return np.array(rows, np.float32).reshape(weights.shape)


@settings(deadline=None)
@given(
    st.sampled_from(
        [one for one in LATENT + INTEGERS if one["strategy"] not in ("magnitude", "random")]
    ),
    st.integers(0, 2**31),
)
def test_weights_and_gradients_are_those_of_a_slow_reference(chosen: dict[str, Any], seed: int):
    torch.manual_seed(seed)
    layer = nn.Linear(14, 6, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(6, 14) ** 3)
    latent = layer.weight.detach().clone().numpy()
    model = PrunedModel(layer, **chosen)
    weight = model.weights()["weight"]
    slow = {"binary": slow_binary, "ternary": slow_ternary}.get(chosen["strategy"], slow_integers)
    expected = slow(latent, chosen)
    np.testing.assert_array_equal(weight.detach().numpy(), expected)
    inputs, direction = torch.randn(5, 14), torch.randn(5, 6)
    (model(inputs) * direction).sum().backward()  # straight through: dL/dlatent = dL/dw
    torch.testing.assert_close(model.values[0].grad, direction.T @ inputs)


def test_a_removed_weight_is_rounded_to_zero_and_has_no_gradient():
    model = trained(strategy="magnitude", density=0.3, qat="int4", scale="channel")
    model.train()
    model(images()).square().sum().backward()
    for tensor, value, mask in zip(model.plan, model.values, model.masks().values(), strict=True):
        weight = model.weights()[tensor.name].detach()
        assert not weight[~mask].view(torch.int32).any(), "+0.0"
        assert value.grad is not None
        assert not value.grad[~mask].any()
        assert value.grad[mask].any()
        rows = torch.where(mask, value, 0.0).abs().flatten(1).amax(1)
        own = model.levels(model.plan.tensors.index(tensor)).scale.flatten()
        torch.testing.assert_close(own * 7, rows, rtol=2**-8, atol=0)


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_what_was_trained_comes_back_bit_for_bit(chosen: dict[str, Any], dtype: torch.dtype):
    model = PrunedModel(net().to(dtype), **chosen)
    with torch.no_grad():
        for value in model.values:
            value.add_(torch.randn_like(value) * 0.1)
    model.set_progress(1.0)
    packed = saving.pack(model)
    verify(packed)
    with open_archive(packed) as archive:
        restored = state_dict(archive)
        assert archive.manifest.about["settings"]["strategy"] == chosen["strategy"]
        levels = {t.name: len(np.unique(restored[t.name].float().numpy())) for t in model.plan}
    for name, weight in model.weights().items():
        bits = [one.contiguous().view(torch.uint8) for one in (weight.detach(), restored[name])]
        assert torch.equal(*bits), name
    if chosen.get("scale") != "channel" and chosen["strategy"] in ("binary", "ternary"):
        assert set(levels.values()) == {2 if chosen["strategy"] == "binary" else 3}


@EVERY
def test_the_restored_model_computes_the_same(chosen: dict[str, Any], tmp_path: Path):
    model = trained(**chosen)
    path = pemn_compress.save(model, tmp_path / "m.pemn")
    restored = pemn_compress.load(path, model=net()).eval()
    assert torch.equal(restored(images()), model(images()))
    assert torch.equal(model.to_plain()(images()), model(images()))


def test_what_signs_and_integers_take():
    sizes = {}
    for chosen in [*LATENT, *INTEGERS[:4]]:
        torch.manual_seed(0)
        model = PrunedModel(nn.Linear(1000, 40, bias=False), **chosen)
        with open_archive(saving.pack(model)) as archive:
            account = archive_account(archive)
        stored = account.stored
        assert stored.total == pytest.approx(
            expected_bytes(model, Storage(), stored.overhead), rel=0.2
        )
        sizes[tuple(chosen.values())] = account
    binary = sizes[("binary",)]
    assert (binary.kind, binary.values, binary.density) == ("binary", "signs", 1)
    assert (binary.stored.weights, binary.stored.masks) == (5000 + 4, 0)
    assert binary.paper.total == 5000 + 4
    assert sizes["binary", "channel"].stored.weights == 5000 + 4 * 40 + 8  # and a seed's 1.0
    ternary, pressed = sizes[("ternary",)], sizes["ternary", 0.5]
    assert (ternary.kind, ternary.values) == ("ternary", "signs")
    assert pressed.density < 0.9 * ternary.density
    assert (
        pressed.stored.weights + pressed.stored.masks
        < ternary.stored.weights + ternary.stored.masks
    )
    assert pressed.paper.masks == 5000
    for qat, width in (("int8", 1), ("int4", 0.55)):
        account = sizes["dense", qat, "tensor"]
        assert (account.kind, account.values) == ("dense", qat)
        assert account.stored.weights <= 40000 * width + 4


@pytest.mark.parametrize(
    "chosen",
    [LATENT[0], LATENT[4], INTEGERS[3], INTEGERS[6]],
    ids=lambda c: "-".join(map(str, c.values())),
)
def test_a_run_from_end_to_end(chosen: dict[str, Any], digits: Data, tmp_path: Path):
    usual: dict[str, Any] = {"data": digits, "arguments": {"width": 32}, "epochs": 4, "lr": 0.01}
    made = compress("mlp", output=tmp_path / "m.pemn", **usual, **chosen)
    assert made.accuracy > (0.5 if chosen["strategy"] == "magnitude" else 0.8)
    assert [step.label for step in made.steps] == ["as trained"], "stored as it was trained"
    assert made.record["settings"]["strategy"] == chosen["strategy"]
    verify(tmp_path / "m.pemn")
    told = inspect(tmp_path / "m.pemn")["about"]["settings"]
    assert {key: told[key] for key in chosen} == chosen
    held = None
    if "qat" in chosen:
        held = "int4" if chosen["scale"] == "channel" else "int4-tensor"
    assert told.get("value_dtype") == held
    text = render(report(tmp_path), "table")
    assert chosen["strategy"] in text
    assert (
        "int4" if chosen.get("qat") == "int4" else "signs" if "qat" not in chosen else "int8"
    ) in (render(report(tmp_path), "csv"))

    class Stop(Exception):
        pass

    class Watch:
        def start(self, *_): ...
        def step(self, *_): ...
        def epoch(self, epoch):
            if epoch.epoch == 2:
                raise Stop

    again = {**usual, **chosen, "checkpoint": tmp_path / "c.pt"}
    with pytest.raises(Stop):
        compress("mlp", observer=Watch(), **again)
    assert compress("mlp", **again).archive == made.archive


@pytest.mark.parametrize(
    "chosen", [LATENT[0], LATENT[4], INTEGERS[3], INTEGERS[4]],
    ids=lambda c: "-".join(map(str, c.values())),
)  # fmt: skip
def test_compiled_copied_and_loaded_models_make_the_same_weights(chosen: dict[str, Any]):
    model = trained(**chosen).train()
    compiled = torch.compile(copy.deepcopy(model), backend="aot_eager")
    loaded = PrunedModel(net(), **chosen)
    loaded.load_state_dict(model.state_dict())
    for other in (compiled, loaded):
        other(images()).square().sum().backward()
    model(images()).square().sum().backward()
    for own, one, two in zip(model.values, compiled.values, loaded.values, strict=True):
        torch.testing.assert_close(one.grad, own.grad)
        assert torch.equal(two.grad, own.grad)
    assert saving.pack(compiled.eval()) == saving.pack(model.eval())


@pytest.mark.parametrize("strategy", ["dense", "magnitude"])
def test_four_bits_are_two_in_a_byte_where_that_is_smaller(strategy: str):
    torch.manual_seed(0)
    model = PrunedModel(nn.Linear(400, 30, bias=False), strategy=strategy, qat="int4")
    with torch.no_grad():
        model.values[0].uniform_(-1, 1)  # nothing that zstd could use
    model.set_progress(1.0)
    kept = int((model.weights()["weight"] != 0).sum())
    for zstd in (True, False):
        packed = saving.pack(model, zstd=zstd)
        verify(packed)
        with open_archive(packed) as archive:
            (record,) = archive.manifest.tensors
            assert torch.equal(state_dict(archive)["weight"], model.weights()["weight"])
            assert archive_account(archive).values == "int4"
        assert zstd or record.values.dtype == "i4"
        earlier = saving.pack(model, zstd=zstd, format_version="1.0")
        with open_archive(earlier) as archive:
            assert archive.manifest.tensors[0].values.dtype == "i8"
            assert torch.equal(state_dict(archive)["weight"], model.weights()["weight"])
        count = kept if strategy == "magnitude" else 12000
        assert record.values.size <= -(-count // 2)
    after = PrunedModel(nn.Linear(400, 30, bias=False), strategy="dense")
    with open_archive(saving.pack(after, value_dtype="int4-tensor", zstd=False)) as archive:
        assert archive.manifest.tensors[0].values.size == 6000
        assert len(np.unique(archive.tensor("weight"))) == 15


def test_a_state_of_other_rounding_is_refused():
    state = PrunedModel(net(), strategy="dense", qat="int8").state_dict()
    with pytest.raises(ModelError, match="qat: expected 'int4', got 'int8'"):
        PrunedModel(net(), strategy="dense", qat="int4").load_state_dict(state)
    with pytest.raises(SettingError, match="levels: expected strategy binary or ternary, or qat"):
        PrunedModel(net(), strategy="dense").levels(0)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"strategy": "binary", "density": 0.5}, "binary keeps every weight: expected density 1"),
        ({"strategy": "ternary", "sparsity": 0.5}, "a higher entropy_weight makes more of its wei"),
        ({"strategy": "binary", "pruning_start": 0.5}, "pruning_start is a setting of strategies"),
        (
            {"strategy": "binary", "entropy_weight": 0.1},
            "entropy_weight is a setting of strategy t",
        ),
        ({"strategy": "ternary", "entropy_weight": -1}, "entropy_weight: expected a number from 0"),
        (
            {"strategy": "ternary", "entropy_weight": math.inf},
            "entropy_weight: expected a number from 0",
        ),
        (
            {"strategy": "ternary", "entropy_weight": math.nan},
            "entropy_weight: expected a number from 0",
        ),
        ({"strategy": "binary", "qat": "int8"}, "qat rounds the weights of strategies magnitude"),
        ({"strategy": "dense", "qat": "int3"}, "unknown qat 'int3'"),
        ({"strategy": "dense", "scale": "channel"}, "scale is a setting of strategies binary and"),
        ({"strategy": "binary", "scale": "row"}, "unknown scale 'row'"),
        ({"strategy": "rp", "qat": "int8"}, "qat is a setting of strategies"),
        ({"strategy": "mask", "scale": "tensor"}, "scale is a setting of strategies"),
    ],
)
def test_settings_that_make_no_sense(digits: Data, chosen: dict[str, Any], message: str):
    with pytest.raises(SettingError, match=message):
        compress("mlp", data=digits, epochs=1, **chosen)


@pytest.mark.parametrize(
    ("chosen", "value_dtype", "message"),
    [
        ({"strategy": "binary"}, "int8", "strategy binary stores the levels that it was trained w"),
        ({"strategy": "dense", "qat": "int4"}, "int8", "expected int4-tensor or none, got int8"),
        (
            {"strategy": "dense", "qat": "int8", "scale": "tensor"},
            "int8",
            "expected int8-tensor or",
        ),
    ],
)
def test_other_values_than_were_trained_are_refused(chosen, value_dtype: str, message: str):
    with pytest.raises(SettingError, match=message):
        saving.pack(PrunedModel(net(), **chosen), value_dtype=value_dtype)


def test_the_value_dtype_that_was_trained_may_be_named():
    model = trained(strategy="dense", qat="int4")
    assert saving.pack(model, value_dtype="int4-tensor") == saving.pack(model)


def test_weights_that_are_no_numbers_are_not_stored():
    model = PrunedModel(net(), strategy="binary")
    with torch.no_grad():
        model.values[0][0] = math.nan
    with pytest.raises(ModelError, match="expected finite weights"):
        saving.pack(model)


def test_a_channel_of_zeros():
    for chosen in [*LATENT, *INTEGERS]:
        model = PrunedModel(net(), **chosen)
        model.set_progress(1.0)
        with torch.no_grad():
            model.values[0][0] = 0.0
            model.values[1].zero_()
        verify(saving.pack(model))
