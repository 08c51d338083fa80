"""How scores become masks while training: one file per search method."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from pemn_compress.plan import PlannedTensor
from pemn_compress.search import edge_popup


class Search(NamedTuple):
    """A search method: where scores start, and which mask of so many kept weights they mean."""

    initial_scores: Callable[[PlannedTensor, int, int], Tensor]
    choose_mask: Callable[[Tensor, int], Tensor]


SEARCHES: dict[str, Search] = {
    "edge-popup": Search(edge_popup.initial_scores, edge_popup.choose_mask),
}
