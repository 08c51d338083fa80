"""Optimisation: the learning rate at every step, and what weight decay acts on."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pemn_compress.errors import ModelError
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.training.optimization import learning_rate, make_optimizer
from pemn_compress.training.recipes import SCHEDULES, Recipe


def recipe(**changes) -> Recipe:
    base = {"optimizer": "sgd", "lr": 0.4, "epochs": 10, "batch_size": 8}
    return Recipe(name="mine", source="here", **(base | changes))


def all_rates(used: Recipe, steps: int) -> list[float]:
    """Return the rate of every step of a run, in order."""
    return [learning_rate(used, e, s, steps) for e in range(used.epochs) for s in range(steps)]


@given(epochs=st.integers(1, 20).map(lambda n: 5 * n), steps=st.integers(1, 9))
@settings(deadline=None, derandomize=True, max_examples=40)
def test_the_triangle_goes_through_its_knots_in_straight_lines(epochs: int, steps: int) -> None:
    rates = all_rates(recipe(schedule="triangular", epochs=epochs), steps)
    total = epochs * steps
    # the rate after a fraction of the run, counted at the end of a step; 0 before the first
    assert rates[total * 2 // 5 - 1] == pytest.approx(0.4)
    assert rates[total * 4 // 5 - 1] == pytest.approx(0.4 / 20)
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    knots = ((0, 0.0), (0.4, 0.4), (0.8, 0.02), (1, 0.0))
    for step, rate in enumerate(rates):
        at = (step + 1) / total
        for (x0, y0), (x1, y1) in pairwise(knots):
            if x0 <= at <= x1:
                assert rate == pytest.approx(y0 + (y1 - y0) * (at - x0) / (x1 - x0), abs=1e-9)


@given(epochs=st.integers(1, 100), steps=st.integers(1, 9))
@settings(deadline=None, derandomize=True, max_examples=40)
def test_one_cycle_rises_for_a_fifth_and_falls_to_the_last_step(epochs: int, steps: int) -> None:
    rates = all_rates(recipe(schedule="one-cycle", epochs=epochs), steps)
    total = epochs * steps
    peak = rates.index(max(rates))
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert abs(peak + 1 - total / 5) <= 1.5
    assert 0 < rates[-1] <= max(rates) <= 0.4
    if total >= 10:
        assert max(rates) > 0.35
        assert rates[-1] == pytest.approx(0.4 / total / 0.8)


def test_the_cosine_falls_once_per_epoch() -> None:
    rates = all_rates(recipe(schedule="cosine"), 3)
    expected = [0.2 * (1 + math.cos(math.pi * epoch / 10)) for epoch in range(10)]
    assert rates == [rate for rate in expected for _ in range(3)]
    assert rates[0] == 0.4


def test_the_constant_is_one() -> None:
    assert set(all_rates(recipe(schedule="constant"), 3)) == {0.4}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warmup_rises_step_by_step_and_the_schedule_takes_the_rest(schedule: str) -> None:
    warmed = recipe(schedule=schedule, warmup_epochs=2)
    rates = all_rates(warmed, 4)
    assert rates[:8] == pytest.approx([0.4 * step / 8 for step in range(1, 9)])
    assert rates[8:] == all_rates(recipe(schedule=schedule, epochs=8), 4)
    only = all_rates(recipe(schedule=schedule, epochs=2, warmup_epochs=2), 4)
    assert only == rates[:8]


@given(
    schedule=st.sampled_from(SCHEDULES),
    epochs=st.integers(1, 30),
    steps=st.integers(1, 7),
    data=st.data(),
)
@settings(deadline=None, derandomize=True, max_examples=60)
def test_no_rate_is_negative_or_above_the_recipes(
    schedule: str, epochs: int, steps: int, data: st.DataObject
) -> None:
    warmup = data.draw(st.integers(0, epochs))
    used = recipe(schedule=schedule, epochs=epochs, warmup_epochs=warmup)
    rates = all_rates(used, steps)
    assert all(-1e-12 <= rate <= 0.4 * (1 + 1e-12) for rate in rates)


def masked() -> MaskedModel:
    return MaskedModel(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)))


def decayed(model: nn.Module, optimizer: torch.optim.Optimizer) -> set[str]:
    rates = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert rates.keys() == {id(p) for p in model.parameters() if p.requires_grad}
    return {name for name, p in model.named_parameters() if rates.get(id(p))}


def test_decay_acts_on_matrices_or_on_all() -> None:
    model = masked()
    used = recipe(weight_decay=0.1)
    assert decayed(model, make_optimizer(model, used)) == {"scores.0", "scores.1"}
    everything = {name for name, _ in model.named_parameters()}
    assert decayed(model, make_optimizer(model, used.override(decay="all"))) == everything
    model.model[1].requires_grad_(False)
    frozen = {"model.1.weight", "model.1.bias"}
    assert decayed(model, make_optimizer(model, used.override(decay="all"))) == everything - frozen


@pytest.mark.parametrize(
    ("name", "kind"),
    [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)],
)
def test_the_optimizer_is_the_recipes(name: str, kind: type) -> None:
    optimizer = make_optimizer(masked(), recipe(optimizer=name, momentum=0.7))
    assert type(optimizer) is kind
    assert {group["lr"] for group in optimizer.param_groups} == {0.4}
    if name == "sgd":
        assert {group["momentum"] for group in optimizer.param_groups} == {0.7}


def test_a_model_with_nothing_to_train_is_refused() -> None:
    with pytest.raises(ModelError, match="Linear has no trainable parameter"):
        make_optimizer(nn.Linear(2, 2).requires_grad_(False), recipe())
