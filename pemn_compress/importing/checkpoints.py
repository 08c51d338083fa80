"""A checkpoint of another project: its tensors by name, and what it says besides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pemn_compress.errors import ModelError, cut
from pemn_compress.importing.files import load_file
from pemn_compress.importing.inert import Settings

CONTAINERS = ("state_dict", "model_state_dict")  # hidden-networks and biprop; iterand
WRAPPERS = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before every name
_SETTINGS = ("args", "config", "hparams")  # where scripts keep what they were called with
_OWN = {"identity", "history", "model", "optimizer"}


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's state by name, without wrappers' prefixes, and what it says besides.

    `name` is how messages call it, `bytes` the file's size.
    """

    name: str
    bytes: int
    state: dict[str, Tensor]
    about: Mapping[str, Any]

    def recorded(self, key: str) -> Any:
        """Return what the file says under a key, itself or in the settings that it holds."""
        if key in self.about:
            return self.about[key]
        for place in _SETTINGS:
            held = self.about.get(place)
            values = held.values if isinstance(held, Settings) else held
            if isinstance(values, dict) and key in values:
                return values[key]
        return None


def read_checkpoint(source: str | Path | bytes, own: Mapping[str, object]) -> Checkpoint:
    """Read a file that torch.save wrote (its path, or its bytes); nothing in it is run.

    `own` are the names of the model's state: prefixes that all of them have too are left on.
    Raises ModelError for a file that is no checkpoint, or that would need code to be run.
    """
    name = "standard input" if isinstance(source, bytes) else str(source)
    loaded = load_file(source, name)
    about = loaded if isinstance(loaded, dict) else {}
    state = next((about[key] for key in CONTAINERS if isinstance(about.get(key), dict)), loaded)
    if not isinstance(state, dict) or not state or not all(map(_is_entry, state.items())):
        if about.keys() >= _OWN:
            raise ModelError(
                f"{name}: is a checkpoint of this program's own training, which goes on from it; "
                "expected one of the papers' own projects"
            )
        raise ModelError(
            f"{name}: expected a state dict, or a dict that holds one as "
            f"{' or '.join(map(repr, CONTAINERS))}, got {_describe(state)}"
        )
    size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    bare = {} if state is loaded else about
    return Checkpoint(name, size, _unwrapped(state, own, name), bare)


def _unwrapped(
    state: Mapping[str, Tensor], own: Mapping[str, object], where: str
) -> dict[str, Tensor]:
    """Return a state without the prefixes that every name has, one or several of them."""
    prefixes = _prefixes(state)
    while prefixes and prefixes != _prefixes(own):
        prefixes = prefixes[1:]
    start = sum(map(len, _prefixes(state))) - sum(map(len, prefixes))
    return {
        name[start:]: _checked(tensor, f"{where}: tensor {cut(repr(name))}")
        for name, tensor in state.items()
    }


def _prefixes(names: Iterable[str]) -> list[str]:
    """Return the wrappers' prefixes that all names have, from the outermost on."""
    found: list[str] = []
    left = list(names)
    while prefix := next(
        (w for w in WRAPPERS if left and all(n.startswith(w) for n in left)), None
    ):
        found.append(prefix)
        left = [name.removeprefix(prefix) for name in left]
    return found


def _checked(tensor: Tensor, where: str) -> Tensor:
    """Return a plain tensor that lies in memory; a file can name others."""
    odd = tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_nested
    if odd or tensor.is_quantized or type(tensor) not in (Tensor, torch.nn.Parameter):
        kind = str(tensor.layout).removeprefix("torch.") if not tensor.is_quantized else "quantized"
        raise ModelError(
            f"{where}: expected a plain tensor, got a {kind} {type(tensor).__name__} on "
            f"{tensor.device}"
        )
    return tensor.detach()


def _is_entry(entry: tuple[object, object]) -> bool:
    name, tensor = entry
    return isinstance(name, str) and isinstance(tensor, Tensor)


def _describe(state: object) -> str:
    if not isinstance(state, dict):
        return type(state).__name__
    if not state:
        return "an empty one"
    key, value = next(entry for entry in state.items() if not _is_entry(entry))
    return f"an entry {cut(repr(key))} of type {type(value).__name__}"
