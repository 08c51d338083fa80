"""Which run is this? What a checkpoint and the run that goes on from it must have in common.

That is what training depends on: settings, recipe, seed, data, and the trainable parameters by name
and shape. Everything else may have been put right in between: buffers and frozen parameters, the
model file's text and name, the device, workers, how the archive is stored.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import PurePath
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.data.samples import Data, Split
from pemn_compress.data.trees import rows, tensors
from pemn_compress.training.recipes import Recipe

SAMPLED = 4096  # samples in memory that the data's digest is of, spread evenly, at most


def must_agree(
    model: nn.Module, data: Data, recipe: Recipe, seed: int, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return as plain values what makes a run another run; `given` is the caller's part of it."""
    of_recipe = recipe.to_dict()
    # none of these changes a step
    del of_recipe["name"], of_recipe["source"], of_recipe["recompute_batchnorm"]
    return {
        "recipe": of_recipe,
        "seed": seed,
        **_data(data),
        **given,
        "parameters": {name: list(parameter.shape) for name, parameter in trained(model).items()},
    }


def of_architecture(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of an archive's `architecture` training depends on: not a model file's name."""
    names = [
        "arguments",
        "batchnorm",
        "bias",
        *(["name"] if told.get("kind") == "registered" else []),
    ]
    return {name: told[name] for name in names if name in told}


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that training changes; an empty one only marks something."""
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.numel()
    }


def first_difference(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str | None:
    """Say in which value two identities differ first, or None."""
    mine, theirs = _flat(wanted), _flat(found)
    for key in dict.fromkeys([*mine, *theirs]):
        value, other = mine.get(key), theirs.get(key)
        if value != other or isinstance(value, bool) != isinstance(other, bool):
            return f"{key}: expected {value!r}, got {other!r}"
    return None


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return every value that is not what it was: "device: cuda then, cpu now"."""
    mine, theirs = _flat(wanted), _flat(found)
    return [
        f"{key}: {theirs.get(key)} then, {mine.get(key)} now"
        for key in dict.fromkeys([*mine, *theirs])
        if mine.get(key) != theirs.get(key)
    ]


def digest(tensor: Tensor) -> str:
    """Return a digest of a tensor's kind and its values."""
    plain = tensor.detach().cpu()
    if plain.layout != torch.strided:
        plain = plain.to_dense()
    plain = plain.contiguous()
    told = f"{plain.dtype} {tuple(plain.shape)} ".encode()
    return sha256(told + plain.flatten().view(torch.uint8).numpy().tobytes()).hexdigest()


def _data(data: Data) -> dict[str, Any]:
    """Return what is known of the data without reading samples that are not in memory."""
    assert data.train is not None
    kind, _, place = data.name.partition(":")
    told: dict[str, Any] = {
        "training samples": len(data.train),
        "input shape": list(data.input_shape),
        "classes": data.classes,
        "task": data.task.name,
    }
    if data.validation is not None:
        told["validation samples"] = len(data.validation)
        told["validation data"] = _content(data.validation)
    content = _content(data.train)
    if content is not None:
        return told | {"training data": content}
    if not kind.endswith(".py"):  # a model file may be called otherwise
        told["data"] = f"{kind}:{PurePath(place).name}" if place else kind
    return told


def _content(split: Split) -> str | None:
    if not split.in_memory:
        return None
    every = slice(None, None, -(-len(split) // SAMPLED))
    told = [*map(digest, tensors(rows(split.inputs, every))), *map(digest, tensors(split.targets))]
    return sha256(" ".join(told).encode()).hexdigest()[:16]


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings and lists by "a.b" and "a[0]"; shapes stay whole."""
    if isinstance(tree, Mapping):
        parts = [(f"{prefix}.{key}" if prefix else str(key), value) for key, value in tree.items()]
    elif isinstance(tree, list | tuple) and any(not isinstance(item, int) for item in tree):
        parts = [(f"{prefix}[{index}]", value) for index, value in enumerate(tree)]
    else:
        return {prefix: list(tree) if isinstance(tree, tuple) else tree}
    flat: dict[str, Any] = {}
    for key, value in parts:
        flat.update(_flat(value, key))
    return flat
