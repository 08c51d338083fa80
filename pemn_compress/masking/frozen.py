"""Weights that keep their seeded value: which ones the seed says, so they cost no bits.

By "magnitude" those of a tensor whose seeded values are smallest, of which a sign or a mask bit
changes least: half of a normal tensor's weights have a fourteenth of its energy. By "seed" those
with the lowest words of a stream of the format's generator, as Otsuka et al. freeze at random
("Partially frozen random networks contain compact strong lottery tickets", TMLR 2025). On ties the
lower index. They are always kept, with their seeded sign.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pemn_compress.format.archive.choosing import frozen_elements
from pemn_compress.format.archive.records import Frozen as Record
from pemn_compress.format.archive.values import F32
from pemn_compress.masking.rules.budgets import frozen_count
from pemn_compress.masking.rules.methods import BY_MAGNITUDE
from pemn_compress.masking.rules.plan import Plan
from pemn_compress.masking.rules.strategies import Filling, Settings

FROZEN_STREAMS = 1 << 33  # tensor i of the plan chooses by stream 2^33 + i
FIRST = 2.0**60  # the magnitude of their scores: before all others


def record_of(settings: Settings, index: int, count: int) -> Record:
    """Return what an archive says of the `count` frozen weights of tensor `index` of the plan."""
    if settings.frozen_rule == BY_MAGNITUDE:
        return Record(count)
    return Record(count, settings.seed, FROZEN_STREAMS + index)


class Frozen(nn.Module):
    """Which weights of every planned tensor are frozen: buffers that the seed restores."""

    def __init__(self, plan: Plan, settings: Settings, filling: Filling, prototype: F32) -> None:
        super().__init__()
        for index, tensor in enumerate(plan if settings.frozen else ()):
            count, held = frozen_count(tensor.numel, settings.frozen), None
            if count:
                record, offset = record_of(settings, index, count), filling.offsets[index]
                found = frozen_elements(record, tensor.numel, prototype, offset)
                held = torch.from_numpy(found).view(tensor.shape)
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
