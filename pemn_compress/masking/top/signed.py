"""The top of a tensor's scores where signs count: IteRand's ranking, and that of probabilities."""

import numpy as np
import torch
from torch import Tensor

from pemn_compress.masking.top.threshold import as_array, mask_from, nan_scores, top_on_device


@torch.library.custom_op("pemn::top_signed", mutates_args=())
def top_signed(scores: Tensor, count: int) -> Tensor:
    """Return the bool mask, shaped like `scores`, of its `count` largest values, signs counting.

    As `top_mask` in all else: exact, ties to the lower index, TrainingError for NaN on the CPU.
    """
    if scores.device.type == "cpu":
        return _top_signed_cpu(scores.detach(), count)
    return _top_signed_device(scores.detach(), count)


@top_signed.register_fake
def _(scores: Tensor, count: int) -> Tensor:
    return torch.empty(scores.shape, dtype=torch.bool, device=scores.device)


def _top_signed_cpu(scores: Tensor, count: int) -> Tensor:
    ranks = as_array(scores)
    parted = np.partition(ranks, ranks.size - count)
    if np.isnan(parted[-count:].max()):  # NaN sorts last
        raise nan_scores()
    mask = mask_from(ranks, parted[ranks.size - count], count)
    assert mask is not None
    return torch.from_numpy(mask).view(scores.shape)


def _top_signed_device(scores: Tensor, count: int) -> Tensor:
    return top_on_device(scores.float(), count)
