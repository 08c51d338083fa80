"""A multilayer perceptron: the smallest network worth compressing."""

from itertools import pairwise

from torch import nn

from pemn_compress.models.checks import LARGEST_DEPTH, check_integers


def mlp(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    width: int = 256,
    depth: int = 2,
) -> nn.Sequential:
    """Build a perceptron of `depth` hidden ReLU layers on the flattened image.

    Input (N, channels, image_size, image_size), output (N, classes) logits.
    With channels=1 and image_size=8 it is the 64-256-256-10 network of the digits examples.
    """
    check_integers("mlp", classes=classes, channels=channels, image_size=image_size, width=width)
    check_integers("mlp", at_most=LARGEST_DEPTH, depth=depth)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise([channels * image_size**2, *[width] * depth]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, classes))
