"""Models with packed weights: many threads, copies, pickles, casts, state dicts."""

import copy
import io
import pickle
import threading

import pytest
import torch
from test_loading import TOKENS, Mixed
from torch import nn

import pemn_compress
from pemn_compress.errors import ModelError
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.storing.saving import pack


@pytest.fixture(scope="module")
def data():
    torch.manual_seed(0)
    return pack(MaskedModel(Mixed(), strategy="rp", ratio=0.1))


@pytest.fixture
def plain(data):
    return pemn_compress.load(data, model=Mixed())


@pytest.fixture
def lean(data):
    return pemn_compress.load(data, model=Mixed(), packed=True)


def same(one, other, tokens=TOKENS):
    with torch.no_grad():
        return torch.equal(one(tokens), other(tokens))


def test_many_threads_evaluate_one_model(plain, lean):
    with torch.no_grad():
        expected = plain(TOKENS)
    found = []

    def work():
        with torch.no_grad():
            found.extend(torch.equal(lean(TOKENS), expected) for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == 80 * [True]


def test_copies_and_pickles_stay_packed(plain, lean, data):
    stream = io.BytesIO()
    torch.save(lean, stream)
    stream.seek(0)
    copies = [
        copy.deepcopy(lean),
        copy.copy(lean),
        pickle.loads(pickle.dumps(lean)),
        torch.load(stream, weights_only=False),
    ]
    for one in copies:
        assert same(one, plain)
        assert not {"embed.weight", "out.weight"} & {name for name, _ in one.named_parameters()}
    assert pickle.dumps(lean).count(data) == 1  # the archive travels, once


def test_a_model_of_a_file_is_pickled_with_it(tmp_path, data, plain):
    path = tmp_path / "m.pemn"
    path.write_bytes(data)
    lean = pemn_compress.load(path, model=Mixed(), packed=True)
    sent = pickle.dumps(lean)
    path.unlink()
    assert same(pickle.loads(sent), plain)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_casts_are_those_of_a_plain_model(plain, lean, dtype):
    cast = copy.deepcopy(lean).to(dtype)
    assert cast.embed.weight.dtype == dtype
    assert same(cast, copy.deepcopy(plain).to(dtype))
    back = cast.float()
    assert same(back, copy.deepcopy(plain).to(dtype).float())
    assert same(lean, plain), "the original is left alone"
    assert same(back.to(dtype).to(torch.float32), back)


def test_a_state_dict_is_the_plain_models(plain, lean):
    state, expected = lean.state_dict(), plain.state_dict()
    assert list(state) == list(expected)
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    assert state["embed.weight"] is state["out.weight"]
    assert not any(tensor.requires_grad for tensor in state.values())
    assert lean.state_dict(keep_vars=True)["embed.weight"].requires_grad
    Mixed().load_state_dict(state)


def test_other_weights_are_refused_in_a_line(lean, plain):
    for strict in (True, False):
        with pytest.raises(ModelError, match=r"its values stay packed.*without packed=True"):
            lean.load_state_dict(plain.state_dict(), strict=strict)


def test_a_buffer_cannot_stay_packed():
    class Net(nn.Module):
        def __init__(self, buffer):
            super().__init__()
            weight = torch.zeros(3, 3)
            if buffer:
                self.register_buffer("weight", weight)
            else:
                self.weight = nn.Parameter(weight)

    data = pack(MaskedModel(Net(False), include=["weight"]))
    with pytest.raises(ModelError, match="a parameter to stay packed, got a buffer"):
        pemn_compress.load(data, model=Net(True), packed=True)
    assert pemn_compress.load(data, model=Net(False), packed=True).weight.shape == (3, 3)


def test_nothing_of_the_random_weights_is_kept(lean):
    shapes = {(11, 8), (24, 8), (32, 8), (8, 8, 3)}
    held = [t for m in lean.modules() for t in m.__dict__.get("_flat_weights", [])]
    assert not held
    assert not shapes & {tuple(p.shape) for p in lean.parameters()}


def test_another_weight_can_be_put_in_place_for_a_while_or_for_good(lean, plain):
    weight = torch.zeros(24, 8)
    for model in (lean, plain):
        with torch.no_grad():
            changed = torch.func.functional_call(model, {"attend.in_proj_weight": weight}, TOKENS)
        assert not torch.equal(changed, model(TOKENS))
    assert same(lean, plain)
    for model in (lean, plain):
        model.attend.in_proj_weight = nn.Parameter(weight)
    assert same(lean, plain)
    assert lean.state_dict()["attend.in_proj_weight"].sum() == 0
    assert list(lean.state_dict()) == list(plain.state_dict())


def test_a_packed_model_is_not_compiled_in_one_line(lean):
    with pytest.raises(ModelError, match=r"packed.*load it without packed=True") as caught:
        same(torch.compile(lean, backend="eager"), lean)
    assert "\n" not in str(caught.value)
