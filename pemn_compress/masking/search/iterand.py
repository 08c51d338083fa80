"""IteRand: every so many steps, each weight that the mask leaves out is drawn again by chance.

Source: Chijiwa et al., "Pruning Randomly Initialized Neural Networks with Iterative Randomization",
NeurIPS 2021; [IWR] algorithm 1. Values come from the format's own generator and depend on tensor,
index and generation alone; which weights are drawn again, on seed, tensor and step and their mask.
So the final weights are the seed and one small number each, and a resumed run is the same run.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pemn_compress.format import prng
from pemn_compress.masking.rules.plan import exact
from pemn_compress.masking.search.renewal import Array, Renewal, as_numpy, to_like

Places = npt.NDArray[np.intp]

DECISION_STREAMS = 1 << 63  # archives cannot name these streams: nothing in a file depends on them


def value_stream(index: int) -> int:
    """Return what a generation is added to for the stream that its values come from."""
    return (index + 1) << 40


class Iterand(Renewal):
    """Numbers are generations: 0 for the prototype's own value, g for the g-th after it."""

    kind = "generation"

    @staticmethod
    def first_numbers(numel: int) -> Tensor:
        """Return zeros."""
        return torch.zeros(numel, dtype=torch.int32)

    def follow(self, index: int, numbers: Tensor, plain: Tensor) -> Tensor:
        """Return the plain values where the generation is 0, drawn ones elsewhere."""
        values = plain.clone()
        self._draw(index, as_numpy(numbers), np.flatnonzero(as_numpy(numbers)), values)
        return values

    def renew(self, count: int, ranks: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
        """Draw every weight outside the masks again with the renewal's rate as its chance."""
        limit = int(exact(self._settings.rate) * 2**32)
        for index, mask in enumerate(masks):
            stream = DECISION_STREAMS + (index << 40) + count
            chance = prng.words(self._settings.seed, stream, mask.numel())
            drawn = np.flatnonzero((chance < limit) & (as_numpy(mask) == 0))
            places = to_like(drawn, self.numbers(index))
            self.numbers(index)[places] += 1
            self._draw(index, as_numpy(self.numbers(index)), drawn, self.values(index))

    def _draw(self, index: int, numbers: Array, places: Places, values: Tensor) -> None:
        streams = np.uint64(value_stream(index)) + numbers[places].astype(np.uint64)
        drawn = prng.values_at(
            self._filling.transform, self._settings.seed, streams, places.astype(np.uint64)
        )
        values[to_like(places, values)] = to_like(drawn, values)
