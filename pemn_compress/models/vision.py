"""Torchvision's classifiers by name, built without weights: torchvision:resnet18."""

import difflib
from typing import cast

from torch import nn

from pemn_compress.errors import SettingError
from pemn_compress.models.checks import check_integers

PREFIX = "torchvision:"

# These two return extra outputs while training, and warn about their initialisation.
FORCED: dict[str, dict[str, object]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}


def torchvision_names() -> list[str]:
    """Return the names of torchvision's classifiers, without the prefix."""
    from torchvision import models

    return cast("list[str]", models.list_models(module=models))


def check_torchvision_name(name: str) -> None:
    """Refuse a name that torchvision has no classifier for; close ones are suggested."""
    names = torchvision_names()
    if name not in names:
        close = difflib.get_close_matches(name.lower(), names, n=4, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else f"{names[0]} is one it has"
        raise SettingError(
            f"unknown torchvision model {name!r}; expected the exact name of a classifier; {hint}"
        )


def is_square(name: str) -> bool:
    """Tell whether torchvision:NAME is built for square images of one size."""
    return name.removeprefix(PREFIX).startswith(("vit_", "maxvit")) and name.startswith(PREFIX)


def torchvision_model(
    name: str,
    *,
    classes: int = 1000,
    channels: int = 3,
    image_size: int = 224,
    **arguments: object,
) -> nn.Module:
    """Build one of torchvision's classifiers with random weights; nothing is downloaded.

    Input (N, 3, image_size, image_size), output (N, classes) logits. Further arguments go to
    torchvision's own builder. Only transformers with learned positions are bound to image_size.
    """
    from torchvision import models

    check_torchvision_name(name)
    where = f"{PREFIX}{name}"
    check_integers(where, classes=classes, channels=channels, image_size=image_size)
    if channels != 3:
        raise SettingError(f"{where}: channels must be 3, as in all of torchvision; got {channels}")
    fixed: dict[str, object] = {"weights": None, "num_classes": classes, **FORCED.get(name, {})}
    if name.startswith("vit_"):
        fixed["image_size"] = image_size
    elif name.startswith("maxvit"):
        fixed["input_size"] = (image_size, image_size)
    if taken := sorted(fixed.keys() & arguments.keys()):
        raise SettingError(
            f"{where}: expected arguments that the data does not decide; got {', '.join(taken)}"
        )
    try:
        return cast(nn.Module, models.get_model(name, **fixed, **arguments))
    except (TypeError, ValueError, AssertionError, AttributeError, ZeroDivisionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SettingError(
            f"{where}: expected arguments that torchvision accepts; got {arguments!r}, "
            f"image_size={image_size}: {reason}"
        ) from error
