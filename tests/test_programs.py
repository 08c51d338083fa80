"""Programs: any inputs and outputs, compared with the model at several sizes before they exist."""

import io
import re
import subprocess
import sys
import zipfile
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

import pemn_compress
from pemn_compress.errors import ModelError, SettingError
from pemn_compress.format.archive import open_archive
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.storing import exporting, proving
from pemn_compress.storing.asking import Asked
from pemn_compress.storing.saving import pack


class Base(nn.Module):
    """A layer of 3 inputs; children say what it does."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x)


def made(kind, extension=".pt2", **asked):
    """Return a model filled from its archive, and the program of it."""
    torch.manual_seed(0)
    data = pack(MaskedModel(kind(), include=["*weight"]))
    with open_archive(data) as archive:
        program = exporting.made_of(
            archive, extension, model=kind(), trust_source=False, asked=Asked(**asked)
        )
    return pemn_compress.load(data, model=kind()), program


def loaded(program):
    return torch.export.load(io.BytesIO(program.content)).module()


def refused(kind, told, extension=".pt2", error=ModelError, **asked):
    with pytest.raises(error, match=told) as caught:
        made(kind, extension, **asked)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


# -- what depends on the batch (A9)


class One(Base):
    """Does something else with one sample, which torch does not notice."""

    def forward(self, x):
        y = self.layer(x)
        if x.shape[0] == 1:
            y = y * 2
        return y


class Few(Base):
    """Does something else with few samples."""

    def forward(self, x):
        if x.shape[0] > 2:
            return self.layer(x) * 2
        return self.layer(x)


class Odd(Base):
    """Does something else with an odd number of samples."""

    def forward(self, x):
        if x.shape[0] % 2:
            return self.layer(x)
        return self.layer(x) * 2


class Counted(Base):
    """Takes the batch size for a number."""

    def forward(self, x):
        many = int(x.shape[0])
        return self.layer(x) + torch.ones(many, 2)


class Looped(Base):
    """Takes one sample after the other."""

    def forward(self, x):
        rows = []
        for row in x:
            rows.append(self.layer(row))
        return torch.stack(rows)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (One, "if x.shape[0] == 1:"),
        (Few, "if x.shape[0] > 2:"),
        (Odd, "if x.shape[0] % 2:"),
        (Counted, "many = int(x.shape[0])"),
        (Looped, "for row in x:"),
    ],
)
def test_a_forward_that_depends_on_the_batch_is_refused_with_its_line(kind, line):
    told = rf"the program is not the model: .*test_programs\.py, line \d+: {re.escape(line)}\)"
    refused(kind, f"{told}; pass --batch N", input_shape=(3,))


class Many(Counted):
    """Takes its input among any number."""

    def forward(self, *xs):
        return super().forward(xs[0])


def test_a_size_that_is_fixed_is_named_wherever_it_goes_in():
    refused(Many, r"takes the batch size for a constant \(5\).*many = int", input_shape=(3,))


@pytest.mark.parametrize("kind", [One, Few, Odd, Counted, Looped])
@pytest.mark.parametrize("size", [1, 2])
def test_a_program_of_one_batch_size_is_made_where_it_is_asked_for(kind, size):
    module, program = made(kind, input_shape=(3,), batch=size)
    x = torch.randn(size, 3)
    assert torch.equal(loaded(program)(x), module(x))
    assert program.compared == f"batch {size}"
    with pytest.raises(Exception, match=r"size|shape|Guard"):
        loaded(program)(torch.randn(size + 1, 3))


def test_what_a_program_was_compared_at_is_told():
    _, program = made(Base, input_shape=(3,))
    assert (program.inputs, program.compared) == ("x float32 (batch, 3)", "batch 1, 2, 3, 5")


def test_a_program_that_computes_something_else_is_never_written(monkeypatch):
    # whatever goes wrong between tracing and reading back
    real = torch.export.load

    def altered(stream):
        program = real(stream)
        program.state_dict["layer.bias"].data += 0.001
        return program

    monkeypatch.setattr(torch.export, "load", altered)
    refused(Base, r"at batch 5 output differs by up to 0\.001", input_shape=(3,))


class Random(Base):
    """Draws numbers in evaluation too."""

    def forward(self, x):
        return nn.functional.dropout(self.layer(x), 0.5)


class Misspelt(Base):
    """Has a name that is not there."""

    def forward(self, x):
        return self.layr(x)


class Branching(Base):
    """Depends on values."""

    def forward(self, x):
        if x.sum() > 0:
            return self.layer(x)
        return -self.layer(x)


class Fixed(Base):
    """Takes four samples, and no other number."""

    def forward(self, x):
        return self.layer(x.view(4, 3))


class Nothing(Base):
    """Returns nothing."""

    def forward(self, x):
        self.layer(x)


class Objects(Base):
    """Returns what is no tensor."""

    def forward(self, x):
        return {"logits": self.layer(x), "cache": object()}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Random, "gives other outputs when it is asked again.*dropout without training="),
        (Misspelt, r"its forward fails: AttributeError: .*layr.* \(test_programs\.py, line \d+: "),
        (Branching, r"branches on values that it computes.*line \d+: if x\.sum\(\) > 0:\)"),
        (Fixed, r"does not take inputs of x float32 \(batch, 3\).*--batch N"),
        (Nothing, "its forward returns no tensor"),
        (Objects, r"the output\['cache'\] of the model is a object: expected tensors"),
    ],
)
@pytest.mark.parametrize("extension", [".pt2", ".onnx"])
def test_what_makes_no_program_is_one_line(kind, told, extension, capfd):
    if extension == ".onnx":
        pytest.importorskip("onnxscript")
    refused(kind, told, extension, input_shape=(3,))
    assert capfd.readouterr() == ("", ""), "torch's own pages about it are kept to itself"


class Counter(Base):
    """Counts its calls in a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return self.layer(x)


