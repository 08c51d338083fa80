"""A checkpoint file of another project, read without running anything in it, and named anew."""

import difflib
import pickle
import re
import stat
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError, UnknownNameError

CONTAINERS = ("state_dict", "model_state_dict")  # hidden-networks and biprop; iterand
MATCHES = ("names", "order")
_PARALLEL = "module."  # what DataParallel puts before every name
_SHOWN = 3


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's state by name, without DataParallel's prefix, and what it says besides."""

    path: Path
    state: dict[str, Tensor]
    about: Mapping[str, Any]


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a file that torch.save wrote, with weights_only=True; nothing in it is run.

    Raises ModelError for a file that is none, or that would need code to be run.
    """
    path = Path(path)
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):  # a pipe may have no other end
            raise ModelError(
                f"{path}: cannot be read: expected a regular file, got a device or a pipe"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about files that older versions wrote
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ModelError:
        raise
    except Exception as error:  # torch raises many kinds for a file that it did not write
        raise _refusal(path, error) from None
    about = loaded if isinstance(loaded, dict) else {}
    state = next((about[key] for key in CONTAINERS if isinstance(about.get(key), dict)), loaded)
    if not isinstance(state, dict) or not state or not all(map(_is_entry, state.items())):
        raise ModelError(
            f"{path}: expected a state dict, or a dict that holds one as "
            f"{' or '.join(map(repr, CONTAINERS))}, got {_describe(state)}"
        )
    if all(name.startswith(_PARALLEL) for name in state):
        state = {name.removeprefix(_PARALLEL): tensor for name, tensor in state.items()}
    return Checkpoint(path, dict(state), {} if state is loaded else about)


def match(
    checkpoint: Checkpoint, shapes: Mapping[str, Sequence[int]], model: nn.Module, how: str
) -> dict[str, str]:
    """Return the checkpoint's names (those in `shapes`) mapped to the model's state names.

    `how` is "names" (the same names) or "order" (one after the other, as both list them). A 1x1
    convolution may stand for a linear layer, and the other way round. Raises ModelError, which says
    what does not fit and what is nearest.
    """
    if how not in MATCHES:
        raise UnknownNameError("match", how, MATCHES)
    own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    where = f"{checkpoint.path}: does not fit the model"
    if how == "order":
        if len(own) != len(shapes):
            raise ModelError(
                f"{where}: by order: expected {len(own)} tensors, got {len(shapes)}; the model "
                f"starts with {_names(own)}, the checkpoint with {_names(shapes)}"
            )
        pairs = dict(zip(shapes, own, strict=True))
    else:
        lacking = [name for name in own if name not in shapes]
        unknown = [name for name in shapes if name not in own]
        if lacking or unknown:
            parts = [
                f"{_count(names)} that the {who} lacks: {_nearest(names, others)}"
                for names, who, others in (
                    (lacking, "checkpoint", unknown or list(shapes)),
                    (unknown, "model", lacking or list(own)),
                )
                if names
            ]
            raise ModelError(
                f"{where}: {'; '.join(parts)}; --batchnorm, --no-bias and -a change the model, "
                "--match order goes by the order of tensors"
            )
        pairs = {name: name for name in shapes}
    for name, target in pairs.items():
        if plain_shape(tuple(shapes[name])) != plain_shape(own[target]):
            called = "" if target == name else f", the model's {target!r},"
            raise ModelError(
                f"{where}: tensor {name!r}{called}: expected shape {own[target]}, got "
                f"{tuple(shapes[name])}"
            )
    return pairs


def plain_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that a 1x1 convolution's weight has as that of a linear layer."""
    return shape[:2] if len(shape) > 2 and set(shape[2:]) == {1} else shape


def _refusal(path: Path, error: Exception) -> ModelError:
    text = str(error)
    if isinstance(error, pickle.UnpicklingError) and "weights only" in text.lower():
        named = re.search(r"GLOBAL ([\w.]+)", text)
        what = f" ({named[1]})" if named else ""
        return ModelError(
            f"{path}: needs unpickling of code{what}, which is refused: it could run anything; "
            "save the state dict alone where you trust it: torch.save(model.state_dict(), FILE)"
        )
    return ModelError(
        f"{path}: expected a checkpoint that torch.save wrote, got another kind of file or one "
        "that was cut short"
    )


def _is_entry(entry: tuple[object, object]) -> bool:
    name, tensor = entry
    return isinstance(name, str) and isinstance(tensor, Tensor)


def _describe(state: object) -> str:
    if not isinstance(state, dict):
        return type(state).__name__
    if not state:
        return "an empty one"
    key, value = next(entry for entry in state.items() if not _is_entry(entry))
    return f"an entry {key!r} of type {type(value).__name__}"


def _count(names: Sequence[str]) -> str:
    return f"{len(names)} tensor{'' if len(names) == 1 else 's'}"


def _nearest(names: Sequence[str], others: Sequence[str]) -> str:
    told = []
    for name in names[:_SHOWN]:
        close = difflib.get_close_matches(name, others, n=1, cutoff=0.0)
        told.append(f"{name!r} (nearest: {close[0]!r})" if close else repr(name))
    return ", ".join(told) + (", ..." if len(names) > _SHOWN else "")


def _names(names: Mapping[str, object]) -> str:
    return ", ".join(map(repr, list(names)[:_SHOWN]))
