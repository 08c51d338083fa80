"""Budgets: exact counts over all tensors, floors, densities by name, and ramps."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pemn_compress.errors import SettingError
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.rules.budgets import (
    global_budget,
    ramped,
    tensor_budget,
    tensor_densities,
)
from pemn_compress.masking.rules.plan import Plan, PlannedTensor, kept_count
from pemn_compress.masking.top import top_global

LAW = settings(deadline=None, derandomize=True, max_examples=100)
SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=5)


def plan_of(sizes: list[int]) -> Plan:
    return Plan(tuple(PlannedTensor(f"w{i}", (n,), n, 1) for i, n in enumerate(sizes)))


@given(
    sizes=SIZES,
    density=st.floats(0.01, 1),
    floor=st.floats(0, 1),
    signed=st.booleans(),
    data=st.data(),
)
@LAW
def test_a_global_budget_is_exact_and_keeps_its_floors(
    sizes: list[int], density: float, floor: float, signed: bool, data: st.DataObject
) -> None:
    plan = plan_of(sizes)
    try:
        floors, total = global_budget(plan, density, floor)
    except SettingError:
        least = [kept_count(n, floor) if floor else 1 for n in sizes]
        assert sum(least) > kept_count(sum(sizes), density)
        return
    assert total == kept_count(sum(sizes), density)
    few = st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, math.inf, -math.inf])
    scores = [data.draw(st.lists(few, min_size=n, max_size=n)) for n in sizes]
    got = top_global([torch.tensor(own) for own in scores], floors, total, signed).tolist()

    # by sorting: every tensor's best up to its floor, then the best of the rest
    def rank(place: tuple[int, int]) -> float:
        score = scores[place[0]][place[1]]
        return -score if signed else -abs(score)

    places = [(t, i) for t, n in enumerate(sizes) for i in range(n)]
    ordered = sorted(places, key=rank)  # stable: lower plan index, then lower index
    kept = {p for t, least in enumerate(floors) for p in [q for q in ordered if q[0] == t][:least]}
    rest = [place for place in ordered if place not in kept]
    kept |= set(rest[: total - len(kept)])
    assert got == [place in kept for place in places]
    assert sum(got) == total


@given(sizes=SIZES, density=st.floats(0.01, 1), floor=st.floats(0, 1))
@LAW
def test_a_refused_floor_names_numbers_that_work(
    sizes: list[int], density: float, floor: float
) -> None:
    plan = plan_of(sizes)
    try:
        global_budget(plan, density, floor)
    except SettingError as error:
        text = str(error)
        at_least = float(text.split("a density of at least ")[1].split(" ")[0])
        global_budget(plan, at_least, floor)
        if "floor of at most" in text:
            global_budget(plan, density, float(text.split("floor of at most ")[1]))
        else:
            assert len(sizes) > kept_count(sum(sizes), density)


def test_a_floor_above_the_budget_is_told_in_one_line() -> None:
    with pytest.raises(
        SettingError,
        match=r"floor 0.6: the floors of 2 tensors keep 66 weights, the budget at density 0.1 is "
        r"11: expected a density of at least 0.6 or a floor of at most 0.09\d?$",
    ):
        global_budget(plan_of([10, 100]), 0.1, 0.6)


def test_the_default_floor_is_a_tenth_of_the_density() -> None:
    assert global_budget(plan_of([100, 10, 3]), 0.5, None) == ((5, 1, 1), 57)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 10), nn.ReLU(), nn.Linear(10, 4), nn.Linear(4, 3))


@pytest.mark.parametrize("search", ["edge-popup", "supermask", "biprop"])
def test_no_layer_dies_under_a_global_budget(search: str) -> None:
    masked = MaskedModel(net(), search=search, budget="global", density=0.2, floor=0.1)
    with torch.no_grad():
        masked.scores[1].mul_(1e-6)
        masked.scores[1].sub_(9 if search == "supermask" else 0)
    kept = [int(mask.sum()) for mask in masked.masks().values()]
    assert sum(kept) == kept_count(252, 0.2)
    assert kept[1] == kept_count(40, 0.1)
    assert masked(torch.ones(1, 20)).isfinite().all()


def test_densities_by_name() -> None:
    chosen = (("*.weight", 0.5), ("2.*", 0.9))
    masked = MaskedModel(net(), density=0.1, layer_density=chosen, scale_by_density=True)
    kept = [int(mask.sum()) for mask in masked.masks().values()]
    assert kept == [100, 36, 6]
    plain = MaskedModel(net(), density=0.1)
    ratios = [a / b for a, b in zip(masked.filling.scales, plain.filling.scales, strict=True)]
    assert ratios == pytest.approx([0.5**-0.5, 0.9**-0.5, 0.5**-0.5], rel=1e-6)
    with pytest.raises(SettingError, match=r"'4\.\*' matches no masked tensor; .*0\.weight, 2\.w"):
        MaskedModel(net(), layer_density=(("4.*", 0.5),))


def test_a_tied_weight_is_found_by_each_of_its_names() -> None:
    tied = PlannedTensor("embedding", (4, 4), 4, 4, aliases=("head",))
    assert tensor_densities(Plan((tied,)), 0.5, (("head", 0.2),)) == (0.2,)


def test_a_ramp_comes_down_from_one_half() -> None:
    assert [ramped(0.1, e, 4) for e in range(6)] == pytest.approx(
        [0.5, 0.1 + 0.4 * 27 / 64, 0.1 + 0.4 / 8, 0.1 + 0.4 / 64, 0.1, 0.1]
    )
    assert ramped(0.1, 4, 4) == 0.1
    assert [ramped(0.7, e, 4) for e in range(5)] == [0.7] * 5


@pytest.mark.parametrize("budget", ["tensor", "global"])
def test_a_model_ramps_as_it_is_told_the_epoch(budget: str) -> None:
    masked = MaskedModel(net(), density=0.1, density_schedule="cubic", ramp_epochs=4, budget=budget)

    def kept() -> int:
        return sum(int(mask.sum()) for mask in masked.masks().values())

    final = kept()
    assert final == pytest.approx(252 * 0.1, abs=2)
    counts = []
    for epoch in range(6):
        masked.advance(epoch=epoch)
        counts.append(kept())
    assert counts[0] == pytest.approx(252 * 0.5, abs=1)
    assert counts == sorted(counts, reverse=True)
    assert counts[4] == counts[5] == final


def test_tensor_budgets_are_kept_counts() -> None:
    plan = plan_of([3, 10])
    assert tensor_budget(plan, (0.5, 0.25)) == ((2, 3), None)
