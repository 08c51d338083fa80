"""How many weights every tensor keeps at a time, and the masks of a budget that all share."""

from typing import TYPE_CHECKING

from torch import Tensor

from pemn_compress.masking.rules.budgets import (
    Budget,
    global_budget,
    ramped,
    tensor_budget,
    tensor_densities,
)
from pemn_compress.masking.rules.plan import Plan
from pemn_compress.masking.rules.strategies import Settings
from pemn_compress.masking.top import top_global

if TYPE_CHECKING:
    from pemn_compress.masking.masked import MaskedModel


def budget_at(plan: Plan, settings: Settings, epoch: int) -> Budget:
    """Return what is kept in epoch `epoch`, counted from 0; after the ramp the final budget."""

    def now(density: float) -> float:
        return ramped(density, epoch, settings.ramp)

    s = settings
    if s.budget == "global":
        return global_budget(plan, now(s.density), s.floor)
    return tensor_budget(plan, map(now, tensor_densities(plan, s.density, s.layer_density)))


def global_masks(masked: "MaskedModel", scores: list[Tensor]) -> list[Tensor] | None:
    """Return the final masks of a budget that all tensors share, else None."""
    counts, total = masked.budget
    if total is None:
        return None
    flat = top_global(scores, counts, total, masked.settings.signed)
    parts = flat.split([tensor.numel for tensor in masked.plan])
    tensors = masked.plan.tensors  # torch 2.6 compiles no zip over a plan
    return [part.view(tensors[i].shape) for i, part in enumerate(parts)]
