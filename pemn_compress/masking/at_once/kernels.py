"""Triton kernels: the exact top of many tensors by radix selection, and their masked weights.

Scores become 32-bit keys that are ordered as they are. Three passes find, digit by digit from the
top, the key that is each tensor's count-th largest: a histogram of the digit among the elements
that share the digits found so far, then the bin in which the rank falls.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from pemn_compress.masking.at_once.tables import BLOCK

# digits of a key, from the top: shift and number of values
DIGITS = ((21, 2048), (10, 2048), (0, 1024))
_MOST_BINS = 2048
_CHUNK = 1024


def select(flat: Tensor, table: Tensor, counts: Tensor, tensors: int, signed: bool) -> Tensor:
    """Return the bool mask (N,) of the top `counts[i]` of each tensor in `flat` (N,), float32."""
    device = flat.device
    histograms = torch.zeros(len(DIGITS), tensors, _MOST_BINS, dtype=torch.int32, device=device)
    found = torch.zeros(tensors, dtype=torch.int32, device=device)
    left = counts.to(torch.int32)
    blocks = (len(table),)
    known = 32
    for number, (shift, bins) in enumerate(DIGITS):
        _histogram[blocks](
            flat, table, found, histograms[number],
            KNOWN=known, SHIFT=shift, BINS=bins, MOST=_MOST_BINS, SIGNED=signed, BLOCK=BLOCK,
        )  # fmt: skip
        _narrow[(tensors,)](
            histograms[number], found, left, SHIFT=shift, BINS=bins, MOST=_MOST_BINS
        )
        known = shift
    ties = torch.empty(len(table), dtype=torch.int32, device=device)
    _count_ties[blocks](flat, table, found, ties, SIGNED=signed, BLOCK=BLOCK)
    mask = torch.empty(flat.numel(), dtype=torch.uint8, device=device)
    _mask[blocks](flat, table, found, left, ties, mask, SIGNED=signed, BLOCK=BLOCK, CHUNK=_CHUNK)
    return mask.view(torch.bool)


@triton.jit
def _key(score, SIGNED: tl.constexpr):
    """Return bits, uint32, that are ordered as the scores, or as their magnitudes; -0.0 is 0.0."""
    if SIGNED:
        bits = tl.where(score == 0.0, 0.0, score).to(tl.uint32, bitcast=True)
        return tl.where(bits >> 31 != 0, bits ^ 0xFFFFFFFF, bits | 0x80000000)
    return score.to(tl.uint32, bitcast=True) & 0x7FFFFFFF


@triton.jit
def _histogram(
    flat,
    table,
    found,
    histogram,
    KNOWN: tl.constexpr,
    SHIFT: tl.constexpr,
    BINS: tl.constexpr,
    MOST: tl.constexpr,
    SIGNED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = table + 5 * tl.program_id(0)
    tensor = tl.load(row)
    at = tl.load(row + 1) + tl.arange(0, BLOCK)
    inside = at < tl.load(row + 2)
    key = _key(tl.load(flat + at, mask=inside, other=0.0), SIGNED)
    if KNOWN < 32:
        prefix = tl.load(found + tensor).to(tl.uint32, bitcast=True)
        inside = inside & ((key >> KNOWN) == (prefix >> KNOWN))
    digit = ((key >> SHIFT) & (BINS - 1)).to(tl.int32)
    counts = tl.histogram(tl.where(inside, digit, 0), BINS)
    bins = tl.arange(0, BINS)
    outside = BLOCK - tl.sum(inside.to(tl.int32), 0)
    counts = tl.where(bins == 0, counts - outside, counts)
    tl.atomic_add(histogram + tensor * MOST + bins, counts, mask=counts > 0)


@triton.jit
def _narrow(
    histogram,
    found,
    left,
    SHIFT: tl.constexpr,
    BINS: tl.constexpr,
    MOST: tl.constexpr,
):
    tensor = tl.program_id(0)
    bins = tl.arange(0, BINS)
    counts = tl.load(histogram + tensor * MOST + bins)
    rank = tl.load(left + tensor)
    # elements in a bin or above it; the total less what lies below
    upward = tl.sum(counts, 0) - tl.cumsum(counts, 0) + counts
    digit = tl.sum((upward >= rank).to(tl.int32), 0) - 1
    higher = tl.sum(tl.where(bins > digit, counts, 0), 0)
    tl.store(left + tensor, rank - higher)
    prefix = tl.load(found + tensor).to(tl.uint32, bitcast=True)
    prefix = prefix | (digit.to(tl.uint32) << SHIFT)
    tl.store(found + tensor, prefix.to(tl.int32, bitcast=True))


@triton.jit
def _count_ties(flat, table, found, ties, SIGNED: tl.constexpr, BLOCK: tl.constexpr):
    block = tl.program_id(0)
    row = table + 5 * block
    at = tl.load(row + 1) + tl.arange(0, BLOCK)
    inside = at < tl.load(row + 2)
    key = _key(tl.load(flat + at, mask=inside, other=0.0), SIGNED)
    threshold = tl.load(found + tl.load(row)).to(tl.uint32, bitcast=True)
    tl.store(ties + block, tl.sum((inside & (key == threshold)).to(tl.int32), 0))


@triton.jit
def _mask(
    flat,
    table,
    found,
    left,
    ties,
    mask,
    SIGNED: tl.constexpr,
    BLOCK: tl.constexpr,
    CHUNK: tl.constexpr,
):
    block = tl.program_id(0)
    row = table + 5 * block
    tensor = tl.load(row)
    at = tl.load(row + 1) + tl.arange(0, BLOCK)
    inside = at < tl.load(row + 2)
    key = _key(tl.load(flat + at, mask=inside, other=0.0), SIGNED)
    threshold = tl.load(found + tensor).to(tl.uint32, bitcast=True)
    tie = inside & (key == threshold)
    before = tl.zeros((), tl.int32)  # ties of this tensor in the blocks before this one
    if tl.load(ties + block) > 0:
        first = tl.load(row + 4).to(tl.int32)
        for start in range(first, block, CHUNK):
            others = start + tl.arange(0, CHUNK)
            before += tl.sum(tl.load(ties + others, mask=others < block, other=0), 0)
    rank = tl.cumsum(tie.to(tl.int32), 0) - 1 + before
    kept = (key > threshold) | (tie & (rank < tl.load(left + tensor)))
    tl.store(mask + at, kept.to(tl.uint8), mask=inside)


@triton.jit
def fill(
    mask_or_made,
    gradients,
    scores,
    made,
    table,
    values,
    length,
    offsets,
    scales,
    BACKWARD: tl.constexpr,
    BY_MAGNITUDE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the masked weights, or their scores' gradients; see `operators`."""
    row = table + 5 * tl.program_id(0)
    tensor = tl.load(row)
    at = tl.load(row + 1) + tl.arange(0, BLOCK)
    inside = at < tl.load(row + 2)
    place = (tl.load(offsets + tensor) + at - tl.load(row + 3)) % length
    fixed = tl.load(values + place, mask=inside, other=0.0) * tl.load(scales + tensor)
    if BACKWARD:
        result = tl.load(gradients + at, mask=inside, other=0.0) * fixed
        if BY_MAGNITUDE:
            score = tl.load(scores + at, mask=inside, other=0.0)
            sign = (score > 0).to(tl.float32) - (score < 0).to(tl.float32)
            result = result * sign
    else:
        kept = tl.load(mask_or_made + at, mask=inside, other=0) != 0
        result = tl.where(kept, fixed, 0.0)
    tl.store(made + at, result, mask=inside)
