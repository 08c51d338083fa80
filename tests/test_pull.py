"""Learned signs, the pull towards the seeded start, and rates apart."""

import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st
from torch import nn

from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest, load_request
from pemn_compress.data.samples import Data
from pemn_compress.errors import SettingError
from pemn_compress.format.archive import open_archive, verify
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.storing.loading import state_dict
from pemn_compress.training import recipes
from pemn_compress.training.optimization import make_optimizer


@pytest.fixture(scope="module")
def digits() -> Data:
    return load_request(DataRequest("digits", train_limit=600, test_limit=100), None)


def masked(**chosen: object) -> MaskedModel:
    torch.manual_seed(0)
    return MaskedModel(nn.Linear(40, 30), strategy="mask", seed=3, **chosen)


@pytest.mark.parametrize("density", [1.0, 0.4])
def test_training_starts_from_the_seeded_network(density: float) -> None:
    model, plain = masked(search="sign", density=density), masked(density=1.0)
    weight, seeded = model.weights()["weight"], plain.weights()["weight"]
    kept = model.masks()["weight"]
    assert int(kept.sum()) == round(density * 1200)
    assert torch.equal(weight[kept], seeded[kept])
    assert not model.negated(0)[kept].any()
    with torch.no_grad():
        model.scores[0].neg_()
    assert torch.equal(model.weights()["weight"][kept], -seeded[kept])
    assert bool(model.negated(0).all())


@pytest.mark.parametrize("ratio", [1e-4, 0.01, 0.4])
def test_a_short_prototype_has_signs_of_its_own(ratio: float) -> None:
    # at 1e-4 it has one value, which torch repeats without memory for each
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MaskedModel(
            nn.Linear(40, 30), strategy="rp", ratio=ratio, search="sign", density=1.0
        )
    with torch.no_grad():
        model.scores[0].copy_(torch.linspace(-1, 1, 1200).view(30, 40))
    weight = model.weights()["weight"]
    assert torch.equal(weight.signbit(), model.scores[0].signbit())
    assert bool((weight != 0).all())


@trying(deadline=None)
@given(st.floats(0, 2, width=32), st.sampled_from(["sign", "edge-popup"]))
def test_a_pull_goes_back_and_not_beyond(amount: float, search: str) -> None:
    model = masked(search=search)
    start = model.scores[0].detach().clone()
    away = torch.randn(start.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        model.scores[0].add_(away)
    before = model.scores[0].detach() - start
    model.pull(amount)
    left = model.scores[0].detach() - start
    expected = before.sign() * (before.abs() - amount).clamp(min=0)
    torch.testing.assert_close(left, expected, rtol=0, atol=1e-6)


def test_what_is_pulled_departs_less_and_is_stored_in_less(digits: Data) -> None:
    sizes, flips = [], []
    for pull in (0.0, 0.3):
        made = compress(
            "mlp", data=digits, arguments={"width": 64}, strategy="mask", search="sign",
            density=1.0, pull=pull, lr=0.02, epochs=6,
        )  # fmt: skip
        verify(made.archive)
        with open_archive(made.archive) as archive:
            restored = state_dict(archive)
            planes = [getattr(tensor.values, "plane", None) for tensor in archive.manifest.tensors]
        flips.append(sum(plane.positions.ones for plane in planes if plane))
        for name, tensor in made.model.state_dict().items():
            assert restored[name].numpy().tobytes() == tensor.numpy().tobytes()
        sizes.append(len(made.archive))
        assert made.accuracy > 0.8
    assert flips[1] < 0.7 * flips[0]
    assert sizes[1] < sizes[0]


def test_a_run_that_is_pulled_goes_on_as_if_it_had_not_stopped(digits: Data, tmp_path) -> None:
    settings = {
        "data": digits, "arguments": {"width": 16}, "search": "sign", "density": 0.5,
        "pull": 0.1, "dense_lr": 0.003, "epochs": 3,
    }  # fmt: skip
    whole = compress("mlp", **settings).archive

    class Stop(Exception):
        pass

    class Watch:
        def start(self, *_): ...
        def step(self, *_): ...
        def epoch(self, epoch):
            if epoch.epoch == 2:
                raise Stop

    with pytest.raises(Stop):
        compress("mlp", checkpoint=tmp_path / "c.pt", observer=Watch(), **settings)
    assert compress("mlp", checkpoint=tmp_path / "c.pt", **settings).archive == whole


def test_rates_apart() -> None:
    recipe = recipes.load("default").override(lr=0.02, dense_lr=0.005, weight_decay=0.1)
    model = masked()
    rates = {
        id(parameter): group["lr"]
        for group in make_optimizer(model, recipe).param_groups
        for parameter in group["params"]
    }
    assert rates[id(model.scores[0])] == 0.02
    assert rates[id(model.model.bias)] == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"pull": -1}, "pull: expected from 0 to 1,000,000, got -1"),
        ({"pull": float("inf")}, "pull"),
        ({"pull": float("nan")}, "pull"),
        ({"dense_lr": 0}, "dense lr: expected above 0 and at most 1,000,000, got 0"),
        ({"search": "sign", "renewal": "iterand"}, "learns signs instead"),
        ({"search": "sign", "ranking": "signed"}, "takes the score's sign"),
        ({"strategy": "magnitude", "pull": 0.1}, "pull is of masks: strategy magnitude"),
    ],
)
def test_settings_that_make_no_sense(digits: Data, chosen: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        compress("mlp", data=digits, epochs=1, **chosen)
