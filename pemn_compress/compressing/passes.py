"""Forward passes of a model on some samples of its inputs, for outputs that are to be compared."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from pemn_compress.data.batches import Batches
from pemn_compress.data.samples import Data
from pemn_compress.data.trees import arguments
from pemn_compress.models.seeded import seeded

# positional arguments, or keyword arguments, of one forward pass
Inputs = tuple[Any, ...] | Mapping[str, Any]
# how many samples there are -> which of them
Choice = Callable[[int], Tensor]
# inputs, and which samples -> the inputs of these samples
Cut = Callable[[Inputs, Choice], Inputs]


def first_inputs(data: Data, count: int) -> Inputs:
    """Return the inputs of the first `count` test samples, as the arguments of a forward pass."""
    split = data.test.first(count)
    samples = Batches(split, batch_size=count, shuffle_seed=None, normalize=data.normalize)
    return arguments(next(iter(samples))[0])


def run(
    model: nn.Module, given: Inputs, *, training: bool, seed: int = 0, grad: bool = False
) -> Any:
    """Return a forward pass's outputs, all modes and random states being as before afterwards.

    The model gets copies of the inputs: some write into them. With `grad` autograd follows.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        with torch.set_grad_enabled(grad), seeded(seed):
            own = tree_map(_copy, given)
            return model(**own) if isinstance(own, Mapping) else model(*own)
    except SystemExit as error:
        told = RuntimeError(f"forward ends the program (SystemExit: {error})")
        raise told.with_traceback(error.__traceback__) from error  # the line is the user's
    finally:
        for module, mode in modes:
            module.training = mode


def cuts(arguments: Inputs) -> Iterator[Cut]:
    """Yield the ways in which inputs may hold their samples, the likeliest first.

    Rows of every tensor; items of lists, where there are lists (the images of a detector); or in
    none that can be told (the nodes and edges of a graph, a mask beside a batch): `whole`.
    """
    yield rows
    if any(isinstance(value, list) for value in _values(arguments)):
        yield items
    yield whole


def rows(arguments: Inputs, choice: Choice) -> Inputs:
    """Return the chosen rows of every tensor."""

    taken: Inputs = _rows(arguments, choice)
    return taken


def items(arguments: Inputs, choice: Choice) -> Inputs:
    """Return the chosen items of every list among the arguments, and rows of tensors beside."""

    def part(value: Any) -> Any:
        if isinstance(value, list) and value:
            return [value[index] for index in choice(len(value)).tolist()]
        return _rows(value, choice)

    if isinstance(arguments, Mapping):
        return {name: part(value) for name, value in arguments.items()}
    return tuple(part(value) for value in arguments)


def whole(arguments: Inputs, _: Choice) -> Inputs:
    """Return the inputs as they are."""
    return arguments


def first(count: int) -> Choice:
    """Choose the first samples; where there are fewer, some of them again."""
    return lambda size: torch.arange(count) % size


def last(count: int) -> Choice:
    """Choose the last samples, from the last one on."""
    return lambda size: size - 1 - torch.arange(count) % max(1, size - count)


def _rows(values: Any, choice: Choice) -> Any:
    def part(value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.dim() or not len(value):
            return value
        return value[choice(len(value)).to(value.device)]

    return tree_map(part, values)


def _values(arguments: Inputs) -> list[Any]:
    return list(arguments.values() if isinstance(arguments, Mapping) else arguments)


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value
