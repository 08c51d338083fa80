"""The top of a tensor's |scores|, which edge-popup and most others keep.

Source: Ramanujan et al., "What's Hidden in a Randomly Weighted Neural Network?", CVPR 2020,
section 3.2 (edge-popup); [PEMN] section 3.2, eqs. 2 and 3.
"""

import threading

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pemn_compress.masking.top.threshold import as_array, mask_from, nan_scores, top_on_device


@torch.library.custom_op("pemn::top_mask", mutates_args=())
def top_mask(scores: Tensor, count: int) -> Tensor:
    """Return the bool mask, shaped like `scores`, of its `count` largest absolute values.

    A custom operator, so that torch.compile does not trace into it. Raises TrainingError on the CPU
    when a score is NaN; on other devices that check would wait for the device, and the training
    loop's check of the loss catches it instead.
    """
    if scores.device.type == "cpu":
        return _top_mask_cpu(scores.detach(), count)
    return _top_mask_device(scores.detach(), count)


@top_mask.register_fake
def _(scores: Tensor, count: int) -> Tensor:
    return torch.empty(scores.shape, dtype=torch.bool, device=scores.device)


def _top_mask_cpu(scores: Tensor, count: int) -> Tensor:
    flat = as_array(scores)
    size = np.abs(flat, out=_scratch(flat.size))
    # A threshold once found is tried again where torch has counted no change of the scores. It is
    # never trusted: mask_from checks that it still is the count-th largest, so that changes which
    # torch does not count (through .data, or numpy) cost a selection and nothing else.
    key = (scores.data_ptr(), flat.size, count)
    version = -1 if scores.is_inference() else scores._version
    before, threshold = _thresholds.get(key, (-1, np.float32(0)))
    mask = None
    if before == version >= 0 and not np.isnan(size.max()):
        mask = mask_from(size, threshold, count)
    if mask is None:
        # numpy's partition is a vectorised quickselect; torch's kthvalue takes four times as long
        size.partition(flat.size - count)
        if np.isnan(size[flat.size - count :].max()):  # NaN sorts last, so it is in there
            raise nan_scores()
        threshold = size[flat.size - count]
        mask = mask_from(np.abs(flat, out=size), threshold, count)
        assert mask is not None
        if len(_thresholds) >= _MOST_THRESHOLDS:
            _thresholds.clear()
        _thresholds[key] = (version, threshold)
    return torch.from_numpy(mask).view(scores.shape)


# (address, numel, count) of scores -> their version, and the count-th largest |score| found then
_thresholds: dict[tuple[int, int, int], tuple[int, np.float32]] = {}
_MOST_THRESHOLDS = 1 << 14

_kept = threading.local()
_LARGEST_KEPT = 1 << 24  # elements: 64 MiB


def _scratch(count: int) -> npt.NDArray[np.float32]:
    """Return memory to select in, this thread's own: fresh pages cost more than the selection."""
    held: npt.NDArray[np.float32] = getattr(_kept, "array", np.empty(0, np.float32))
    if held.size < count:
        held = np.empty(count, np.float32)
        if count <= _LARGEST_KEPT:
            _kept.array = held
    return held[:count]


def _top_mask_device(scores: Tensor, count: int) -> Tensor:
    return top_on_device(scores.float().abs(), count)