def test_trying_a_model_leaves_its_state_as_the_archive_has_it():
    _, program = made(Counter, input_shape=(3,))
    assert torch.export.load(io.BytesIO(program.content)).state_dict["calls"] == 0


# -- what goes in (C6)


class Text(nn.Module):
    """Words, perhaps a mask and a scale."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.out = nn.Linear(8, 5)

    def forward(self, ids, mask=None, *, scale=None):
        x = self.embed(ids)
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        if scale is not None:
            x = x * scale.reshape(-1, 1, 1)
        return self.out(x)


class Tiny(Text):
    """A vocabulary of one word."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1, 8)


IDS = torch.arange(12).reshape(3, 4) % 11


@pytest.mark.parametrize("kind", [Text, Tiny])
@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_integer_inputs(kind, dtype):
    module, program = made(kind, input_shape=(4,), input_dtype=dtype)
    ids = (IDS % module.embed.num_embeddings).to(getattr(torch, dtype))
    assert torch.equal(loaded(program)(ids), module(ids))
    assert program.inputs == f"ids {dtype} (batch, 4)"


def test_the_archives_own_dtype_is_taken_and_checked():
    about = {"input": {"shape": [4], "dtype": "int64"}}
    data = pack(MaskedModel(Text()), about=about)
    with open_archive(data) as archive:
        program = exporting.made_of(
            archive, ".pt2", model=Text(), trust_source=False, asked=Asked()
        )
    assert program.inputs == "ids int64 (batch, 4)"
    for odd in ("int", 3, ["int64"]):
        data = pack(MaskedModel(Text()), about={"input": {"shape": [4], "dtype": odd}})
        with (
            open_archive(data) as archive,
            pytest.raises(SettingError, match="about, input, dtype"),
        ):
            exporting.export(archive, ".pt2", model=Text())


def test_half_precision_models_take_inputs_of_their_own_type():
    module, program = made(lambda: Base().to(torch.bfloat16), input_shape=(3,))
    x = torch.randn(2, 3, dtype=torch.bfloat16)
    assert torch.equal(loaded(program)(x), module(x))


