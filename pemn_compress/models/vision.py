"""Torchvision's classifiers by name: torchvision:resnet18, with random or with trained weights."""

import sys
from typing import Any, cast

import torch
from torch import nn

from pemn_compress.errors import ModelError, SettingError, UnknownNameError, cut, did_you_mean
from pemn_compress.models.checks import check_integers

PREFIX = "torchvision:"
WEIGHTS = "weights"  # the argument that names trained weights; an archive never records it

# These two return extra outputs while training, and warn about their initialisation.
FORCED: dict[str, dict[str, object]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}
_INSTEAD = {
    "num_classes": "give classes",
    "input_size": "give image_size",
    "aux_logits": "it is always false, so that there is one output",
    "init_weights": "it is always false",
    "pretrained": f"give {WEIGHTS}=DEFAULT",
}


def torchvision_names() -> list[str]:
    """Return the names of torchvision's classifiers, without the prefix."""
    from torchvision import models

    return cast("list[str]", models.list_models(module=models))


def check_torchvision_name(name: str) -> None:
    """Refuse a name that torchvision has no classifier for; close ones are suggested."""
    names = torchvision_names()
    if name not in names:
        hint = did_you_mean(name, names, most=3) or f"; {names[0]} is one it has"
        raise SettingError(
            f"unknown torchvision model {cut(repr(name))}; expected the exact name of a "
            f"classifier{hint}"
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
    """Build one of torchvision's classifiers, with random weights unless `weights` is given.

    Input (N, 3, image_size, image_size), output (N, classes) logits. Further arguments go to
    torchvision's own builder. Only transformers with learned positions are bound to image_size.
    `weights` names trained ones (DEFAULT, IMAGENET1K_V1), which torchvision fetches where it does
    not have them yet; `classes` has to be theirs. Raises SettingError, and ModelError where the
    weights cannot be had.
    """
    from torchvision import models

    check_torchvision_name(name)
    where = f"{PREFIX}{name}"
    check_integers(where, classes=classes, channels=channels, image_size=image_size)
    if channels != 3:
        raise SettingError(f"{where}: channels must be 3, as in all of torchvision; got {channels}")
    weights = arguments.pop(WEIGHTS, None)
    fixed: dict[str, object] = {"num_classes": classes, **FORCED.get(name, {})}
    if name.startswith("vit_"):
        fixed["image_size"] = image_size
    elif name.startswith("maxvit"):
        fixed["input_size"] = (image_size, image_size)
    for taken in arguments:
        if taken in fixed or taken in _INSTEAD:
            instead = _INSTEAD.get(taken, "it follows from the data")
            raise SettingError(f"{where}: {taken} cannot be set; {instead}")
    if weights is not None:
        entry = _trained(where, name, weights, classes)
        if torch.empty(0).device.type != "meta":  # where there are no values, only shapes
            fixed |= {WEIGHTS: entry, "progress": sys.stderr.isatty()}
    try:
        return cast(nn.Module, models.get_model(name, **({WEIGHTS: None} | fixed | arguments)))
    except (TypeError, ValueError, AssertionError, AttributeError, ZeroDivisionError) as error:
        raise SettingError(
            f"{where}: expected arguments that torchvision accepts; got {cut(repr(arguments))}, "
            f"image_size={image_size}: {_reason(error)}"
        ) from error
    except Exception as error:  # no network, no space, a file that is not what it should be
        if WEIGHTS not in fixed:
            raise
        raise ModelError(
            f"{where}: its weights {weights} cannot be had: {_reason(error)}; "
            f"{_by_hand(fixed[WEIGHTS])}"
        ) from error


def _trained(where: str, name: str, weights: object, classes: int) -> Any:
    """Return torchvision's entry for trained weights that fit. Raises SettingError."""
    from torchvision import models

    if name in FORCED:
        raise SettingError(
            f"{where}: {WEIGHTS} cannot be given by name, since torchvision changes this model's "
            "input with them; build it in a model file"
        )
    known = {entry.name: entry for entry in models.get_model_weights(name)}
    if weights != "DEFAULT" and weights not in known:
        raise UnknownNameError(f"{where} weights", weights, ["DEFAULT", *known])
    entry = models.get_model_weights(name).DEFAULT if weights == "DEFAULT" else known[str(weights)]
    trained_for = len(entry.meta["categories"])
    if classes != trained_for:
        raise SettingError(
            f"{where}: its trained weights are for {trained_for} classes, got classes={classes}; "
            "to start from them with another last layer, build the model in a model file (load "
            "the weights, replace the layer); strategy magnitude prunes trained values, the "
            "masking strategies replace them"
        )
    return entry


def _by_hand(entry: Any) -> str:
    """Say where a file of weights belongs, for machines that cannot fetch it."""
    from torch import hub

    file = entry.url.rpartition("/")[2]
    return f"fetch {entry.url} elsewhere and put it at {hub.get_dir()}/checkpoints/{file}"


def _reason(error: Exception) -> str:
    return cut(" ".join(str(error).split()) or type(error).__name__, 200)
