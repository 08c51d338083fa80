"""Edge-popup: each tensor keeps exactly the top kept_count of its |scores|.

Source: Ramanujan et al., CVPR 2020, section 3.2. Scores start kaiming-uniform with a = sqrt(5), as
the authors' and [PEMN]'s do, drawn from the format's own generator: a run means the same in every
torch version, and a mask could be coded as its difference from the one that the seed predicts.
"""

import math

import numpy as np
import torch
from torch import Tensor

from pemn_compress import prng
from pemn_compress.masks import top_mask
from pemn_compress.plan import PlannedTensor

SCORE_STREAMS = 1 << 32  # tensor i of the plan draws its scores from stream 2^32 + i


def initial_scores(tensor: PlannedTensor, index: int, seed: int) -> Tensor:
    """Return the scores that training starts from: float32, uniform in +-1/sqrt(fan_in)."""
    drawn = prng.uniform24(seed, SCORE_STREAMS + index, tensor.numel)
    bound = np.float32(1 / math.sqrt(tensor.fan_in))
    return torch.from_numpy(drawn * bound).view(tensor.shape)


def choose_mask(scores: Tensor, kept: int) -> Tensor:
    """Return the bool mask of the `kept` largest |scores|, on ties those of lower index."""
    mask: Tensor = top_mask(scores, kept)
    return mask
