"""Checkpoints: the state of a run after a whole epoch, to go on from."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pemn_compress.atomic import write_file
from pemn_compress.errors import TrainingError
from pemn_compress.training.history import Epoch, Score


def write(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    identity: Mapping[str, Any],
    history: list[Epoch],
) -> None:
    """Write a checkpoint, whole or not at all. Raises OutputError."""
    content = {
        "identity": identity,
        "history": [asdict(epoch) for epoch in history],
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    write_file(path, lambda stream: torch.save(content, stream), force=True)


def resume(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, identity: Mapping[str, Any]
) -> list[Epoch]:
    """Load a checkpoint into model and optimiser and return its history; [] if there is none.

    Raises TrainingError for a file that is no checkpoint, or one of a run with another identity.
    """
    if not path.exists():
        return []
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        found = _flat(content["identity"])
        history = [Epoch(**{**e, "test": Score(**e["test"])}) for e in content["history"]]
        states = content["model"], content["optimizer"]
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception:  # torch.load raises many kinds, and some tell the user to trust the file
        raise TrainingError(
            f"{path}: expected a checkpoint of this program, got another kind of file or one that "
            "was cut short; remove it or pass another --checkpoint"
        ) from None
    wanted = _flat(identity)
    for key in dict.fromkeys([*wanted, *found]):
        value, other = wanted.get(key), found.get(key)
        if other != value:
            raise TrainingError(
                f"{path}: is the checkpoint of another run: {key}: expected {value!r}, "
                f"got {other!r}; pass the same settings, or another --checkpoint"
            )
    try:
        model.load_state_dict(states[0])
        optimizer.load_state_dict(states[1])
    except Exception as error:  # torch raises several kinds for a state of other names or shapes
        reason = " ".join(str(error).split())
        raise TrainingError(
            f"{path}: is the checkpoint of another model: {reason}; pass another --checkpoint"
        ) from None
    return history


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
