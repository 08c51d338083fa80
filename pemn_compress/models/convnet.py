"""Conv-2, Conv-4, Conv-6 and Conv-8, the VGG-like networks of the edge-popup paper.

Source: Ramanujan et al., "What's Hidden in a Randomly Weighted Neural Network?" (2020), Table 1;
widths below 1: Gorbett and Whitley, "Randomly Initialized Subnetworks with Iterative Weight
Recycling" (2023), appendix B, whose numbers of weights are the test.
"""

from torch import nn

from pemn_compress.errors import SettingError
from pemn_compress.models.checks import check_integers, check_width, scaled

STAGE_CHANNELS = (64, 128, 256, 512)
HIDDEN_SIZE = 256


def _convnet(
    name: str,
    stages: int,
    classes: int,
    channels: int,
    image_size: int,
    width: float,
    rounding: str,
) -> nn.Sequential:
    check_integers(name, classes=classes, channels=channels, image_size=image_size)
    check_width(name, width, rounding)
    if image_size < 2**stages:
        raise SettingError(
            f"{name}: image_size must be at least {2**stages}, "
            f"for {stages} poolings that halve it; got {image_size}"
        )
    layers: list[nn.Module] = []
    inputs = channels
    for stage_channels in STAGE_CHANNELS[:stages]:
        outputs = scaled(stage_channels, width, rounding)
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(outputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        inputs = outputs
    hidden = scaled(HIDDEN_SIZE, width, rounding)
    flat = inputs * (image_size // 2**stages) ** 2
    layers += [nn.Flatten(), nn.Linear(flat, hidden), nn.ReLU()]
    layers += [nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, classes)]
    return nn.Sequential(*layers)


def conv2(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    width: float = 1.0,
    rounding: str = "down",
) -> nn.Sequential:
    """Build Conv-2: 64, 64, pool; then 256, 256, classes.

    Input (N, channels, image_size, image_size), output (N, classes) logits.
    `width` multiplies the channels of every convolution and the two hidden layers after them;
    `rounding` is what becomes of a fraction ("down", as in the papers, or "nearest").
    """
    return _convnet("conv2", 1, classes, channels, image_size, width, rounding)


def conv4(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    width: float = 1.0,
    rounding: str = "down",
) -> nn.Sequential:
    """Build Conv-4: Conv-2's convolutions, then 128, 128, pool; shapes and options as `conv2`."""
    return _convnet("conv4", 2, classes, channels, image_size, width, rounding)


def conv6(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    width: float = 1.0,
    rounding: str = "down",
) -> nn.Sequential:
    """Build Conv-6: Conv-4's convolutions, then 256, 256, pool; shapes and options as `conv2`."""
    return _convnet("conv6", 3, classes, channels, image_size, width, rounding)


def conv8(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    width: float = 1.0,
    rounding: str = "down",
) -> nn.Sequential:
    """Build Conv-8: Conv-6's convolutions, then 512, 512, pool; shapes and options as `conv2`."""
    return _convnet("conv8", 4, classes, channels, image_size, width, rounding)
