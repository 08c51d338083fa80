"""Does a model fit its data, and how well does it do on them? Any nn.Module, any task."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pemn_compress.data import trees
from pemn_compress.data.batches import Batches, check_labels
from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError, PemnError
from pemn_compress.training.blame import blamed
from pemn_compress.training.history import Score
from pemn_compress.training.recipes.numbers import integer
from pemn_compress.training.tally import Tally
from pemn_compress.training.untouched import untouched


def check_fit(model: nn.Module, data: Data) -> int:
    """Try two samples before hours are spent; return how many classes the model tells apart.

    0 where its task is not to classify: its loss and its metrics are then tried. The model, its
    gradients and all random states are left as they were. Raises DataError where model and data do
    not fit, ModelError where the model's own code, or that of its task, fails.
    """
    parts = (("training", data.train), ("validation", data.validation), ("test", data.test))
    for name, split in parts:
        if split is not None and not len(split):
            raise DataError(f"data {data.name!r} has no {name} samples: expected some, got none")
    if any(is_lazy(tensor) for tensor in [*model.parameters(), *model.buffers()]):
        with torch.random.fork_rng(devices=[]):
            _outputs(model, data.test, data, 2)  # its layers take their sizes from this
    with untouched(model):
        found = _outputs(model, data.test, data, 2)
    if not data.task.is_classification:
        return 0
    outputs = int(found.shape[1])
    if data.classes is not None and outputs < data.classes:
        raise DataError(
            f"data {data.name!r} has {data.classes} classes, the model only {outputs} "
            "outputs; build it with more"
        )
    for name, split in parts:
        if split is not None and split.in_memory:
            check_labels(split.targets, outputs, f"data {data.name!r}, {name} labels")
    return outputs


def check_outputs(outputs: Any, count: int, mode: str = "") -> None:
    """Refuse what is not a tensor (count, classes) of floating-point numbers. Raises DataError.

    `mode` is said of the batch.
    """
    if not isinstance(outputs, Tensor):
        got = type(outputs).__name__
    elif outputs.dim() != 2 or len(outputs) != count or not outputs.shape[1]:
        got = str(tuple(outputs.shape))
    elif not outputs.is_floating_point():
        got = str(outputs.dtype).removeprefix("torch.")
    else:
        return
    raise DataError(
        f"the model's output for a batch of {count}{mode}: expected a tensor of shape "
        f"({count}, classes), got {got}"
    )


@torch.no_grad()
def evaluate(
    model: nn.Module, split: Split, data: Data, *, batch_size: int = 256, workers: int = 0
) -> Score:
    """Return the model's score on a split, in evaluation mode and float32, on its own device.

    A last batch of one sample joins the batch before it where the model takes no single sample.
    Raises DataError and ModelError as `check_fit` does.
    """
    if not len(split):
        raise DataError(f"data {data.name!r}: expected samples to evaluate on, got none")
    batch_size = integer("batch size", batch_size, least=1)
    device = device_of(model)
    batches = Batches(
        split,
        batch_size=batch_size,
        shuffle_seed=None,
        normalize=data.normalize,
        workers=workers,
        device=device,
        join_last=_takes_no_last(model, split, data, batch_size),
    )
    tally = Tally(data.task, wide(device))
    with evaluating(model), closing(batches):
        for inputs, targets in batches:
            count = trees.samples(targets, inputs)
            with blamed(model, data.name, inputs):
                outputs = trees.call(model, inputs)
                if data.task.is_classification:
                    check_outputs(outputs, count)
                    if batches.labels is None:
                        batches.labels = outputs.shape[1]
                        known = split.targets if split.in_memory else targets
                        check_labels(known, batches.labels, f"data {data.name!r}, labels")
                tally.add(outputs, targets, count)
    return tally.score()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and every module of it back into its own at the end."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def wide(device: torch.device) -> torch.dtype:
    """Return the widest floating-point type that a device adds in."""
    return torch.float32 if device.type == "mps" else torch.float64


def device_of(model: nn.Module) -> torch.device:
    """Return where a model's tensors are; the CPU for a model without any."""
    tensors = [*model.parameters(), *model.buffers()]
    return tensors[0].device if tensors else torch.device("cpu")


def _takes_no_last(model: nn.Module, split: Split, data: Data, batch_size: int) -> bool:
    """Tell whether a last batch of one sample has to join the one before it."""
    if (
        split.stream is not None
        or batch_size == 1
        or len(split) % batch_size != 1
        or len(split) == 1
    ):
        return False
    try:
        with untouched(model):
            _outputs(model, split, data, 1)
    except PemnError:
        return True  # and if it is not for the number of samples, the first batch will say so
    return False


@torch.no_grad()
def _outputs(model: nn.Module, split: Split, data: Data, count: int) -> Any:
    """Return a model's outputs in evaluation mode for the first `count` samples.

    (N, classes) where they are to classify; else loss and metrics of them have been tried.
    """
    batches = Batches(
        split.first(count),
        batch_size=count,
        shuffle_seed=None,
        normalize=data.normalize,
        device=device_of(model),
    )
    inputs, targets = next(iter(batches))
    with evaluating(model), blamed(model, data.name, inputs):
        outputs = trees.call(model, inputs)
        if not data.task.is_classification:
            tally = Tally(data.task, wide(device_of(model)))
            tally.add(outputs, targets, trees.samples(targets, inputs))
            tally.score()
            return outputs
    check_outputs(outputs, len(targets))
    return outputs
