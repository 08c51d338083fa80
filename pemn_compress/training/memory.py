"""How much memory training takes before the first activation, for whoever has too little."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from pemn_compress.errors import TrainingError
from pemn_compress.masking.host import PlannedModel
from pemn_compress.training.recipes import Recipe

FP32_BYTES = 4
STATES = {"sgd": 1, "adam": 2, "adamw": 2}  # optimiser -> numbers it keeps for each parameter
_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def training_bytes(model: nn.Module, recipe: Recipe) -> int:
    """Return what a run holds whatever the batch: state, gradients, optimiser, average, weights.

    The weights are those that a MaskedModel or a PrunedModel makes, which exist during a step.
    """
    state = sum(t.numel() * t.element_size() for t in [*model.parameters(), *model.buffers()])
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    kept = STATES[recipe.optimizer]
    if recipe.optimizer == "sgd" and not recipe.momentum:
        kept = 0
    kept += recipe.ema > 0
    made = model.plan.numel if isinstance(model, PlannedModel) else 0
    return state + FP32_BYTES * (trainable * (1 + kept) + made)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory was wanting, of a device or of the machine."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    told = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in told for words in _WORDS)


@contextmanager
def explained(model: nn.Module, recipe: Recipe, device: torch.device, place: str) -> Iterator[None]:
    """Turn running out of memory into a TrainingError that says what is needed and what helps."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        needed = training_bytes(model, recipe)
        lower = ["a smaller batch size", "amp"]
        if recipe.optimizer != "sgd":
            lower.append("optimizer sgd")
        if recipe.ema:
            lower.append("ema 0")
        if isinstance(model, PlannedModel) and getattr(model.settings, "strategy", "rp") != "rp":
            lower.append("strategy rp")
        raise TrainingError(
            f"{place}: {device} is out of memory: {needed / 1e6:,.0f} MB are needed for "
            f"parameters, gradients, optimizer and masked weights, and a batch of "
            f"{recipe.batch_size} with its activations besides; {', '.join(lower)} need less"
        ) from None