@pytest.mark.parametrize(
    ("asked", "args", "kwargs"),
    [
        ({"input_shape": [(4,), (4,)], "input_dtype": ["int64", "float32"]}, 2, {}),
        (
            {
                "input_shape": {"ids": (4,), "mask": (4,)},
                "input_dtype": {"ids": torch.int64, "mask": "bool"},
                "dynamic": ["ids.1", "mask.1"],
            },
            0,
            {"ids": 0, "mask": 1},
        ),
        (
            {
                "input_shape": {0: (4,), "mask": (4,), "scale": (1,)},
                "input_dtype": {0: "int64"},
                "dynamic": "0.1, mask.1",
            },
            1,
            {"mask": 1, "scale": 2},
        ),
        ({"inputs": [IDS[:1], torch.ones(1, 4)], "dynamic": 1}, 2, {}),
        (
            {"inputs": {"ids": IDS, "scale": torch.ones(3)}, "dynamic": "ids.1"},
            0,
            {"ids": 0, "scale": 2},
        ),
    ],
)
def test_several_inputs_by_position_and_by_name(asked, args, kwargs):
    module, program = made(Text, **asked)
    length = 9 if "dynamic" in asked else 4
    tensors = [torch.arange(2 * length).reshape(2, length) % 11, torch.ones(2, length)]
    tensors.append(torch.tensor([[2.0], [3.0]]) if "input_shape" in asked else torch.ones(2))
    if "mask" in kwargs and asked["input_dtype"].get("mask") == "bool":
        tensors[1] = tensors[1].bool()
    named = {name: tensors[place] for name, place in kwargs.items()}
    assert torch.equal(loaded(program)(*tensors[:args], **named), module(*tensors[:args], **named))


class Sum(Base):
    """Takes a list or a dict of tensors, and a number."""

    def forward(self, parts, times=1, **more):
        values = parts.values() if isinstance(parts, dict) else parts
        return times * self.layer(sum([*values, *more.values()]))


def test_inputs_in_containers_beside_numbers_and_under_any_name():
    x = torch.randn(4, 3)
    module, program = made(Sum, inputs=[{"a": x[:2], "b": x[2:]}, 3])
    given = {"a": x, "b": x + 1}
    assert torch.equal(loaded(program)(given, 3), module(given, 3))
    module, program = made(Sum, inputs={"parts": [x], "extra": x})
    assert torch.equal(loaded(program)(parts=[x], extra=x), module(parts=[x], extra=x))


