"""What other libraries wrap around a MaskedModel or a PrunedModel, and how to get at it again."""

from typing import Any

from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from pemn_compress.errors import ModelError
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel

_WRAPPERS = (DataParallel, DistributedDataParallel, AveragedModel)
_FSDP = "FullyShardedDataParallel"  # by name: to import it takes as long as half of torch


def unwrapped(model: Any) -> MaskedModel | PrunedModel:
    """Return the MaskedModel or PrunedModel that a model is or is wrapped around.

    Goes through torch.compile, DistributedDataParallel, DataParallel, AveragedModel and FSDP, in
    any order. Raises ModelError for a model that is neither, and for one whose parameters FSDP
    holds in parts.
    """
    inner = model
    while not isinstance(inner, MaskedModel | PrunedModel):
        if isinstance(inner, _WRAPPERS) or type(inner).__name__ == _FSDP:
            inner = inner.module
        elif isinstance(inner, nn.Module) and "_orig_mod" in inner._modules:  # torch.compile's
            inner = inner._orig_mod
        else:
            raise _neither(inner)
    for tensor, own in zip(inner.plan, inner.trained(), strict=True):
        if tuple(own.shape) != tensor.shape:
            raise ModelError(
                f"{tensor.name}: expected a whole tensor of shape {tensor.shape} to train, got one "
                f"of shape {tuple(own.shape)}: {_FSDP} holds the rest; save within "
                f"{_FSDP}.summon_full_params(model), or shard with fully_shard"
            )
    return inner


def _neither(inner: Any) -> ModelError:
    told = f"expected a MaskedModel or PrunedModel, got {type(inner).__name__}"
    if not isinstance(inner, nn.Module):
        return ModelError(told)
    for name, module in inner.named_modules():
        if isinstance(module, MaskedModel | PrunedModel):
            return ModelError(f"{told}, which holds one as {name!r}: give that, model.{name}")
    return ModelError(f"{told}: wrap the model first: MaskedModel(model)")
