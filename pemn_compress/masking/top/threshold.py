"""From ranks to a mask of exactly so many ones, given or finding the smallest rank that is kept."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pemn_compress.errors import TrainingError


def mask_from(
    ranks: npt.NDArray[np.float32], threshold: np.float32, count: int
) -> npt.NDArray[np.bool_] | None:
    """Return the mask of the top `count` if `threshold` is the count-th largest, else None."""
    mask: npt.NDArray[np.bool_] = ranks >= threshold
    extra = int(np.count_nonzero(mask)) - count
    if extra:
        ties = np.flatnonzero(ranks == threshold)
        if not 0 < extra < ties.size:
            return None
        mask[ties[ties.size - extra :]] = False
    return mask


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
    flat: Any = np.from_dlpack(scores.detach().float().contiguous().view(-1))
    return flat  # type: ignore[no-any-return]


def nan_scores() -> TrainingError:
    """Return the error for scores that cannot be ranked."""
    return TrainingError("scores hold NaN: no mask can be chosen; a lower learning rate helps")
