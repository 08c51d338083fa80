"""Scales that are trained, and weights that keep their seeded value."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest, load_request
from pemn_compress.data.samples import Data
from pemn_compress.errors import SettingError
from pemn_compress.format import prng
from pemn_compress.format.archive import open_archive, verify
from pemn_compress.masking.frozen import FROZEN_STREAMS
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.rules.budgets import frozen_count
from pemn_compress.storing.loading import load, state_dict
from pemn_compress.storing.saving import pack
from pemn_compress.training import recipes
from pemn_compress.training.optimization import make_optimizer


@pytest.fixture(scope="module")
def digits() -> Data:
    return load_request(DataRequest("digits", train_limit=400, test_limit=60), None)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 10))


def masked(**chosen: object) -> MaskedModel:
    return MaskedModel(network(), strategy="rp", ratio=0.3, seed=3, **chosen)


@pytest.mark.parametrize("learn_scale", ["tensor", "channel"])
@pytest.mark.parametrize(
    ("search", "density"), [("sign", 1.0), ("sign", 0.4), ("edge-popup", 0.5), ("supermask", 0.5)]
)
def test_a_learned_scale_starts_from_the_fans(
    learn_scale: str, search: str, density: float
) -> None:
    model = masked(search=search, density=density, learn_scale=learn_scale)
    plain = masked(search=search, density=density)
    for name, weight in model.weights().items():
        assert torch.equal(weight, plain.weights()[name])
    sizes = [factor.shape[0] for factor in model.factors]
    assert sizes == ([1, 1] if learn_scale == "tensor" else [6, 10])


@pytest.mark.parametrize("learn_scale", ["tensor", "channel"])
@pytest.mark.parametrize("search", ["sign", "edge-popup"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_stored_is_what_was_trained_bit_for_bit(
    learn_scale: str, search: str, dtype: torch.dtype
) -> None:
    plain = network().to(dtype)
    model = MaskedModel(plain, seed=1, search=search, density=0.6, learn_scale=learn_scale)
    with torch.no_grad():
        for factor in model.factors:  # negative ones and 0 too: a scale is positive and finite
            factor.copy_(torch.linspace(-0.7, 1.9, len(factor)))
            factor[0] = 0
    packed = pack(model, untrained=True)
    verify(packed)
    restored = load(packed, model=network().to(dtype))
    for name, weight in model.weights().items():
        stored = restored.get_parameter(name).detach()
        assert torch.equal(stored.view(torch.int16), weight.detach().view(torch.int16))
    inputs = torch.randn(3, 1, 8, 8).to(dtype)
    on_demand = load(packed, model=network().to(dtype), packed=True)
    with torch.no_grad():
        assert torch.equal(on_demand(inputs), restored(inputs))
    with open_archive(packed) as archive:
        scales = [t.values.scale for t in archive.manifest.tensors if t.positions or t.plane]
    assert [isinstance(scale, tuple) for scale in scales] == [learn_scale == "channel"] * 2


def test_a_scale_is_trained_at_the_dense_rate() -> None:
    model = masked(search="sign", density=1.0, learn_scale="channel")
    model(torch.randn(4, 1, 8, 8)).pow(2).mean().backward()
    assert all(bool(factor.grad.abs().sum() > 0) for factor in model.factors)
    recipe = recipes.load("default").override(dense_lr=0.001, weight_decay=0.1)
    groups = {
        id(parameter): group
        for group in make_optimizer(model, recipe).param_groups
        for parameter in group["params"]
    }
    group = groups[id(model.factors[0])]
    assert (group["lr"], group["weight_decay"]) == (pytest.approx(0.001), 0.0)


@pytest.mark.parametrize(
    "chosen",
    [
        {"search": "sign", "density": 1.0, "learn_scale": "channel"},
        {"search": "edge-popup", "density": 0.5, "learn_scale": "tensor", "frozen": 0.3},
        {"search": "sign", "density": 0.6, "learn_scale": "channel", "frozen": 0.5},
        {"search": "edge-popup", "learn_scale": "channel", "renewal": "iterand",
         "renewal_every": 6, "frozen": 0.2},
        {"search": "supermask", "frozen": 0.3, "lr": 0.1},
        {"search": "biprop", "frozen": 0.3, "budget": "global"},
    ],
)  # fmt: skip
def test_the_whole_road(digits: Data, chosen: dict) -> None:
    made = compress(
        "mlp", data=digits, arguments={"width": 24}, ratio=0.1, **{"epochs": 3, "lr": 0.02} | chosen
    )
    verify(made.archive)
    assert made.history[-1].train_loss < made.history[0].train_loss
    with open_archive(made.archive) as archive:
        restored = state_dict(archive)
        told = archive.manifest.about["settings"]
    asked = {name: chosen[name] for name in ("learn_scale", "frozen") if name in chosen}
    assert told.items() >= asked.items()
    assert made.record["settings"].items() >= asked.items()
    for name, tensor in made.model.state_dict().items():
        assert restored[name].numpy().tobytes() == tensor.numpy().tobytes()


@given(st.integers(1, 2000), st.floats(0, 0.999))
def test_a_share_is_never_all(numel: int, share: float) -> None:
    count = frozen_count(numel, share)
    assert 0 <= count < numel
    assert abs(count - numel * share) <= 0.5 or count == numel - 1


@pytest.mark.parametrize("frozen", [0.001, 0.3, 0.5, 0.97])
def test_frozen_ones_have_the_lowest_words_of_a_stream(frozen: float) -> None:
    model = masked(search="sign", density=1.0, frozen=frozen, frozen_by="seed")
    for index, tensor in enumerate(model.plan):
        kept, count = model.frozen(index), frozen_count(tensor.numel, frozen)
        if kept is None:
            assert not count
            continue
        words = prng.words(3, FROZEN_STREAMS + index, tensor.numel)
        found = kept.numpy().reshape(-1)
        assert int(found.sum()) == count
        assert words[found].max() <= words[~found].min()


@pytest.mark.parametrize("strategy", ["mask", "rp", "mp", "one-layer"])
@pytest.mark.parametrize("frozen", [0.001, 0.5, 0.97])
def test_frozen_ones_have_the_smallest_seeded_values(strategy: str, frozen: float) -> None:
    model = MaskedModel(
        network(), strategy=strategy, ratio=0.3, seed=3, search="sign", density=1.0, frozen=frozen
    )
    for index, tensor in enumerate(model.plan):
        kept, count = model.frozen(index), frozen_count(tensor.numel, frozen)
        if kept is None:
            assert not count
            continue
        size, found = model.seeded(index).abs().reshape(-1).numpy(), kept.numpy().reshape(-1)
        assert np.flatnonzero(found).tolist() == sorted(np.argsort(size, kind="stable")[:count])


@pytest.mark.parametrize(
    ("distribution", "rule"), [("kaiming-normal", "magnitude"), ("signed-constant", "seed")]
)
def test_values_of_one_magnitude_are_frozen_by_the_seed(distribution: str, rule: str) -> None:
    model = masked(search="sign", density=1.0, frozen=0.5, distribution=distribution)
    assert model.settings.frozen_rule == rule
    with open_archive(pack(model)) as archive:
        chosen = [record.frozen for record in archive.manifest.tensors if record.frozen]
        assert [one.seed is None for one in chosen] == [rule == "magnitude"] * 2
        restored = archive.restored()
    for name, weight in model.weights().items():
        assert np.array_equal(restored[name], weight.detach().numpy())


@pytest.mark.parametrize(("search", "density"), [("sign", 1.0), ("sign", 0.5), ("edge-popup", 0.6)])
def test_what_is_frozen_keeps_its_seeded_value(search: str, density: float) -> None:
    model = masked(search=search, density=density, frozen=0.4)
    seeded = MaskedModel(network(), strategy="rp", ratio=0.3, seed=3, density=1.0).weights()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(20):
        model(torch.randn(8, 1, 8, 8)).pow(2).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        model.pull(0.01)
    masks = model.masks()
    for index, tensor in enumerate(model.plan):
        frozen = model.frozen(index)
        assert torch.equal(model.weights()[tensor.name][frozen], seeded[tensor.name][frozen])
        assert int(masks[tensor.name].sum()) == round(density * tensor.numel)
        if search == "sign":
            assert not model.negated(index)[frozen].any()
            assert model.negated(index)[~frozen].any()


def test_a_frozen_weight_has_no_gradient() -> None:
    model = masked(search="sign", density=1.0, frozen=0.5)
    model(torch.randn(4, 1, 8, 8)).pow(2).mean().backward()
    for index, score in enumerate(model.scores):
        assert not score.grad[model.frozen(index)].any()
        assert score.grad[~model.frozen(index)].any()


def test_frozen_weights_move_with_the_model_and_survive_a_state_dict() -> None:
    model, other = masked(frozen=0.3), masked(frozen=0.3)
    other.load_state_dict(model.state_dict())
    assert not [name for name in model.state_dict() if name.startswith("frozen")]
    assert torch.equal(model.frozen(0), other.frozen(0))
    assert masked().frozen(0) is None
    ranked = np.flatnonzero(model.frozen(1).numpy().reshape(-1))
    assert len(ranked) == frozen_count(2160, 0.3)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"frozen": -0.1}, "expected 0 to below 1, got -0.1"),
        ({"frozen": 1.0}, "expected 0 to below 1, got 1"),
        ({"frozen": float("nan")}, "expected 0 to below 1"),
        ({"frozen": 0.6, "density": 0.5}, "at most the density 0.5, got 0.6"),
        ({"frozen": 0.2, "renewal": "recycle"}, "renewal none or iterand with frozen"),
        ({"frozen": 0.2, "density_schedule": "cubic"}, "density_schedule constant"),
        ({"frozen": 0.2, "frozen_by": "size"}, "rule of what is frozen 'size'.*magnitude, seed"),
        ({"learn_scale": "row"}, "learned scale"),
        ({"learn_scale": "channel", "search": "biprop"}, "biprop computes its own scale"),
    ],
)
def test_settings_that_make_no_sense(chosen: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        masked(**chosen)
