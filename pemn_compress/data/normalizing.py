"""Pixels as models take them: (pixel / 255 - mean) / std, channel by channel."""

from collections.abc import Sequence

import torch
from torch import Tensor

Statistics = tuple[Sequence[float], Sequence[float]]


def columns(normalize: Statistics | None, device: torch.device) -> tuple[Tensor, Tensor] | None:
    """Return mean and std as float32 (C, 1, 1)."""
    if normalize is None:
        return None
    mean, std = (torch.tensor(tuple(values), dtype=torch.float32) for values in normalize)
    return mean[:, None, None].to(device), std[:, None, None].to(device)


def normalized(images: Tensor, statistics: tuple[Tensor, Tensor] | None) -> Tensor:
    """Return uint8 images (N, C, H, W) as normalised float32; without statistics, unchanged."""
    if statistics is None:
        return images
    mean, std = statistics
    return images.to(torch.float32).div_(255).sub_(mean).div_(std)
