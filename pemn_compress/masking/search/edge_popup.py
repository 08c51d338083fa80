"""Edge-popup: the kept weights are the top of the scores, by magnitude or by value.

Source: Ramanujan et al., CVPR 2020, section 3.2; ranked by value in Chijiwa et al., "Pruning
Randomly Initialized Neural Networks with Iterative Randomization", NeurIPS 2021 (IteRand). Scores
start kaiming-uniform with a = sqrt(5), as the authors' and [PEMN]'s do, drawn from the format's own
generator: a run means the same in every torch version, and a mask could be coded as its difference
from the one that the seed predicts.
"""

import math

import numpy as np
import torch
from torch import Tensor

from pemn_compress.format import prng
from pemn_compress.masking.rules.plan import PlannedTensor
from pemn_compress.masking.straight_through import Fill, straight_through

SCORE_STREAMS = 1 << 32  # tensor i of the plan draws its scores from stream 2^32 + i


def initial_scores(tensor: PlannedTensor, index: int, seed: int, density: float) -> Tensor:
    """Return the scores that training starts from: float32, uniform in +-1/sqrt(fan_in)."""
    drawn = prng.uniform24(seed, SCORE_STREAMS + index, tensor.numel)
    bound = np.float32(1 / math.sqrt(tensor.fan_in))
    # of torch's own memory, which sharding can free and fill
    return torch.tensor(drawn * bound).view(tensor.shape)


def weight(scores: Tensor, mask: Tensor, fill: Fill, signed: bool) -> Tensor:
    """Return the masked weight; dL/ds = dL/dw x w x sign(s), or dL/dw x w where signs count."""
    return straight_through(scores, mask, fill, magnitude=not signed)
