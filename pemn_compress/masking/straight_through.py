"""Masked weights whose gradient goes straight through the mask, for every search.

Edge-popup by magnitude has its own, `masks.masked_weight`, which needs less memory. Source of the
estimator: Ramanujan et al., CVPR 2020, section 3.2, eq. 5.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pemn_compress.masking.top import tile


class Fill(NamedTuple):
    """Where a tensor's fixed weights come from: scale x values[(offset + i) mod length]."""

    values: Tensor
    offset: int
    scale: float


class _StraightThrough(torch.autograd.Function):
    """w = the fixed weight where the mask is 1, else +0.0; dL/d(importance) = dL/dw x fixed weight.

    `binary` replaces the fixed weights by their signs times their mean magnitude over the mask.
    """

    @staticmethod
    def forward(ctx: Any, importance: Tensor, mask: Tensor, fill: Fill, binary: bool) -> Tensor:
        values, offset, scale = fill
        ctx.save_for_backward(values)
        ctx.fill = (offset, scale)
        ctx.shape = tuple(importance.shape)
        weight = tile(values, offset, ctx.shape, scale)
        if binary:
            weight = binary_scale(weight, mask).copysign(weight)
        return torch.where(mask, weight, torch.zeros((), dtype=weight.dtype, device=weight.device))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (values,) = ctx.saved_tensors
        return gradients[0] * tile(values, ctx.fill[0], ctx.shape, ctx.fill[1]), None, None, None


def straight_through(
    importance: Tensor, mask: Tensor, fill: Fill, *, binary: bool = False
) -> Tensor:
    """Return a tensor's masked weight, float32 in the shape of `importance`, differentiable.

    The mask counts as the identity of `importance` in the backward pass: its gradient is dL/dw x w
    with w the fixed weight, selected or not. With `binary` the weight is alpha x sign(w) on the
    mask (`binary_scale`), and the gradient is still that of w: alpha has none.
    """
    weight: Tensor = _StraightThrough.apply(importance, mask, fill, binary)
    return weight


def binary_scale(fixed: Tensor, mask: Tensor) -> Tensor:
    """Return Biprop's alpha, ||mask x w||_1 / ||mask||_1, as a float32 tensor of no dimension.

    Summed in double precision: the rounded result does not hinge on the order of the sum.
    """
    kept = torch.where(mask, fixed.abs(), torch.zeros((), dtype=fixed.dtype, device=fixed.device))
    return (kept.sum(dtype=torch.float64) / mask.sum()).float()
