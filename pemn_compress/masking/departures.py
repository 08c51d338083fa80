"""Where a masked model departs from its seeded start, what that costs in bits, and the way back.

An archive stores the seed, and what training changed: signs that are not the seeded ones, and a
mask, or where it is not the one that the first scores give, whichever takes less.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from pemn_compress.accounting import mask_limit_bits
from pemn_compress.errors import SettingError
from pemn_compress.masking.budgeting import budget_at
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.top import top_mask

PUT_BACK, DROPPED = "put back", "dropped"  # how a model is made to fit that was trained for more


@torch.no_grad()
def stored_bits(masked: MaskedModel) -> float:
    """Return the bits per masked weight that an archive needs to tell what departs from the seed.

    The entropy of masks and signs, log2 of how many there are with as many ones, summed over all
    tensors; frozen weights cost none. What renewals change is not counted.
    """
    total = 0.0
    masks = masked.masks().values()
    for index, (start, mask) in enumerate(zip(masked.first_scores(), masks, strict=True)):
        fixed, ones = _frozen(masked, index), int(mask.sum())
        free, kept = mask.numel() - fixed, ones - fixed
        bits = mask_limit_bits(free, kept)
        if masked.is_predicted and bits:
            apart = int((mask != top_mask(start, ones)).sum())
            bits = min(bits, mask_limit_bits(free, apart))
        total += bits
        if masked.search.learns_signs:
            total += mask_limit_bits(kept, int((masked.negated(index) & mask).sum()))
    return total / masked.plan.numel


def most_bits(masked: MaskedModel) -> float:
    """Return the most bits per weight that masks and signs of a model's density can take."""
    if masked.budget.total is not None:  # tensors share it as the scores will have it
        fixed, weights = sum(_frozen(masked, i) for i in range(len(masked.plan))), masked.plan.numel
        kept = masked.budget.total - fixed
        signs = kept if masked.search.learns_signs else 0
        return (mask_limit_bits(weights - fixed, kept) + signs) / weights
    total = 0.0
    for index, mask in enumerate(masked.masks().values()):
        fixed = _frozen(masked, index)
        free, kept = mask.numel() - fixed, int(mask.sum()) - fixed
        total += mask_limit_bits(free, kept) + (kept if masked.search.learns_signs else 0)
    return total / masked.plan.numel


def check_target(masked: MaskedModel, target: float) -> None:
    """Refuse bits per weight that no training can come to, or need not. Raises SettingError."""
    if masked.settings.renewal != "none":
        raise SettingError(
            f"target_bits counts masks and signs, and renewal {masked.settings.renewal} stores "
            "more than these: expected renewal none with it"
        )
    most = most_bits(masked)
    if not 0 < target <= most:
        least = math.floor(1000 * most) / 1000 or most
        raise SettingError(
            f"target bits: expected above 0 and up to {least:g}, all that these masks and signs "
            f"can take a weight, got {target:g}; leave it out for no limit"
        )


@torch.no_grad()
def put_back(masked: MaskedModel, fits: Callable[[], bool]) -> int | None:
    """Give departures back to the seed, those of the weakest scores first, until the model fits.

    As few as will do; returns how many. None, and nothing changed, where it does not fit without
    any departure. Scores that are put back have their seeded sign; of a mask's, two change places.
    """
    return 0 if fits() else _fewest(_Changes(masked), fits)


@torch.no_grad()
def put_back_or_drop(masked: MaskedModel, fits: Callable[[], bool]) -> tuple[str, int] | None:
    """Change as few weights as will do until the model fits: the way that takes fewer of them.

    PUT_BACK is `put_back`; DROPPED leaves the weakest scores out of the masks, as a lower density
    does, which is then that of the model's settings. Returns the way and how many. None, and
    nothing changed, where neither makes it fit. Near its entropy a mask saves hardly anything by
    what it gives back, and one to two bits by every weight that it leaves out.
    """
    if fits():
        return PUT_BACK, 0
    ways: dict[str, _Changes | _Drops] = {PUT_BACK: _Changes(masked), DROPPED: _Drops(masked)}
    counts = {}
    for name, way in ways.items():
        count = _fewest(way, fits)
        way.undo(0)
        if count is not None:
            counts[name] = count
    if not counts:
        return None
    best = min(counts, key=lambda name: counts[name])
    ways[best].undo(counts[best])
    return best, counts[best]