class Wide(Base):
    """Takes pictures of many sizes."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 3, stride=2, padding=1)

    def forward(self, x):
        return self.layer(x).mean((2, 3))


def test_further_dimensions_that_vary():
    module, program = made(Wide, input_shape=(1, 8, 8), dynamic=(2, 3))
    for size in ((1, 1, 5, 9), (4, 1, 16, 7)):
        x = torch.randn(size)
        assert torch.equal(loaded(program)(x), module(x))
    assert program.inputs == "x float32 (batch, 1, 8*, 8*)"
    assert program.compared == "batch 1, 2, 3; x.2 of 7, 9, 16; x.3 of 7, 9, 16"


def test_inputs_without_a_batch():
    module, program = made(Base, input_shape=(4, 3), batch="none", dynamic=0)
    x = torch.randn(7, 3)
    assert torch.equal(loaded(program)(x), module(x))
    assert program.inputs == "x float32 (4*, 3)"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, r"does not record the shape of its model's input; pass --input-shape 3,32,32"),
        ({"input_shape": ()}, r"1 to 8 sizes of 1 or more, such as \(3, 32, 32\)"),
        ({"input_shape": (3, -1)}, "1 to 8 sizes of 1 or more"),
        ({"input_shape": (3.5,)}, "1 to 8 sizes of 1 or more"),
        ({"input_shape": (1,) * 9}, "1 to 8 sizes of 1 or more"),
        ({"input_shape": 3}, "a dict by name or position, got 3"),
        ({"input_shape": "3,4"}, "a dict by name or position, got 3,4"),
        ({"input_shape": (1 << 40,)}, "1/16 of this machine's.*a smaller --input-shape"),
        ({"input_shape": {1: (3,)}}, r"expected positions from 0 on, got \[1\]"),
        ({"input_shape": {"y": (3,)}}, r"forward takes \(x\), but was given 0 inputs"),
        ({"input_shape": [(3,), (3,)]}, r"forward takes \(x\), but was given 2 inputs"),
        ({"input_shape": (3,), "input_dtype": "int65"}, "expected one of float32.*got 'int65'"),
        ({"input_shape": (3,), "input_dtype": [torch.int64, "bool"]}, "1: expected an input that"),
        (
            {"input_shape": (3,), "dynamic": 5},
            r"'5': no such dimension; the inputs are 0: x float32",
        ),
        ({"input_shape": (3,), "dynamic": "y.1"}, "'y.1': no such dimension"),
        ({"input_shape": (3,), "dynamic": "one"}, "expected a dimension such as 1"),
        ({"input_shape": (3,), "dynamic": -1}, "expected a dimension such as 1"),
        ({"input_shape": (3,), "dynamic": 1.5}, "no such dimension|expected a dimension"),
        ({"input_shape": (1,), "dynamic": 1}, "an example of size 2 or more where it may vary"),
        (
            {"input_shape": (3,), "batch": 2, "dynamic": 0},
            "'0' is the batch, which is asked to be 2",
        ),
        ({"input_shape": (3,), "batch": 0}, "expected any for every size.*got '0'"),
        ({"input_shape": (3,), "batch": True}, "expected any for every size"),
        ({"input_shape": (3,), "batch": "all"}, "expected any for every size"),
        ({"inputs": 3}, "expected a tensor, a list of them"),
        ({"inputs": []}, "was given 0 inputs by position"),
        ({"inputs": ["x"]}, "expected at least one tensor"),
        ({"inputs": [torch.ones(0, 3)]}, "expected a batch, the first dimension"),
        ({"inputs": [torch.ones(2, 3)], "batch": 3}, "expected batches of 3, as asked, got 2"),
        ({"inputs": [torch.ones(2, 3)], "input_shape": (3,)}, "expected no input_shape and no"),
    ],
)
def test_what_cannot_be_asked_is_one_line(asked, told):
    refused(Base, told, error=SettingError, **asked)


def test_inputs_that_the_model_does_not_take():
    refused(Base, r"does not take inputs of x float32 \(batch, 4\): RuntimeError", input_shape=(4,))
    refused(Text, r"scalar types: Long.*its type as --input-dtype int64", input_shape=(4,))
    refused(Base, r"takes x\.1 for a constant \(3\)", input_shape=(3,), dynamic=1)


@pytest.mark.parametrize(
    "recorded",
    [
        "x", [], {"shape": "ab"}, {"shape": [1.5]}, {"shape": [-1]}, {"shape": [True]},
        {"shape": [2**62, 2**62]}, {"shape": [3, 1, 100_000_000]}, {"shape": [1] * 9},
        {"shape": {"a": 1}}, 3, {"shape": []},
    ],
)  # fmt: skip
def test_a_strangers_shape_is_bounded(recorded):
    data = pack(MaskedModel(Base()), about={"input": recorded})
    with open_archive(data) as archive:
        with pytest.raises(SettingError, match=r"about, input, shape: .*--input-shape") as caught:
            exporting.export(archive, ".pt2", model=Base())
        assert "\n" not in str(caught.value)
        assert exporting.export(archive, ".pt2", model=Base(), input_shape=(3,))


# -- what comes out (C6)

Pair = namedtuple("Pair", "logits hidden")


@dataclass
class Answer:
    """As libraries return it."""

    logits: torch.Tensor
    loss: object = None


class Output(OrderedDict):
    """As transformers' ModelOutput: a dict whose entries are attributes too."""


class Tuples(Base):
    """Returns a named tuple."""

    def forward(self, x):
        return Pair(self.layer(x), (x, None))


class Classes(Base):
    """Returns a dataclass."""

    def forward(self, x):
        return Answer(self.layer(x))


class Dicts(Base):
    """Returns all kinds in one another."""

    def forward(self, x):
        y = self.layer(x)
        return Output(logits=y, parts=[y.max(1), {"size": x.shape[0], "none": None}])


def test_outputs_become_plain_containers():
    x = torch.randn(4, 3)
    module, program = made(Tuples, input_shape=(3,))
    got = loaded(program)(x)
    assert type(got) is tuple
    assert torch.equal(got[0], module(x).logits)
    assert got[1][1] is None
    module, program = made(Classes, input_shape=(3,))
    got = loaded(program)(x)
    assert torch.equal(got["logits"], module(x).logits)
    assert got["loss"] is None
    module, program = made(Dicts, input_shape=(3,))
    got, expected = loaded(program)(x), module(x)
    assert type(got) is dict
    assert torch.equal(got["parts"][0][0], expected["parts"][0].values)
    assert got["parts"][1] == {"size": 4, "none": None}
    assert "forward" not in vars(module)


RUN = """
import sys, torch
sys.modules["pemn_compress"] = None
got = torch.export.load(sys.argv[1]).module()(torch.ones(2, 3))
print(sorted(got), got["logits"].shape)
"""


