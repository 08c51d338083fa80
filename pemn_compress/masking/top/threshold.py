"""From ranks to a mask of exactly so many ones on a device; scores as an array; what is refused."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.dlpack import to_dlpack  # type: ignore[attr-defined]

from pemn_compress.errors import TrainingError


def top_on_device(ranks: Tensor, count: int) -> Tensor:
    """Return the bool mask of the `count` largest ranks without waiting for the device."""
    flat = ranks.reshape(-1)
    threshold = torch.kthvalue(flat, flat.numel() - count + 1).values
    mask = flat > threshold
    ties = flat == threshold
    mask |= ties & (ties.cumsum(0) <= count - mask.sum())
    return mask.view(ranks.shape)


def as_array(scores: Tensor) -> npt.NDArray[np.float32]:
    """Return scores on the CPU as a flat float32 array in C order, not to be written to.

    By DLPack: torch never again resizes a storage that `Tensor.numpy` looked at, and whoever shards
    a model frees and fills its parameters by resizing.
    """
    lying: Any = np.from_dlpack(_Lent(scores.detach().float().contiguous()))
    flat: npt.NDArray[np.float32] = lying.reshape(-1)
    return flat


class _Lent:
    """A tensor on the CPU as DLPack: what its own methods ask first takes longer than the rest."""

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    def __dlpack__(self, **_: Any) -> Any:
        return to_dlpack(self._tensor)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # kDLCPU


def as_mask(mask: npt.NDArray[np.bool_], scores: Tensor) -> Tensor:
    """Return a flat mask as a tensor in the shape of its scores."""
    return torch.from_numpy(mask.reshape(scores.shape))


def nan_scores() -> TrainingError:
    """Return the error for scores that cannot be ranked."""
    return TrainingError("scores hold NaN: no mask can be chosen; a lower learning rate helps")
