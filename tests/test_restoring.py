"""`restore` as users meet it: state files, the command's options, places that cannot be written."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from test_programs import Text
from torch import nn

import pemn_compress
from pemn_compress.cli.restore import EXTENSIONS
from pemn_compress.errors import ModelError, OutputError, SettingError, UnknownNameError
from pemn_compress.format.archive import DenseTensor, encode
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.storing.programs import PROGRAM_FORMATS
from pemn_compress.storing.saving import pack, save
from pemn_compress.storing.weightfiles import STATE_FORMATS

MODEL = """
from torch import nn
class Text(nn.Module):
    def __init__(self, words=11):
        super().__init__()
        self.embed, self.out = nn.Embedding(words, 8), nn.Linear(8, 5)
    def forward(self, ids, mask=None, *, scale=None):
        print("at work")
        x = self.embed(ids)
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        return {"logits": self.out(x)}
def build_model(words=11):
    return Text(words)
"""


@pytest.fixture
def archive(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    save(MaskedModel(Text()), tmp_path / "text.pemn")
    return tmp_path / "text.pemn"


def test_the_command_knows_every_format():
    assert set(EXTENSIONS) == {*PROGRAM_FORMATS, *STATE_FORMATS}


# -- state dicts


def test_safetensors_say_whose_they_are(archive, tmp_path):
    pytest.importorskip("safetensors")
    content = pemn_compress.restore(archive, tmp_path / "m.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert header["__metadata__"]["format"] == "pt"


def named(name, dtype="f32"):
    return encode([DenseTensor(name, dtype, np.ones(2, "<u2" if dtype == "bf16" else "<f4"))], None)


def test_a_name_that_a_format_cannot_hold_is_refused(tmp_path):
    pytest.importorskip("safetensors")
    with pytest.raises(ModelError, match=r"'__metadata__'.*restore \.pt or \.npz"):
        pemn_compress.restore(named("__metadata__"), tmp_path / "m.safetensors")
    path = pemn_compress.restore(named("__metadata__"), tmp_path / "m.pt")
    assert list(torch.load(path, weights_only=True)) == ["__metadata__"]
    with np.load(pemn_compress.restore(named("__metadata__"), tmp_path / "m.npz")) as held:
        assert held.files == ["__metadata__"]
    with pytest.raises(ModelError, match=r"numpy has no bfloat16.*restore \.safetensors or \.pt"):
        pemn_compress.restore(named("w", "bf16"), tmp_path / "odd.npz")
    assert not (tmp_path / "odd.npz").exists()


def test_npz_is_the_state_dict_without_pickle(tmp_path):
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2, bias=False))
    model.append(nn.Linear(2, 2, bias=False))
    model[3].weight = model[2].weight
    data = pack(MaskedModel(model))
    paths = [pemn_compress.restore(data, tmp_path / f"{one}.npz") for one in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    state = torch.load(pemn_compress.restore(data, tmp_path / "m.pt"), weights_only=True)
    with np.load(paths[0], allow_pickle=False) as held:
        assert list(held.files) == list(state)
        for name, tensor in state.items():
            assert held[name].dtype == tensor.numpy().dtype
            assert np.array_equal(held[name], tensor.numpy())


def test_a_state_dict_has_no_inputs(archive, tmp_path, call):
    with pytest.raises(SettingError, match=r"\.pt is a state dict, which has no inputs"):
        pemn_compress.restore(archive, tmp_path / "m.pt", input_shape=(3,))
    code, _, err = call("restore", archive, "-o", "m.npz", "--batch", "3")
    assert (code, err.count("\n")) == (2, 1)
    assert not (tmp_path / "m.npz").exists()


# -- the command


def test_options_of_inputs_reach_the_program(archive, tmp_path, call):
    code, out, err = call(
        "restore", archive, "--model", "model.py", "--input-shape", "4", "--input-shape", "mask=4",
        "--input-dtype", "int64", "--input-dtype", "mask=float32", "--dynamic", "0.1,mask.1",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "inputs: ids int64 (batch, 4*), mask float32 (batch, 4*)\n" in out
    assert "equal to the model at batch 1, 2, 3; ids.1 of 1, 3, 5, 8" in out
    program = torch.export.load(tmp_path / "text.pt2").module()
    ids, mask = torch.arange(14).reshape(2, 7) % 11, torch.ones(2, 7)
    expected = pemn_compress.load(archive, model=Text())(ids, mask)
    assert torch.equal(program(ids, mask=mask)["logits"], expected)


def test_one_type_holds_for_all_inputs_and_a_batch_may_be_fixed(archive, call):
    code, out, _ = call(
        "restore", archive, "--model", "model.py", "--input-shape", "4", "--input-shape", "4",
        "--input-dtype", "int64", "--batch", "2",
    )  # fmt: skip
    assert code == 0
    assert "inputs: ids int64 (2, 4), mask int64 (2, 4)\n  equal to the model at batch 2\n" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-o", "m.safetensor"], "unknown extension"),
        (["-o", "m"], "expected an extension of .pt2"),
        (["-o", "m.pt", "--to", "npz"], "a name that ends as --to says, .npz"),
        (["-o", "missing/m.pt"], "its folder missing does not exist"),
        (["-o", "."], "expected an extension of .pt2"),
        (
            ["-o", "text.pemn", "--to", "pt", "--force"],
            "an input is never replaced",
        ),
        (["--input-shape", "4,a"], "expected numbers such as 3,32,32"),
        (["--input-shape", "9" * 5000], "expected numbers such as 3,32,32"),
        (["--input-shape", "a=1", "--input-shape", "a=2"], "one NAME=... for each input"),
        (["--input-shape", "a b=1"], "one NAME=... for each input"),
        (["--input-shape", "0"], "expected numbers such as 3,32,32"),
        (["--input-shape", "4", "--input-dtype", "int"], "got 'int'"),
        (["--input-shape", "4", "--input-dtype", "int64", "--dynamic", "x"], "such as 0.1"),
        (["--input-shape", "4", "--input-dtype", "int64", "--batch", "some"], "got 'some'"),
        (["--input-shape", "4"], "its type as --input-dtype int64"),
        (["--input-shape", "m=4"], "forward takes (ids, mask=None, *, scale=None)"),
        ([], "does not record the shape of its model's input"),
    ],
)
def test_bad_options_are_one_line_and_write_nothing(archive, tmp_path, call, arguments, told):
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    code, out, err = call("restore", archive, "--model", "model.py", *arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert told in err
    assert "--input" not in out
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["", ".", "..", "/"])
def test_an_archive_without_a_name_is_one_line(call, name):
    code, _, err = call("restore", name)
    assert (code, err.count("\n")) == (2, 1)


def test_standard_output_takes_the_file_alone(archive, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pemn_compress", "restore", archive, "-o", "-", "--model",
         "model.py", "--input-shape", "4", "--input-dtype", "int64"],
        capture_output=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert b"at work" in done.stderr
    program = torch.export.load(io.BytesIO(done.stdout)).module()
    assert program(torch.zeros(1, 4, dtype=torch.int64))["logits"].shape == (1, 4, 5)


# -- from Python


def test_outputs_that_cannot_be_written(archive, tmp_path):
    same = archive.with_suffix(".pt2")
    archive.rename(same)
    with pytest.raises(OutputError, match="is an input as well"):
        pemn_compress.restore(same, force=True)
    with pytest.raises(OutputError, match="does not exist"):
        pemn_compress.restore(same, tmp_path / "none" / "m.pt")
    with pytest.raises(UnknownNameError, match=r"expected one of: \.npz"):
        pemn_compress.restore(same, tmp_path / "m.PT2")
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(OutputError, match="a folder"):
        pemn_compress.restore(same, tmp_path / "folder.pt", force=True)


def test_the_trained_model_itself_is_told(tmp_path):
    masked = MaskedModel(Text())
    save(masked, tmp_path / "m.pemn")
    with pytest.warns(UserWarning, match="holds all of the archive already") as caught:
        pemn_compress.restore(
            tmp_path / "m.pemn",
            model=masked.to_plain(),
            inputs=torch.zeros(2, 4, dtype=torch.int64),
        )
    assert caught[0].filename == __file__
