"""Where scores start: drawn from the seed, with the fixed weights' signs where these count."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pemn_compress.masking.rules.budgets import tensor_densities
from pemn_compress.masking.selection import owner_of

if TYPE_CHECKING:
    from pemn_compress.masking.masked import MaskedModel


def initial_scores(masked: "MaskedModel") -> list[Tensor]:
    """Return the scores that training starts from, in plan order, on the CPU."""
    s, search = masked.settings, masked.search
    seed = s.seed if s.score_seed is None else s.score_seed
    densities = tensor_densities(masked.plan, s.density, s.layer_density)
    made = []
    for index, tensor in enumerate(masked.plan):
        start = search.initial_scores(tensor, index, seed, densities[index])
        if search.learns_signs:
            start.copysign_(masked.seeded(index).cpu())
        made.append(start)
    return made


def leave_out_padding(masked: "MaskedModel", model: nn.Module) -> None:
    """Let the row of an embedding that stands for padding be zero, as it is in a plain model.

    A score of 0 ranks last and gets no gradient. A tied row has another use, and is left.
    """
    for tensor, score in zip(masked.plan, masked.scores, strict=True):
        owner, _ = owner_of(model, tensor.name)
        padding = owner.padding_idx if isinstance(owner, nn.Embedding) else None
        if padding is not None and not tensor.aliases:
            with torch.no_grad():
                score[padding] = 0
