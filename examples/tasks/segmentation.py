"""Segmentation: pemn compress examples/tasks/segmentation.py --epochs 5"""

import torch
from torch import nn
from torch.nn import functional


def build_model(width: int = 24) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, 2, 1),
    )  # fmt: skip


def train_data():
    return discs(800, seed=0)


def eval_data():
    return discs(200, seed=1)


def discs(count: int, seed: int):
    draw = torch.Generator().manual_seed(seed)
    at = torch.rand(count, 2, 1, 1, generator=draw) * 12 + 2
    rows, columns = torch.arange(16.0)[:, None], torch.arange(16.0)
    inside = (rows - at[:, 0]) ** 2 + (columns - at[:, 1]) ** 2 < 12
    noise = torch.randn(count, 16, 16, generator=draw)
    return (inside + 0.7 * noise)[:, None], inside.long()  # (N, 1, 16, 16) and (N, 16, 16)


def loss(outputs, targets):
    return functional.cross_entropy(outputs, targets)


def metrics(outputs, targets):
    found, true = outputs.argmax(1) == 1, targets == 1
    # a pair (sum, count): added over all batches before it is divided
    return {"iou:max": ((found & true).sum(), (found | true).sum())}
