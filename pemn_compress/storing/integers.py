"""Tensors as integers with scales, rounded in place: the model is what the archive holds."""

import torch
from torch import Tensor

from pemn_compress.format.archive import QuantizedTensor
from pemn_compress.format.archive.records import Scale
from pemn_compress.format.archive.tensors import MAX_SCALE, MIN_SCALE
from pemn_compress.masking.quantized.levels import largest
from pemn_compress.masking.selection import DTYPES
from pemn_compress.storing.tensors import as_array


@torch.no_grad()
def quantize(
    name: str, tensor: Tensor, *, by_channel: bool, mask: Tensor | None = None, bits: int = 8
) -> QuantizedTensor | None:
    """Round a floating tensor to integers times a scale, in place; return what an archive holds.

    Integers are symmetric, -127 to 127 or with 4 bits -7 to 7: the lowest pattern would have no
    counterpart. The scale is the largest |value| / 127 (or 7), of the tensor or of each index of
    its first dimension; halves are rounded to even. What `mask` (bool, the tensor's shape) leaves
    out becomes 0. None, and nothing done, where the scale would be too large for the format.
    """
    most = (1 << bits - 1) - 1
    size = largest(tensor.float().abs(), by_channel=by_channel)
    scale = (size / most).clamp_min(MIN_SCALE)
    if float(scale.max()) > MAX_SCALE:
        return None
    integers = (tensor.float() / scale).round().clamp(-most, most).to(torch.int8)
    # as the format says: one binary32 product, rounded once more for narrower weights
    tensor.copy_((integers.float() * scale).to(tensor.dtype))
    if mask is not None:
        tensor.masked_fill_(~mask, 0.0)
    selected = None if mask is None else mask.cpu().numpy()
    told = stored_scale(scale)
    return QuantizedTensor(name, DTYPES[tensor.dtype], as_array(integers), told, selected, bits)


def stored_scale(scale: Tensor) -> Scale:
    """Return a scale as an archive holds it: one number, or one for each output channel."""
    return tuple(scale.flatten().tolist()) if scale.dim() else float(scale)
