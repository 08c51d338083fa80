"""What files say of themselves: inputs, statistics and classes; programs that normalise images."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import pemn_compress
from pemn_compress.errors import ModelError, SettingError
from pemn_compress.format.archive import open_archive
from pemn_compress.storing import exporting
from pemn_compress.storing.saving import pack

MEAN, STD = [0.5, 0.25, 0.4], [0.2, 0.3, 0.25]
CLASSES = ["cat", "=dog", "bird"]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.conv(x).relu().mean((2, 3)))


def packed(**changed):
    torch.manual_seed(0)
    about = {"input": {"shape": [3, 8, 8], "mean": MEAN, "std": STD}, "classes": CLASSES}
    return pack(pemn_compress.MaskedModel(Net()), about=about | changed)


def told_by(path):
    """Return the contract that a file carries, read with the tools of its format alone."""
    if path.suffix == ".pt2":
        extra = {"pemn.json": ""}
        torch.export.load(path, extra_files=extra)
        return json.loads(extra["pemn.json"])
    if path.suffix == ".onnx":
        onnx = pytest.importorskip("onnx")
        return json.loads({p.key: p.value for p in onnx.load(path).metadata_props}["pemn"])
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert header["__metadata__"]["format"] == "pt"
    return json.loads(header["__metadata__"]["pemn"])


def restored(path, archive=None, **asked):
    if path.suffix == ".onnx":
        pytest.importorskip("onnxscript")
    if path.suffix == ".safetensors":
        pytest.importorskip("safetensors")
    return exporting.restore(archive or packed(), path, model=Net(), **asked)


@pytest.mark.parametrize("extension", [".pt2", ".onnx", ".safetensors"])
def test_a_file_tells_its_inputs_and_classes(extension, tmp_path):
    told = told_by(restored(tmp_path / f"m{extension}"))
    assert told["classes"] == CLASSES
    assert told["input_shape"] == [3, 8, 8]
    assert told["preprocessing"]["mean"] == MEAN
    assert told["preprocessing"]["std"] == STD
    assert told["preprocessing"]["inside"] is False
    with open_archive(packed()) as archive:
        assert told["restored_sha256"] == archive.manifest.restored_sha256
    if extension != ".safetensors":
        assert told["inputs"] == "x float32 (batch, 3, 8, 8)"


def test_a_safetensors_file_has_one_spelling(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    files = [restored(tmp_path / f"{n}.safetensors") for n in range(4)]
    assert len({file.read_bytes() for file in files}) == 1
    state = safetensors.load_file(files[0])
    expected = pemn_compress.load(packed(), model=Net()).state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())
    assert state.keys() == expected.keys()


@pytest.mark.parametrize("about", [{"classes": [1, 2]}, {"input": {"mean": [1], "std": [0]}}])
def test_claims_that_make_no_sense_are_left_out(about, tmp_path):
    told = told_by(restored(tmp_path / "m.safetensors", packed(**about)))
    assert told.keys() == {"made_by", "restored_sha256"}


@pytest.mark.parametrize("extension", [".pt2", ".onnx"])
@pytest.mark.parametrize("dtype", [None, "float32"])
def test_a_program_normalises_images_itself(extension, dtype, tmp_path):
    path = restored(
        tmp_path / f"m{extension}",
        with_preprocessing=True,
        **({"input_dtype": dtype} if dtype else {}),
    )
    assert told_by(path)["preprocessing"]["inside"] is True
    pixels = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8)
    images = pixels if dtype is None else pixels.float() / 255
    plain = pemn_compress.load(packed(), model=Net())
    mean, std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]
    with torch.no_grad():
        expected = plain((pixels.float() / 255 - mean) / std)
    if extension == ".pt2":
        with torch.no_grad():
            assert torch.equal(torch.export.load(path).module()(images), expected)
        return
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path.read_bytes())
    (name,) = [given.name for given in session.get_inputs()]
    (got,) = session.run(None, {name: images.numpy()})
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-5)


def test_what_has_no_preprocessing_is_one_line(tmp_path):
    bare = packed(input={"shape": [3, 8, 8]})
    with pytest.raises(ModelError, match="records no mean and std"):
        restored(tmp_path / "m.pt2", bare, with_preprocessing=True)
    with pytest.raises(SettingError, match="no inputs"):
        restored(tmp_path / "m.safetensors", with_preprocessing=True)
    with pytest.raises(SettingError, match=r"expected uint8 \(0 to 255\) or a floating"):
        restored(tmp_path / "m.pt2", with_preprocessing=True, input_dtype="int64")
    assert not list(tmp_path.iterdir())


def test_the_command_takes_it(call, tmp_path):
    torch.manual_seed(0)
    model = pemn_compress.build("resnet20", width=0.25)
    about = {"input": {"shape": [3, 32, 32], "mean": MEAN, "std": STD}}
    (tmp_path / "m.pemn").write_bytes(pack(pemn_compress.MaskedModel(model), about=about))
    status, out, err = call("restore", "m.pemn", "--with-preprocessing")
    assert (status, err) == (0, "")
    assert "images uint8 (batch, 3, 32, 32)" in out
    program = torch.export.load(tmp_path / "m.pt2").module()
    assert program(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).shape == (2, 10)
