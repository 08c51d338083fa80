"""What training leaves in a model beside its state dict is found before the first step."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pemn_compress import MaskedModel, rehearse
from pemn_compress.compressing import comparing
from pemn_compress.compressing.readers import builder_of
from pemn_compress.errors import ModelError
from pemn_compress.format.archive import open_archive
from pemn_compress.models.building import architecture_of, build_from_file
from pemn_compress.models.modelfile import load_model_file
from pemn_compress.storing.asking import Asked
from pemn_compress.storing.exporting import made_of
from pemn_compress.storing.saving import pack

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


class Ending(Net):
    """Ends the program where it is used, as scripts do that check their inputs so."""

    def use(self, y: Tensor) -> Tensor:
        sys.exit(3)


def test_a_forward_that_ends_the_program_is_a_line() -> None:
    line = r"ends the program \(SystemExit: 3\)"
    with pytest.raises(ModelError, match=f"does not take its inputs.*{line}.*in use"):
        rehearse(MaskedModel(Ending()), INPUTS, build=Ending)
    packed = pack(MaskedModel(Net()), about={"input": {"shape": [8]}})
    with open_archive(packed) as archive, pytest.raises(ModelError, match=line):
        made_of(archive, ".pt2", model=Ending(), trust_source=False, asked=Asked())


def test_a_model_file_is_not_built_more_often_than_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import pathlib\nfrom torch import nn\n\n\ndef build_model():\n"
        f"    with pathlib.Path({str(tmp_path / 'builds')!r}).open('a') as file:\n"
        "        file.write('x')\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    file = load_model_file(str(tmp_path / "net.py"))
    told = architecture_of(build_from_file(file, build_seed=7))
    build, warned = builder_of(told, file, travels=True)
    assert build is not None
    models = [build(7), build(8), build(7)]
    assert (tmp_path / "builds").read_text() == "x" * 4
    assert len({id(model) for model in models}) == 3
    states = [model.state_dict()["1.weight"] for model in models]
    assert torch.equal(states[0], states[2])
    assert not torch.equal(states[0], states[1])
    assert warned == []


class OfAVersion(nn.Linear):
    """Takes no state that does not say which version it is of, as torchvision's MNASNet."""

    _version = 2

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *more) -> None:
        assert local_metadata.get("version") == 2
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *more)


def test_states_keep_their_versions() -> None:
    def make() -> nn.Module:
        return nn.Sequential(OfAVersion(6, 20), nn.ReLU(), OfAVersion(20, 3))

    masked = MaskedModel(make(), strategy="mask", include=["*.weight"])
    assert rehearse(masked, torch.randn(2, 6), build=make).archive
