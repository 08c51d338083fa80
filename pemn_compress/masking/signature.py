"""The signature of a model's own forward, told by the model that runs it.

Other people's loops ask: transformers' Trainer drops the columns that `forward` does not name.
"""

import inspect
from collections.abc import Hashable
from functools import lru_cache
from types import FunctionType
from typing import Any, cast

from torch import nn

_SELF = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)


def signed_class(kind: type[Any], model: nn.Module) -> type[Any]:
    """Return a child of `kind` whose `forward` has the signature of the model's own.

    `unsigned` leads back to `kind`. A class whose `forward` takes other arguments than
    (*args, **kwargs) has a signature already, and is returned as it is.
    """
    kind = getattr(kind, "unsigned", kind)
    if "args" not in inspect.signature(kind.forward).parameters:
        return kind
    try:
        signature = inspect.signature(model.forward)
        own = signature.replace(parameters=[_SELF, *signature.parameters.values()])
    except (TypeError, ValueError):  # built-in, or with a parameter of the name self
        return kind
    try:
        return _known_child(cast(Hashable, kind), own)
    except TypeError:  # a default that cannot be hashed
        return _child(kind, own)


@lru_cache(maxsize=256)
def _known_child(kind: Hashable, signature: inspect.Signature) -> type[Any]:
    return _child(cast(type[Any], kind), signature)


def _child(kind: type[Any], signature: inspect.Signature) -> type[Any]:
    general: FunctionType = kind.forward
    forward = FunctionType(
        general.__code__, general.__globals__, general.__name__, general.__defaults__,
        general.__closure__,
    )  # fmt: skip
    forward.__doc__, forward.__qualname__ = general.__doc__, general.__qualname__
    forward.__module__ = general.__module__
    forward.__signature__ = signature  # type: ignore[attr-defined]
    told = {name: getattr(kind, name) for name in ("__doc__", "__module__", "__qualname__")}
    return type(kind.__name__, (kind,), told | {"forward": forward, "unsigned": kind})
