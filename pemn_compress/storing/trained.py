"""Trained weights as an archive stores them: rounded to a value dtype, with positions if pruned."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pemn_compress.errors import ModelError
from pemn_compress.format.archive import DenseTensor, SparseTensor
from pemn_compress.format.archive.contents import Content
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.selection import DTYPES
from pemn_compress.storing.integers import quantize
from pemn_compress.storing.shrinking import narrowed
from pemn_compress.storing.tensors import as_array


@torch.no_grad()
def store_values(
    pruned: PrunedModel, state: Mapping[str, Tensor], value_dtype: str
) -> dict[str, Content]:
    """Round the planned weights in `state`, in place; return what an archive holds of them.

    `value_dtype` is one of `pruning.VALUE_DTYPES`: "float16" and "bfloat16" round weights of
    float32, nearest even; "int8" stores integers from -127 to 127 and one scale for each index of
    the first dimension (an output channel), "int8-tensor" one scale for the tensor, the largest
    |weight| / 127. A tensor that the dtype cannot hold stays as it is. Raises ModelError for
    weights that are not finite.
    """
    masks = None if pruned.settings.strategy == "dense" else pruned.masks()
    contents = {}
    for name in (tensor.name for tensor in pruned.plan):
        weight, mask = state[name], masks[name] if masks else None
        if not bool(weight.isfinite().all()):
            raise ModelError(f"{name}: expected finite weights to store, got others")
        contents[name] = _store(name, weight, mask, value_dtype)
    return contents


def _store(name: str, weight: Tensor, mask: Tensor | None, value_dtype: str) -> Content:
    dtype = DTYPES[weight.dtype]
    selected = None if mask is None else mask.cpu().numpy()
    narrow = None
    if value_dtype.startswith("int8"):
        kept = quantize(name, weight, by_channel=value_dtype == "int8", mask=mask)
        if kept is not None:
            return kept
    elif value_dtype != "float32":
        narrow = narrowed(weight, value_dtype)
    array = as_array(weight)
    if selected is None:
        return DenseTensor(name, dtype, array, narrow)
    return SparseTensor(name, dtype, selected, array[selected], narrow)
