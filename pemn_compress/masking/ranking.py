"""Scores to masks where signs count, or where all tensors share one budget.

The top by magnitude within a tensor, which most searches use, is `masks.top_mask`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pemn_compress.masking.top import mask_from, nan_scores, top_mask, top_on_device


@torch.library.custom_op("pemn::top_signed", mutates_args=())
def top_signed(scores: Tensor, count: int) -> Tensor:
    """Return the bool mask, shaped like `scores`, of its `count` largest values, signs counting.

    As `top_mask` in all else: exact, ties to the lower index, TrainingError for NaN on the CPU.
    """
    if scores.device.type != "cpu":
        return _top_signed_device(scores.detach(), count)
    ranks = scores.detach().float().contiguous().numpy().reshape(-1)
    return torch.from_numpy(_top_of(ranks, count)).view(scores.shape)


@top_signed.register_fake
def _(scores: Tensor, count: int) -> Tensor:
    return torch.empty(scores.shape, dtype=torch.bool, device=scores.device)


def _top_of(ranks: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.bool_]:
    parted = np.partition(ranks, ranks.size - count)
    if np.isnan(parted[-count:].max()):  # NaN sorts last
        raise nan_scores()
    mask = mask_from(ranks, parted[ranks.size - count], count)
    assert mask is not None
    return mask


def _top_signed_device(scores: Tensor, count: int) -> Tensor:
    return top_on_device(scores.float(), count)


@torch.library.custom_op(
    "pemn::top_global",
    mutates_args=(),
    # torch 2.6 infers none from a Sequence
    schema="(Tensor[] scores, int[] floors, int total, bool signed) -> Tensor",
)
def top_global(scores: Sequence[Tensor], floors: Sequence[int], total: int, signed: bool) -> Tensor:
    """Return one flat bool mask over all tensors' scores, one after the other: `total` ones.

    Each tensor has its own `floors[i]` best first; what the budget leaves goes to the best of the
    rest, wherever they are. Ties go to the tensor that comes first in the plan, then to the lower
    index.
    """
    top = top_signed if signed else top_mask
    kept = torch.cat(
        [top(own.detach(), floor).reshape(-1) for own, floor in zip(scores, floors, strict=True)]
    )
    left = total - sum(floors)
    if left:
        rest = torch.cat([own.detach().reshape(-1) for own in scores])[~kept]
        kept[~kept] = top(rest, left)
    return kept


@top_global.register_fake
def _(scores: Sequence[Tensor], floors: Sequence[int], total: int, signed: bool) -> Tensor:
    count = sum(own.numel() for own in scores)
    return torch.empty(count, dtype=torch.bool, device=scores[0].device)
