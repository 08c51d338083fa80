"""What a model's forward returns, made of plain tuples, lists and dicts, so that any reader has it.

A program whose outputs were of a class of the user's (or of a library's: transformers' ModelOutput)
could only be loaded where that class is.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError

Scalar = bool | int | float | str | torch.SymInt | torch.SymFloat | torch.SymBool


def plain(value: Any, where: str = "the output") -> Any:
    """Return outputs as tensors, numbers and None in plain tuples, lists and dicts.

    Dataclasses and mappings become dicts, named tuples become tuples. Raises ModelError.
    """
    if value is None or isinstance(value, Tensor | Scalar):
        return value
    if isinstance(value, list):
        return [plain(one, f"{where}[{i}]") for i, one in enumerate(value)]
    if isinstance(value, tuple):
        return tuple(plain(one, f"{where}[{i}]") for i, one in enumerate(value))
    if isinstance(value, Mapping):
        return {str(key): plain(one, f"{where}[{key!r}]") for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name), f"{where}.{f.name}") for f in fields(value)}
    raise ModelError(
        f"{where} of the model is a {type(value).__name__}: expected tensors, in tuples, lists, "
        "dicts or dataclasses; let forward leave it out (transformers: config.use_cache = False), "
        "or restore a state dict (.safetensors, .pt)"
    )


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what plain outputs hold, each under the keys and numbers that lead to it."""
    if isinstance(value, (list, tuple)):
        for number, one in enumerate(value):
            yield from leaves(one, f"{name}_{number}" if name else f"output_{number}")
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, f"{name}_{key}" if name else key)
    else:
        yield name or "output", value


def tensors(value: Any) -> dict[str, Tensor]:
    """Return the tensors among plain outputs by name. Raises ModelError where there is none."""
    found = {name: one for name, one in leaves(value) if isinstance(one, Tensor)}
    if not found:
        raise ModelError("the model's forward returns no tensor: expected at least one")
    return found


@contextmanager
def returning(
    module: nn.Module, change: Callable[[Any], Any], names: Iterable[str] = ()
) -> Iterator[nn.Module]:
    """Let a module's forward return what `change` makes of its outputs, for a while.

    Its signature names the arguments that are given by name, also where it takes any (**kwargs).
    """
    own, forward = module.__dict__.get("forward"), module.forward

    @wraps(forward)
    def changed(*args: Any, **kwargs: Any) -> Any:
        return change(forward(*args, **kwargs))

    changed.__signature__ = _with_names(inspect.signature(forward), names)  # type: ignore[attr-defined]
    module.__dict__["forward"] = changed
    try:
        yield module
    finally:
        if own is None:
            del module.__dict__["forward"]
        else:
            module.__dict__["forward"] = own


def _with_names(signature: inspect.Signature, names: Iterable[str]) -> inspect.Signature:
    found = list(signature.parameters.values())
    wild = [one for one in found if one.kind is one.VAR_KEYWORD]
    if not wild:
        return signature
    said = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
        for name in names
        if name not in signature.parameters
    ]
    return signature.replace(parameters=[one for one in found if one not in wild] + said)
