"""Which models cannot be masked or pruned, and why: told before anything is changed."""

from typing import Any

from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from pemn_compress.errors import ModelError
from pemn_compress.masking.sharding import is_sharded

# hooks that make a weight anew from other parameters before every forward pass
_REMAKERS = (WeightNorm, SpectralNorm, BasePruningMethod)


def check_maskable(model: Any) -> None:
    """Refuse what is no plain model with parameters of its own. Raises ModelError."""
    if not isinstance(model, nn.Module):
        raise ModelError(f"model: expected a plain nn.Module, got {type(model).__name__}")
    for path, module in model.named_modules():
        where = f"module {path or type(model).__name__!r}"
        _refuse_wrapper(where, module, is_root=not path)
        for name, parameter in module._parameters.items():
            if isinstance(parameter, UninitializedParameter):
                raise ModelError(
                    f"{where}: parameter {name!r} of a lazy module has no shape yet; "
                    "run the model once before masking"
                )
            if is_sharded(parameter):
                raise ModelError(
                    f"{where}: parameter {name!r} is sharded already: expected a whole one; mask "
                    "the model first, then shard the masked model: fully_shard(masked)"
                )


def remade(module: nn.Module) -> dict[str, list[str]]:
    """Return which tensors a module makes anew in every pass: name -> the parameters they are of.

    Those of weight norm, spectral norm and other parametrizations, of today's kind and of the old.
    """
    found: dict[str, list[str]] = {}
    for name, parts in getattr(module, "parametrizations", {}).items():
        found[name] = [f"parametrizations.{name}.{own}" for own, _ in parts.named_parameters()]
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, _REMAKERS):
            name = str(getattr(hook, "name", "") or getattr(hook, "_tensor_name", "weight"))
            found[name] = [own for own in module._parameters if own.startswith(f"{name}_")]
    return found


def _refuse_wrapper(where: str, module: nn.Module, *, is_root: bool) -> None:
    kind = type(module)
    if isinstance(module, DataParallel | DistributedDataParallel):
        what = f"{kind.__name__}(masked)"
    elif is_root and hasattr(module, "_orig_mod"):
        what = "torch.compile(masked)"
    elif kind.__name__ == "FullyShardedDataParallel":
        what = "fully_shard(masked)"
    elif type(module).__module__.startswith("torch.jit."):
        raise ModelError(
            f"{where}: expected a model of Python modules, got a compiled one of torch.jit, whose "
            "parameters cannot be replaced"
        )
    elif any(base.__name__ == "PlannedModel" for base in kind.__mro__):
        raise ModelError(f"{where}: is a {kind.__name__} already: expected a plain model")
    else:
        return
    raise ModelError(
        f"{where}: expected a plain module, got {kind.__name__}, which keeps hold of parameters; "
        f"mask the model first, then wrap the masked one: {what}"
    )
