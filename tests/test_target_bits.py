"""Bits per weight: what departs from the seed, the pull that steers it, and what is put back."""

import csv
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pemn_compress.accounting import mask_limit_bits
from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest, load_request
from pemn_compress.data.samples import Data
from pemn_compress.errors import SettingError
from pemn_compress.masking.departures import (
    DROPPED,
    most_bits,
    put_back,
    put_back_or_drop,
    stored_bits,
)
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.storing.saving import pack

CASES = [
    {"search": "sign", "density": 1.0},
    {"search": "sign", "density": 0.4},
    {"search": "sign", "density": 0.6, "frozen": 0.3},
    {"search": "edge-popup", "density": 0.5},
    {"search": "edge-popup", "density": 0.3, "budget": "global"},
]
# of which no reader can tell the first mask
UNPREDICTED = [
    {"search": "edge-popup", "density": 0.5, "ranking": "signed"},
    {"search": "supermask", "density": 0.5},
]


@pytest.fixture(scope="module")
def digits() -> Data:
    return load_request(DataRequest("digits", train_limit=600, test_limit=100), None)


def masked(**chosen: object) -> MaskedModel:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(40, 30), nn.Linear(30, 20))
    return MaskedModel(model, strategy="mask", seed=3, **chosen)


def moved(amount: float = 1.0, **chosen: object) -> MaskedModel:
    model, drawn = masked(**chosen), torch.Generator().manual_seed(5)
    with torch.no_grad():
        for score in model.scores:
            score.add_(amount * 0.2 * torch.randn(score.shape, generator=drawn))
    return model


@pytest.mark.parametrize("chosen", CASES)
def test_the_seeded_network_takes_no_bits(chosen: dict) -> None:
    model = masked(**chosen)
    assert stored_bits(model) == 0
    assert 0 < stored_bits(moved(**chosen)) <= most_bits(model) * 1.001


@pytest.mark.parametrize("chosen", UNPREDICTED)
def test_a_mask_that_no_reader_predicts_costs_all_its_bits(chosen: dict) -> None:
    model = masked(**chosen)
    assert stored_bits(model) == pytest.approx(most_bits(model))
    assert put_back(moved(**chosen), lambda: False) is None


@pytest.mark.parametrize("chosen", CASES)
def test_an_archive_takes_about_these_bits(chosen: dict) -> None:
    torch.manual_seed(0)
    model = MaskedModel(nn.Linear(400, 300), strategy="mask", seed=3, **chosen)
    with torch.no_grad():
        model.scores[0].add_(0.02 * torch.randn(300, 400))
    start = MaskedModel(nn.Linear(400, 300), strategy="mask", seed=3, **chosen)
    taken = len(pack(model)) - len(pack(start))
    assert 8 * taken / 120_000 == pytest.approx(stored_bits(model), rel=0.05, abs=0.002)


def test_bits_are_the_entropy_of_what_departs() -> None:
    model = masked(search="sign", density=1.0)
    with torch.no_grad():
        model.scores[0].view(-1)[:100].neg_()
    assert stored_bits(model) == pytest.approx(mask_limit_bits(1200, 100) / 1800)
    half = masked(search="edge-popup", density=0.5)
    with torch.no_grad():
        half.scores[1].copy_(half.scores[1].flip(0))
    apart = sum(int((half.first_masks()[n] != mask).sum()) for n, mask in half.masks().items())
    expected = min(mask_limit_bits(600, 300), mask_limit_bits(600, apart)) / 1800
    assert stored_bits(half) == pytest.approx(expected)
    frozen = masked(search="sign", density=1.0, frozen=0.5)
    assert most_bits(frozen) == pytest.approx(0.5)


@pytest.mark.parametrize("chosen", CASES)
@pytest.mark.parametrize("share", [0.9, 0.4, 0.05])
def test_as_few_departures_as_will_do_are_put_back(chosen: dict, share: float) -> None:
    model = moved(**chosen)
    before = {name: weight.detach().clone() for name, weight in model.weights().items()}
    target = share * stored_bits(model)
    kept = [int(mask.sum()) for mask in model.masks().values()]
    count = put_back(model, lambda: stored_bits(model) <= target)
    assert count is not None
    assert count > 0
    assert stored_bits(model) <= target
    assert sum(int(mask.sum()) for mask in model.masks().values()) == sum(kept)
    changed = sum(int((w != before[name]).sum()) for name, w in model.weights().items())
    # a flipped sign is one weight, two that change places in a mask are two
    assert count <= changed <= 2 * count
    assert put_back(model, lambda: stored_bits(model) <= target) == 0


@pytest.mark.parametrize("chosen", CASES)
@pytest.mark.parametrize("share", [0.99, 0.9, 0.6])
def test_bytes_are_met_by_the_way_that_changes_fewer_weights(chosen: dict, share: float) -> None:
    model, other = moved(**chosen), moved(**chosen)
    limit = share * len(pack(model, untrained=True))
    fits = lambda: len(pack(model, untrained=True)) <= limit  # noqa: E731
    before = {name: mask.clone() for name, mask in model.masks().items()}
    found = put_back_or_drop(model, fits)
    back = put_back(other, lambda: len(pack(other, untrained=True)) <= limit)
    if found is None:
        assert back is None
        return
    way, count = found
    assert fits()
    assert back is None or count <= back
    after = model.masks()
    if way != DROPPED:
        assert count == back
        assert model.settings == other.settings
        return
    assert sum(int(m.sum()) for m in before.values()) - sum(
        int(m.sum()) for m in after.values()
    ) == pytest.approx(count, abs=len(after))
    assert model.settings.density < chosen["density"]
    for (name, mask), score in zip(after.items(), model.scores, strict=True):
        left, rank = before[name] & ~mask, score.detach().abs()
        assert not (mask & ~before[name]).any()
        if left.any():
            assert rank[left].max() <= rank[mask].min()


