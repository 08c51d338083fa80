"""Weight recycling: every so many epochs the least wanted weights take the most wanted's values.

Source: [IWR] Gorbett and Whitley, "Randomly Initialized Subnetworks with Iterative Weight
Recycling", 2023, section 3.1, algorithm 2. "No additional storage" is the paper's claim; which
value a weight ended up with depends on the whole run, and an archive has to say it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pemn_compress.masking.rules.plan import kept_count
from pemn_compress.masking.search.renewal import Renewal


class Recycle(Renewal):
    """Numbers are indices: of the weight of the same tensor whose plain value is in use."""

    kind = "source"

    @staticmethod
    def first_numbers(numel: int) -> Tensor:
        """Return every weight's own index."""
        return torch.arange(numel, dtype=torch.int32)

    def follow(self, index: int, numbers: Tensor, plain: Tensor) -> Tensor:
        """Return the plain values at these indices."""
        return plain[numbers.long()]

    def renew(self, count: int, ranks: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
        """Give the k lowest-ranked of n weights the values of the k highest, k = kept_count(n, r).

        In order: the lowest of all takes the value of the lowest among the highest. On ties a
        lower index ranks higher, as in masks.
        """
        for index, rank in enumerate(ranks):
            order = rank.detach().contiguous().reshape(-1).argsort(descending=True, stable=True)
            moved = kept_count(order.numel(), self._settings.rate)
            highest, lowest = order[:moved], order[order.numel() - moved :]
            for held in (self.numbers(index), self.values(index)):
                held[lowest] = held[highest]
