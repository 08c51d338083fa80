"""The weights of all tensors in a few kernels, where a device and a search allow it."""

from typing import TYPE_CHECKING

from torch import Tensor

from pemn_compress.masking import at_once

if TYPE_CHECKING:
    from pemn_compress.masking.masked import MaskedModel


def weights_at_once(
    masked: "MaskedModel", scores: list[Tensor], shared: list[Tensor] | None, training: bool
) -> list[Tensor] | None:
    """Return all weights made by a few kernels, where that can be; None: one by one."""
    search = masked.search
    draws = training and search.training_mask is not None
    if shared is not None or draws or not at_once.is_possible(scores):
        return None
    signed, counts = masked.settings.signed, masked.budget.counts
    fills = [masked.fill(i) for i in range(len(scores))]
    if search.is_plain and masked.renewal is None:
        return at_once.weights_at_once(scores, counts, fills, signed=signed)
    masks = at_once.masks_at_once(scores, counts, signed=signed)
    return [search.weight(scores[i], masks[i], fills[i], signed) for i in range(len(scores))]
