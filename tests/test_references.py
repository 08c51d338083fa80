"""Weights that a model holds in a second place: found before a mask would miss them."""

import functools
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pemn_compress import MaskedModel, PrunedModel
from pemn_compress.errors import ModelError, PemnWarning


class Helper:
    """An object of the user's own."""

    __slots__ = ("seen",)

    def __init__(self, seen: object) -> None:
        self.seen = seen


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 20))


def held(make: Any) -> nn.Module:
    model = net()
    make(model, model[2].weight)
    return model


def closure(model: nn.Module, weight: Tensor) -> None:
    model[0].register_forward_hook(lambda module, inputs, output: output @ weight)


PLACES = {
    "list": (lambda m, w: setattr(m, "ws", [(w, m[2].bias)]), r"ws\[0\]\[0\]"),
    "dict": (lambda m, w: setattr(m, "d", {"a": {"w": w}}), r"d\['a'\]\['w'\]"),
    "a dict's key": (lambda m, w: setattr(m, "d", {w: 1}), r"d \(a key\)"),
    "set": (lambda m, w: setattr(m[1], "s", {w}), r"1\.s\[0\]"),
    "object": (lambda m, w: setattr(m, "h", Helper([w])), r"h\.seen\[0\]"),
    "closure": (lambda m, w: setattr(m, "f", lambda x: x @ w), r"f \(variable 'w'\)"),
    "default": (lambda m, w: setattr(m, "f", lambda x, w=w: x @ w), r"f \(defaults\)\[0\]"),
    "hook": (closure, r"0\._forward_hooks\[\d+\] \(variable 'weight'\)"),
    "partial": (lambda m, w: setattr(m, "p", functools.partial(torch.mm, w)), r"p\.args\[0\]"),
    "module that is not registered": (lambda m, w: setattr(m, "l", [m_of(w)]), r"l\[0\]\.weight"),
    "view": (lambda m, w: setattr(m, "v", w.t()), r"by a view of its memory in v,"),
    "data": (lambda m, w: setattr(m, "v", [w.data]), r"by a view of its memory in v\[0\],"),
    "buffer": (lambda m, w: m.register_buffer("b", w.detach()[3]), r"by a view .* in b,"),
}


def m_of(weight: nn.Parameter) -> nn.Module:
    module = nn.Linear(1, 1)
    module.weight = weight
    return module


@pytest.mark.parametrize("place", PLACES)
def test_a_second_place_is_named_and_the_model_left_as_it_was(place: str) -> None:
    make, named = PLACES[place]
    model = held(make)
    before = dict(model.named_parameters())
    with pytest.raises(ModelError, match=rf"^\d\.weight: .*{named}") as caught:
        MaskedModel(model)
    assert "\n" not in str(caught.value)
    assert all(value is before[name] for name, value in model.named_parameters())
    with pytest.raises(ModelError, match=named):
        PrunedModel(model)
    MaskedModel(model, exclude=["2.*"])


def test_a_model_that_holds_an_optimizer_is_not_refused_for_it() -> None:
    model = held(lambda m, _: setattr(m, "o", torch.optim.SGD(m.parameters(), 0.1)))
    with pytest.warns(PemnWarning, match="holds weights that are masked now"):
        MaskedModel(model)


class Sharing(nn.Module):
    """Two parameters over one memory: no name tells that they are one."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 6)
        self.b.weight = nn.Parameter(self.a.weight.data)


def test_two_parameters_over_one_memory_are_refused() -> None:
    with pytest.raises(ModelError, match=r"^b\.weight: shares its memory with the parameter a\."):
        MaskedModel(Sharing())


def test_parts_of_one_memory_that_do_not_meet_are_two_weights() -> None:
    model = net()
    flat = torch.randn(1200)
    model[0].weight = nn.Parameter(flat[:600].view(30, 20))
    model[2].weight = nn.Parameter(flat[600:].view(20, 30))
    assert len(MaskedModel(model).plan) == 2


class Legitimate(nn.Module):
    """Everything that leads to a module, by which a weight is read where it is registered."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(20, 20)
        self.lstm = nn.LSTM(20, 20, batch_first=True)
        self.layers = [self.a, self.lstm]
        self.again = {"me": self}
        self.parent = weakref.ref(self)
        self.proxy = weakref.proxy(self.a)
        self.f = lambda x: self.a(x)
        self.bound = self.a.forward
        self.copy = self.a.weight.detach().clone()
        self.names = dict.fromkeys(map(str, range(1000)))
        self.a.register_forward_hook(lambda module, inputs, output: self.note(output))

    def note(self, output: Tensor) -> None:
        self.seen = output

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(self.bound(self.f(x)))[0]


def test_what_leads_to_a_module_is_no_second_place() -> None:
    masked = MaskedModel(Legitimate())
    masked(torch.randn(2, 3, 20)).sum().backward()
    assert all(score.grad is not None for score in masked.scores)


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.AdamW])
def test_an_optimizer_made_before_is_told(make: Any) -> None:
    model = net()
    optimizer = make(model.parameters(), 0.1)
    with pytest.warns(
        PemnWarning, match=rf"{make.__name__}\) holds weights that are masked now \(2"
    ):
        masked = MaskedModel(model, ratio=0.1)
    assert len(optimizer.param_groups[0]["params"]) == 4
    assert sorted(masked.held()) == ["0.weight", "2.weight"]
    model = net()
    optimizer = make([model[0].weight], 0.1)
    PrunedModel(model)  # whose values are the parameters: that optimizer trains them


@pytest.mark.filterwarnings("error")
def test_parameters_that_somebody_looks_at_are_no_reason_to_speak() -> None:
    model = net()
    weight = model[0].weight
    masked = MaskedModel(model, ratio=0.1)
    assert masked.held() == {"0.weight": weight}
    assert MaskedModel(net(), ratio=0.1).held() == {}


def test_a_dense_baseline_may_hold_its_weights_where_it_likes() -> None:
    class Held(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(20, 20)
            self.ws = [(self.a.weight, self.a.bias)]

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(x, *self.ws[0])

    model = PrunedModel(Held(), strategy="dense")
    optimizer, x = torch.optim.SGD(model.parameters(), 0.1), torch.randn(3, 20)
    model(x).square().sum().backward()
    optimizer.step()
    plain = model.to_plain()
    assert plain.ws[0][0] is plain.a.weight
    assert torch.equal(plain(x), model(x))
