"""Scores to masks: the exact top of a tensor's |scores|, with a straight-through gradient.

Source: Ramanujan et al., "What's Hidden in a Randomly Weighted Neural Network?", CVPR 2020,
section 3.2 (edge-popup); [PEMN] section 3.2, eqs. 2 and 3.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pemn_compress.errors import TrainingError

F32 = npt.NDArray[np.float32]


class Fill(NamedTuple):
    """Where a tensor's fixed weights come from: scale x values[(offset + i) mod length]."""

    values: Tensor
    offset: int
    scale: float


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


@torch.library.custom_op("pemn::top_signed", mutates_args=())
def top_signed(scores: Tensor, count: int) -> Tensor:
    """Return the bool mask, shaped like `scores`, of its `count` largest values, signs counting.

    As `top_mask` in all else: exact, ties to the lower index, TrainingError for NaN on the CPU.
    """
    if scores.device.type != "cpu":
        return _top_signed_device(scores.detach(), count)
    ranks = scores.detach().float().contiguous().numpy().reshape(-1)
    return torch.from_numpy(_top_of(ranks, count)).view(scores.shape)


@top_signed.register_fake
def _(scores: Tensor, count: int) -> Tensor:
    return torch.empty(scores.shape, dtype=torch.bool, device=scores.device)


def _top_of(ranks: F32, count: int) -> npt.NDArray[np.bool_]:
    parted = np.partition(ranks, ranks.size - count)
    if np.isnan(parted[-count:].max()):  # NaN sorts last
        raise TrainingError("scores hold NaN: no mask can be chosen; a lower learning rate helps")
    threshold = parted[ranks.size - count]
    mask: npt.NDArray[np.bool_] = ranks > threshold
    missing = count - int(np.count_nonzero(mask))
    mask[np.flatnonzero(ranks == threshold)[:missing]] = True
    return mask


def _top_signed_device(scores: Tensor, count: int) -> Tensor:
    ranks = scores.float().reshape(-1)
    threshold = torch.kthvalue(ranks, ranks.numel() - count + 1).values
    mask = ranks > threshold
    ties = ranks == threshold
    mask |= ties & (ties.cumsum(0) <= count - mask.sum())
    return mask.view(scores.shape)


@torch.library.custom_op("pemn::top_global", mutates_args=())
def top_global(scores: Sequence[Tensor], floors: Sequence[int], total: int, signed: bool) -> Tensor:
    """Return one flat bool mask over all tensors' scores, one after the other: `total` ones.

    Each tensor has its own `floors[i]` best first; what the budget leaves goes to the best of the
    rest, wherever they are. Ties go to the tensor that comes first in the plan, then to the lower
    index.
    """
    top = top_signed if signed else top_mask
    kept = torch.cat(
        [top(own.detach(), floor).reshape(-1) for own, floor in zip(scores, floors, strict=True)]
    )
    left = total - sum(floors)
    if left:
        rest = torch.cat([own.detach().reshape(-1) for own in scores])[~kept]
        kept[~kept] = top(rest, left)
    return kept


@top_global.register_fake
def _(scores: Sequence[Tensor], floors: Sequence[int], total: int, signed: bool) -> Tensor:
    count = sum(own.numel() for own in scores)
    return torch.empty(count, dtype=torch.bool, device=scores[0].device)


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
