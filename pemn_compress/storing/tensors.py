"""The archive's dtypes and arrays, and torch's."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

TORCH_DTYPES = {
    "bool": torch.bool, "u8": torch.uint8, "i8": torch.int8, "i16": torch.int16,
    "i32": torch.int32, "i64": torch.int64, "bf16": torch.bfloat16, "f16": torch.float16,
    "f32": torch.float32, "f64": torch.float64,
}  # fmt: skip
CODES = {dtype: code for code, dtype in TORCH_DTYPES.items()}
_WHOLE = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_COMPLEX = (torch.complex32, torch.complex64, torch.complex128)

Array = npt.NDArray[Any]


def as_array(tensor: Tensor) -> Array:
    """Return a tensor's elements as a numpy array; those of bfloat16 as their 16 bits."""
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
        return tensor.numpy().view(np.uint16)
    array: Array = tensor.numpy()
    return array


def as_tensor(array: Array, dtype: str) -> Tensor:
    """Return a restored array as a tensor that may be written to; `dtype` is the archive's."""
    tensor = torch.from_numpy(array if array.flags.writeable else np.array(array))
    return tensor.view(torch.bfloat16) if dtype == "bf16" else tensor


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors agree in dtype, shape and every bit: NaN equals itself, -0 not 0.

    On whatever device and in whatever memory order they are.
    """
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    kind = _WHOLE.get(one.element_size()) if one.dtype not in _COMPLEX else None
    one, other = one.detach().cpu().contiguous(), other.detach().cpu().contiguous()
    if kind is None:
        one, other = (torch.view_as_real(t.resolve_conj()) for t in (one, other))
        kind = _WHOLE[one.element_size()]
    return torch.equal(one.view(kind), other.view(kind))
