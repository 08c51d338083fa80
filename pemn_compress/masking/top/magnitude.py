"""The top of a tensor's |scores|, which edge-popup and most others keep.

Source: Ramanujan et al., "What's Hidden in a Randomly Weighted Neural Network?", CVPR 2020,
section 3.2 (edge-popup); [PEMN] section 3.2, eqs. 2 and 3.
"""

import numpy as np
from torch import Tensor

from pemn_compress.masking.top.operators import operator
from pemn_compress.masking.top.ranked import top_of
from pemn_compress.masking.top.scratch import ranks_scratch
from pemn_compress.masking.top.threshold import as_array, as_mask, top_on_device


def top_mask(scores: Tensor, count: int) -> Tensor:
    """Return the bool mask, shaped like `scores`, of its `count` largest absolute values.

    An operator of torch's, so that torch.compile does not trace into it. Raises TrainingError on
    the CPU when a score is NaN; on other devices that check would wait for the device, and the
    training loop's check of the loss catches it instead.
    """
    mask: Tensor = _operator(scores, count)
    return mask


def _top_mask_cpu(scores: Tensor, count: int) -> Tensor:
    flat = as_array(scores)
    sizes = np.abs(flat, out=ranks_scratch(flat.size))
    return as_mask(top_of(sizes, count, scores.data_ptr()), scores)


def _top_mask_device(scores: Tensor, count: int) -> Tensor:
    return top_on_device(scores.detach().float().abs(), count)


_operator = operator("top_mask", _top_mask_cpu, _top_mask_device)
