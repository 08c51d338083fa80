"""The papers' architectures, and the registry that names them."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence

from torch import nn

from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.models import vision
from pemn_compress.models.convmixer import convmixer
from pemn_compress.models.convnet import conv2, conv4, conv6, conv8
from pemn_compress.models.mlp import mlp
from pemn_compress.models.resnet import resnet20, resnet32, resnet56
from pemn_compress.models.vit import vit


def build(name: str, arguments: Mapping[str, object]) -> nn.Module:
    """Build a registered architecture, or torchvision:NAME, with random initial values.

    Arguments are JSON scalars, so that an archive can hold them; those left out take the defaults
    that `parameters_of` returns.
    """
    defaults = parameters_of(name)
    for key, value in arguments.items():
        if key in defaults:
            _check_type(name, key, value, defaults[key])
        elif name.startswith(vision.PREFIX):
            _check_scalar(name, key, value)
        else:
            raise SettingError(
                f"{name} has no argument {key!r}; expected some of: {', '.join(defaults)}"
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
        reason = str(error).partition("\n")[0]
        raise SettingError(
            f"{name}: expected sizes that fit into memory; got {dict(arguments)}: {reason}"
        ) from error


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
    if name.startswith(vision.PREFIX):
        vision.check_torchvision_name(name.removeprefix(vision.PREFIX))
        builder: Callable[..., nn.Module] = vision.torchvision_model
    elif name in ARCHITECTURES:
        builder = ARCHITECTURES[name]
    else:
        choices = [*ARCHITECTURES, "torchvision:NAME", "a model file FILE.py"]
        raise UnknownNameError("architecture", name, choices)
    return {
        parameter.name: parameter.default
        for parameter in inspect.signature(builder).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def _check_type(name: str, key: str, value: object, default: object) -> None:
    expected = type(default)
    # JSON has one kind of number: 1 is a valid width; but True is an int only in Python.
    accepted = (int, float) if expected is float else expected
    if not isinstance(value, accepted) or isinstance(value, bool) != (expected is bool):
        raise SettingError(
            f"{name}: {key} must be of type {expected.__name__}; "
            f"got {value!r} of type {type(value).__name__}"
        )


def _check_scalar(name: str, key: str, value: object) -> None:
    scalar = value is None or isinstance(value, (bool, int, float, str))
    if not scalar or (isinstance(value, float) and not math.isfinite(value)):
        raise SettingError(
            f"{name}: {key} must be a string, a finite number, true, false or null; got {value!r}"
        )


# Whose shapes follow from the side of a square image.
SQUARE = frozenset({"mlp", "conv2", "conv4", "conv6", "conv8", "vit"})

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "mlp": mlp,
    "conv2": conv2,
    "conv4": conv4,
    "conv6": conv6,
    "conv8": conv8,
    "resnet20": resnet20,
    "resnet32": resnet32,
    "resnet56": resnet56,
    "convmixer": convmixer,
    "vit": vit,
}
