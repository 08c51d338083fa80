"""Trained weights as an archive stores them: rounded to a value dtype, with positions if pruned.

Weights that were rounded in training are stored as what they were rounded to: integers and scales,
or for two and three levels a mask, a plane of signs and the scale.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from pemn_compress.errors import ModelError
from pemn_compress.format import prng
from pemn_compress.format.archive import (
    ConstantTensor,
    DenseTensor,
    MaskedTensor,
    Plane,
    Prototype,
    QuantizedTensor,
    SparseTensor,
)
from pemn_compress.format.archive.contents import Content
from pemn_compress.format.archive.records import INT4
from pemn_compress.format.archive.values import LEAST_SAVED, pack_stored
from pemn_compress.format.bits import pack_fields
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.quantized.levels import Levels
from pemn_compress.masking.rules.quantizing import LARGEST_INTEGER, LATENT_STRATEGIES
from pemn_compress.masking.selection import DTYPES
from pemn_compress.storing.integers import quantize, stored_scale
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
    |weight| / 127; "int4" and "int4-tensor" the same with -7 to 7. A tensor that the dtype cannot
    hold stays as it is. Weights that were rounded in training are stored as they are. Raises
    ModelError for weights that are not finite.
    """
    masks = pruned.masks() if pruned.settings.removes else None
    contents = {}
    for index, tensor in enumerate(pruned.plan):
        name, weight = tensor.name, state[tensor.name]
        mask = masks[name] if masks else None
        if not bool(weight.isfinite().all()):
            raise ModelError(f"{name}: expected finite weights to store, got others")
        if pruned.settings.quantizer is None:
            contents[name] = _store(name, weight, mask, value_dtype)
        elif pruned.settings.strategy in LATENT_STRATEGIES:
            contents[name] = _signs(name, weight, pruned.levels(index))
        else:
            contents[name] = _integers(name, weight, mask, pruned.levels(index))
    return contents


def shared_prototype(contents: Iterable[Content]) -> Prototype | None:
    """Return the prototype of `contents` that need one, which is a single 1.0.

    It is the first sign of seed 0: a seed takes 100 bytes less than a section of its own.
    """
    if any(isinstance(content, MaskedTensor) for content in contents):
        return Prototype("sign", prng.sign(0, 0, 1), 0)
    return None


def in_fewest_bytes(content: Content, *, compress: bool, four_bits: bool) -> Content:
    """Return integers in a byte each, or from -8 to 7 two in a byte, where a file is smaller by it.

    `four_bits` allows that, which takes a reader of format 1.1. Compressed, a byte each often takes
    fewer than four bits.
    """
    if not isinstance(content, QuantizedTensor):
        return content
    content = replace(content, bits=8)
    integers, mask = content.integers.view(np.int8), content.mask
    kept = integers.reshape(-1) if mask is None else integers[mask]
    if not four_bits or not kept.size or not -8 <= kept.min() <= kept.max() <= 7:
        return content
    halves = np.frombuffer(pack_fields(kept.view(np.uint8), 4), np.uint8)
    eight, four = (
        len(pack_stored(array, dtype, None, compress=compress)[0])
        for array, dtype in ((kept, "i8"), (halves, INT4))
    )
    return replace(content, bits=4) if four + LEAST_SAVED <= eight else content


def _signs(name: str, weight: Tensor, levels: Levels) -> Content:
    """Return a mask, signs, and one magnitude, or one for each channel: then a prototype of 1.0.

    A scale too small for the weight's dtype has made a weight 0 that has a level: it is left out.
    """
    dtype = DTYPES[weight.dtype]
    mask, negative = (part.cpu().numpy() for part in (weight != 0, weight < 0))
    if levels.scale.dim():
        return MaskedTensor(
            name, dtype, mask, 0, stored_scale(levels.scale), plane=Plane("sign", negative)
        )
    value = as_array(levels.scale.to(weight.dtype).view(1))
    return ConstantTensor(name, dtype, value, mask, negative)


def _integers(name: str, weight: Tensor, mask: Tensor | None, levels: Levels) -> Content:
    """Return trained integers; of a pruned weight only those that are not 0 have positions."""
    integers = levels.integers.to(torch.int8)
    selected = None if mask is None else (mask & (integers != 0)).cpu().numpy()
    dtype = DTYPES[weight.dtype]
    return QuantizedTensor(name, dtype, as_array(integers), stored_scale(levels.scale), selected)


def _store(name: str, weight: Tensor, mask: Tensor | None, value_dtype: str) -> Content:
    dtype = DTYPES[weight.dtype]
    selected = None if mask is None else mask.cpu().numpy()
    narrow = None
    kind = value_dtype.removesuffix("-tensor")
    if kind in LARGEST_INTEGER:
        bits, by_channel = (4 if kind == "int4" else 8), value_dtype == kind
        kept = quantize(name, weight, by_channel=by_channel, mask=mask, bits=bits)
        if kept is not None:
            return kept
    elif value_dtype != "float32":
        narrow = narrowed(weight, value_dtype)
    array = as_array(weight)
    if selected is None:
        return DenseTensor(name, dtype, array, narrow)
    return SparseTensor(name, dtype, selected, array[selected], narrow)
