"""Weights that keep their seeded value: which ones the seed says, so they cost no bits.

Those of a tensor with the lowest words of a stream of the format's generator, on ties the lower
index. They are always kept, with their seeded sign. Otsuka et al., "Partially frozen random
networks contain compact strong lottery tickets" (TMLR 2025), freeze at random likewise.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from pemn_compress.format import prng
from pemn_compress.masking.rules.budgets import frozen_count
from pemn_compress.masking.rules.plan import Plan
from pemn_compress.masking.rules.strategies import Settings

FROZEN_STREAMS = 1 << 33  # tensor i of the plan chooses by stream 2^33 + i
FIRST = 2.0**60  # the magnitude of their scores: before all others


def chosen(seed: int, index: int, numel: int, share: float) -> Tensor | None:
    """Return which weights of tensor `index` are frozen: bool (numel,); None where none is."""
    count = frozen_count(numel, share)
    if not count:
        return None
    words = prng.words(seed, FROZEN_STREAMS + index, numel)
    lowest = np.argsort(words, kind="stable")[:count]
    found = np.zeros(numel, np.bool_)
    found[lowest] = True
    return torch.from_numpy(found)


class Frozen(nn.Module):
    """Which weights of every planned tensor are frozen: buffers that the seed restores."""

    def __init__(self, plan: Plan, settings: Settings) -> None:
        super().__init__()
        for index, tensor in enumerate(plan if settings.frozen else ()):
            found = chosen(settings.seed, index, tensor.numel, settings.frozen)
            held = None if found is None else found.view(tensor.shape)
            self.register_buffer(f"of{index}", held, persistent=False)

    def of(self, index: int) -> Tensor | None:
        """Return those of a planned tensor, bool in its shape; None where there are none."""
        return self._buffers.get(f"of{index}")

    def anchor(self, scores: list[Tensor], seeded: Callable[[int], Tensor] | None) -> list[Tensor]:
        """Return scores of which the frozen ones are `anchored`, with the signs of `seeded`."""
        return [
            score if kept is None else anchored(score, kept, seeded(index) if seeded else None)
            for index, score in enumerate(scores)
            for kept in [self.of(index)]
        ]


def anchored(score: Tensor, frozen: Tensor, seeded: Tensor | None) -> Tensor:
    """Return scores of which the frozen ones rank first, have no gradient, and the seeded sign."""
    first = torch.full_like(score, FIRST)
    if seeded is not None:
        first = first.copysign(seeded)
    return torch.where(frozen, first, score)
