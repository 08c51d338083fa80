"""ConvMixer: patches, then depthwise and pointwise convolutions.

Source: Trockman and Kolter, "Patches Are All You Need?" (2022), section 2 and figure 2.
ACTIVATIONS, at the bottom, lists what may stand behind a convolution; the paper has GELU.
"""

from collections.abc import Callable
from typing import cast

from torch import Tensor, nn

from pemn_compress.errors import UnknownNameError
from pemn_compress.models.checks import LARGEST_DEPTH, check_divisible, check_integers


class MixerBlock(nn.Module):
    """Mix within channels by a residual depthwise convolution, then across them by a 1x1 one."""

    def __init__(self, dim: int, kernel: int, act: str) -> None:
        super().__init__()
        depthwise = nn.Conv2d(dim, dim, kernel, padding="same", groups=dim)
        self.depthwise = _activated(depthwise, act, dim)
        self.pointwise = _activated(nn.Conv2d(dim, dim, 1), act, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, dim, H, W) to the same shape."""
        return cast(Tensor, self.pointwise(x + self.depthwise(x)))


def _activated(convolution: nn.Conv2d, act: str, dim: int) -> nn.Sequential:
    return nn.Sequential(convolution, ACTIVATIONS[act](), nn.BatchNorm2d(dim))


def convmixer(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    dim: int = 256,
    depth: int = 6,
    kernel: int = 5,
    patch: int = 2,
    act: str = "gelu",
) -> nn.Sequential:
    """Build ConvMixer-`dim`/`depth` with `kernel` wide depthwise convolutions.

    Input (N, channels, image_size, image_size), output (N, classes) logits.
    Patches do not overlap, so image_size must be a multiple of `patch`. `act` is the activation
    behind every convolution: "gelu" (the paper's), "relu" or "silu".
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
    if act not in ACTIVATIONS:
        raise UnknownNameError("convmixer act", act, ACTIVATIONS)
    return nn.Sequential(
        _activated(nn.Conv2d(channels, dim, patch, stride=patch), act, dim),
        *[MixerBlock(dim, kernel, act) for _ in range(depth)],
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(dim, classes),
    )


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
}
