"""Numbers of numpy and torch as settings, and keywords that no model has."""

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pemn_compress import MaskedModel, PrunedModel
from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.masking.rules.numbers import plain, shown, whole
from pemn_compress.masking.rules.plan import exact, kept_count
from pemn_compress.masking.rules.pruning import PruningSettings, density_of
from pemn_compress.masking.rules.strategies import Settings
from pemn_compress.masking.selection import Selection

TENTH = [
    np.float16(0.1), np.float32(0.1), np.float64(0.1), np.array(0.1, np.float32), np.array([0.1]),
    torch.tensor(0.1), torch.tensor([0.1], dtype=torch.float64), torch.tensor(0.1).half(),
    torch.tensor(0.1, requires_grad=True), Fraction(1, 10), Decimal("0.1"),
]  # fmt: skip
THREE = [np.int64(3), np.uint8(3), np.array(3), torch.tensor(3), torch.tensor([[3]]).short()]
NO_NUMBER = [
    True, np.True_, torch.tensor(True), "0.5", None, math.nan, np.float32("nan"), math.inf, 1j,
    np.array([0.5, 0.5]), np.array([]), torch.zeros(2, 2), torch.tensor(0.5, device="meta"),
    [0.5], {}, nn.Linear(2, 2),
]  # fmt: skip


@pytest.mark.parametrize("tenth", TENTH, ids=repr)
def test_a_tenth_is_a_tenth_in_every_type(tenth: Any) -> None:
    assert exact(tenth) == Fraction(1, 10)
    assert kept_count(50, tenth) == 5
    settings = Settings(
        density=tenth, ratio=tenth, renewal="recycle", renewal_rate=tenth,
        layer_density={"a": tenth},
    )  # fmt: skip
    assert settings == Settings(
        density=0.1, ratio=0.1, renewal="recycle", renewal_rate=0.1, layer_density=[("a", 0.1)]
    )
    assert Settings(budget="global", floor=tenth).floor == 0.1
    json.dumps(settings.told())
    assert {type(value) for value in (settings.density, settings.ratio)} == {float}
    pruned = PruningSettings(density=tenth, pruning_start=tenth)
    assert (pruned.density, pruned.pruning_start) == (0.1, 0.1)
    assert density_of(None, tenth) == 0.9
    assert density_of(tenth, 0.9) == 0.1
    model = PrunedModel(nn.Linear(20, 20), density=tenth)
    model.set_progress(tenth)
    assert model.density == model.settings.density_at(0.1)


@pytest.mark.parametrize("three", THREE, ids=repr)
def test_three_is_three_in_every_type(three: Any) -> None:
    settings = Settings(
        seed=three, score_seed=three, renewal="iterand", renewal_every=three,
        density_schedule="cubic", ramp_epochs=three,
    )  # fmt: skip
    told = json.loads(json.dumps(settings.told()))
    assert [told[key] for key in ("seed", "score_seed", "renewal_every", "ramp_epochs")] == [3] * 4
    masked = MaskedModel(nn.Linear(20, 20), renewal="iterand", renewal_every=three, seed=three)
    masked.advance(epoch=three, step=three, steps=np.int64(9))
    assert int(masked.renewal.last) == 3
    assert PruningSettings(seed=three).seed == 3


@pytest.mark.parametrize("value", NO_NUMBER, ids=lambda v: " ".join(repr(v).split())[:40])
@pytest.mark.parametrize(
    "make",
    [
        lambda v: MaskedModel(nn.Linear(9, 9), density=v),
        lambda v: Settings(ratio=v),
        lambda v: Settings(budget="global", floor=v if v is not None else "none"),
        lambda v: Settings(seed=v),
        lambda v: Settings(layer_density={"a": v}),
        lambda v: Settings(renewal="iterand", renewal_every="none" if v is None else v),
        lambda v: Settings(renewal="iterand", renewal_rate="none" if v is None else v),
        lambda v: Settings(density_schedule="cubic", ramp_epochs="none" if v is None else v),
        lambda v: PruningSettings(pruning_start=v),
        lambda v: PruningSettings(pruning_end="none" if v is None else v),
        lambda v: PrunedModel(nn.Linear(9, 9)).set_progress(v),
        lambda v: density_of(None, "none" if v is None else v),
        lambda v: kept_count(9, v),
        lambda v: MaskedModel(nn.Linear(9, 9)).advance(step="none" if v is None else v),
    ],
)
def test_what_is_no_number_is_refused_in_a_line(make: Any, value: Any) -> None:
    with pytest.raises(SettingError) as caught:
        make(value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float32_means_the_shortest_decimal_that_tells_it(value: float) -> None:
    number = np.float32(value)
    assert np.float32(plain(number)) == number
    assert plain(number) == plain(torch.tensor(value)) == float(str(number))
    assert plain(value) is value


def test_truth_values_and_names() -> None:
    assert Settings(scale_by_density=np.True_).scale_by_density is True
    assert Selection(first_layer_dense=np.False_).first_layer_dense is False
    for make in (
        lambda: Settings(scale_by_density="no"),
        lambda: Selection(last_layer_dense=1),
    ):
        with pytest.raises(SettingError, match="expected True or False, got"):
            make()
    assert Selection(include="head.*") == Selection(include=("head.*",)) == Selection(["head.*"])
    for wrong in (3, None, [3], ["a", None]):
        with pytest.raises(SettingError, match="exclude: expected patterns for names, got"):
            Selection(exclude=wrong)
    for strategy in (["rp"], None, 3):
        with pytest.raises(UnknownNameError, match="unknown strategy"):
            Settings(strategy=strategy)
        with pytest.raises(UnknownNameError, match="unknown strategy"):
            PruningSettings(strategy=strategy)
    for wrong in (0.5, ["ab", 3], [("a", 0.5, 1)]):
        with pytest.raises(SettingError, match="expected pairs of a name pattern and a density"):
            Settings(layer_density=wrong)


def test_whole_numbers_and_what_is_shown() -> None:
    assert whole(np.int8(4), "steps") == 4
    with pytest.raises(SettingError, match=r"^steps: expected 1 or more, got 0$"):
        whole(0, "steps", least=1)
    with pytest.raises(SettingError, match=r"^steps: expected a whole number, got 2\.0$"):
        whole(2.0, "steps")
    assert shown(torch.zeros(2, 3)) == "Tensor of shape (2, 3)"
    assert len(shown("x" * 1000)) == 60


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (MaskedModel, {"densty": 0.5}, r"^MaskedModel: unknown setting 'densty'; did you mean den"),
        (PrunedModel, {"sparcity": 0.5}, r"^PrunedModel: unknown setting 'sparcity'; did you mean"),
        (MaskedModel, {"sparsity": 0.5}, r"^sparsity is a setting of PrunedModel, and not one of"),
        (PrunedModel, {"ratio": 0.5}, r"^ratio is a setting of MaskedModel, and not one of Pruned"),
        (MaskedModel, {"xyz": 1}, r"unknown setting 'xyz'; expected one of: budget, density, "),
        (MaskedModel, {"strategy": "random"}, r"or PrunedModel\(model, strategy='random'\)$"),
        (MaskedModel, {"strategy": "maks"}, r"'maks'; expected one of: .*; did you mean mask\?"),
    ],
)
def test_a_keyword_that_there_is_not_is_told_with_what_was_meant(
    make: type, given: dict[str, Any], message: str
) -> None:
    model = nn.Linear(20, 20)
    with pytest.raises(SettingError, match=message) as caught:
        make(model, **given)
    assert "--" not in str(caught.value)
    assert isinstance(model.weight, nn.Parameter), "the model is left whole"
