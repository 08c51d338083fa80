"""Trained weights as an archive stores them: rounded to a value dtype, with positions if pruned."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pemn_compress.errors import ModelError
from pemn_compress.format.archive import DenseTensor, QuantizedTensor, SparseTensor
from pemn_compress.format.archive.contents import Content
from pemn_compress.format.archive.records import Scale
from pemn_compress.format.archive.tensors import MAX_SCALE, MIN_SCALE
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.selection import DTYPES
from pemn_compress.storing.shrinking import narrowed
from pemn_compress.storing.tensors import as_array

LARGEST_INTEGER = 127  # of +-127: -128 would have no counterpart


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
        scale = _scale(weight, by_channel=value_dtype == "int8")
        if float(scale.max()) <= MAX_SCALE:
            quotient = (weight.float() / scale).round()  # halves to even
            integers = quotient.clamp(-LARGEST_INTEGER, LARGEST_INTEGER).to(torch.int8)
            # as the format says: one binary32 product, rounded once more for narrower weights
            weight.copy_((integers.float() * scale).to(weight.dtype))
            if mask is not None:
                weight.masked_fill_(~mask, 0.0)
            return QuantizedTensor(name, dtype, as_array(integers), _told(scale), selected)
    elif value_dtype != "float32":
        narrow = narrowed(weight, value_dtype)
    array = as_array(weight)
    if selected is None:
        return DenseTensor(name, dtype, array, narrow)
    return SparseTensor(name, dtype, selected, array[selected], narrow)


def _scale(weight: Tensor, *, by_channel: bool) -> Tensor:
    """Return the scale, of a shape that broadcasts over the weight, in binary32."""
    size = weight.float().abs()
    if by_channel and weight.dim() > 1:
        largest = size.flatten(1).amax(1).view(-1, *(1,) * (weight.dim() - 1))
    else:
        largest = size.amax()
    return (largest / LARGEST_INTEGER).clamp_min(MIN_SCALE)


def _told(scale: Tensor) -> Scale:
    return tuple(scale.flatten().tolist()) if scale.dim() else float(scale)
