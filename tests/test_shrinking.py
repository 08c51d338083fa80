"""Dense parameters made small: folded batch-norm, narrow floats, and what compress says of them."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import pemn_compress
from pemn_compress import MaskedModel, build, compress, load, verify
from pemn_compress.compressing.storage import Storage
from pemn_compress.errors import UnknownNameError
from pemn_compress.format.archive import inspect, open_archive
from pemn_compress.storing import saving as packing
from pemn_compress.storing.shrinking import DENSE_DTYPES, fold_batchnorm, round_dense, store_dense


def net(affine: bool = True) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, affine=affine), nn.ReLU(),
        nn.Flatten(), nn.Linear(8 * 36, 16), nn.BatchNorm1d(16, eps=1e-3), nn.Linear(16, 4),
    )  # fmt: skip
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(1e-4, 50)
            if module.affine:
                nn.init.normal_(module.weight)
                nn.init.normal_(module.bias)
    return model.eval()


def images() -> torch.Tensor:
    return torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_a_folded_network_means_the_same():
    model = net()
    with torch.no_grad():
        before = model(images())
        assert fold_batchnorm(model) == 2
        torch.testing.assert_close(model(images()), before, rtol=1e-5, atol=1e-5)
    assert (model[1].running_mean == 0).all()
    assert len(model[1].running_var.unique()) == 1


def test_folding_twice_changes_nothing_that_matters():
    once, twice = net(), net()
    fold_batchnorm(once)
    fold_batchnorm(twice)
    fold_batchnorm(twice)
    with torch.no_grad():
        torch.testing.assert_close(once(images()), twice(images()), rtol=1e-5, atol=1e-5)


def test_layers_that_cannot_hold_a_scale_and_a_shift_are_left_alone():
    model = net(affine=False)
    mean = model[1].running_mean.clone()
    assert fold_batchnorm(model) == 1
    assert torch.equal(model[1].running_mean, mean)
    assert fold_batchnorm(nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False))) == 0


@pytest.mark.parametrize(("name", "dtype"), [("float16", torch.half), ("bfloat16", torch.bfloat16)])
def test_rounding_leaves_masked_tensors_and_what_would_overflow(name, dtype):
    model = net()
    nn.init.constant_(model[1].running_var, 3.4e38 if dtype == torch.bfloat16 else 1e6)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    round_dense(model, frozenset({"0.weight"}), name)
    after = model.state_dict()
    assert torch.equal(after["0.weight"], before["0.weight"])
    assert torch.equal(after["0.bias"], before["0.bias"].to(dtype).float())
    assert not torch.equal(after["0.bias"], before["0.bias"])
    assert torch.equal(after["1.running_var"], before["1.running_var"])
    assert torch.equal(after["1.num_batches_tracked"], before["1.num_batches_tracked"])


def test_an_unknown_dtype_is_refused():
    with pytest.raises(UnknownNameError, match="bfloat16, float16, float32"):
        packing.pack(MaskedModel(net()), dense_dtype="int4")


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_archive_holds_exactly_the_shrunk_model(fold, dtype):
    masked = MaskedModel(net()).eval()
    options = {"fold_batchnorm": fold, "dense_dtype": dtype}
    packed = packing.pack(masked, **options)
    verify(packed)
    shrunk, restored = packing.shrunk(masked, **options), load(packed, model=net())
    with torch.no_grad():
        assert torch.equal(restored(images()), shrunk(images()))
        if not fold and dtype == "float32":
            assert torch.equal(restored(images()), masked(images()))
    kinds = {t["name"]: t["values"] for t in inspect(packed)["tensors"]}
    assert (kinds["1.running_mean"]["kind"] == "constant") == fold
    assert kinds["0.bias"]["dtype"] == (DENSE_DTYPES[dtype] or "f32")


def test_the_masked_model_itself_is_not_touched():
    masked = MaskedModel(net()).eval()
    with torch.no_grad():
        before = masked(images())
        packing.pack(masked, fold_batchnorm=True, dense_dtype="float16")
        assert torch.equal(masked(images()), before)


@pytest.mark.parametrize(("density", "most"), [(0.5, 1.15 * 57_734), (0.05, 24_000)])
def test_resnet32_is_little_more_than_its_masks(density, most):
    model = build("resnet32", bias=False)
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias, 0, 0.2)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    masked = MaskedModel(model, density=density)
    assert len(packing.pack(masked, fold_batchnorm=True, dense_dtype="float16")) <= most


def test_compress_says_what_each_step_costs(tmp_path: Path):
    made = compress(
        "convmixer",
        data="digits",
        arguments={"dim": 16, "depth": 2, "kernel": 3},
        epochs=1,
        output=tmp_path / "m.pemn",
        record=tmp_path / "run.json",
        storage=Storage(fold_batchnorm=True, dense_dtype="bfloat16"),
    )
    labels = [step.label for step in made.steps]
    assert labels == ["as trained", "batch-norm folded", "dense bfloat16"]
    sizes = [step.archive_bytes for step in made.steps]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == (tmp_path / "m.pemn").stat().st_size
    recorded = inspect(tmp_path / "m.pemn")["about"]["accuracy"]
    assert recorded["correct"] == made.steps[-1].score.correct
    record = json.loads((tmp_path / "run.json").read_text())
    assert [step["label"] for step in record["storage_steps"]] == labels
    assert record["accuracy"] == made.accuracy


@pytest.mark.parametrize("normalised", [False, True])
def test_nothing_to_fold_is_said_and_not_measured(normalised):
    model = nn.Sequential(
        nn.Linear(4, 8),
        nn.BatchNorm1d(8, affine=False) if normalised else nn.ReLU(),
        nn.Linear(8, 2),
    )
    inputs = torch.randn(32, 4)
    pair = (inputs, (inputs[:, 0] > 0).long())
    made = compress(model, data=(pair, pair), epochs=1, storage=Storage(fold_batchnorm=True))
    assert [step.label for step in made.steps] == ["as trained"]
    assert any("nothing is folded" in warning for warning in made.warnings)


class Doubled(nn.BatchNorm1d):
    """A batch-norm with a forward of its own: a scale and a shift do not say what it computes."""

    def forward(self, x):
        return super().forward(x) * 2 + self.weight


def shared_affine() -> nn.Module:
    model = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Linear(6, 6), nn.BatchNorm1d(6))
    model[3].weight, model[3].bias = model[1].weight, model[1].bias
    return model


def shared_statistics() -> nn.Module:
    model = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Linear(6, 6), nn.BatchNorm1d(6))
    model[3].running_mean, model[3].running_var = model[1].running_mean, model[1].running_var
    return model


def used_twice() -> nn.Module:
    norm = nn.BatchNorm1d(6)
    return nn.Sequential(nn.Linear(6, 6), norm, nn.Linear(6, 6), norm)


def own_forward() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 6), Doubled(6))


def hooked() -> nn.Module:
    model = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6))
    model[1].register_forward_hook(lambda module, _, out: out + module.weight)
    return model


def tied_elsewhere() -> nn.Module:
    class Tied(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Linear(6, 6), nn.BatchNorm1d(6))
            self.gain = self[1].weight

        def forward(self, x):
            return super().forward(x) * self.gain

    return Tied()


@pytest.mark.parametrize(
    "make", [shared_affine, shared_statistics, used_twice, own_forward, hooked, tied_elsewhere]
)
@pytest.mark.parametrize("dense_dtype", ["float32"])
def test_what_folding_would_change_is_left_alone(make, dense_dtype, tmp_path):
    def trained():
        torch.manual_seed(0)
        model = make()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.running_mean.uniform_(-1, 1)
                module.running_var.uniform_(0.5, 4)
                nn.init.uniform_(module.weight, 0.5, 2)
                nn.init.uniform_(module.bias)
        return model.eval()

    masked = MaskedModel(trained())
    points = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = masked.eval()(points)
        pemn_compress.save(
            masked, tmp_path / "m.pemn", fold_batchnorm=True, dense_dtype=dense_dtype
        )
        restored = load(tmp_path / "m.pemn", model=make())
        torch.testing.assert_close(restored(points), expected, rtol=1e-5, atol=1e-5)


def test_a_batch_norm_that_is_masked_is_not_folded():
    model = net()
    masked = MaskedModel(model, include=["*.weight"])
    with torch.no_grad():
        expected = masked.eval()(images())
        restored = load(packing.pack(masked, fold_batchnorm=True), model=net())
        torch.testing.assert_close(restored(images()), expected, rtol=1e-5, atol=1e-5)


def test_int8_has_a_scale_per_tensor_and_rounds_to_nearest():
    model = net()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    round_dense(model, frozenset({"0.weight"}), "int8")
    after = model.state_dict()
    assert torch.equal(after["0.weight"], before["0.weight"])
    large = before["4.weight"]
    scale = large.abs().max() / 127
    assert float((after["4.weight"] - large).abs().max()) <= float(scale) * 0.5001
    assert len(after["4.weight"].unique()) <= 255
    # few elements, and what is divided by, are better off as float16
    for name in ("0.bias", "1.running_var", "5.running_var"):
        assert torch.equal(after[name], before[name].half().float())
    assert torch.equal(after["1.num_batches_tracked"], before["1.num_batches_tracked"])


@pytest.mark.parametrize("fold", [False, True])
def test_an_archive_of_int8_holds_exactly_the_shrunk_model(fold):
    masked = MaskedModel(net(), include=["0.weight", "6.weight"]).eval()
    options = {"fold_batchnorm": fold, "dense_dtype": "int8"}
    packed = packing.pack(masked, **options)
    verify(packed)
    shrunk, restored = packing.shrunk(masked, **options), load(packed, model=net())
    with torch.no_grad():
        assert torch.equal(restored(images()), shrunk(images()))
        assert not torch.equal(shrunk(images()), masked(images()))
    kinds = {t["name"]: t["values"] for t in inspect(packed)["tensors"]}
    assert kinds["4.weight"]["dtype"] == kinds["5.weight"]["dtype"] == "i8"
    assert kinds["0.bias"]["dtype"] == "f16"
    assert (kinds["5.running_var"]["kind"] == "constant") == fold
    assert len(packed) < len(packing.pack(masked, fold_batchnorm=fold, dense_dtype="float16")) - 900


def test_int8_leaves_what_is_alike_and_what_is_not_finite():
    state = {"a": torch.full((40,), 0.3), "b": torch.linspace(-1, 1, 40), "c": torch.randn(40)}
    state["c"][3] = float("nan")
    state["d"] = state["b"]  # one tensor of two names is rounded once
    before = {key: value.clone() for key, value in state.items()}
    found = store_dense(state, (), "int8")
    assert list(found) == ["b"]
    assert torch.equal(state["a"], before["a"])
    assert torch.equal(state["c"].nan_to_num(), before["c"].nan_to_num())
    assert torch.equal(state["b"], torch.from_numpy(found["b"].integers) * found["b"].scale)
    once = state["b"].clone()
    store_dense(state, (), "int8")
    assert torch.allclose(state["b"], once)


def test_a_small_network_is_compact_unless_1_0_is_asked_for():
    masked = MaskedModel(net()).eval()
    small, old = packing.pack(masked), packing.pack(masked, format_version="1.0")
    assert [inspect(one)["format_version"] for one in (small, old)] == ["1.1", "1.0"]
    assert verify(small)["restored_sha256"] == verify(old)["restored_sha256"]
    with open_archive(small) as archive:
        predicted = [t.positions.predictor for t in archive.manifest.tensors if t.positions]
    assert predicted[::2] == [None, None]  # which are too small to save anything
    assert (predicted[1].flips, predicted[1].stream) == (0, 2**32 + 1)  # nothing was trained
    assert len(small) < len(old) - 1000
    signed = MaskedModel(net(), ranking="signed")
    with open_archive(packing.pack(signed)) as archive:
        assert not any(t.positions.predictor for t in archive.manifest.tensors if t.positions)
    with pytest.raises(UnknownNameError, match="format version"):
        packing.pack(masked, format_version="2.0")
