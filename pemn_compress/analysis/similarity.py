"""How much two masks agree: the simple matching coefficient, the Jaccard index, and chance.

With M11 the weights that both masks keep, M00 those that neither keeps, M10 and M01 those that one
keeps: SMC = (M11 + M00) / all, Jaccard = M11 / (M11 + M10 + M01).
Source: [IWR] "Randomly Initialized Subnetworks with Iterative Weight Recycling", section 4.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pemn_compress.errors import SettingError


@dataclass(frozen=True)
class Overlap:
    """Two masks over the same `total` weights, counted.

    `first` and `second` are how many weights each mask keeps, `both` how many both keep, and
    `chance` how many both would keep on average if each had drawn its kept weights at random.
    """

    total: int
    first: int
    second: int
    both: int
    chance: float

    @classmethod
    def of(cls, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> "Overlap":
        """Count two masks of one shape."""
        total, a, b = first.size, int(np.count_nonzero(first)), int(np.count_nonzero(second))
        return cls(total, a, b, int(np.count_nonzero(first & second)), a * b / total)

    @property
    def smc(self) -> float:
        """Simple matching coefficient: the fraction of weights on which the masks agree."""
        return self._smc(self.both)

    @property
    def jaccard(self) -> float:
        """Jaccard index: of the weights that any of the two keeps, the fraction that both keep."""
        return self._jaccard(self.both)

    @property
    def chance_smc(self) -> float:
        """Mean SMC of masks drawn at random with the same numbers of kept weights."""
        return self._smc(self.chance)

    @property
    def chance_jaccard(self) -> float:
        """Jaccard index at the mean overlap of masks drawn at random.

        The mean of the index itself differs from it by less than 1 / total.
        """
        return self._jaccard(self.chance)

    def _smc(self, both: float) -> float:
        return (self.total - self.first - self.second + 2 * both) / self.total

    def _jaccard(self, both: float) -> float:
        either = self.first + self.second - both
        return both / either if either else 1.0  # two masks that keep nothing are equal


def pooled(overlaps: Iterable[Overlap]) -> Overlap:
    """Return the overlap over all tensors together; chance still draws tensor by tensor."""
    rows = [(o.total, o.first, o.second, o.both, o.chance) for o in overlaps]
    total, first, second, both, chance = (sum(column) for column in zip(*rows, strict=True))
    return Overlap(int(total), int(first), int(second), int(both), chance)


def implied_jaccard(smc: float, first: float, second: float | None = None) -> float:
    """Return the Jaccard index that an SMC means for masks of the given densities.

    With densities a and b the masks differ at 1 - SMC of the weights, so both keep
    (a + b - (1 - SMC)) / 2 of them and any of the two keeps (a + b + (1 - SMC)) / 2. Densities are
    equal if one is given. Raises SettingError for figures that no two masks can have.

    An SMC of 0.51 at density 0.5 means 0.34, where [IWR] Table 2 prints 0.25. All six rows of that
    table are M11 / (kept + kept), which is J / (1 + J): M11 was not taken out of the union.

    >>> [round(implied_jaccard(s, d), 2) for s, d in ((0.51, 0.5), (0.63, 0.25), (0.82, 0.1))]
    [0.34, 0.15, 0.05]
    """
    second = first if second is None else second
    differing, kept = 1 - smc, first + second
    most = min(kept, 2 - kept)
    slack = 1e-9
    if not (0 <= first <= 1 and 0 <= second <= 1):
        raise SettingError(f"expected densities from 0 to 1, got {first:g} and {second:g}")
    if not abs(first - second) - slack <= differing <= most + slack:
        raise SettingError(
            f"masks of densities {first:g} and {second:g}: expected an SMC of {1 - most:g} to "
            f"{1 - abs(first - second):g}, got {smc:g}"
        )
    return (kept - differing) / (kept + differing) if kept + differing else 1.0
