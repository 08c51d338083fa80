"""Batch-norm's running statistics, taken afresh with the weights that are kept.

While training, they are moving averages over masks that have since changed: with learned signs and
masks one step changes many weights at once. Source: Izmailov et al., "Averaging Weights Leads to
Wider Optima and Better Generalization" (2018), section 3.2; by `torch.optim.swa_utils.update_bn`.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import update_bn

from pemn_compress.data import trees
from pemn_compress.data.batches import Batches
from pemn_compress.errors import DataError, ModelError, SettingError
from pemn_compress.kinds import check_kind, of_kind
from pemn_compress.training.blame import blamed
from pemn_compress.training.evaluation import device_of
from pemn_compress.training.recipes import MOST_BATCHES
from pemn_compress.training.recipes.numbers import integer


def recompute_batchnorm(
    model: nn.Module,
    loader: Iterable[Any],
    batches: int | None = None,
    *,
    watch: Callable[[int], object] | None = None,
) -> int:
    """Take the running mean and variance of every batch norm afresh; return over how many batches.

    They become the plain means of the statistics of the first `batches` batches of `loader`, at
    most 100,000, by default of all of it, with the weights as they are; nothing else of the model
    changes. `watch` is called after each, with how many are done. A batch
    is what a DataLoader makes: (inputs, targets), a dict, a tensor, or a tuple of inputs and
    targets of any structure; it is moved to the model's device. The model is in training mode for
    that while: dropout draws from torch's generator as in a step.

    Call it after the last step and before `save`. Statistics that no batch reached stay. Raises
    SettingError where there are none to take, DataError for a loader without a batch, ModelError
    where the model's own code fails or they would not be finite; all is then as it was, and so it
    is after an interrupt.
    """
    check_kind("model", model, nn.Module, "a torch.nn.Module")
    if watch is not None and not callable(watch):
        raise SettingError(f"watch: expected a function of a number, got {of_kind(watch)}")
    norms = check_statistics(model)
    try:
        given = iter(loader)
    except TypeError:
        raise DataError(
            f"batches to take batch-norm's statistics over: expected them from a DataLoader or "
            f"another iterable, got {of_kind(loader)}"
        ) from None
    if batches is not None:
        batches = integer("batches", batches, least=1, most=MOST_BATCHES)
    modes = [(module, module.training) for module in model.modules()]
    momenta = [(norm, norm.momentum) for norm in norms.values()]
    before = {name: _statistics(norm) for name, norm in norms.items()}
    done = 0

    def inputs() -> Iterator[list[Any]]:
        nonlocal done
        device = device_of(model)
        for batch in islice(given, batches):
            yield [trees.moved(_inputs(batch), device)]
            done += 1
            if watch is not None:
                watch(done)

    is_whole = False
    try:
        update_bn(inputs(), _Called(model))
        if not done:
            raise DataError("batches to take batch-norm's statistics over: expected some, got none")
        for name, norm in norms.items():
            if not all(bool(value.isfinite().all()) for value in _live(norm)):
                raise ModelError(
                    f"{name}: batch-norm's statistics over {done} batches are not finite: expected "
                    "finite activations; those from before are kept"
                )
        is_whole = True
    finally:
        for norm, momentum in momenta:
            norm.momentum = momentum
        for module, mode in modes:
            module.training = mode
        for name, norm in norms.items():
            reached = norm.num_batches_tracked
            if not is_whole or (reached is not None and not int(reached)):
                _put(norm, before[name])
    return done


def check_statistics(model: nn.Module) -> dict[str, _BatchNorm]:
    """Return the batch norms that have running statistics, by name. Raises SettingError."""
    found = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm)
        and module.track_running_stats
        and module.running_mean is not None
    }
    if not found:
        raise SettingError(
            "recompute_batchnorm: expected a model with batch norm that has running statistics, "
            f"got none in {type(getattr(model, 'model', model)).__name__}; leave it out"
        )
    return found


def batches_of(batches: Batches, epoch: int) -> Iterator[tuple[Any, Any]]:
    """Iterate over training batches without an end: those of epoch `epoch`, of the next, ..."""
    for number in count(epoch):
        batches.set_epoch(number)
        yield from batches


class _Called(nn.Module):
    """A model that is called with a batch's inputs, of whatever structure, as one argument."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Any) -> None:
        with blamed(self.model, "the batches", inputs, place="batch-norm's statistics: "):
            trees.call(self.model, inputs)


def _inputs(batch: Any) -> Any:
    try:
        return trees.parted(batch)[0]
    except ValueError as error:
        raise DataError(f"a batch to take batch-norm's statistics over: {error}") from None


def _live(norm: _BatchNorm) -> list[Tensor]:
    tensors = (norm.running_mean, norm.running_var, norm.num_batches_tracked)
    return [tensor for tensor in tensors if tensor is not None]


def _statistics(norm: _BatchNorm) -> list[Tensor]:
    return [tensor.clone() for tensor in _live(norm)]


def _put(norm: _BatchNorm, values: list[Tensor]) -> None:
    with torch.no_grad():
        for tensor, value in zip(_live(norm), values, strict=True):
            tensor.copy_(value)
