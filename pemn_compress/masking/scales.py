"""Scales that are learned: what multiplies a tensor's fixed values, trained beside the scores.

The scale of a tensor is what its fan asks for times a factor that starts at 1: one for the whole
tensor, or one for each index of its first dimension, the output channel of convolutions and linear
layers. A factor is trained relative to the fan's scale, so that one learning rate fits all.
"""

import torch
from torch import Tensor, nn

from pemn_compress.format.archive.records import Scale
from pemn_compress.masking.rules.plan import Plan
from pemn_compress.masking.rules.strategies import MAX_SCALE

_MIN_SCALE = 1 / MAX_SCALE


def first_factors(plan: Plan, learn_scale: str) -> nn.ParameterList:
    """Return a factor of 1 for every scale that is learned: shape (1,), or (channels,) each."""
    if learn_scale == "none":
        return nn.ParameterList()
    by_channel = learn_scale == "channel"
    return nn.ParameterList(
        nn.Parameter(torch.ones(tensor.shape[0] if by_channel else 1)) for tensor in plan
    )


def scale_of(factors: Tensor, fan: float) -> Tensor:
    """Return the scales, positive and in the archive format's range: float32 as the factors.

    One binary32 product, differentiable: what is stored is what is trained with.
    """
    return (factors.abs() * fan).clamp(_MIN_SCALE, MAX_SCALE)


def scaled(weight: Tensor, scale: Tensor) -> Tensor:
    """Return a weight of unscaled values times its scales: one binary32 product an element."""
    return weight * scale.view(-1, *(1,) * (weight.dim() - 1))


def stored(scale: Tensor, learn_scale: str) -> Scale:
    """Return scales as an archive holds them."""
    told = scale.detach().flatten().tolist()
    return tuple(told) if learn_scale == "channel" else float(told[0])
