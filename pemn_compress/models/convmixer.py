"""ConvMixer: patches, then depthwise and pointwise convolutions.

Source: Trockman and Kolter, "Patches Are All You Need?" (2022), section 2 and figure 2.
"""

from typing import cast

from torch import Tensor, nn

from pemn_compress.models.checks import LARGEST_DEPTH, check_divisible, check_integers


class MixerBlock(nn.Module):
    """Mix within channels by a residual depthwise convolution, then across them by a 1x1 one."""

    def __init__(self, dim: int, kernel: int) -> None:
        super().__init__()
        depthwise = nn.Conv2d(dim, dim, kernel, padding="same", groups=dim)
        self.depthwise = _activated(depthwise, dim)
        self.pointwise = _activated(nn.Conv2d(dim, dim, 1), dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, dim, H, W) to the same shape."""
        return cast(Tensor, self.pointwise(x + self.depthwise(x)))


def _activated(convolution: nn.Conv2d, dim: int) -> nn.Sequential:
    return nn.Sequential(convolution, nn.GELU(), nn.BatchNorm2d(dim))


def convmixer(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    dim: int = 256,
    depth: int = 6,
    kernel: int = 5,
    patch: int = 2,
) -> nn.Sequential:
    """Build ConvMixer-`dim`/`depth` with `kernel` wide depthwise convolutions.

    Input (N, channels, image_size, image_size), output (N, classes) logits.
    Patches do not overlap, so image_size must be a multiple of `patch`.
    """
    check_integers(
        "convmixer",
        classes=classes,
        channels=channels,
        image_size=image_size,
        dim=dim,
        kernel=kernel,
        patch=patch,
    )
    check_integers("convmixer", at_most=LARGEST_DEPTH, depth=depth)
    check_divisible("convmixer", "image_size", image_size, "patch", patch)
    return nn.Sequential(
        _activated(nn.Conv2d(channels, dim, patch, stride=patch), dim),
        *[MixerBlock(dim, kernel) for _ in range(depth)],
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(dim, classes),
    )
