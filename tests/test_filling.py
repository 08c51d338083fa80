"""Models given to be filled: on the meta device, wrapped, tied, lazy, already trained."""

import warnings

import pytest
import torch
from handmade import GOOD
from torch import nn

import pemn_compress
from pemn_compress.errors import ModelError, SettingError
from pemn_compress.format.archive import AliasTensor, DenseTensor, encode
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.storing.saving import pack
from pemn_compress.storing.tensors import same_bits


class Net(nn.Module):
    """A layer, and a table that no state dict holds."""

    def __init__(self, *, table=False, attribute=False, listed=False):
        super().__init__()
        self.a = nn.Linear(4, 6)
        self.b = nn.Linear(6, 2)
        if table:
            self.a.register_buffer("angles", torch.arange(4.0), persistent=False)
        if attribute:
            self.order = torch.arange(4)
        if listed:
            self.ws = [(self.a.weight, self.a.bias)]

    def forward(self, x):
        return self.b(self.a(x).relu())


@pytest.fixture(scope="module")
def packed():
    torch.manual_seed(3)
    return pack(MaskedModel(Net()))


def one_line(data, model, told, **options):
    with pytest.raises(ModelError, match=told) as caught:
        pemn_compress.load(data, model=model, **options)
    assert "\n" not in str(caught.value)


X = torch.linspace(-1, 1, 12).reshape(3, 4)


def test_a_model_without_memory_is_filled(packed):
    with torch.device("meta"):
        model = Net()
    expected = pemn_compress.load(packed, model=Net())
    assert torch.equal(pemn_compress.load(packed, model=model)(X), expected(X))


@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize(
    ("options", "named"),
    [({"table": True}, "'a.angles'"), ({"attribute": True}, "'order'")],
)
def test_values_that_no_archive_holds_are_named(packed, options, named, lean):
    with torch.device("meta"):
        model = Net(**options)
    one_line(
        packed, model, f"{named} is in no state dict.*build the model with memory", packed=lean
    )


def test_a_model_partly_without_memory_is_filled(packed):
    with torch.device("meta"):
        model = Net()
    model.a.register_buffer("angles", torch.arange(4.0), persistent=False)
    expected = pemn_compress.load(packed, model=Net())
    filled = pemn_compress.load(packed, model=model)
    assert torch.equal(filled(X), expected(X))
    assert filled.a.angles.tolist() == [0, 1, 2, 3]


def test_weights_that_a_model_keeps_twice(packed):
    filled = pemn_compress.load(packed, model=Net(listed=True))  # in place: both see them
    assert filled.ws[0][0] is filled.a.weight
    with torch.device("meta"):
        model = Net(listed=True)
    one_line(packed, model, "keeps one of its tensors in 'ws' too")
    one_line(packed, Net(listed=True), "keeps one of its weights in 'ws' too", packed=True)


@pytest.mark.parametrize("wrap", [nn.DataParallel, lambda m: torch.compile(m, backend="eager")])
def test_wrappers_are_taken_off(packed, wrap):
    model = Net()
    assert pemn_compress.load(packed, model=wrap(model)) is model
    with torch.no_grad():
        assert torch.equal(model(X), pemn_compress.load(packed, model=Net())(X))


@pytest.mark.parametrize("kind", [MaskedModel, PrunedModel])
def test_a_model_that_trains_is_refused(packed, kind):
    masked = kind(Net())
    one_line(packed, masked, f"a {kind.__name__}; build a new one as the Net in it was built")
    one_line(packed, nn.DataParallel(masked), f"got a {kind.__name__}")
    one_line(packed, masked.model, r"taken out \(by a MaskedModel\?\): build it anew")


def test_the_trained_model_itself_is_told():
    masked = MaskedModel(Net())
    data = pack(masked)
    for options in ({}, {"packed": True}):
        with pytest.warns(UserWarning, match="holds all of the archive already") as caught:
            pemn_compress.load(data, model=masked.to_plain(), **options)
        assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pemn_compress.load(data, model=Net())


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (Net, "a torch.nn.Module to fill, got the class Net"),
        ("net.py", "got str"),
        (nn.Sequential(), "6|4 tensors of the archive that the model lacks"),
    ],
)
def test_what_is_no_model_of_the_archives(packed, model, told):
    one_line(packed, model, told)


