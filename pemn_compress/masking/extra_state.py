"""State that is no tensor, as a tensor of bytes: what a state dict may hold anywhere.

safetensors, and whoever saves with it (transformers' Trainer, accelerate), take nothing else.
"""

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pemn_compress.errors import ModelError

# Sharded checkpoints load into tensors of the same size: settings of the same kind, and numbers
# that grow by digits while training, come to the same number of bytes.
_BLOCK = 1024


def to_tensor(state: Mapping[str, Any]) -> Tensor:
    """Return plain values as the bytes of their JSON text, uint8, padded with blanks."""
    text = json.dumps(state, sort_keys=True).encode()
    padded = text.ljust(-(-(len(text) + 1) // _BLOCK) * _BLOCK)
    return torch.tensor(list(padded), dtype=torch.uint8, device="cpu")


def from_tensor(state: Any) -> dict[str, Any]:
    """Return the values of such a tensor; a mapping, of an earlier version, is returned as it is.

    Raises ModelError for anything else.
    """
    if isinstance(state, Mapping):
        return dict(state)
    try:
        found = json.loads(bytes(state.detach().cpu().to(torch.uint8).tolist()))
    except (AttributeError, TypeError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise ModelError(
            "the state dict's _extra_state: expected the settings that a MaskedModel or a "
            "PrunedModel was saved with, got something else"
        )
    return found


def check_same(own: Mapping[str, Any], state: Any, what: str) -> None:
    """Refuse the state of `what` with other settings than its own. Raises ModelError."""
    told = from_tensor(state)
    for key in dict.fromkeys([*own, *told]):
        if told.get(key) != own.get(key):
            raise ModelError(
                f"the state dict is of {what} with other settings: {key}: expected "
                f"{own.get(key)!r}, got {told.get(key)!r}"
            )
