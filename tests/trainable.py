"""Small models and data that train in no time, and somebody who watches."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.data.samples import Data, Split
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.training import recipes
from pemn_compress.training.history import Epoch

RECIPE = recipes.load("default").override(epochs=4, batch_size=16)


def images(count: int = 48, classes: int = 3) -> Data:
    """Noise with a bright row that tells the class."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 100, (count, 1, 6, 6), generator=generator, dtype=torch.uint8)
    targets = torch.arange(count) % classes
    inputs[torch.arange(count), 0, targets] = 255
    split = Split(inputs, targets)
    return Data("bars", split, split.first(20), classes, None, (1, 6, 6), True, (0.3,), (0.3,))


def points(targets: Tensor | None = None) -> Data:
    inputs = torch.randn(12, 2, generator=torch.Generator().manual_seed(0))
    split = Split(inputs, torch.arange(12) % 2 if targets is None else targets)
    return Data("points", split, split, 2, None, (2,), False)


def net() -> nn.Module:
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
        nn.Dropout(0.3), nn.Linear(64, 3),
    )  # fmt: skip


def masked() -> MaskedModel:
    return MaskedModel(net(), strategy="rp", ratio=0.1)


class Stop(Exception):
    """Something from outside that ends a run."""


class Watch:
    """An observer that keeps what it is told, and may stop the run after an epoch."""

    def __init__(self, stop_after: int = 0) -> None:
        self.stop_after = stop_after
        self.told: list[Any] = []
        self.warnings: list[str] = []
        self.keeps: list[int] = []

    def start(self, epochs: int, steps: int, done: int) -> None:
        self.told.append((epochs, steps, done))

    def step(self, epoch: int, step: int, images: int, loss: Any) -> None:
        assert math.isfinite(loss())

    def warning(self, text: str) -> None:
        assert "\n" not in text
        self.warnings.append(text)

    def kept(self, history: Sequence[Epoch]) -> None:
        self.keeps.append(len(history))

    def epoch(self, epoch: Epoch) -> None:
        self.told.append(epoch.epoch)
        if epoch.epoch == self.stop_after:
            raise Stop
