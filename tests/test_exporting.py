"""Exporting: a restored model as a program or a state dict that other tools open."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError, OutputError, SettingError, UnknownNameError
from pemn_compress.format.archive import open_archive
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.models import building as architecture
from pemn_compress.storing import exporting, loading
from pemn_compress.storing import saving as packing

SHAPE = {"input": {"shape": [1, 8, 8]}}


@pytest.fixture(scope="module")
def packed() -> bytes:
    """A convolutional network with batch-norm statistics of its own."""
    torch.manual_seed(0)
    model = architecture.build("resnet20", channels=1, image_size=8, width=0.25)
    masked = MaskedModel(model, strategy="rp", ratio=0.1)
    for _ in range(3):
        masked(torch.randn(8, 1, 8, 8))
    return packing.pack(masked, about=SHAPE)


def inputs(count: int) -> Tensor:
    return torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(count))


def test_pt2_runs_with_torch_alone_at_any_batch_size(packed: bytes, tmp_path: Path) -> None:
    path = exporting.restore(packed, tmp_path / "m.pt2")
    program = torch.export.load(path).module()
    module = loading.load(packed)
    for count in (1, 2, 7):
        with torch.no_grad():
            torch.testing.assert_close(program(inputs(count)), module(inputs(count)))
    assert [p.name for p in tmp_path.iterdir()] == ["m.pt2"]


def test_onnx_runs_at_any_batch_size(packed: bytes, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    path = exporting.restore(packed, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(path))
    (name,) = [given.name for given in session.get_inputs()]
    module = loading.load(packed)
    for count in (1, 2, 7):
        (got,) = session.run(None, {name: inputs(count).numpy()})
        np.testing.assert_allclose(got, module(inputs(count)).detach().numpy(), atol=1e-4)


def test_state_dicts_equal_the_models_own(packed: bytes, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    expected = loading.load(packed).state_dict()
    pt = torch.load(exporting.restore(packed, tmp_path / "m.pt"), weights_only=True)
    safe = safetensors.load_file(exporting.restore(packed, tmp_path / "m.safetensors"))
    assert list(pt) == list(expected)
    assert sorted(safe) == sorted(expected)
    for name, tensor in expected.items():
        for got in (pt[name], safe[name]):
            assert got.dtype == tensor.dtype
            assert torch.equal(got, tensor)


def test_state_dicts_need_no_architecture_and_keep_tied_weights() -> None:
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5, bias=False))
    model[1].weight = model[0].weight
    with open_archive(packing.pack(MaskedModel(model.to(torch.bfloat16)))) as archive:
        state = torch.load(io.BytesIO(exporting.export(archive, ".pt")), weights_only=True)
        safe = exporting.export(archive, ".safetensors")
    assert state["0.weight"].data_ptr() == state["1.weight"].data_ptr()
    assert state["0.weight"].dtype == torch.bfloat16
    assert b'"1.weight":{"dtype":"BF16","shape":[5,4]' in safe


def test_the_name_follows_the_archives(packed: bytes, tmp_path: Path) -> None:
    archive = tmp_path / "small.pemn"
    archive.write_bytes(packed)
    assert exporting.restore(archive) == tmp_path / "small.pt2"
    with pytest.raises(OutputError, match=r"small\.pt2 exists and is kept"):
        exporting.restore(archive)
    with pytest.raises(SettingError, match="an archive of bytes has no name"):
        exporting.restore(packed)


@pytest.mark.parametrize("name", ["m.h5", "m", "m.pt2.zip"])
def test_an_extension_nobody_knows_is_refused(packed: bytes, tmp_path: Path, name: str) -> None:
    with pytest.raises(
        UnknownNameError, match=r"expected one of: \.npz, \.onnx, \.pt, \.pt2, \.safe"
    ):
        exporting.restore(packed, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_program_needs_the_shape_of_an_input(tmp_path: Path) -> None:
    packed = packing.pack(MaskedModel(architecture.build("mlp", image_size=4, width=8)))
    with pytest.raises(SettingError, match=r"shape of its model's input.*--input-shape 3,32,32"):
        exporting.restore(packed, tmp_path / "m.pt2")
    path = exporting.restore(packed, tmp_path / "m.pt2", input_shape=(3, 4, 4))
    sample = torch.randn(5, 3, 4, 4)
    program = torch.export.load(path).module()
    torch.testing.assert_close(program(sample), loading.load(packed)(sample))


class Branching(nn.Module):
    """What it does depends on what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) if x.sum() > 0 else -self.linear(x)


def test_a_model_that_cannot_be_exported_is_refused_in_one_line(tmp_path: Path) -> None:
    packed = packing.pack(MaskedModel(Branching()), about={"input": {"shape": [3]}})
    with pytest.raises(ModelError, match="Branching cannot be exported as a program") as caught:
        exporting.restore(packed, tmp_path / "m.pt2", model=Branching())
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert exporting.restore(packed, tmp_path / "m.pt").stat().st_size > 0
