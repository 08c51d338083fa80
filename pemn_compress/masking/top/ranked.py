"""The mask of the largest so many of an array, by a narrow band around the smallest that is kept.

What lies above the band is kept, and only what lies in it is ranked: as Floyd and Rivest, "Expected
time bounds for selection", CACM 1975, who find the band from a sample. Where the same scores were
asked for before, a band around the threshold found then is tried first: a training step moves it
little. A band is never trusted: counting says whether the threshold lies in it, so that the mask is
the same whatever was remembered, and of which tensor.
"""

import math

import numpy as np
import numpy.typing as npt

from pemn_compress.masking.top.scratch import flags_scratch
from pemn_compress.masking.top.threshold import nan_scores

Ranks = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_SMALL = 2048  # elements: to partition them costs less than to look for a band
_LARGEST = float(np.finfo(np.float32).max)
_REMEMBERED_AT_MOST = 1 << 14

# (address, numel, count) of scores -> the threshold found last, and how far around it to look next
_remembered: dict[tuple[int, int, int], tuple[float, float]] = {}


def top_of(ranks: Ranks, count: int, address: int) -> Mask:
    """Return the mask of the `count` largest of `ranks` (numel,), among equals of the lower index.

    `address` is where the scores lie whose ranks these are. Raises TrainingError for a NaN.
    """
    most = np.maximum.reduce(ranks)
    if most != most:
        raise nan_scores()
    if ranks.size <= _SMALL:
        return _within_all(ranks, count)
    key = (address, ranks.size, count)
    before = _remembered.get(key)
    found = None
    if before is not None:
        threshold, width = before
        low, high = max(threshold - width, -_LARGEST), min(threshold + width, _LARGEST)
        found = _within(ranks, count, low, high)
    if found is None:
        found = _within(ranks, count, *_sampled(ranks, count))
    if found is None:
        return _within_all(ranks, count)
    mask, now = found
    # wide enough for four such moves: at once where it moved far, step by step where it did not
    width = max(4 * abs(now - before[0]), 0.75 * before[1]) if before else abs(now) / 64
    if math.isfinite(now):
        if len(_remembered) >= _REMEMBERED_AT_MOST:
            _remembered.clear()
        _remembered[key] = (now, width)
    return mask


def _within(ranks: Ranks, count: int, low: float, high: float) -> tuple[Mask, float] | None:
    """Return the mask and the smallest rank kept, if that is from `low` to `high`; else None."""
    mask: Mask = ranks > high
    left = count - np.count_nonzero(mask)
    if left <= 0:
        return None
    band = np.greater_equal(ranks, low, out=flags_scratch(ranks.size))
    places = np.not_equal(band, mask, out=band).nonzero()[0]
    size = places.size
    if left > size:
        return None
    held = ranks[places]
    # numpy's partition is a vectorised quickselect; torch's kthvalue takes four times as long
    parted = held.copy()
    parted.partition(size - left)
    threshold = parted[size - left]
    kept = places[held >= threshold]
    mask[kept] = True
    if kept.size > left:
        mask[places[held == threshold][left - kept.size :]] = False
    return mask, float(threshold)


def _within_all(ranks: Ranks, count: int) -> Mask:
    threshold = np.partition(ranks, ranks.size - count)[ranks.size - count]
    mask: Mask = ranks >= threshold
    extra = np.count_nonzero(mask) - count
    if extra:
        ties = (ranks == threshold).nonzero()[0]
        mask[ties[ties.size - extra :]] = False
    return mask


def _sampled(ranks: Ranks, count: int) -> tuple[float, float]:
    """Return bounds between which the count-th largest lies, but for one time in some hundreds.

    By three standard deviations of its rank in a sample of about 2 numel^(2/3) elements.
    """
    step = max(1, int(0.5 * ranks.size ** (1 / 3)))
    while math.gcd(step, 210) > 1:  # kernels and rows have short periods
        step += 1
    sample = ranks[::step].copy()
    share = count / ranks.size
    spread = 3 * math.sqrt(sample.size * share * (1 - share)) + 1
    below = int(sample.size * (1 - share) - spread)
    above = int(sample.size * (1 - share) + spread) + 1
    sample.partition((max(below, 0), min(above, sample.size - 1)))
    low = float(sample[below]) if below >= 0 else -math.inf
    high = float(sample[above]) if above < sample.size else math.inf
    return low, high
