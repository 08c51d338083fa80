"""Supermasks: each weight is kept with probability sigmoid(score), drawn anew in every step.

Source: Zhou et al., "Deconstructing Lottery Tickets", NeurIPS 2019; Ramanujan et al., CVPR 2020,
sections 2 and 4.4. The paper never says which one mask is left at the end, and its accuracy is the
mean of ten drawn ones. Here it is the kept_count largest probabilities, not those above one half: a
model is then as large as the user asked, and a density compares with other methods'. For the same
reason scores start around logit(density), so that the masks drawn first have that density, with
edge-popup's initial scores around it: all equal, the lowest indices would start out as the final
mask. The slope of the sigmoid makes gradients small; learning rates are a hundred times larger.
"""

import math

import torch
from torch import Tensor

from pemn_compress.masking.rules.plan import PlannedTensor
from pemn_compress.masking.search import edge_popup
from pemn_compress.masking.straight_through import Fill, straight_through

_MOST = 0.99  # the logit of 1 is infinite


def initial_scores(tensor: PlannedTensor, index: int, seed: int, density: float) -> Tensor:
    """Return logit(density), at 1 that of 0.99, plus edge-popup's initial scores: float32."""
    start = min(density, _MOST)
    around = edge_popup.initial_scores(tensor, index, seed, density)
    return around + math.log(start / (1 - start))


def training_mask(scores: Tensor, kept: int) -> Tensor:
    """Return the bool mask of one step, drawn from torch's generator; `kept` does not bind it."""
    return torch.rand_like(scores) < scores.sigmoid()


def weight(scores: Tensor, mask: Tensor, fill: Fill, signed: bool) -> Tensor:
    """Return the masked weight; dL/ds = dL/dw x w x p (1 - p), p = sigmoid(s)."""
    return straight_through(scores.sigmoid(), mask, fill)
