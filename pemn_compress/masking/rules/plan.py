"""The plan: which tensors of a model are masked, in what order, and how many weights each keeps.

A plan is taken from the plain model before anything changes. It knows names and shapes, no torch.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from pemn_compress.errors import SettingError
from pemn_compress.masking.rules.numbers import is_number, plain, shown

_HALF = Fraction(1, 2)


@dataclass(frozen=True)
class PlannedTensor:
    """One tensor that will be masked.

    `fan_in` and `fan_out` count the weights that feed one output and that one input feeds; they
    decide the scale of the random weights and of the initial scores. `aliases` are the further
    names of a tied weight: it has one score and one mask.
    """

    name: str
    shape: tuple[int, ...]
    fan_in: int
    fan_out: int
    aliases: tuple[str, ...] = ()
    dtype: str = "f32"

    @property
    def numel(self) -> int:
        """Number of weights."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Plan:
    """The masked tensors of a model, in the order of its parameters."""

    tensors: tuple[PlannedTensor, ...]

    def __iter__(self) -> Iterator[PlannedTensor]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    @property
    def numel(self) -> int:
        """Number of masked weights in all tensors together."""
        return sum(tensor.numel for tensor in self.tensors)

    @property
    def largest(self) -> int:
        """Index of the first tensor that has the most weights (PEMN's choice on ties)."""
        return max(range(len(self.tensors)), key=lambda i: (self.tensors[i].numel, -i))


def exact(number: float) -> Fraction:
    """Return the decimal number that a user wrote, not the binary one that stands in for it.

    0.29 means 29/100: `int(0.29 * 100)` is 28 in floating point, and rules for counts must not
    hinge on that. It is the shortest decimal that tells the number among those of its own type: a
    float32's 0.29 means 29/100, too.

    >>> exact(0.29) * 100
    Fraction(29, 1)
    """
    return Fraction(repr(float(plain(number))))


def check_density(density: float) -> None:
    """Refuse a density outside (0, 1]."""
    number = plain(density)
    if not (is_number(number) and 0 < number <= 1):
        raise SettingError(
            "density is the fraction of weights kept: expected 0 < density <= 1, got "
            f"{shown(density)}"
        )


def kept_count(numel: int, density: float) -> int:
    """Return how many of `numel` weights a mask of this density keeps.

    Nearest integer to numel x density, halves up, at least 1. The only rounding rule in the
    package: mask search, writer and report all call it.

    >>> [kept_count(n, 0.5) for n in (1, 2, 3, 5)]
    [1, 1, 2, 3]
    """
    check_density(density)
    if numel < 1:
        raise SettingError(f"a masked tensor needs at least 1 weight, got {numel}")
    return max(1, math.floor(numel * exact(density) + _HALF))
