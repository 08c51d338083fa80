"""A recipe's optimiser and its learning rate at every step."""

import math
from typing import Any

import torch
from torch import nn

from pemn_compress.errors import ModelError
from pemn_compress.masking.host import PlannedModel
from pemn_compress.training.recipes import Recipe


def learning_rate(recipe: Recipe, epoch: int, step: int, steps: int) -> float:
    """Return the rate for step `step` (from 0) of `steps` in epoch `epoch` (from 0)."""
    if epoch < recipe.warmup_epochs:
        return recipe.lr * (epoch * steps + step + 1) / (recipe.warmup_epochs * steps)
    length = recipe.epochs - recipe.warmup_epochs
    passed = epoch - recipe.warmup_epochs
    if recipe.schedule == "cosine":
        return recipe.lr * 0.5 * (1 + math.cos(math.pi * passed / length))
    if recipe.schedule == "triangular":
        at = (passed + (step + 1) / steps) / length
        if at <= 0.4:
            return recipe.lr * at / 0.4
        if at <= 0.8:
            return recipe.lr * (1 - 0.95 * (at - 0.4) / 0.4)
        return recipe.lr / 20 * (1 - at) / 0.2
    if recipe.schedule == "one-cycle":
        begun = (passed + step / steps) / length
        ended = begun + 1 / (steps * length)
        return recipe.lr * min(ended / 0.2, (1 - begun) / 0.8, 1)  # no step is taken at zero
    return recipe.lr


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimiser over the trainable parameters, decayed as `decay` says.

    Raises ModelError for a model without any.
    """
    trainable = [p for p in model.parameters() if p.requires_grad and p.numel()]
    if not trainable:
        frozen = sum(p.numel() for p in model.parameters())
        raise ModelError(
            f"{type(model).__name__} has no trainable parameter: expected one with requires_grad, "
            f"got {f'{frozen:,} numbers that are frozen' if frozen else 'none at all'}"
        )
    is_decayed = (lambda p: True) if recipe.decay == "all" else (lambda p: p.dim() >= 2)
    planned = {id(p) for p in model.trained()} if isinstance(model, PlannedModel) else set()
    dense = 1.0 if recipe.dense_lr is None else recipe.dense_lr / recipe.lr
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in trainable:
        factor = 1.0 if id(parameter) in planned or not planned else dense
        decay = recipe.weight_decay if is_decayed(parameter) else 0.0
        groups.setdefault((factor, decay), []).append(parameter)
    told: list[dict[str, Any]] = [
        {"params": some, "weight_decay": decay, "lr": recipe.lr * factor, "factor": factor}
        for (factor, decay), some in groups.items()
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(told, lr=recipe.lr, momentum=recipe.momentum)
    if recipe.optimizer == "adam":
        return torch.optim.Adam(told, lr=recipe.lr)
    return torch.optim.AdamW(told, lr=recipe.lr)
