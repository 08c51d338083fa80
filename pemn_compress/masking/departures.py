"""Where a masked model departs from its seeded start, what that costs in bits, and the way back.

An archive stores the seed, and what training changed: signs that are not the seeded ones, and a
mask, or where it is not the one that the first scores give, whichever takes less.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pemn_compress.accounting import mask_limit_bits
from pemn_compress.errors import SettingError
from pemn_compress.masking.masked import MaskedModel


class Change(NamedTuple):
    """A sign to give back: `entered` is flipped. Or a pair of which `left` was kept instead of it.

    Tensors by their index in the plan, elements in C order. `strength` is how far scores are from
    undoing it themselves.
    """

    strength: float
    tensor: int
    entered: int
    left: tuple[int, int] | None = None


@torch.no_grad()
def stored_bits(masked: MaskedModel) -> float:
    """Return the bits per masked weight that an archive needs to tell what departs from the seed.

    The entropy of masks and signs, log2 of how many there are with as many ones, summed over all
    tensors; frozen weights cost none. What renewals change is not counted.
    """
    total = 0.0
    first, masks = list(masked.first_masks().values()), list(masked.masks().values())
    for index, (start, mask) in enumerate(zip(first, masks, strict=True)):
        fixed = _frozen(masked, index)
        free, kept = mask.numel() - fixed, int(mask.sum()) - fixed
        apart = int((mask != start).sum())
        total += min(mask_limit_bits(free, kept), mask_limit_bits(free, apart))
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
    if fits():
        return 0
    before = [score.detach().clone() for score in masked.scores]
    changes = sorted(_changes(masked))

    def apply(count: int) -> bool:
        for score, old in zip(masked.scores, before, strict=True):
            score.copy_(old)
        _undo(masked, changes[:count])
        return fits()

    low, high = 0, len(changes)
    if not apply(high):
        apply(0)
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if apply(middle) else (middle, high)
    apply(high)
    return high


def _changes(masked: MaskedModel) -> list[Change]:
    found: list[Change] = []
    entered: list[tuple[float, int, int]] = []
    left: list[tuple[float, int, int]] = []
    together = masked.budget.total is not None
    pairs = zip(masked.first_masks().values(), masked.masks().values(), strict=True)
    for index, (start, mask) in enumerate(pairs):
        rank = masked.scores[index].detach()
        rank = rank if masked.settings.signed else rank.abs()
        entered += _ranked(rank, mask & ~start, index)
        left += _ranked(rank, start & ~mask, index)
        if masked.search.learns_signs:
            # those that a mask gives back are counted there
            flipped = masked.negated(index) & mask & start
            found += [Change(*one) for one in _ranked(rank, flipped, index)]
        if not together or index == len(masked.plan) - 1:
            # the weakest that came in for the strongest that had to leave
            for new, old in zip(sorted(entered), sorted(left, reverse=True), strict=True):
                found.append(Change(new[0] - old[0], new[1], new[2], (old[1], old[2])))
            entered, left = [], []
    return found


def _ranked(rank: Tensor, where: Tensor, index: int) -> list[tuple[float, int, int]]:
    flat, places = rank.flatten(), where.flatten().nonzero().flatten()
    return [
        (strength, index, place)
        for strength, place in zip(flat[places].tolist(), places.tolist(), strict=True)
    ]


def _undo(masked: MaskedModel, changes: list[Change]) -> None:
    """Change scores so that these departures are none; what is not among them stays."""
    flat = [score.detach().view(-1) for score in masked.scores]
    seeded: dict[int, Tensor] = {}

    def sign(index: int) -> Tensor:
        if index not in seeded:
            seeded[index] = masked.seeded_signs(index).flatten()
        return seeded[index]

    for change in changes:
        score = flat[change.tensor]
        if change.left is None:
            score[change.entered] = score[change.entered].copysign(
                sign(change.tensor)[change.entered]
            )
            continue
        index, place = change.left
        other = flat[index]
        new, old = score[change.entered].clone(), other[place].clone()
        if masked.search.learns_signs:
            new = new.copysign(sign(index)[place])
        score[change.entered], other[place] = old, new


def _frozen(masked: MaskedModel, index: int) -> int:
    frozen = masked.frozen(index)
    return 0 if frozen is None else int(frozen.sum())
