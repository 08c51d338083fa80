"""The papers' architectures, and the registry that names them."""

import inspect
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from pemn_compress.errors import SettingError, UnknownNameError, did_you_mean
from pemn_compress.models import vision
from pemn_compress.models.checks import NEAREST, check_argument, check_scalar, plain
from pemn_compress.models.convmixer import convmixer
from pemn_compress.models.convnet import conv2, conv4, conv6, conv8
from pemn_compress.models.gpt import gpt
from pemn_compress.models.mlp import mlp
from pemn_compress.models.resnet import resnet20, resnet32, resnet56
from pemn_compress.models.resnet9 import resnet9
from pemn_compress.models.resnet18 import resnet18, resnet34
from pemn_compress.models.vit import vit


def build(name: str, arguments: Mapping[str, object]) -> nn.Module:
    """Build a registered architecture, or torchvision:NAME, with random initial values.

    Arguments are JSON scalars, so that an archive can hold them (numbers of numpy and torch are
    taken as Python's); those left out take the defaults that `parameters_of` returns. Torchvision's
    models take their trained weights by the argument `weights`.

    Raises UnknownNameError, SettingError for arguments that do not fit, ModelError for trained
    weights that cannot be had.
    """
    defaults = parameters_of(name)
    arguments = plain(arguments)
    for key, value in arguments.items():
        if key in defaults:
            check_argument(name, key, value, defaults[key])
        elif name.startswith(vision.PREFIX):
            check_scalar(name, key, value)
        else:
            raise SettingError(
                f"{name} has no argument {key!r}; expected some of: {', '.join(defaults)}"
                + did_you_mean(key, defaults)
            )
    try:
        if name.startswith(vision.PREFIX):
            builder: Callable[..., nn.Module] = vision.torchvision_model
            return builder(name.removeprefix(vision.PREFIX), **arguments)
        return ARCHITECTURES[name](**arguments)
    except NotImplementedError:
        # What torch says when an initialisation cannot run on the device the caller chose.
        raise
    except RuntimeError as error:
        raise SettingError(
            f"{name}: expected sizes that fit into memory; got {arguments}: {_in_short(error)}"
        ) from error


def _in_short(error: RuntimeError) -> str:
    """Return what torch says of a model that cannot be built; of memory, the number alone."""
    wanted = re.search(r"tried to allocate (\d+) bytes", str(error))
    if wanted:
        return f"one tensor alone takes {int(wanted[1]):,} bytes"
    return str(error).partition("\n")[0]


def recorded(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return what an archive says of a model's arguments: what its shape and its forward ask for.

    Trained weights are not among it: the archive has the values itself.
    """
    return {key: value for key, value in plain(arguments).items() if key != vision.WEIGHTS}


def readings(name: str, arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the arguments that an archive's may stand for, today's meaning first.

    The fraction of a width used to be rounded to the nearest integer; an archive of that time does
    not say so, but the shapes of its tensors do.
    """
    yield dict(arguments)
    if "width" in arguments and "rounding" not in arguments and "rounding" in parameters_of(name):
        yield {**arguments, "rounding": NEAREST}


def data_arguments(
    name: str, *, channels: int, image_size: int | Sequence[int], classes: int
) -> dict[str, object]:
    """Return the arguments of an architecture that follow from the data it is trained on.

    `image_size` is (height, width), or one number for both. Raises SettingError where they differ
    and the architecture takes squares alone.
    """
    height, width = (image_size,) * 2 if isinstance(image_size, int) else image_size
    if height != width and (name in SQUARE or vision.is_square(name)):
        raise SettingError(
            f"{name} takes square images: expected height and width to be equal, got {height} x "
            f"{width}; crop or pad them, or take an architecture that averages over its positions"
        )
    implied: dict[str, object] = {
        "channels": channels,
        # the others ask of it no more than that their patches divide it: here, both sides
        "image_size": math.gcd(height, width),
        "classes": classes,
    }
    return {key: value for key, value in implied.items() if key in parameters_of(name)}


def parameters_of(name: str) -> dict[str, object]:
    """Return the arguments that an architecture accepts, with their defaults.

    Torchvision's builders accept more: `build` hands those on.
    """
    if isinstance(name, str) and name.startswith(vision.PREFIX):
        vision.check_torchvision_name(name.removeprefix(vision.PREFIX))
        builder: Callable[..., nn.Module] = vision.torchvision_model
    elif isinstance(name, str) and name in ARCHITECTURES:
        builder = ARCHITECTURES[name]
    else:
        choices = [*ARCHITECTURES, "torchvision:NAME", "a model file FILE.py"]
        also = [vision.PREFIX + known for known in vision.torchvision_names() if known == name]
        if isinstance(name, str) and os.path.isfile(f"{name}.py"):
            also.insert(0, f"{name}.py")
        raise UnknownNameError("architecture", name, choices, also=also)
    return {
        parameter.name: parameter.default
        for parameter in inspect.signature(builder).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


# Whose shapes follow from the side of a square image.
SQUARE = frozenset({"mlp", "conv2", "conv4", "conv6", "conv8", "vit"})

# What takes tokens, not images.
OF_TOKENS = frozenset({"gpt"})

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "mlp": mlp,
    "conv2": conv2,
    "conv4": conv4,
    "conv6": conv6,
    "conv8": conv8,
    "resnet9": resnet9,
    "resnet20": resnet20,
    "resnet32": resnet32,
    "resnet56": resnet56,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "convmixer": convmixer,
    "vit": vit,
    "gpt": gpt,
}