def test_what_fits_is_left_as_it_is_and_what_cannot_fit_too() -> None:
    for chosen in CASES:
        model = moved(**chosen)
        before = {name: weight.clone() for name, weight in model.weights().items()}
        assert put_back_or_drop(model, lambda: True) == ("put back", 0)
        assert put_back_or_drop(model, lambda: False) is None
        for name, weight in model.weights().items():
            assert torch.equal(weight, before[name])
        assert model.settings == masked(**chosen).settings
        assert model.budget == masked(**chosen).budget


def test_no_weight_is_dropped_below_a_floor_or_a_frozen_share() -> None:
    floored = moved(search="edge-popup", density=0.3, budget="global", floor=0.25)
    for _ in range(3):
        put_back_or_drop(floored, lambda: stored_bits(floored) < 0.1)
        assert all(mask.float().mean() >= 0.25 for mask in floored.masks().values())
    frozen = moved(search="sign", density=0.6, frozen=0.5)
    put_back_or_drop(frozen, lambda: stored_bits(frozen) < 0.3)
    assert frozen.settings.density >= 0.5


def test_the_weakest_go_first_and_nothing_changes_in_vain() -> None:
    model = moved(search="sign", density=1.0)
    gone = torch.cat([model.negated(i).flatten() for i in range(2)])
    strength = torch.cat([score.detach().abs().flatten() for score in model.scores])
    target = 0.5 * stored_bits(model)
    put_back(model, lambda: stored_bits(model) <= target)
    still = torch.cat([model.negated(i).flatten() for i in range(2)])
    assert strength[gone & ~still].max() <= strength[still].min()
    before = [score.detach().clone() for score in model.scores]
    assert put_back(model, lambda: False) is None
    assert all(map(torch.equal, before, [score.detach() for score in model.scores]))


@given(st.floats(0.02, 0.98), st.sampled_from(CASES[:4]))
@settings(max_examples=25)
def test_any_target_is_met(share: float, chosen: dict) -> None:
    model = moved(0.7, **chosen)
    target = share * most_bits(model)
    assert put_back(model, lambda: stored_bits(model) <= target) is not None
    assert stored_bits(model) <= target
    pack(model, untrained=True)


@pytest.mark.parametrize("target", [0.2, 0.5])
def test_a_run_is_steered_and_ends_below_its_target(digits: Data, target: float) -> None:
    made = compress(
        "mlp", data=digits, arguments={"width": 64}, ratio=0.1, search="sign", density=1.0,
        target_bits=target, epochs=10,
    )  # fmt: skip
    epochs = made.record["epochs"]
    assert epochs[-1]["bits"] == pytest.approx(target, rel=0.15)
    assert len({epoch["pull"] for epoch in epochs}) > 5
    for one, two in pairwise(epochs):
        assert 1 / 1.51 < two["pull"] / one["pull"] < 1.51
    assert made.record["recipe"]["target_bits"] == target


def test_the_log_has_bits_and_pull(digits: Data, tmp_path) -> None:
    made = compress(
        "mlp", data=digits, arguments={"width": 24}, search="sign", density=1.0,
        pull=0.2, epochs=2, log=tmp_path / "log.csv",
    )  # fmt: skip
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["pull"]) for row in rows] == [0.2, 0.2]
    assert [float(row["bits"]) for row in rows] == [epoch.bits for epoch in made.history]


def test_what_is_above_at_the_end_is_put_back_and_told(digits: Data) -> None:
    with pytest.warns(match=r"target_bits 0.05: [\d,]+ departures from the seed were put back"):
        made = compress(
            "mlp", data=digits, arguments={"width": 64}, ratio=0.1, search="sign", density=1.0,
            target_bits=0.05, epochs=2,
        )  # fmt: skip
    (back,) = made.record["put_back"]
    assert back["count"] > 0
    assert back["weights"] == 8832
    assert back["after"] == made.record["storage_steps"][-1]["score"]
    assert back["before"] == made.record["epochs"][-1]["test"]
    assert any("put back" in line for line in made.warnings)


def test_a_steered_run_goes_on_as_if_it_had_not_stopped(digits: Data, tmp_path) -> None:
    chosen = {
        "data": digits, "arguments": {"width": 24}, "search": "sign", "density": 1.0,
        "target_bits": 0.4, "epochs": 4,
    }  # fmt: skip
    whole = compress("mlp", **chosen).archive

    class Stop(Exception):
        pass

    class Watch:
        def start(self, *_): ...
        def step(self, *_): ...
        def warning(self, text): ...
        def epoch(self, epoch):
            if epoch.epoch == 2:
                raise Stop

    with pytest.raises(Stop):
        compress("mlp", checkpoint=tmp_path / "c.pt", observer=Watch(), **chosen)
    assert compress("mlp", checkpoint=tmp_path / "c.pt", **chosen).archive == whole


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"target_bits": -1}, "bits per weight above 0, such as 0.5, got -1"),
        ({"target_bits": 0}, "bits per weight above 0"),
        ({"target_bits": float("inf")}, "target bits: expected a finite number"),
        ({"target_bits": float("nan")}, "target bits"),
        ({"target_bits": 1.2, "search": "sign", "density": 1.0}, "above 0 and up to 1, .*got 1.2"),
        ({"target_bits": 0.9, "frozen": 0.5}, "above 0 and up to"),
        ({"target_bits": 0.4, "renewal": "iterand"}, "expected renewal none"),
        ({"target_bits": 0.4, "strategy": "magnitude"}, "target_bits is of masks"),
    ],
)
def test_targets_that_make_no_sense(digits: Data, chosen: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        compress("mlp", data=digits, epochs=1, **chosen)
