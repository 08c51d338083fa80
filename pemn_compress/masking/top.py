"""Scores to masks: the exact top of a tensor's |scores|, with a straight-through gradient.

Source: Ramanujan et al., "What's Hidden in a Randomly Weighted Neural Network?", CVPR 2020,
section 3.2 (edge-popup); [PEMN] section 3.2, eqs. 2 and 3.
"""

import math
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pemn_compress.errors import TrainingError


@torch.library.custom_op("pemn::top_mask", mutates_args=())
def top_mask(scores: Tensor, count: int) -> Tensor:
    """Return the bool mask, shaped like `scores`, of its `count` largest absolute values.

    Exactly `count` ones, whatever the ties: among equal |scores| the lower index (C order) is
    kept. Selection, not sorting: linear in the number of scores. A custom operator, so that
    torch.compile does not trace into it. Raises TrainingError on the CPU when a score is NaN; on
    other devices that check would wait for the device, and the training loop's check of the loss
    catches it instead.
    """
    if scores.device.type == "cpu":
        return _top_mask_cpu(scores.detach(), count)
    return _top_mask_device(scores.detach(), count)


@top_mask.register_fake
def _(scores: Tensor, count: int) -> Tensor:
    return torch.empty(scores.shape, dtype=torch.bool, device=scores.device)


def _top_mask_cpu(scores: Tensor, count: int) -> Tensor:
    flat = scores.float().contiguous().view(-1).numpy()
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


def mask_from(
    size: npt.NDArray[np.float32], threshold: np.float32, count: int
) -> npt.NDArray[np.bool_] | None:
    """Return the mask of the top `count` if `threshold` is the count-th largest, else None."""
    mask: npt.NDArray[np.bool_] = size >= threshold
    extra = int(np.count_nonzero(mask)) - count
    if extra:
        ties = np.flatnonzero(size == threshold)
        if not 0 < extra < ties.size:
            return None
        mask[ties[ties.size - extra :]] = False
    return mask


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


def nan_scores() -> TrainingError:
    """Return the error for scores that cannot be ranked."""
    return TrainingError("scores hold NaN: no mask can be chosen; a lower learning rate helps")


def _top_mask_device(scores: Tensor, count: int) -> Tensor:
    return top_on_device(scores.float().abs(), count)


def top_on_device(ranks: Tensor, count: int) -> Tensor:
    """Return the bool mask of the `count` largest ranks without waiting for the device."""
    flat = ranks.reshape(-1)
    threshold = torch.kthvalue(flat, flat.numel() - count + 1).values
    mask = flat > threshold
    ties = flat == threshold
    mask |= ties & (ties.cumsum(0) <= count - mask.sum())
    return mask.view(ranks.shape)


def tile(prototype: Tensor, offset: int, shape: tuple[int, ...], scale: float) -> Tensor:
    """Return scale x prototype[(offset + i) mod length] in the given shape.

    The product is one binary32 multiplication, as in the archive's rule, so bits agree.
    """
    count = math.prod(shape)
    length = prototype.numel()
    if offset + count <= length:
        return (prototype.narrow(0, offset, count) * scale).view(shape)
    scaled = (prototype.roll(-offset) if offset else prototype) * scale
    rows = -(-count // length)
    return scaled.expand(rows, length).reshape(-1)[:count].view(shape)


def _multiply_by_tile_(values: Tensor, prototype: Tensor, offset: int, scale: float) -> Tensor:
    """Multiply values of 0, 1 and -1 in place by `tile(...)`, without making the tile.

    Such a product is exact, so prototype first and scale second give the tile's own bits.
    """
    flat, length = values.view(-1), prototype.numel()
    count = flat.numel()
    if offset + count <= length:
        flat.mul_(prototype.narrow(0, offset, count)).mul_(scale)
        return values
    period = (prototype.roll(-offset) if offset else prototype) * scale
    if length < _SHORT:  # rows of a few elements are slow to go through
        period = period.repeat(-(-_SHORT // length))
    whole = count - count % period.numel()
    flat[:whole].view(-1, period.numel()).mul_(period)
    flat[whole:].mul_(period[: count - whole])
    return values


_SHORT = 4096


def _empty(shape: tuple[int, ...]) -> Tensor:
    """Return fresh float32 memory from numpy, which asks for no alignment.

    glibc before 2.38 does not give an aligned request the hole that one of the same size left, and
    what is freed in a step would not be used again: a fifth of a training run's memory.
    """
    return torch.from_numpy(np.empty(shape, np.float32))


def _runs_eagerly_on_cpu(tensor: Tensor) -> bool:
    # a compiler fuses the plain expressions itself, and in-place steps would only hinder it
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


class _MaskedWeight(torch.autograd.Function):
    """w = scale x prototype where the mask is 1, else +0.0; dL/ds = dL/dw x (unmasked w) x sign(s).

    Only the scores and the one prototype are kept for the backward pass, which makes the fixed
    weight anew: keeping it, or the mask, would cost memory per tensor.
    """

    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, prototype: Tensor, mask: Tensor, offset: int, scale: float
    ) -> Tensor:
        ctx.save_for_backward(scores, prototype)
        ctx.fill = (offset, scale)
        if _runs_eagerly_on_cpu(scores):
            # bytes, for torch converts a bool seven times as slowly
            ones = _empty(mask.shape).copy_(mask.view(torch.uint8))
            # -w x 0 is -0.0, and the format knows only +0.0, which -0.0 + 0.0 is
            return _multiply_by_tile_(ones, prototype, offset, scale).add_(0.0)
        fixed = tile(prototype, offset, tuple(scores.shape), scale)
        return torch.where(mask, fixed, torch.zeros((), dtype=fixed.dtype, device=fixed.device))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scores, prototype = ctx.saved_tensors
        offset, scale = ctx.fill
        if _runs_eagerly_on_cpu(scores):
            signs = torch.sign(scores.detach(), out=_empty(scores.shape))
            signed = _multiply_by_tile_(signs, prototype, offset, scale)
            return signed.mul_(gradients[0]), None, None, None, None
        fixed = tile(prototype, offset, tuple(scores.shape), scale)
        return (gradients[0] * fixed).mul_(scores.sign()), None, None, None, None


def masked_weight(
    scores: Tensor, prototype: Tensor, mask: Tensor, offset: int, scale: float
) -> Tensor:
    """Return the masked weight of one tensor, float32 in the shape of `scores`, differentiable.

    The straight-through estimator of [PEMN] eq. 3: the mask counts as the identity of |score| in
    the backward pass, so the gradient of a score is dL/dw x w x sign(score), selected or not.
    """
    weight: Tensor = _MaskedWeight.apply(scores, prototype, mask, offset, scale)
    return weight
