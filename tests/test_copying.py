"""to_plain in the middle of a training: activations, closures, hooks, and what cannot be copied."""

import functools
import threading
import weakref
from types import MethodType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pemn_compress import MaskedModel, PrunedModel
from pemn_compress.errors import ModelError


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(20, 20), nn.Linear(20, 20)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x).relu())


class Keeping(Base):
    """Holds on to results of autograd, wherever a model may."""

    def forward(self, x: Tensor) -> Tensor:
        self.features = self.a(x).relu()
        self.nested = {"a": [self.features], "b": SimpleNamespace(held={self.features.sum()})}
        return self.b(self.features)


class Closing(Base):
    """Calls its parts through functions of every kind that close over the model."""

    def __init__(self) -> None:
        super().__init__()
        calls = 0

        def counted(x: Tensor) -> Tensor:
            nonlocal calls
            calls += 1
            return self.a(x)

        def recursive(x: Tensor, times: int = 1, part: Any = self.b) -> Tensor:
            return recursive(part(x), times - 1) if times else x

        self.counted, self.count = counted, lambda: calls
        self.steps = [(lambda x: self.a(x)), recursive]
        self.table = {"b": functools.partial(lambda scale, x: scale * self.b(x), 2.0)}
        self.holder = SimpleNamespace(run=lambda x: self.a(x))
        self.bound = self.b.forward
        self.method = MethodType(lambda module, x: self.b(module.a(x)), self)
        self.parent = weakref.ref(self)
        self.seen = []
        self.b.register_forward_hook(lambda module, inputs, output: self.seen.append(output))

    def forward(self, x: Tensor) -> Tensor:
        x = self.counted(x).relu()
        for step in self.steps:
            x = step(x)
        x = self.parent().holder.run(self.table["b"](x))
        return self.method(self.bound(x))


@pytest.mark.parametrize("kind", [Keeping, Closing])
@pytest.mark.parametrize("make", [MaskedModel, PrunedModel])
def test_a_copy_right_after_a_step_is_the_same_and_stands_alone(kind: type, make: Any) -> None:
    torch.manual_seed(0)
    masked, x = make(kind()), torch.randn(3, 20)
    optimizer = torch.optim.SGD(masked.parameters(), 0.1)
    masked(x).square().sum().backward()
    optimizer.step()
    plain = masked.to_plain()
    assert type(plain) is kind
    assert all(parameter.grad is None for parameter in plain.parameters())
    expected = masked(x)
    assert torch.equal(plain(x), expected)
    # the copy leads nowhere back: with other weights in the first model it computes the same
    with torch.no_grad():
        for parameter in masked.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    assert torch.equal(plain(x), expected)
    plain(x).sum().backward()
    assert all(parameter.grad is not None for parameter in plain.parameters())


def test_what_functions_share_stays_shared() -> None:
    masked, x = MaskedModel(Closing()), torch.randn(3, 20)
    plain = masked.to_plain()
    before = len(masked.model.seen)
    plain(x)
    assert plain.count() == 1, "the counting function and the one that tells share a variable"
    assert plain.parent() is plain
    assert plain.method.__self__ is plain
    assert plain.bound.__self__ is plain.b
    assert len(masked.model.seen) == before
    assert plain.steps[1].__defaults__[1] is plain.b
    assert plain.steps[1].__name__ == "recursive"


class Locked(Base):
    def __init__(self) -> None:
        super().__init__()
        self.b.lock = threading.Lock()


class Odd:
    """Copies to itself, and leads to the model."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def __deepcopy__(self, memo: Any) -> "Odd":
        return self


class Leading(Base):
    def __init__(self) -> None:
        super().__init__()
        self.odd = Odd(self)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Locked, r"^b\.lock: cannot be copied \(lock: .*\): expected attributes that copy\.deepco"),
        (Leading, r"^odd\.model: leads back to the model that was to be copied: expected a method"),
    ],
)
def test_what_cannot_be_copied_is_named_in_a_line(kind: type, message: str) -> None:
    masked = MaskedModel(kind())
    masked(torch.randn(3, 20)).sum().backward()
    with pytest.raises(ModelError, match=message) as caught:
        masked.to_plain()
    assert "\n" not in str(caught.value)
    masked(torch.randn(3, 20)).sum().backward()
