"""Scores to masks: the exact top of a tensor's |scores|, with a straight-through gradient.

Source: Ramanujan et al., "What's Hidden in a Randomly Weighted Neural Network?", CVPR 2020,
section 3.2 (edge-popup); [PEMN] section 3.2, eqs. 2 and 3.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pemn_compress.errors import TrainingError


@torch.library.custom_op("pemn::top_mask", mutates_args=())
def top_mask(scores: Tensor, count: int) -> Tensor:
    """Return the bool mask, shaped like `scores`, of its `count` largest absolute values.

    Exactly `count` ones, whatever the ties: among equal |scores| the lower index (C order) is
    kept. Selection, not sorting: linear in the number of scores. A custom operator, so that
    torch.compile does not trace into it. Raises TrainingError on the CPU when a score is NaN; on
    other devices that check would wait for the device, and the training loop's check of the loss
    catches it instead.
    """
    if scores.device.type == "cpu":
        return _top_mask_cpu(scores.detach(), count)
    return _top_mask_device(scores.detach(), count)


@top_mask.register_fake
def _(scores: Tensor, count: int) -> Tensor:
    return torch.empty(scores.shape, dtype=torch.bool, device=scores.device)


def _top_mask_cpu(scores: Tensor, count: int) -> Tensor:
    # numpy's partition is a vectorised quickselect; torch's kthvalue takes four times as long
    size = np.abs(scores.float().contiguous().numpy().reshape(-1))
    parted = np.partition(size, size.size - count)
    if np.isnan(parted[-count:].max()):  # NaN sorts last, so it would be among the largest
        raise TrainingError("scores hold NaN: no mask can be chosen; a lower learning rate helps")
    threshold = parted[size.size - count]
    mask = size > threshold
    missing = count - int(np.count_nonzero(mask))
    mask[np.flatnonzero(size == threshold)[:missing]] = True
    return torch.from_numpy(mask).view(scores.shape)


def _top_mask_device(scores: Tensor, count: int) -> Tensor:
    size = scores.float().abs().reshape(-1)
    threshold = torch.kthvalue(size, size.numel() - count + 1).values
    mask = size > threshold
    ties = size == threshold
    mask |= ties & (ties.cumsum(0) <= count - mask.sum())
    return mask.view(scores.shape)


def tile(prototype: Tensor, offset: int, shape: tuple[int, ...], scale: float) -> Tensor:
    """Return scale x prototype[(offset + i) mod length] in the given shape.

    The product is one binary32 multiplication, as in the archive's rule, so bits agree.
    """
    count = math.prod(shape)
    length = prototype.numel()
    if offset + count <= length:
        return (prototype.narrow(0, offset, count) * scale).view(shape)
    scaled = (prototype.roll(-offset) if offset else prototype) * scale
    rows = -(-count // length)
    return scaled.expand(rows, length).reshape(-1)[:count].view(shape)


class _MaskedWeight(torch.autograd.Function):
    """w = scale x prototype where the mask is 1, else +0.0; dL/ds = dL/dw x (unmasked w) x sign(s).

    The fixed weight is made anew in the backward pass: keeping it would cost a copy per tensor.
    """

    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, prototype: Tensor, mask: Tensor, offset: int, scale: float
    ) -> Tensor:
        ctx.save_for_backward(scores, prototype)
        ctx.fill = (offset, scale)
        fixed = tile(prototype, offset, tuple(scores.shape), scale)
        # where, not a product: -w x 0 is -0.0, and the format knows only +0.0
        return torch.where(mask, fixed, torch.zeros((), dtype=fixed.dtype, device=fixed.device))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scores, prototype = ctx.saved_tensors
        offset, scale = ctx.fill
        fixed = tile(prototype, offset, tuple(scores.shape), scale)
        return (gradients[0] * fixed).mul_(scores.sign()), None, None, None, None


def masked_weight(
    scores: Tensor, prototype: Tensor, mask: Tensor, offset: int, scale: float
) -> Tensor:
    """Return the masked weight of one tensor, float32 in the shape of `scores`, differentiable.

    The straight-through estimator of [PEMN] eq. 3: the mask counts as the identity of |score| in
    the backward pass, so the gradient of a score is dL/dw x w x sign(score), selected or not.
    """
    weight: Tensor = _MaskedWeight.apply(scores, prototype, mask, offset, scale)
    return weight
