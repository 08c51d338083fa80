"""What training leaves in a model beside its state dict is found before the first step."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pemn_compress import MaskedModel, rehearse
from pemn_compress.compressing import comparing
from pemn_compress.errors import ModelError

INPUTS = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(8, 4)
        self.kept: Any = None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.a(x)
        return self.learn(y) if self.training else self.use(y)

    def learn(self, y: Tensor) -> Tensor:
        return y

    def use(self, y: Tensor) -> Tensor:
        return y if self.kept is None else y * self.kept


class ByFirstBatch(Net):
    """Takes a constant from the first batch of training, and keeps it."""

    def learn(self, y: Tensor) -> Tensor:
        if self.kept is None:
            self.kept = float(y.detach().std())
        return y


class BySecondBatch(Net):
    """Compares each batch of training with the one before."""

    before: Any = None

    def learn(self, y: Tensor) -> Tensor:
        if self.before is not None:
            self.kept = float((y - self.before).detach().abs().mean())
        self.before = y.detach()
        return y


class Harmless(ByFirstBatch):
    """Keeps something that no output depends on."""

    def use(self, y: Tensor) -> Tensor:
        return y


@pytest.mark.parametrize("make", [ByFirstBatch, BySecondBatch])
@pytest.mark.parametrize("given", [True, False])
def test_what_training_keeps_for_evaluation_is_refused(make: type[Net], given: bool) -> None:
    with pytest.raises(ModelError, match=r"outside its state dict.*kept.*after a forward pass"):
        rehearse(MaskedModel(make()), INPUTS, build=make if given else None)


def test_what_no_output_depends_on_is_not() -> None:
    assert rehearse(MaskedModel(Harmless()), INPUTS, build=Harmless).unseen == ()


def test_few_passes_prove_it(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []

    def counted(model: nn.Module, arguments: Any, **how: Any) -> Any:
        passes.append((how["training"], len(arguments[0]), how.get("grad", False)))
        return comparing_run(model, arguments, **how)

    comparing_run = comparing.run
    monkeypatch.setattr(comparing, "run", counted)
    rehearse(MaskedModel(Net()), INPUTS, build=Net)
    assert passes == [
        (False, 2, True),  # the model, and what its outputs come from
        (False, 2, False),
        (False, 1, False),
        (False, 1, False),
        (False, 1, False),  # a reader's, before it is trained
        (True, 2, False),
        (True, 2, False),
        (True, 2, False),
        (False, 1, False),  # the other one, afterwards
    ]


def test_a_model_that_autograd_changes_is_compared_without_it() -> None:
    class Telling(Net):
        def use(self, y: Tensor) -> Tensor:
            return y + torch.is_grad_enabled()

    assert rehearse(MaskedModel(Telling()), INPUTS, build=Telling).unseen == ()
