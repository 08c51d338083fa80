"""ResNet-18 and ResNet-34 for small images: four stages behind a 3x3 stem, without max-pooling.

Source: He et al., "Deep Residual Learning for Image Recognition" (2016), Table 1, as all work on
CIFAR changes it: the stem of a 7x7 convolution of stride 2 and a max-pooling becomes one 3x3
convolution of stride 1. ImageNet's own is `torchvision:resnet18`.
"""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from pemn_compress.models.checks import check_integers, check_width, scaled
from pemn_compress.models.resnet import stage

STEM_CHANNELS = 64
STAGE_CHANNELS = (64, 128, 256, 512)


class FourStageResNet(nn.Module):
    """A stem that keeps the image's size, four stages, average pooling and one linear layer.

    Its names are those of torchvision's ResNets, but for `shortcut`.
    """

    def __init__(
        self,
        name: str,
        blocks: tuple[int, int, int, int],
        classes: int,
        channels: int,
        image_size: int,
        width: float,
        rounding: str,
    ) -> None:
        super().__init__()
        # The network takes any image size, an argument so that all builders are called alike.
        check_integers(name, classes=classes, channels=channels, image_size=image_size)
        check_width(name, width, rounding)
        sizes = [STEM_CHANNELS, *(scaled(size, width, rounding) for size in STAGE_CHANNELS)]
        self.conv1 = nn.Conv2d(channels, STEM_CHANNELS, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS)
        self.layer1 = stage(blocks[0], sizes[0], sizes[1], 1, "conv")
        self.layer2 = stage(blocks[1], sizes[1], sizes[2], 2, "conv")
        self.layer3 = stage(blocks[2], sizes[2], sizes[3], 2, "conv")
        self.layer4 = stage(blocks[3], sizes[3], sizes[4], 2, "conv")
        self.fc = nn.Linear(sizes[4], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, channels, H, W) to logits (N, classes)."""
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return cast(Tensor, self.fc(x.mean(dim=(2, 3))))


def resnet18(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    width: float = 1.0,
    rounding: str = "down",
) -> FourStageResNet:
    """Build ResNet-18 for CIFAR (11.17 million parameters, 11,164,352 of them weights).

    Input (N, channels, image_size, image_size), output (N, classes) logits. `width` multiplies the
    channels of the four stages; the stem keeps its 64, as in Chijiwa et al. (2021). `rounding` is
    what becomes of a fraction ("down" or "nearest").
    """
    return FourStageResNet("resnet18", (2, 2, 2, 2), classes, channels, image_size, width, rounding)


def resnet34(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    width: float = 1.0,
    rounding: str = "down",
) -> FourStageResNet:
    """Build ResNet-34 for CIFAR (21.28 million parameters); shapes and options as `resnet18`."""
    return FourStageResNet("resnet34", (3, 4, 6, 3), classes, channels, image_size, width, rounding)
