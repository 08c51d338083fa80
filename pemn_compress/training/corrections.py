"""What of a checkpoint's state a model still takes that has been put right in between."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from pemn_compress.training.identity import digest, trained


def untrained(model: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of a model's state dict that training does not step on."""
    stepped = {id(parameter) for parameter in trained(model).values()}
    return {
        key: value
        for key, value in model.state_dict(keep_vars=True).items()
        if isinstance(value, Tensor) and id(value) not in stepped
    }


def merged(
    model: nn.Module, saved: Mapping[str, Any], start: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Return a state dict that fits the model, and what in it is not as it was.

    A checkpoint's values win where they still fit: those of a constant too, for it may have been
    drawn at random, and training went on with it.
    """
    own, constants = dict(model.state_dict()), untrained(model)
    state, remarks = {}, []
    for key, value in own.items():
        other = saved.get(key)
        state[key] = value if other is None else other
        if key not in constants and isinstance(value, Tensor):
            continue
        if other is None or isinstance(value, Tensor) != isinstance(other, Tensor):
            state[key] = value
            remarks += [] if isinstance(value, Tensor) and not value.numel() else [f"{key} is new"]
        elif isinstance(value, Tensor):
            is_constant = start.get(key) == digest(other)
            if value.shape != other.shape or (is_constant and value.dtype != other.dtype):
                state[key] = value
                remarks.append(f"{key} was {_kind(other)}, is {_kind(value)}")
            elif is_constant and digest(value) != start[key]:
                remarks.append(f"{key} has other values, those of the checkpoint are used")
    gone = [
        key
        for key, value in saved.items()
        if key not in own and not (isinstance(value, Tensor) and not value.numel())
    ]
    return state, [*remarks, *(f"{key} is gone" for key in gone)]


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def renumbered(
    mine: list[list[str]], theirs: list[list[str]], saved: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an optimiser's state in the order in which its parameters stand now."""
    numbers = {name: n for n, name in enumerate(name for group in mine for name in group)}
    names = [name for group in theirs for name in group]
    groups = [
        {**group, "params": [numbers[name] for name in of_group]}
        for group, of_group in zip(saved["param_groups"], mine, strict=True)
    ]
    state = {numbers[names[number]]: value for number, value in saved["state"].items()}
    return {"state": state, "param_groups": groups}
