"""Which models cannot be masked or pruned, and why: told before anything is changed."""

from typing import Any

from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from pemn_compress.errors import ModelError

# hooks that make a weight anew from other parameters before every forward pass
_REMAKERS = (WeightNorm, SpectralNorm, BasePruningMethod)


def check_maskable(model: Any) -> None:
    """Refuse what is no plain model with parameters of its own. Raises ModelError."""
    if not isinstance(model, nn.Module):
        raise ModelError(f"model: expected a plain nn.Module, got {type(model).__name__}")
    for path, module in model.named_modules():
        where = f"module {path or type(model).__name__!r}"
        _refuse_wrapper(where, module, is_root=not path)
        remade = any(isinstance(hook, _REMAKERS) for hook in module._forward_pre_hooks.values())
        if hasattr(module, "parametrizations") or remade:
            raise ModelError(
                f"{where}: expected plain parameters, got a parametrized one (weight norm, "
                "spectral norm or pruning?); remove the parametrization before masking"
            )
        for name, parameter in module._parameters.items():
            if isinstance(parameter, UninitializedParameter):
                raise ModelError(
                    f"{where}: parameter {name!r} of a lazy module has no shape yet; "
                    "run the model once before masking"
                )
            if hasattr(parameter, "full_tensor"):
                raise ModelError(
                    f"{where}: parameter {name!r} is sharded already: expected a whole one; mask "
                    "the model first, then shard the masked model: fully_shard(masked)"
                )


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
