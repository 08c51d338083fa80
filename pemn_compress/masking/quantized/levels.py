"""What quantizers return, and the gradient that goes straight through them.

Source of the estimator: Bengio et al., "Estimating or Propagating Gradients Through Stochastic
Neurons for Conditional Computation", 2013.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pemn_compress.format.archive.tensors import MAX_SCALE, MIN_SCALE


class Levels(NamedTuple):
    """A weight as integers times a scale.

    `integers` are whole numbers from -127 to 127 (no -0.0) in the weight's shape, `scale` is above
    0 and of no dimension, or of shape (channels, 1, ...); both float32.
    """

    integers: Tensor
    scale: Tensor


def straight_through(latent: Tensor, levels: Levels) -> Tensor:
    """Return integers x scale in the dtype of `latent`, whose gradient is that of the result.

    The product is one binary32 multiplication, as in the archive's rule, so bits agree.
    """
    weight: Tensor = _StraightThrough.apply(latent, *levels)
    return weight


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, latent: Tensor, integers: Tensor, scale: Tensor) -> Tensor:
        return (integers * scale).to(latent.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return gradients[0], None, None


def mean(size: Tensor, kept: Tensor | None, *, by_channel: bool) -> Tensor:
    """Return the mean of what is kept, of the shape of a scale; 0 where nothing is.

    Summed in double precision: the rounded result does not hinge on the order of the sum.
    """
    chosen = size if kept is None else torch.where(kept, size, torch.zeros_like(size))
    ones = torch.ones_like(size) if kept is None else kept
    total, count = (_sum(part, by_channel=by_channel) for part in (chosen, ones))
    return (total / count.clamp_min(1)).float()


def largest(size: Tensor, *, by_channel: bool) -> Tensor:
    """Return the largest, of the shape of a scale."""
    if by_channel and size.dim() > 1:
        return size.flatten(1).amax(1).view(_channels(size))
    return size.amax()


def as_scale(scale: Tensor) -> Tensor:
    """Return a scale that an archive can hold, rounded to bfloat16's eight bits."""
    return scale.clamp(MIN_SCALE, MAX_SCALE / 2).bfloat16().float()


def _sum(part: Tensor, *, by_channel: bool) -> Tensor:
    if by_channel and part.dim() > 1:
        return part.flatten(1).sum(1, dtype=torch.float64).view(_channels(part))
    return part.sum(dtype=torch.float64)


def _channels(tensor: Tensor) -> tuple[int, ...]:
    return (-1, *(1,) * (tensor.dim() - 1))
