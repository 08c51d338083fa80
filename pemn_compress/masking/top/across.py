"""The top across all tensors, which share one budget; each has a floor of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pemn_compress.masking.top.magnitude import top_mask
from pemn_compress.masking.top.signed import top_signed


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
