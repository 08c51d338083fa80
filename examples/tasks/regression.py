"""Regression: pemn compress examples/tasks/regression.py --epochs 20"""

import torch
from torch import nn
from torch.nn import functional


def build_model(width: int = 64) -> nn.Module:
    return nn.Sequential(
        nn.Linear(4, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
    )


def train_data():
    return waves(4000, seed=0)


def eval_data():
    return waves(1000, seed=1)


def waves(count: int, seed: int):
    x = torch.rand(count, 4, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    y = torch.sin(3 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]
    return x, y  # floats, one row for each sample


def loss(outputs, targets):
    return functional.mse_loss(outputs, targets)


def metrics(outputs, targets):
    error = outputs - targets
    return {"mse:min": error.square().mean(), "mae:min": error.abs().mean()}