def test_a_program_needs_no_class_of_the_models(tmp_path):
    _, program = made(Dicts, input_shape=(3,))
    (tmp_path / "m.pt2").write_bytes(program.content)
    told = subprocess.run(
        [sys.executable, "-c", RUN, tmp_path / "m.pt2"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert told.stdout == "['logits', 'parts'] torch.Size([2, 2])\n"


def test_onnx_of_several_inputs_and_outputs(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")

    class Both(Text):
        def forward(self, ids, mask=None, *, scale=None):
            x = super().forward(ids, mask, scale=scale)
            return Output(logits=x, mask=x, none=None, parts=(x.argmax(-1), 3))

    module, program = made(
        Both, ".onnx", input_shape=[(4,), (4,)], input_dtype=["int64", "float32"], dynamic=1
    )
    assert program.compared.startswith("batch 1, 2, 3; ids.1 of 1, 3, 5, 8")
    assert program.compared.endswith(", in onnxruntime too")
    session = onnxruntime.InferenceSession(program.content)
    told = {one.name: one.shape for one in session.get_inputs()}
    assert told == {"ids": ["batch", "ids_1"], "mask": ["batch", "ids_1"]}
    # a name that an input has already is changed
    outputs = {one.name: one.shape[:2] for one in session.get_outputs()}
    assert set(outputs) == {"logits", "mask_", "parts_0"}
    ids, mask = torch.arange(14).reshape(2, 7) % 11, torch.ones(2, 7)
    got = session.run(["logits", "parts_0"], {"ids": ids.numpy(), "mask": mask.numpy()})
    with torch.no_grad():
        expected = module(ids, mask)
    torch.testing.assert_close(torch.from_numpy(got[0]), expected["logits"])
    assert torch.equal(torch.from_numpy(got[1]), expected["parts"][0])


def test_an_onnx_that_a_runtime_computes_otherwise_is_never_written(monkeypatch):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    real = onnxruntime.InferenceSession.run
    monkeypatch.setattr(
        onnxruntime.InferenceSession, "run", lambda *a: [1.01 * one for one in real(*a)]
    )
    refused(Base, "at batch 5 output differs by up to", ".onnx", input_shape=(3,))


def test_complex_outputs():
    class Complex(Base):
        def forward(self, x):
            return self.layer(x).to(torch.complex64)

    module, program = made(Complex, input_shape=(3,))
    x = torch.randn(4, 3)
    assert torch.equal(loaded(program)(x), module(x))
    pytest.importorskip("onnxscript")
    refused(Complex, "its outputs are complex, which ONNX has not", ".onnx", input_shape=(3,))


# -- what is in the file


@pytest.mark.parametrize("extension", [".pt2", ".onnx"])
def test_no_place_on_this_machine_is_in_a_file(extension):
    if extension == ".onnx":
        pytest.importorskip("onnxscript")
    _, program = made(Wide, extension, input_shape=(1, 8, 8))
    content = program.content
    if extension == ".pt2":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = b"".join(archive.read(name) for name in archive.namelist())
    for place in (torch.__file__, pemn_compress.__file__, __file__, str(Path.home()), sys.prefix):
        folder = Path(place).parent if place.endswith(".py") else Path(place)
        if folder != Path("/"):
            assert str(folder).encode() not in content
    assert b"test_programs.py" not in content
    assert b"site-packages" not in content


def test_the_same_model_gives_the_same_program():
    assert made(Base, input_shape=(3,))[1].content == made(Base, input_shape=(3,))[1].content


def test_differences_of_outputs():
    one = [("a", torch.tensor([1.0, float("nan"), float("inf")])), ("b", 3)]
    assert not proving.difference(one, one)
    near = [("a", one[0][1] * (1 + 2e-7)), ("b", 3)]
    assert not proving.difference(one, near)
    assert "b is 4, expected 3" in proving.difference(one, [one[0], ("b", 4)])
    assert "expected a, b" in proving.difference(one, one[:1])
    for other in ([1.001, float("nan"), float("inf")], [1.0, 0.0, float("inf")], [1.0] * 3):
        assert "differs by up to" in proving.difference(one, [("a", torch.tensor(other)), ("b", 3)])
    whole = [("a", torch.tensor([1, 2]))]
    assert proving.difference(whole, [("a", torch.tensor([1, 3]))]) == "a differs by up to 1"
    assert "shape (1,), expected" in proving.difference(whole, [("a", torch.tensor([1]))])
    small = [("a", torch.tensor([1e-6]))]
    assert proving.difference(small, [("a", torch.tensor([1.1e-6]))])
