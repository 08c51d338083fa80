"""A model file: `pemn compress examples/model.py --strategy rp --ratio 1e-2`.

`build_model` is all that a model file needs. With `train_data` and `eval_data` it brings its own
data along, and --data can be left out. Here: points of two intertwined spirals, 2 classes.
"""

import math

import torch
from torch import Tensor, nn


def build_model(width: int = 64) -> nn.Module:
    return nn.Sequential(
        nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2)
    )


def train_data() -> tuple[Tensor, Tensor]:
    return spirals(2000, seed=0)


def eval_data() -> tuple[Tensor, Tensor]:
    return spirals(1000, seed=1)


def spirals(count: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(0, 2, (count,), generator=generator)
    turn = torch.rand(count, generator=generator).sqrt() * 1.5 * 2 * math.pi
    angle = turn + math.pi * label
    noise = 0.02 * torch.randn(count, 2, generator=generator)
    radius = turn / (1.5 * 2 * math.pi)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1) + noise, label
