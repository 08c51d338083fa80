"""Parametrized weights: refused where they would be masked, dense beside masked ones elsewhere."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

import pemn_compress
from pemn_compress import MaskedModel, PrunedModel, rehearse
from pemn_compress.errors import ModelError
from pemn_compress.masking.selection import Selection, plan_model
from pemn_compress.masking.staying_dense import told_of_dense

INPUTS = torch.randn(4, 6, 8, generator=torch.Generator().manual_seed(0))


class Positional(nn.Module):
    """A positional convolution under weight norm between linear layers, as wav2vec2 has it."""

    def __init__(self, norm: Callable[[nn.Module], nn.Module]) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(8, 8), nn.Linear(8, 4)
        self.position = norm(nn.Conv1d(8, 8, 3, padding=1, groups=2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(x)
        made: Tensor = self.down(x + self.position(x.transpose(1, 2)).transpose(1, 2))
        return made


def over_kernels(layer: nn.Module) -> nn.Module:
    return parametrizations.weight_norm(layer, dim=2)


NORMS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "weight norm": over_kernels,
    "spectral norm": parametrizations.spectral_norm,
    "old weight norm": nn.utils.weight_norm,
    "old spectral norm": nn.utils.spectral_norm,
}
old = pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")


@old
@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("kind", [MaskedModel, PrunedModel])
def test_it_stays_dense_and_is_restored(name: str, kind: type, tmp_path: object) -> None:
    def make() -> nn.Module:
        return Positional(NORMS[name])

    masked = kind(make(), exclude="position.*")
    assert [tensor.name for tensor in masked.plan] == ["up.weight", "down.weight"]
    masked.train()(INPUTS).sum().backward()
    with torch.no_grad():
        for parameter in masked.parameters():
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=0.1)
    if kind is PrunedModel:
        masked.set_progress(1.0)
    path = pemn_compress.save(masked.eval(), f"{tmp_path}/m.pemn")
    restored = pemn_compress.load(path, model=make())
    with torch.no_grad():
        assert torch.equal(restored(INPUTS), masked(INPUTS))


def test_a_rehearsal_takes_it() -> None:
    def make() -> nn.Module:
        return Positional(over_kernels)

    made = rehearse(MaskedModel(make(), exclude="*position*"), INPUTS, build=make)
    assert (made.warnings, made.unseen) == ((), ())


@old
@pytest.mark.parametrize("name", NORMS)
def test_it_is_refused_where_it_would_be_masked(name: str) -> None:
    model = Positional(NORMS[name])
    for selection in (Selection(), Selection(include="position*"), Selection(exclude="up.*")):
        with pytest.raises(ModelError, match=r"module 'position'.*exclude=\['position\.\*'\]"):
            plan_model(model, selection)
    (tensor,) = plan_model(model, Selection(include="up.weight"))
    assert tensor.name == "up.weight"


def test_a_frozen_one_and_one_of_another_class_are_no_reason_to_refuse() -> None:
    model = Positional(over_kernels)
    for parameter in model.position.parameters():
        parameter.requires_grad_(False)
    model.down = parametrizations.weight_norm(nn.LayerNorm(8))
    assert [tensor.name for tensor in plan_model(model)] == ["up.weight"]


@old
def test_what_lies_beside_a_remade_tensor_is_refused_too() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.utils.weight_norm(nn.LSTM(3, 3), "weight_hh_l0"))
    with pytest.raises(ModelError, match="module '1': expected plain parameters"):
        plan_model(model, Selection(exclude="*weight_hh_l0*"))
    assert len(plan_model(model, Selection(exclude="1.*"))) == 1


def test_what_cannot_be_masked_is_not_suggested() -> None:
    class Own(nn.Linear):
        pass

    model = nn.Sequential(nn.Linear(4, 4), parametrizations.weight_norm(Own(4, 99)))
    assert told_of_dense(model, Selection(exclude="1.bias", include="0.weight")) == []
