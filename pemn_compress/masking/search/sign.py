"""Sign: every kept weight has the magnitude that the seed gives it, and a sign that is learned.

w = scale x |v| x sign(s). Where edge-popup learns one bit a weight, kept or not, this learns
another: its sign; with a density below 1 also which weights there are, the largest |scores|. Scores
start with the signs of the fixed values, so that training starts from the seeded network, and what
an archive stores is the weights whose sign departs from it. The gradient goes straight through the
sign, as in binary networks (Courbariaux et al., "BinaryConnect", 2015), times the magnitude, and is
not clipped. Signed supermasks (Koster et al., ICLR 2022) learn signs of constant magnitudes.
"""

from typing import Any

import torch
from torch import Tensor

from pemn_compress.masking.straight_through import Fill, tile


def weight(scores: Tensor, mask: Tensor | None, fill: Fill, signed: bool) -> Tensor:
    """Return |w| with the signs of the scores, on the mask; dL/ds = dL/dw x |w|, w the fixed one.

    Without a mask every weight is kept.
    """
    made: Tensor = _Signed.apply(scores, mask, *fill)
    return made


class _Signed(torch.autograd.Function):
    """Makes the magnitudes anew for the backward pass: to keep them would cost memory."""

    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, mask: Tensor | None, values: Tensor, offset: int, scale: float
    ) -> Tensor:
        ctx.save_for_backward(values)
        ctx.place = (offset, tuple(scores.shape), scale)
        made = tile(values, *ctx.place)
        made = made.copysign_(scores) if _is_own(made, values) else made.copysign(scores)
        if mask is None:
            return made
        return torch.where(mask, made, torch.zeros((), dtype=made.dtype, device=made.device))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (values,) = ctx.saved_tensors
        return tile(values.abs(), *ctx.place).mul(gradients[0]), None, None, None, None


def _is_own(made: Tensor, values: Tensor) -> bool:
    """Whether a tile is memory of its own, not a view of the values; unknown while compiling."""
    if torch.compiler.is_compiling():
        return False
    held = made.untyped_storage()
    # a vector of one value is not repeated in memory
    is_whole = held.nbytes() >= made.numel() * made.element_size()
    return is_whole and held.data_ptr() != values.untyped_storage().data_ptr()
