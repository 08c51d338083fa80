"""A model whose weights stay packed: each is made while it is used, and forgotten after.

What is kept is the archive's mask bits and the prototype, so a model can be larger than memory in
fp32. It is for inference: making a weight takes its time in every forward pass.
"""

import weakref
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError
from pemn_compress.format.archive import Archive
from pemn_compress.format.archive.records import Alias, FromPrototype
from pemn_compress.masking.selection import owner_of
from pemn_compress.storing.tensors import as_tensor

KEPT_PART = 32  # a prototype is kept if it takes no more than 1/32 of the fp32 weights


class PackedWeights:
    """The weights of an archive, made on demand; the last one is remembered while it is in use."""

    def __init__(self, archive: Archive, dtype: torch.dtype | None, device: torch.device) -> None:
        self._archive, self._dtype, self._device = archive, dtype, device
        self._in_use: weakref.WeakValueDictionary[str, Tensor] = weakref.WeakValueDictionary()
        self._targets = {
            tensor.name: tensor.values.of if isinstance(tensor.values, Alias) else tensor.name
            for tensor in archive.manifest.tensors
        }
        self._dtypes = {tensor.name: tensor.dtype for tensor in archive.manifest.tensors}
        prototype = archive.manifest.prototype
        if prototype and 4 * prototype.filled_length * KEPT_PART <= archive.manifest.restored_bytes:
            archive.prototype()

    def names(self) -> list[str]:
        """Return the names of the tensors that stay packed, tied ones under each name."""
        filled = {
            t.name for t in self._archive.manifest.tensors if isinstance(t.values, FromPrototype)
        }
        return [name for name, target in self._targets.items() if target in filled]

    def weight(self, name: str) -> Tensor:
        """Return one weight. As long as somebody holds it, asking again gives the same tensor."""
        target = self._targets[name]
        found = self._in_use.get(target)
        if found is None:
            found = as_tensor(self._archive.tensor(target), self._dtypes[target])
            if found.is_floating_point():
                found = found.to(self._dtype)
            # a plain model's parameters require gradients, and torch chooses kernels by that
            found = found.to(self._device).requires_grad_()
            self._in_use[target] = found
        return found


def pack_weights(model: nn.Module, weights: PackedWeights) -> nn.Module:
    """Take the packed weights out of a model; each of their names then makes its weight when read.

    The model's class is replaced by a child of its own for every module that owns such a weight, so
    that whoever reads `module.weight` (attention reads its projection's) finds it.
    """
    owned: dict[nn.Module, dict[str, str]] = {}
    for name in weights.names():
        owner, leaf = owner_of(model, name)
        owned.setdefault(owner, {})[leaf] = name
    for module, names in owned.items():
        for leaf in names:
            if leaf not in module._parameters:
                raise ModelError(
                    f"{names[leaf]}: expected a parameter to stay packed, got a buffer"
                )
            del module._parameters[leaf]
        made: dict[str, Any] = {leaf: _property(weights, name) for leaf, name in names.items()}
        if isinstance(module, nn.RNNBase):  # it keeps a list of its weights
            made["_flat_weights"] = property(_flat_weights, lambda module, weights: None)
        module.__class__ = type(type(module).__name__, (type(module),), made)
    return model


def _property(weights: PackedWeights, name: str) -> property:
    return property(lambda module: weights.weight(name))


def _flat_weights(module: nn.RNNBase) -> list[Tensor]:
    return [getattr(module, name) for name in module._flat_weights_names]