def _fewest(changes: "_Changes | _Drops", fits: Callable[[], bool]) -> int | None:
    """Undo as few changes as will do; returns how many, or None and none undone."""

    def apply(count: int) -> bool:
        changes.undo(count)
        return fits()

    low, high = 0, changes.count
    if not apply(high):
        apply(0)
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if apply(middle) else (middle, high)
    apply(high)
    return high


class _Drops:
    """Weights that masks may leave out, the weakest of a tensor, or of all that share a budget.

    Up to half of them, but none of a frozen share; `count` is 0 where none may be left out.
    """

    def __init__(self, masked: MaskedModel) -> None:
        self._masked, self._settings = masked, masked.settings
        self._kept = sum(int(mask.sum()) for mask in masked.masks().values())
        self.count = self._most()

    def _most(self) -> int:
        settings = self._settings
        if settings.density == 1 or settings.scale_by_density:
            return 0
        least = max(settings.density / 2, settings.frozen)
        try:
            budget_at(self._masked.plan, replace(settings, density=least), settings.ramp)
        except SettingError:  # a floor that asks for more
            return 0
        return math.floor(self._kept * (1 - least / settings.density))

    def undo(self, count: int) -> None:
        """Leave `count` weights out, or one a tensor more or fewer, and no others."""
        density = self._settings.density * (1 - count / self._kept)
        settings = replace(self._settings, density=density) if count else self._settings
        self._masked.settings = settings
        self._masked.budget = budget_at(self._masked.plan, settings, settings.ramp)


class _Changes:
    """What training changed, the weakest first, over the elements of all tensors in plan order.

    `entered` is an element whose sign was flipped, or one that a mask has in place of the one in
    `left`, else -1. The strength is how far the scores are from undoing it themselves.
    """

    def __init__(self, masked: MaskedModel) -> None:
        self._masked = masked
        self._scores = torch.cat([score.detach().flatten() for score in masked.scores])
        self._signs: Tensor | None = None
        rank = self._scores if masked.settings.signed else self._scores.abs()
        start, mask = (_flat(one) for one in (masked.first_masks(), masked.masks()))
        sizes = [tensor.numel for tensor in masked.plan]
        parts = [sum(sizes)] if masked.budget.total is not None else sizes
        entered, left = [], []
        begin = 0
        for size in parts:  # within which a mask has as many ones as before
            part = slice(begin, begin + size)
            begin += size
            # the weakest that came in for the strongest that had to leave
            entered.append(_places(rank, mask & ~start, part, descending=False))
            left.append(_places(rank, start & ~mask, part, descending=True))
        new, old = torch.cat(entered), torch.cat(left)
        strength = rank[new] - rank[old]
        if masked.search.learns_signs:
            names = range(len(masked.plan))
            self._signs = torch.cat([masked.seeded(index).flatten() for index in names])
            flips = torch.cat([masked.negated(index).flatten() for index in names])
            # those that a mask gives back are counted there
            flipped = (flips & mask & start).nonzero().flatten()
            new = torch.cat([new, flipped])
            old = torch.cat([old, torch.full_like(flipped, -1)])
            strength = torch.cat([strength, rank[flipped]])
        order = strength.argsort(stable=True)
        self._entered, self._left = new[order], old[order]
        self.count = len(order)

    def undo(self, count: int) -> None:
        """Give the first `count` changes back, and no others."""
        scores = self._scores.clone()
        entered, left = self._entered[:count], self._left[:count]
        alone = entered[left < 0]
        new, old = entered[left >= 0], left[left >= 0]
        if self._signs is not None:
            scores[alone] = self._scores[alone].copysign(self._signs[alone])
        gone = self._scores[new]
        scores[new] = self._scores[old]
        scores[old] = gone if self._signs is None else gone.copysign(self._signs[old])
        parts = torch.split(scores, [tensor.numel for tensor in self._masked.plan])
        for score, part in zip(self._masked.scores, parts, strict=True):
            score.copy_(part.view(score.shape))


def _flat(masks: Mapping[str, Tensor]) -> Tensor:
    return torch.cat([mask.flatten() for mask in masks.values()])


def _places(rank: Tensor, where: Tensor, part: slice, *, descending: bool) -> Tensor:
    """Return the elements of a part where it is so, in the order of their ranks."""
    found = where[part].nonzero().flatten() + part.start
    ordered: Tensor = found[rank[found].argsort(stable=True, descending=descending)]
    return ordered


def _frozen(masked: MaskedModel, index: int) -> int:
    frozen = masked.frozen(index)
    return 0 if frozen is None else int(frozen.sum())
