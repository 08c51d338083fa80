"""How many weights each tensor keeps: budgets per tensor or over all, and densities that change.

Torch-free; the masks themselves are chosen in `masks.py` and `selection.py`.
"""

import math
from collections.abc import Iterable
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import NamedTuple

from pemn_compress.errors import SettingError
from pemn_compress.masking.rules.plan import Plan, exact, kept_count

RAMP_FROM = 0.5
_FLOOR_SHARE = Fraction(1, 10)

Patterns = tuple[tuple[str, float], ...]


class Budget(NamedTuple):
    """How many weights are kept: `counts` per tensor, or `total` over all and at least `counts`.

    `total` None means that the counts are exact.
    """

    counts: tuple[int, ...]
    total: int | None = None


def tensor_densities(plan: Plan, density: float, by_pattern: Patterns) -> tuple[float, ...]:
    """Return every tensor's density: of the last pattern that matches one of its names, if any.

    Raises SettingError for a pattern that matches no masked tensor.
    """
    names = [(tensor.name, *tensor.aliases) for tensor in plan]
    for pattern, _ in by_pattern:
        if not any(_matches(group, pattern) for group in names):
            known = ", ".join(group[0] for group in names[:4])
            raise SettingError(
                f"layer_density {pattern!r} matches no masked tensor; expected a pattern for "
                f"names such as {known}"
            )
    return tuple(
        next((own for pattern, own in reversed(by_pattern) if _matches(group, pattern)), density)
        for group in names
    )


def frozen_count(numel: int, share: float) -> int:
    """Return how many of `numel` weights keep their seeded value: the nearest integer, halves up.

    One at least is left to be learned.
    """
    return min(numel - 1, math.floor(numel * exact(share) + Fraction(1, 2)))


def ramped(density: float, epoch: int, ramp_epochs: int) -> float:
    """Return the density in epoch `epoch` (from 0) of a cubic ramp that ends at `density`.

    k + (1/2 - k)(1 - e/E)^3 for a k below 1/2 and e < E, as global Biprop warms up; else k.
    """
    if density >= RAMP_FROM or epoch >= ramp_epochs:
        return density
    left = 1 - epoch / ramp_epochs
    return density + (RAMP_FROM - density) * left**3


def tensor_budget(plan: Plan, densities: Iterable[float]) -> Budget:
    """Return the budget of one exact kept_count per tensor."""
    return Budget(
        tuple(kept_count(tensor.numel, own) for tensor, own in zip(plan, densities, strict=True))
    )


def global_budget(plan: Plan, density: float, floor: float | None) -> Budget:
    """Return one budget for all tensors: kept_count(weights of the plan, density) in total.

    `floor` is the fraction of every tensor that is kept whatever its scores, at least one weight,
    so that no layer dies; by default a tenth of the density. Raises SettingError where the floors
    alone exceed the total.
    """
    total = kept_count(plan.numel, density)
    share = exact(density) * _FLOOR_SHARE if floor is None else exact(floor)
    floors = _floors(plan, share)
    if sum(floors) <= total:
        return Budget(floors, total)
    told = f"floor {float(share):g}: the floors of {len(plan)} tensors keep {sum(floors)} weights"
    # rounded up, and then as many digits as it takes
    needed = Fraction(sum(floors), plan.numel)
    enough = next(d for d in _rounded_up(needed) if kept_count(plan.numel, d) >= sum(floors))
    expected = f"a density of at least {enough:g}"
    fitting = _fitting_floor(plan, share, total)
    if fitting is not None:
        expected += f" or a floor of at most {fitting:g}"
    raise SettingError(f"{told}, the budget at density {density:g} is {total}: expected {expected}")


def _floors(plan: Plan, share: Fraction) -> tuple[int, ...]:
    return tuple(kept_count(t.numel, float(share)) if share else 1 for t in plan)


def _rounded_up(number: Fraction) -> Iterable[float]:
    for digits in range(3, 16):
        yield min(1.0, math.ceil(number * 10**digits) / 10**digits)
    yield 1.0


def _fitting_floor(plan: Plan, share: Fraction, total: int) -> float | None:
    """Return a floor of two digits that the total has room for, 0 if need be, or None."""
    if len(plan) > total:
        return None
    found = float(f"{float(share):.2g}")
    while found and sum(_floors(plan, exact(found))) > total:
        found = float(f"{found * 0.9:.2g}") if found > 1e-9 else 0.0
    return found


def _matches(names: tuple[str, ...], pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)
