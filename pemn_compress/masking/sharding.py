"""Models of which each rank holds a part, as `torch.distributed.fsdp.fully_shard` leaves them.

Its classes are known by name here: to import them takes as long as half of torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

from torch import Tensor, nn

_MARKS = ("_is_fsdp_managed_module", "_fsdp_use_orig_params", "__composable_api_state_key")


def is_sharded(tensor: Tensor) -> bool:
    """Whether each rank holds a part of a tensor (a DTensor)."""
    return hasattr(tensor, "full_tensor")


def gathered(tensor: Tensor) -> Tensor:
    """Return all of a tensor of which a rank may hold a part: then all ranks have to ask."""
    return cast(Any, tensor).full_tensor() if is_sharded(tensor) else tensor


@contextmanager
def unsharded(model: nn.Module) -> Iterator[None]:
    """Take away, for as long as this lasts, what sharding has put on a model's modules.

    Their classes become those of before, their hooks and marks are gone; parameters stay.
    """
    classes: dict[nn.Module, type[nn.Module]] = {}
    kept: list[tuple[dict[Any, Any], dict[Any, Any]]] = []
    try:
        for module in model.modules():
            own, kind = vars(module), type(module)
            if any(base.__name__ == "FSDPModule" for base in kind.__mro__):
                classes[module] = kind
                module.__class__ = kind.__bases__[-1]  # (FSDPModule, the class of before)
            _take_from(own, [name for name in own if name.startswith(_MARKS)], kept)
            for hooks in [one for name, one in own.items() if name.endswith("_hooks") and one]:
                found = [key for key, hook in hooks.items() if _of_torch_distributed(hook)]
                _take_from(hooks, found, kept)
        yield
    finally:
        for module, kind in classes.items():
            module.__class__ = kind
        for held, before in kept:
            held.clear()
            held.update(before)


def _take_from(
    held: dict[Any, Any], keys: list[Any], kept: list[tuple[dict[Any, Any], dict[Any, Any]]]
) -> None:
    """Remove keys, and note what was there in its order, which is that of hooks."""
    if keys:
        kept.append((held, dict(held)))
        for key in keys:
            del held[key]


def _of_torch_distributed(hook: Any) -> bool:
    while isinstance(hook, partial):
        hook = hook.func
    hook = getattr(hook, "hook", hook)  # of a state dict
    owner = getattr(hook, "__self__", None)
    module = getattr(hook if owner is None else type(owner), "__module__", None) or ""
    return module.startswith("torch.distributed.")
