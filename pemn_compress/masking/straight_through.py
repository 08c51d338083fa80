"""Masked weights whose gradient goes straight through the mask: one estimator for every search.

Source: Ramanujan et al., CVPR 2020, section 3.2, eq. 5; [PEMN] section 3.2, eq. 3.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


class Fill(NamedTuple):
    """Where a tensor's fixed weights come from: scale x values[(offset + i) mod length]."""

    values: Tensor
    offset: int
    scale: float


def tile(values: Tensor, offset: int, shape: tuple[int, ...], scale: float) -> Tensor:
    """Return scale x values[(offset + i) mod length] in the given shape.

    The product is one binary32 multiplication, as in the archive's rule, so bits agree.
    """
    count = math.prod(shape)
    length = values.numel()
    if offset + count <= length:
        return (values.narrow(0, offset, count) * scale).view(shape)
    scaled = (values.roll(-offset) if offset else values) * scale
    rows = -(-count // length)
    return scaled.expand(rows, length).reshape(-1)[:count].view(shape)


def binary_scale(fixed: Tensor, mask: Tensor) -> Tensor:
    """Return Biprop's alpha, ||mask x w||_1 / ||mask||_1, as a float32 tensor of no dimension.

    Summed in double precision: the rounded result does not hinge on the order of the sum.
    """
    kept = torch.where(mask, fixed.abs(), torch.zeros((), dtype=fixed.dtype, device=fixed.device))
    return (kept.sum(dtype=torch.float64) / mask.sum()).float()


def straight_through(
    importance: Tensor, mask: Tensor, fill: Fill, *, binary: bool = False, magnitude: bool = False
) -> Tensor:
    """Return a tensor's masked weight, float32 in the shape of `importance`, differentiable.

    The fixed weight where the mask is 1, else +0.0. The mask counts as the identity of `importance`
    in the backward pass: its gradient is dL/dw x w with w the fixed weight, selected or not. With
    `magnitude` it is |importance| that the mask stands for, and the gradient times its sign. With
    `binary` the weight is alpha x sign(w) on the mask (`binary_scale`), and the gradient is still
    that of w: alpha has none.
    """
    weight: Tensor = _StraightThrough.apply(importance, mask, *fill, binary, magnitude)
    return weight


class _StraightThrough(torch.autograd.Function):
    """Keeps the fixed values for the backward pass, and the importance if its sign is needed.

    The backward pass makes the fixed weight anew: to keep it, or the mask, would cost memory per
    tensor.
    """

    @staticmethod
    def forward(
        ctx: Any,
        importance: Tensor,
        mask: Tensor,
        values: Tensor,
        offset: int,
        scale: float,
        binary: bool,
        magnitude: bool,
    ) -> Tensor:
        if magnitude:
            ctx.save_for_backward(values, importance)
        else:
            ctx.save_for_backward(values)
        ctx.place = (offset, tuple(importance.shape), scale)
        if not binary and _runs_eagerly_on_cpu(importance):
            # bytes, for torch converts a bool seven times as slowly
            ones = _empty(mask.shape).copy_(mask.view(torch.uint8))
            # -w x 0 is -0.0, and the format knows only +0.0, which -0.0 + 0.0 is
            return _multiply_by_tile_(ones, values, offset, scale).add_(0.0)
        weight = tile(values, *ctx.place)
        if binary:
            weight = binary_scale(weight, mask).copysign(weight)
        return torch.where(mask, weight, torch.zeros((), dtype=weight.dtype, device=weight.device))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, *held = ctx.saved_tensors
        offset, shape, scale = ctx.place
        if _runs_eagerly_on_cpu(gradients[0]):
            made = _empty(shape)
            made = torch.sign(held[0].detach(), out=made) if held else made.fill_(1)
            made = _multiply_by_tile_(made, values, offset, scale).mul_(gradients[0])
        else:
            made = gradients[0] * tile(values, offset, shape, scale)
            made = made.mul_(held[0].sign()) if held else made
        return made, None, None, None, None, None, None


def _runs_eagerly_on_cpu(tensor: Tensor) -> bool:
    # a compiler fuses the plain expressions itself, and in-place steps would only hinder it
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def _multiply_by_tile_(factors: Tensor, values: Tensor, offset: int, scale: float) -> Tensor:
    """Multiply factors of 0, 1 and -1 in place by `tile(...)`, without making the tile.

    Such a product is exact, so values first and scale second give the tile's own bits.
    """
    flat, length = factors.view(-1), values.numel()
    count = flat.numel()
    if offset + count <= length:
        flat.mul_(values.narrow(0, offset, count)).mul_(scale)
        return factors
    period = (values.roll(-offset) if offset else values) * scale
    if length < _SHORT:  # rows of a few elements are slow to go through
        period = period.repeat(-(-_SHORT // length))
    whole = count - count % period.numel()
    flat[:whole].view(-1, period.numel()).mul_(period)
    flat[whole:].mul_(period[: count - whole])
    return factors


_SHORT = 4096


def _empty(shape: tuple[int, ...]) -> Tensor:
    """Return fresh float32 memory from numpy, which asks for no alignment.

    glibc before 2.38 does not give an aligned request the hole that one of the same size left, and
    what is freed in a step would not be used again: a fifth of a training run's memory.
    """
    return torch.from_numpy(np.empty(shape, np.float32))
