"""Does a model fit its data, and how well does it do on them? Any nn.Module that classifies."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pemn_compress.data.batches import Batches
from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError, TrainingError
from pemn_compress.training.history import Score


def check_fit(model: nn.Module, data: Data) -> int:
    """Try two samples before hours are spent; return how many outputs the model has.

    Raises DataError where model and data do not fit.
    """
    samples = Batches(data.test, batch_size=2, shuffle_seed=None, normalize=data.normalize)
    inputs, targets = next(iter(samples))
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            outputs = model(inputs.to(next(model.parameters()).device))
    except TrainingError:
        raise
    except Exception as error:  # whatever a user's own forward() raises
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"data {data.name!r} gives inputs of shape {data.input_shape}, which the model does "
            f"not take: {type(error).__name__}: {reason}"
        ) from None
    finally:
        model.train(was_training)
    if not isinstance(outputs, Tensor) or outputs.dim() != 2 or len(outputs) != len(targets):
        got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise DataError(
            f"the model's output for a batch of {len(targets)}: expected a tensor of shape "
            f"({len(targets)}, classes), got {got}"
        )
    if data.classes is not None and outputs.shape[1] < data.classes:
        raise DataError(
            f"data {data.name!r} has {data.classes} classes, the model only {outputs.shape[1]} "
            "outputs; build it with more"
        )
    return outputs.shape[1]


@torch.no_grad()
def evaluate(
    model: nn.Module, split: Split, data: Data, *, batch_size: int = 256, workers: int = 0
) -> Score:
    """Return the model's score on a split, in evaluation mode and float32, on its own device."""
    device = next(iter([*model.parameters(), *model.buffers()])).device
    batches = Batches(
        split,
        batch_size=batch_size,
        shuffle_seed=None,
        normalize=data.normalize,
        workers=workers,
        device=device,
    )
    was_training = model.training
    model.eval()
    correct = torch.zeros((), dtype=torch.int64, device=device)
    loss = torch.zeros((), dtype=torch.float64, device=device)
    total = 0
    for inputs, targets in batches:
        outputs = model(inputs)
        loss += functional.cross_entropy(outputs, targets, reduction="sum").double()
        correct += (outputs.argmax(1) == targets).sum()
        total += targets.numel()
    model.train(was_training)
    return Score(int(correct), total, float(loss) / total)
