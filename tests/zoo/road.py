"""The road of every model here: masked, rehearsed, one step, saved, and read by a stranger."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress import MaskedModel, load, rehearse, save

Make = Callable[[], nn.Module]
Inputs = tuple[Any, ...] | dict[str, Any]


def travel(make: Make, inputs: Inputs, folder: Path, *, include: Sequence[str] = ()) -> None:
    """Assert that a model of two builds under different seeds gives the trained one's outputs.

    `inputs` are those of a forward pass on two samples. The loss of the step is the mean square of
    all outputs, for there to be one with every kind of output.
    """
    masked = MaskedModel(built(make, seed=0), seed=0, include=include)
    rehearsed = rehearse(masked, inputs, build=make)
    assert rehearsed.warnings == rehearsed.unseen == ()
    step(masked, inputs)
    save(masked, folder / "model.pemn")
    restored = load(folder / "model.pemn", model=built(make, seed=1))
    untrained = built(make, seed=1).eval()
    masked.eval()
    for size in (1, 2):
        part = first(inputs, size)
        expected, got, other = (outputs(model, part) for model in (masked, restored, untrained))
        assert same(expected, got), f"batch {size}"
        assert not same(expected, other), "the outputs do not depend on what the archive holds"


def built(make: Make, *, seed: int) -> nn.Module:
    """Return a model built under a seed of its own."""
    torch.manual_seed(seed)
    return make()


def step(masked: MaskedModel, inputs: Inputs) -> None:
    """Take one step of training, which has to reach every score."""
    masked.train()
    optimizer = torch.optim.SGD(masked.parameters(), lr=0.1)
    made = [value for value in tensors(run(masked, inputs)) if value.requires_grad]
    sum(value.float().square().mean() for value in made).backward()
    for tensor, score in zip(masked.plan, masked.scores, strict=True):
        assert score.grad is not None, tensor.name
    before = [score.detach().clone() for score in masked.scores]
    optimizer.step()
    assert not all(map(torch.equal, before, masked.scores))


def run(model: nn.Module, inputs: Inputs) -> Any:
    """Return the outputs of one forward pass, inputs by position or by name."""
    return model(**inputs) if isinstance(inputs, Mapping) else model(*inputs)


def outputs(model: nn.Module, inputs: Inputs) -> list[Tensor]:
    """Return every tensor of a forward pass's outputs; some must have elements."""
    with torch.no_grad():
        found = list(tensors(run(model, inputs)))
    assert any(value.numel() for value in found)
    return found


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    """Return whether two lists of tensors are equal bit for bit."""
    return len(one) == len(other) and all(map(_same, one, other))


def tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested outputs: containers, and objects such as caches of attention."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors(item)
    elif hasattr(value, "__dict__") and not isinstance(value, type | nn.Module):
        yield from tensors(vars(value))


def first(inputs: Inputs, count: int) -> Inputs:
    """Return the first samples of the inputs."""

    def part(value: Any) -> Any:
        return value[:count] if isinstance(value, Tensor | list) else value

    if isinstance(inputs, Mapping):
        return {name: part(value) for name, value in inputs.items()}
    return tuple(part(value) for value in inputs)


def _same(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    bits = (value.detach().contiguous().view(-1).view(torch.uint8) for value in (one, other))
    return torch.equal(*bits)