def test_a_model_inside_another_is_told(packed):
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = Net()

    one_line(packed, Outer(), "the model is inside another: give its model")
    one_line(
        pack(MaskedModel(Outer())), Net(), "was inside another: give one that is wrapped alike"
    )


def test_a_parametrized_model_is_told(packed):
    model = Net()
    nn.utils.parametrizations.weight_norm(model.a)
    one_line(packed, model, "remove its parametrizations")


def test_a_lazy_model_takes_its_shapes_from_the_archive(packed):
    model = Net()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lazy modules call themselves unstable
        model.a = nn.LazyLinear(6)
    filled = pemn_compress.load(packed, model=model)
    assert torch.equal(filled(X), pemn_compress.load(packed, model=Net())(X))


def test_state_that_is_no_tensor_is_told():
    class Odd(nn.Linear):
        def get_extra_state(self):
            return {"calls": 1}

    data = encode(
        [
            DenseTensor("weight", "f32", torch.ones(2, 2).numpy()),
            DenseTensor("bias", "f32", torch.ones(2).numpy()),
            DenseTensor("_extra_state", "f32", torch.ones(2).numpy()),
        ],
        None,
    )
    one_line(data, Odd(2, 2), "'_extra_state': expected a tensor, got dict")


def tied_archive():
    return encode(
        [DenseTensor("one", "f32", torch.ones(3).numpy()), AliasTensor("two", "one")], None
    )


class Two(nn.Module):
    """Two tensors, each a parameter or a buffer, perhaps the same."""

    def __init__(self, one, two):
        super().__init__()
        for name, tensor in (("one", one), ("two", two)):
            if isinstance(tensor, nn.Parameter):
                setattr(self, name, tensor)
            else:
                self.register_buffer(name, tensor)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_shared_tensors(device):
    def zeros():
        return torch.zeros(3, device=device)

    buffers = pemn_compress.load(tied_archive(), model=Two(zeros(), zeros()))
    assert buffers.two.tolist() == [1, 1, 1]
    parameters = Two(nn.Parameter(zeros()), nn.Parameter(zeros()))
    assert pemn_compress.load(tied_archive(), model=parameters).two.tolist() == [1, 1, 1]
    one_line(tied_archive(), Two(nn.Parameter(zeros()), zeros()), "two parameters or two buffers")


def test_a_model_that_ties_what_the_archive_holds_apart():
    data = encode(
        [
            DenseTensor("one", "f32", torch.ones(3).numpy()),
            DenseTensor("two", "f32", torch.zeros(3).numpy()),
        ],
        None,
    )
    same = nn.Parameter(torch.rand(3))
    one_line(data, Two(same, same), "'one': expected the archive's values in it, got others")


def test_a_hook_that_changes_its_state_is_told(packed):
    model = Net()

    def double(state, prefix, *_):
        state[f"{prefix}weight"] = 2 * state[f"{prefix}weight"]

    model.a._register_load_state_dict_pre_hook(double)
    one_line(packed, model, "'a.weight': expected the archive's values in it, got others")

    def fail(*_):
        raise KeyError("x")

    model.a._register_load_state_dict_pre_hook(fail)
    one_line(packed, model, "does not take its state")


def test_destinations(packed):
    for device in ("cuda:99", "tpu", 3.5):
        with pytest.raises(SettingError, match=r"expected one that this machine has: cpu"):
            pemn_compress.load(packed, model=Net(), device=device)
    for dtype in (torch.int8, "float16"):
        with pytest.raises(SettingError, match=r"expected a floating-point torch\.dtype"):
            pemn_compress.load(packed, model=Net(), dtype=dtype)


def test_the_format_that_models_are_compared_in():
    nan, zero = torch.tensor([float("nan"), 0.0]), torch.tensor([float("nan"), -0.0])
    assert same_bits(nan, nan.clone())
    assert not same_bits(nan, zero)
    assert not same_bits(nan, nan.double())
    assert same_bits(torch.arange(6).reshape(2, 3).T, torch.arange(6).reshape(2, 3).T.contiguous())
    assert same_bits(torch.tensor([1 + 2j]).conj(), torch.tensor([1 - 2j]))
    assert same_bits(torch.tensor(True), torch.tensor(True))
    assert GOOD  # an archive of the package's own, which handmade takes apart
