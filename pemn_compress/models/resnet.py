"""Residual networks for small images: ResNet-20, ResNet-32 and ResNet-56, of three stages.

Source: He et al., "Deep Residual Learning for Image Recognition" (2016), section 4.2: three stages
of n blocks of two 3x3 convolutions with 16, 32 and 64 channels, 6n + 2 layers in all.
"""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from pemn_compress.errors import UnknownNameError
from pemn_compress.models.checks import check_integers, check_width, scaled

STAGE_CHANNELS = (16, 32, 64)


class PaddedShortcut(nn.Module):
    """The shortcut without parameters, option A of the paper: (N, C, H, W) -> (N, C', H/s, W/s)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        before = (outputs - inputs) // 2
        self.padding = (0, 0, 0, 0, before, outputs - inputs - before)

    def forward(self, x: Tensor) -> Tensor:
        """Take every stride-th pixel and surround the channels with zeros."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], self.padding)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation, and a shortcut around them."""

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = SHORTCUTS[shortcut](inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x))


class ResNet(nn.Module):
    """Three stages of basic blocks, average pooling and one linear layer."""

    def __init__(
        self,
        name: str,
        blocks: int,
        classes: int,
        channels: int,
        image_size: int,
        width: float,
        shortcut: str,
        rounding: str,
    ) -> None:
        super().__init__()
        # The network takes any image size, an argument so that all builders are called alike.
        check_integers(name, classes=classes, channels=channels, image_size=image_size)
        check_width(name, width, rounding)
        if shortcut not in SHORTCUTS:
            raise UnknownNameError(f"{name} shortcut", shortcut, SHORTCUTS)
        small, middle, large = (scaled(size, width, rounding) for size in STAGE_CHANNELS)
        self.conv = nn.Conv2d(channels, small, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(small)
        self.stages = nn.Sequential(
            stage(blocks, small, small, 1, shortcut),
            stage(blocks, small, middle, 2, shortcut),
            stage(blocks, middle, large, 2, shortcut),
        )
        self.head = nn.Linear(large, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, channels, H, W) to logits (N, classes)."""
        x = F.relu(self.bn(self.conv(x)))
        x = self.stages(x).mean(dim=(2, 3))
        return cast(Tensor, self.head(x))


def stage(blocks: int, inputs: int, outputs: int, stride: int, shortcut: str) -> nn.Sequential:
    """Return `blocks` basic blocks, of which the first changes channels and size."""
    first = BasicBlock(inputs, outputs, stride, shortcut)
    return nn.Sequential(
        first, *[BasicBlock(outputs, outputs, 1, shortcut) for _ in range(blocks - 1)]
    )


def _convolved_shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
    )


def resnet20(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    width: float = 1.0,
    shortcut: str = "pad",
    rounding: str = "down",
) -> ResNet:
    """Build ResNet-20 (0.27 million weights).

    Input (N, channels, image_size, image_size), output (N, classes) logits.
    `width` multiplies the channels of every stage, `rounding` is what becomes of a fraction
    ("down" or "nearest"). `shortcut` is how a shortcut changes its shape: "pad" has no parameters
    (the paper's option A, its choice for CIFAR), "conv" is a 1x1 convolution with batch
    normalisation (option B).
    """
    return ResNet("resnet20", 3, classes, channels, image_size, width, shortcut, rounding)


def resnet32(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    width: float = 1.0,
    shortcut: str = "pad",
    rounding: str = "down",
) -> ResNet:
    """Build ResNet-32 (0.46 million weights); shapes and options as in `resnet20`."""
    return ResNet("resnet32", 5, classes, channels, image_size, width, shortcut, rounding)


def resnet56(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    width: float = 1.0,
    shortcut: str = "pad",
    rounding: str = "down",
) -> ResNet:
    """Build ResNet-56 (0.85 million weights); shapes and options as in `resnet20`."""
    return ResNet("resnet56", 9, classes, channels, image_size, width, shortcut, rounding)


SHORTCUTS = {"pad": PaddedShortcut, "conv": _convolved_shortcut}
