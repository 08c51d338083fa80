"""Scores that the loss does not reach: a stale weight stops a training, an unused one is told."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pemn_compress import MaskedModel, PrunedModel
from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import PemnWarning, TrainingError
from pemn_compress.masking.reach import Reach, bypassed, unreached
from pemn_compress.training import recipes
from pemn_compress.training.fitting import fit

KEPT: list[nn.Parameter] = []  # where no one looks: a global list


class Net(nn.Module):
    """Three layers, of which `use` says what becomes of the second."""

    def __init__(self, use: str) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(12, 16), nn.Linear(16, 3)
        self.second = nn.Linear(16, 16, bias=False)
        self.use, self.calls = use, 0
        KEPT[:] = [self.second.weight]

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).relu()
        if self.training:
            self.calls += 1
        match self.use:
            case "stale":
                x = x @ KEPT[0]
            case "data":
                x = x @ self.second.weight.data
            case "sometimes" if self.calls % 3 == 0:
                x = self.second(x)
            case "always":
                x = self.second(x)
        return self.last(x)


def points(count: int = 48) -> Data:
    inputs = torch.randn(count, 12, generator=torch.Generator().manual_seed(0))
    split = Split(inputs, inputs[:, :3].argmax(1))
    return Data("points", split, split.first(20), 3, None, (12,), False)


RECIPE = recipes.load("default").override(epochs=2, batch_size=12)


def backward(model: nn.Module) -> None:
    data = points().train
    functional.cross_entropy(model(data.inputs), data.targets).backward()


@pytest.mark.parametrize(
    ("use", "missed", "stale"),
    [
        ("always", [], []),
        ("never", ["second.weight"], []),
        ("data", ["second.weight"], []),
        ("stale", ["second.weight"], ["second.weight"]),
    ],
)
def test_what_the_loss_reaches(use: str, missed: list[str], stale: list[str]) -> None:
    masked = MaskedModel(Net(use))
    backward(masked)
    assert unreached(masked) == missed
    assert bypassed(masked) == stale
    masked.scores[0].requires_grad_(False)
    masked.zero_grad()
    backward(masked)
    assert unreached(masked) == missed, "frozen scores do not count"


def test_a_stale_weight_stops_a_training_after_its_first_step() -> None:
    masked = MaskedModel(Net("stale"))
    with pytest.raises(TrainingError, match=r"^second\.weight: the loss reaches the param") as told:
        fit(masked, points(), RECIPE)
    assert "exclude=['second.weight']" in str(told.value)
    assert "\n" not in str(told.value)
    assert masked.model.calls == 0, "it is found in a trial, of which nothing is left"


@pytest.mark.parametrize("use", ["never", "data"])
@pytest.mark.parametrize("kind", [MaskedModel, PrunedModel])
def test_an_unused_weight_is_told_once_and_the_rest_trains(use: str, kind: type) -> None:
    model = kind(Net(use))
    with pytest.warns(PemnWarning, match=r"^second\.weight: no gradient in the whole first") as got:
        history = fit(model, points(), RECIPE)
    assert len(got) == 1
    assert len(history) == 2


@pytest.mark.filterwarnings("error")
def test_a_weight_that_is_used_in_some_steps_is_no_reason_to_speak() -> None:
    with pytest.warns(PemnWarning, match="prototype of"):
        masked = MaskedModel(Net("sometimes"))
    fit(masked, points(), RECIPE)
    assert masked.model.calls == 8


def test_where_nothing_at_all_is_reached_it_is_told_after_the_first_step() -> None:
    masked = MaskedModel(Net("never"), include=["second.weight"])
    reach = Reach(masked)
    backward(masked)
    with pytest.warns(PemnWarning, match=r"^second\.weight: no gradient in the first step"):
        reach.after_backward()
    reach.after_epoch()  # says it no second time


@pytest.mark.filterwarnings("error")
def test_plain_models_have_nothing_to_reach() -> None:
    reach = Reach(nn.Linear(2, 2))
    reach.after_backward()
    reach.after_epoch()
