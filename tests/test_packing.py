"""Packing: archives of models, what they cost, and the one-line refusals of wrong ones."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError, OutputError, UnknownNameError
from pemn_compress.format import codecs
from pemn_compress.format.archive import open_archive
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.models import building as architecture
from pemn_compress.storing import loading
from pemn_compress.storing import saving as packing


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def small() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
    )


def check_restored(masked: MaskedModel, fresh: nn.Module, packed: bytes) -> None:
    check_same(masked, loading.load(packed, model=fresh))


def check_same(masked: MaskedModel, restored: nn.Module) -> None:
    state = restored.state_dict()
    expected = masked.to_plain().state_dict()
    assert list(state) == list(expected)
    for name, tensor in expected.items():
        assert bits(state[name]) == bits(tensor), name


def bits(tensor: Tensor) -> bytes:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def test_the_same_model_gives_the_same_bytes() -> None:
    archives = []
    for _ in range(2):
        torch.manual_seed(4)
        masked = MaskedModel(small(), seed=4)
        masked(torch.randn(6, 1, 6, 6))
        archives += [packing.pack(masked), packing.pack(masked)]
    assert len(set(archives)) == 1


@pytest.mark.parametrize("codec", [*codecs.CODECS, codecs.AUTO])
def test_every_codec_restores_the_same(codec: str) -> None:
    masked = MaskedModel(small(), density=0.2)
    packed = packing.pack(masked, codec=codec)
    check_restored(masked, small(), packed)
    if codec != codecs.AUTO:
        with open_archive(packed) as archive:
            used = {t.positions.codec for t in archive.manifest.tensors if t.positions}
        assert used == {codec}
        assert len(packing.pack(masked, format_version="1.0")) <= len(
            packing.pack(masked, codec=codec, format_version="1.0")
        )


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"codec 'zip'.*auto, bitmap, csr, rice"):
        packing.pack(MaskedModel(small()), codec="zip")


def test_a_stored_prototype_costs_its_length_and_restores_the_same() -> None:
    masked = MaskedModel(small(), strategy="mp")
    seeded, stored = (packing.pack(masked, store_prototype=s) for s in (False, True))
    assert 4 * 192 <= len(stored) - len(seeded) < 4 * 192 + 256
    check_restored(masked, small(), stored)


def test_parameters_and_buffers_of_any_layout_are_stored() -> None:
    def make() -> nn.Module:
        model = nn.Linear(3, 3)
        model.register_parameter("turned", nn.Parameter(torch.randn(4, 5).t()))
        model.register_buffer("brain", torch.randn(4, 5).to(torch.bfloat16).t())
        model.register_buffer("step", torch.tensor(7))
        model.register_buffer("wide", torch.tensor([1.5, math.nan, -0.0], dtype=torch.float64))
        model.register_buffer("flags", torch.tensor([True, False]))
        model.register_buffer("scratch", torch.zeros(3), persistent=False)
        return model

    masked = MaskedModel(make())
    check_restored(masked, make(), packing.pack(masked))


def test_a_model_that_only_its_owner_can_build() -> None:
    packed = packing.pack(MaskedModel(small()))
    with pytest.raises(ModelError, match=r"does not say how to build its model \(Sequential\)"):
        loading.load(packed)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: small()[:4], r"2 tensors of the archive that the model lacks .*'4\.weight'"),
        (lambda: small().append(nn.Linear(3, 2)), r"2 tensors of the model .*'5\.weight'"),
        (lambda: nn.ReLU(), r"9 tensors of the archive .*'0\.weight'"),
        (
            lambda: small()[:4].append(nn.Linear(64, 4)),
            r"'4\.weight': expected shape \(3, 64\) of torch\.float32, got \(4, 64\)",
        ),
        (lambda: small().half(), r"'0\.weight': expected .*float32, got .*float16"),
    ],
    ids=["missing", "extra", "other", "shape", "dtype"],
)
def test_a_model_that_does_not_match_is_refused_in_one_line(other, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        loading.load(packing.pack(MaskedModel(small())), model=other())
    assert "\n" not in str(caught.value)


SOURCE = "from torch import nn\n\ndef build_model(width=4):\n    return nn.Linear(3, width)\n"
MADE_BY = {"kind": "source", "name": "m.py", "entry": "build_model", "arguments": {"width": 5}}


def test_source_in_an_archive_runs_only_when_it_is_trusted() -> None:
    masked = MaskedModel(nn.Linear(3, 5))
    packed = packing.pack(masked, source=SOURCE, architecture=MADE_BY)
    with pytest.raises(ModelError, match=r"running the model file 'm\.py' inside it.*trust-source"):
        loading.load(packed)
    check_same(masked, loading.load(packed, trust_source=True))
    with open_archive(packed) as archive:
        assert archive.source() == SOURCE


def test_an_archive_without_its_source_says_what_to_give() -> None:
    packed = packing.pack(MaskedModel(nn.Linear(3, 5)), architecture=MADE_BY)
    for trust in (False, True):
        with pytest.raises(ModelError, match=r"model file 'm\.py' did not travel.*--model m\.py"):
            loading.load(packed, trust_source=trust)
    assert loading.load(packed, model=nn.Linear(3, 5)).weight.shape == (5, 3)


def test_a_registered_architecture_needs_nothing_else() -> None:
    masked = MaskedModel(architecture.build("mlp", image_size=4, width=8, bias=False))
    restored = loading.load(packing.pack(masked))
    inputs = torch.randn(2, 3, 4, 4)
    assert bits(restored(inputs)) == bits(masked(inputs))


def test_save_writes_whole_new_files_only(tmp_path: Path) -> None:
    masked, path = MaskedModel(small()), tmp_path / "m.pemn"
    assert packing.save(masked, path) == path
    assert path.read_bytes() == packing.pack(masked)
    with pytest.raises(OutputError, match="exists and is kept"):
        packing.save(masked, path, codec="csr")
    assert path.read_bytes() == packing.pack(masked)
    packing.save(masked, path, codec="csr", force=True)
    assert path.read_bytes() == packing.pack(masked, codec="csr")
    assert [p.name for p in tmp_path.iterdir()] == ["m.pemn"]


class Remembering(nn.Linear):
    """A layer whose state dict holds more than tensors."""

    def get_extra_state(self) -> dict[str, int]:
        return {"calls": 1}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.calls = state["calls"]


def test_a_model_that_cannot_take_its_state_is_refused_in_one_line() -> None:
    def make(spread: bool) -> nn.Module:
        model = nn.Linear(2, 2)
        values = torch.arange(3)
        model.register_buffer("spread", values.expand(4, 3) if spread else values.repeat(4, 1))
        return model

    packed = packing.pack(MaskedModel(make(spread=True)))
    assert loading.load(packed, model=make(spread=False)).spread.tolist() == 4 * [[0, 1, 2]]
    with pytest.raises(ModelError, match="does not take its state") as caught:
        loading.load(packed, model=make(spread=True))
    assert "\n" not in str(caught.value)


def test_state_that_cannot_be_stored_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"0\._extra_state: expected state of tensors.*got dict"):
        packing.save(MaskedModel(nn.Sequential(Remembering(2, 2))), tmp_path / "m.pemn")
    for value, error, message in (
        (torch.zeros(2, dtype=torch.complex64), ModelError, "odd: expected .* got torch.complex64"),
        (torch.zeros(0, 3), ModelError, r"odd: expected dimensions of at least 1.*\(0, 3\)"),
    ):
        model = nn.Linear(2, 2)
        model.register_buffer("odd", value)
        with pytest.raises(error, match=message):
            packing.save(MaskedModel(model), tmp_path / "m.pemn")
    assert list(tmp_path.iterdir()) == []
