"""ResNet-9 for small images and few bytes: wide kernels, few channels, little batch-norm.

Source: Page, "How to Train Your ResNet" (2018): a stem, three stages of one convolution and a
max-pooling, the first and the last followed by a residual block. The last stage is no wider than
the one before it here, which halves the weights.
"""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from pemn_compress.models.checks import check_integers


class ConvNorm(nn.Module):
    """A 3x3 convolution, a max-pooling of 2 if asked for, batch normalisation and a ReLU."""

    def __init__(self, inputs: int, outputs: int, *, pool: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W), or to half of the height and the width."""
        x = self.conv(x)
        return F.relu(self.bn(F.max_pool2d(x, 2) if self.pool else x))


class Residual(nn.Module):
    """Two convolutions with a shortcut around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = ConvNorm(channels, channels), ConvNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same shape."""
        return x + cast(Tensor, self.second(self.first(x)))


class ResNet9(nn.Module):
    """Stem, three stages, global max-pooling, one linear layer."""

    def __init__(self, *, classes: int, channels: int, width: int) -> None:
        super().__init__()
        self.stem = ConvNorm(channels, width)
        self.stage1 = nn.Sequential(ConvNorm(width, 2 * width, pool=True), Residual(2 * width))
        self.stage2 = ConvNorm(2 * width, 4 * width, pool=True)
        self.stage3 = nn.Sequential(ConvNorm(4 * width, 4 * width, pool=True), Residual(4 * width))
        self.head = nn.Linear(4 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, channels, H, W) to logits (N, classes)."""
        x = self.stage3(self.stage2(self.stage1(self.stem(x))))
        return cast(Tensor, self.head(x.amax(dim=(2, 3))))


def resnet9(
    *, classes: int = 10, channels: int = 3, image_size: int = 32, width: int = 16
) -> ResNet9:
    """Build ResNet-9 with `width`, twice and four times as many channels.

    At 16 it has 153,136 weights in convolutions and the linear layer, and takes 18 million
    multiply-adds an image. Input (N, channels, image_size, image_size) of at least 8 pixels, output
    (N, classes) logits.
    """
    # The network takes any image size, an argument so that all builders are called alike.
    check_integers(
        "resnet9", classes=classes, channels=channels, image_size=image_size, width=width
    )
    return ResNet9(classes=classes, channels=channels, width=width)
