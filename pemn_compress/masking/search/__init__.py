"""How masks and weights come about while training: one file per search method and per renewal.

What the command line must know of them without torch is in `methods.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pemn_compress.masking.rules.plan import PlannedTensor
from pemn_compress.masking.search import biprop, edge_popup, sign, supermask
from pemn_compress.masking.search.iterand import Iterand
from pemn_compress.masking.search.recycle import Recycle
from pemn_compress.masking.search.renewal import Renewal
from pemn_compress.masking.straight_through import Fill


@dataclass(frozen=True)
class Search:
    """A search method, in functions of one tensor.

    `initial_scores(tensor, index in the plan, seed, density)` is where training starts from.
    `weight(scores, mask, fill, signed)` is the masked weight, differentiable in the scores; its
    gradient is what a method is about. `training_mask(scores, kept)` is the mask of one training
    step where that is not the final one, the top of the scores. `binary` says that weights are one
    number per tensor times the fixed weights' signs;
    `is_plain` that they are the fixed weights themselves, with the gradient of `straight_through`;
    `learns_signs` that they are the fixed weights' magnitudes with the scores' signs, which start
    as the fixed ones, and that a mask of all weights may be None.
    """

    weight: Callable[[Tensor, Any, Fill, bool], Tensor]
    initial_scores: Callable[[PlannedTensor, int, int, float], Tensor] = edge_popup.initial_scores
    training_mask: Callable[[Tensor, int], Tensor] | None = None
    binary: bool = False
    is_plain: bool = False
    learns_signs: bool = False


SEARCHES: dict[str, Search] = {
    "edge-popup": Search(edge_popup.weight, is_plain=True),
    "supermask": Search(supermask.weight, supermask.initial_scores, supermask.training_mask),
    "biprop": Search(biprop.weight, binary=True),
    "sign": Search(sign.weight, learns_signs=True),
}

RENEWALS: dict[str, type[Renewal] | None] = {
    "none": None,
    "iterand": Iterand,
    "recycle": Recycle,
}
