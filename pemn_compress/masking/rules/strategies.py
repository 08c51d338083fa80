"""The strategies: how one prototype of fixed random values fills every masked tensor.

Each strategy maps a plan to a layout: how long the prototype is, and where each tensor starts in
it. From there on all are alike: element i of a tensor is the tensor's scale times
prototype[(offset + i) mod length].
Source: [PEMN] "Parameter-Efficient Masking Networks", NeurIPS 2022, section 3.3, algorithms 1 to 3.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.format import prng
from pemn_compress.masking.rules import methods
from pemn_compress.masking.rules.budgets import Patterns, tensor_densities
from pemn_compress.masking.rules.numbers import flag, is_number, plain, shown
from pemn_compress.masking.rules.plan import Plan, PlannedTensor, check_density, exact

FEW_VALUES = 8
PROTOTYPE_STREAM, SHUFFLE_STREAM = 0, 1
MAX_SCALE = 2.0**100  # the archive format's
_NUMBERS = (
    "ratio", "density", "seed", "score_seed", "floor", "ramp_epochs", "renewal_every",
    "renewal_rate", "frozen",
)  # fmt: skip
# other settings are told where they are not at their default
_ALWAYS_TOLD = (
    "strategy", "ratio", "density", "seed", "distribution", "scaling", "scale_by_density", "search",
)  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """Where a strategy puts every tensor of a plan.

    `length` is the prototype's; `offsets[i]` is where tensor i starts in it; `sources[i]` is the
    tensor whose initialisation the values at that place belong to in the paper's construction.
    """

    length: int
    offsets: tuple[int, ...]
    sources: tuple[int, ...]


@dataclass(frozen=True)
class Settings:
    """Everything that decides a masked model's fixed weights, its masks' sizes and how they form.

    `order` "shuffle" permutes the vector that mp and rp repeat. `score_seed` draws the initial
    scores, by default `seed`. `ranking` says what the kept scores are the top of: "magnitude" or
    "signed", by default the search's own. A `budget` is each "tensor"'s own, with `layer_density`
    (pairs of a name pattern and a density, the last match counts) in place of `density`, or one
    "global" one, of which every tensor has at least the fraction `floor` of its weights (by default
    a tenth of the density). `density_schedule` "cubic" comes down from 0.5 in `ramp_epochs` epochs,
    by default 10. `learn_scale` trains the factor of each "tensor"'s scale, or of each "channel"'s,
    an index of the first dimension. `frozen` is the fraction of every tensor that keeps its seeded
    value; which weights these are the seed says: by "magnitude" those with the smallest values, by
    "seed" any; by default "magnitude", but of values that all have one magnitude "seed".
    `renewal` happens every `renewal_every` steps (iterand) or epochs (recycle), to `renewal_rate`
    of the weights; by default as in the paper.

    Numbers may be numpy's or torch's; they are held as Python's (`numbers.plain`).

    Raises SettingError (UnknownNameError for a name that no registry has) when it is made with a
    value out of range, or with two that do not go together.
    """

    strategy: str = "rp"
    ratio: float = 1e-2
    density: float = 0.5
    seed: int = 0
    distribution: str = "kaiming-normal"
    scaling: str = "layer"
    scale_by_density: bool = False
    search: str = "edge-popup"
    order: str = "tile"
    score_seed: int | None = None
    ranking: str | None = None
    budget: str = "tensor"
    floor: float | None = None
    layer_density: Patterns = ()
    density_schedule: str = "constant"
    ramp_epochs: int | None = None
    renewal: str = "none"
    renewal_every: int | None = None
    renewal_rate: float | None = None
    learn_scale: str = "none"
    frozen: float = 0.0
    frozen_by: str | None = None

    def __post_init__(self) -> None:
        for kind, name, known in (
            ("strategy", self.strategy, STRATEGIES),
            ("distribution", self.distribution, DISTRIBUTIONS),
            ("scaling", self.scaling, SCALINGS),
            ("search", self.search, methods.SEARCHES),
            ("order", self.order, methods.ORDERS),
            ("ranking", self.ranking, (*methods.RANKINGS, None)),
            ("budget", self.budget, methods.BUDGETS),
            ("density schedule", self.density_schedule, methods.DENSITY_SCHEDULES),
            ("renewal", self.renewal, methods.RENEWALS),
            ("learned scale", self.learn_scale, methods.LEARNED_SCALES),
            ("rule of what is frozen", self.frozen_by, (*methods.FROZEN_BY, None)),
        ):
            check_name(kind, name, known)
        pairs = _pairs(self.layer_density)
        held = {name: plain(getattr(self, name)) for name in _NUMBERS} | {
            "scale_by_density": flag(self.scale_by_density, "scale_by_density"),
            "layer_density": pairs,
        }
        for name, value in held.items():
            object.__setattr__(self, name, value)
        check_ratio(self.ratio)
        for density in (self.density, *(own for _, own in pairs)):
            check_density(density)
        check_seed(self.seed)
        if self.score_seed is not None:
            check_seed(self.score_seed, "score_seed")
        methods.check_order(self.order, self.strategy)
        methods.check_search(self.search, self.ranking, self.renewal)
        methods.check_renewal(self.renewal, self.renewal_every, self.renewal_rate)
        methods.check_budget(self.budget, self.floor, bool(pairs))
        methods.check_ramp(self.density_schedule, self.ramp_epochs)
        methods.check_learned_scale(self.search, self.learn_scale)
        methods.check_frozen(
            self.frozen, (self.density, *(own for _, own in pairs)), self.renewal, bool(self.ramp)
        )

    @property
    def signed(self) -> bool:
        """Whether scores rank by their value, not by their magnitude."""
        return (self.ranking or methods.SEARCHES[self.search].ranking) == "signed"

    @property
    def frozen_rule(self) -> str:
        """How frozen weights are chosen."""
        uneven = DISTRIBUTIONS[self.distribution][0] != "sign"
        return self.frozen_by or (methods.BY_MAGNITUDE if uneven else methods.BY_SEED)

    @property
    def ramp(self) -> int:
        """Epochs until the density is the final one; 0 for a constant one."""
        return 0 if self.density_schedule == "constant" else self.ramp_epochs or methods.RAMP_EPOCHS

    @property
    def period(self) -> int:
        """Steps or epochs from one renewal to the next; 0 without renewal."""
        facts = methods.RENEWALS[self.renewal]
        return 0 if facts is None else self.renewal_every or facts.every

    @property
    def rate(self) -> float:
        """Fraction of the weights that a renewal changes; 0 without renewal."""
        facts = methods.RENEWALS[self.renewal]
        return 0.0 if facts is None else self.renewal_rate or facts.rate

    def told(self) -> dict[str, Any]:
        """Return what says something as plain values: ratio of rp only, no unused method."""
        kept = asdict(self)
        for field in fields(self):
            if field.name not in _ALWAYS_TOLD and kept[field.name] == field.default:
                del kept[field.name]
        if self.strategy != "rp":
            del kept["ratio"]
        if self.layer_density:
            kept["layer_density"] = [list(pair) for pair in self.layer_density]
        return kept


@dataclass(frozen=True)
class Filling:
    """A layout with its numbers: every planned tensor's offset and scale, the prototype's kind.

    `scales` are binary32 values held in Python floats; the archive stores their bits.
    `shuffled_length` is that of the shuffled vector that offsets count in, if order is "shuffle":
    the largest tensor's, as in PEMN's code, of which every other tensor takes a prefix.
    """

    transform: str
    length: int
    offsets: tuple[int, ...]
    scales: tuple[float, ...]
    shuffled_length: int | None = None

    def prototype(self, seed: int) -> prng.F32:
        """Generate the prototype: float32 of shape (length,), a pure function of the seed."""
        return prng.TRANSFORMS[self.transform](seed, PROTOTYPE_STREAM, self.length)


def _pairs(given: Any) -> Patterns:
    """Return densities by name as pairs: given as such, as lists (in JSON), or as a mapping."""
    try:
        pairs = given.items() if isinstance(given, Mapping) else given
        return tuple((str(pattern), plain(own)) for pattern, own in pairs)
    except (TypeError, ValueError):
        raise SettingError(
            f"layer_density: expected pairs of a name pattern and a density, got {shown(given)}"
        ) from None


def check_name(kind: str, name: object, known: Collection[str | None]) -> None:
    """Refuse a name that a registry lacks. Raises UnknownNameError, which lists those it has."""
    if not (name is None or isinstance(name, str)) or name not in known:
        raise UnknownNameError(kind, str(name), filter(None, known))


def check_seed(seed: Any, name: str = "seed") -> None:
    """Refuse what is no seed: `prng.check_seed`, in one line for arrays as well."""
    told: Any = shown(seed) if getattr(seed, "shape", None) else seed
    prng.check_seed(told, name)


def check_ratio(ratio: float) -> None:
    """Refuse a ratio outside (0, 1]."""
    number = plain(ratio)
    if not (is_number(number) and 0 < number <= 1):
        raise SettingError(
            "ratio is the prototype's length / the largest masked tensor's: "
            f"expected 0 < ratio <= 1, got {shown(ratio)}"
        )


def mask(plan: Plan, ratio: float) -> Layout:
    """Every weight has its own random value: the plain sparse selection of [PEMN] section 3.2."""
    offsets, end = [], 0
    for tensor in plan:
        offsets.append(end)
        end += tensor.numel
    return Layout(end, tuple(offsets), tuple(range(len(plan))))


def one_layer(plan: Plan, ratio: float) -> Layout:
    """One prototype per distinct shape, its first tensor; algorithm 1, eqs. 4 to 6."""
    first: dict[tuple[int, ...], tuple[int, int]] = {}
    end = 0
    for index, tensor in enumerate(plan):
        if tensor.shape not in first:
            first[tensor.shape] = (end, index)
            end += tensor.numel
    placed = [first[tensor.shape] for tensor in plan]
    return Layout(end, tuple(p[0] for p in placed), tuple(p[1] for p in placed))


def max_layer_padding(plan: Plan, ratio: float) -> Layout:
    """Every tensor is a prefix of the largest one; algorithm 2, eq. 8."""
    largest = plan.largest
    return Layout(plan.tensors[largest].numel, (0,) * len(plan), (largest,) * len(plan))


def random_vector_padding(plan: Plan, ratio: float) -> Layout:
    """Every tensor repeats one short vector; algorithm 3, eq. 9.

    The length int(n_max x ratio) + 1 is the authors' code's; the paper gives only the ratio.
    """
    largest = plan.largest
    length = math.floor(plan.tensors[largest].numel * exact(ratio)) + 1
    return Layout(length, (0,) * len(plan), (largest,) * len(plan))


def _kaiming(tensor: PlannedTensor) -> float:
    return math.sqrt(2 / tensor.fan_in)


def _xavier(tensor: PlannedTensor) -> float:
    return math.sqrt(2 / (tensor.fan_in + tensor.fan_out))


def _kaiming_bound(tensor: PlannedTensor) -> float:
    return math.sqrt(3) * _kaiming(tensor)


def fill(plan: Plan, settings: Settings) -> Filling:
    """Lay the plan out and give every tensor its scale.

    With scaling "layer" a tensor's scale follows its own fan; with "prototype" it is the scale of
    the tensor that the values belong to, which is what PEMN's code does by copying them unscaled.
    `scale_by_density` multiplies by 1/sqrt(density), each tensor's own, so that the kept weights
    alone have the variance that the distribution asks for (Ramanujan et al., CVPR 2020, section
    4.5).
    """
    if not len(plan):
        raise SettingError("the model has no tensor to mask: expected at least one, got none")
    layout = STRATEGIES[settings.strategy](plan, settings.ratio)
    transform, scale_of = DISTRIBUTIONS[settings.distribution]
    owners = layout.sources if settings.scaling == "prototype" else range(len(plan))
    exact_scales = [scale_of(plan.tensors[owner]) for owner in owners]
    densities = tensor_densities(plan, settings.density, settings.layer_density)
    if settings.scale_by_density:
        exact_scales = [
            scale * (1 / math.sqrt(own)) for scale, own in zip(exact_scales, densities, strict=True)
        ]
    if max(exact_scales) > MAX_SCALE:
        raise SettingError(
            f"scale_by_density: expected scales up to 2^100, got {max(exact_scales):g} at density "
            f"{min(densities):g}"
        )
    scales = tuple(float(np.float32(scale)) for scale in exact_scales)
    shuffled = plan.tensors[plan.largest].numel if settings.order == "shuffle" else None
    return Filling(transform, layout.length, layout.offsets, scales, shuffled)


def few_values_warning(settings: Settings, length: int) -> str | None:
    """Return what to tell a user whose RP prototype is too short to be random, or None."""
    if settings.strategy != "rp" or length >= FEW_VALUES:
        return None
    equal = "; all weights of a tensor are equal" if length == 1 else ""
    return (
        f"rp with ratio {settings.ratio:g} leaves a prototype of {length} "
        f"value{'s' if length > 1 else ''} (fewer than {FEW_VALUES}){equal}; use a larger ratio"
    )


STRATEGIES: dict[str, Callable[[Plan, float], Layout]] = {
    "mask": mask,
    "one-layer": one_layer,
    "mp": max_layer_padding,
    "rp": random_vector_padding,
}

# name -> the generator's transform, and the number that multiplies its values
DISTRIBUTIONS: dict[str, tuple[str, Callable[[PlannedTensor], float]]] = {
    "kaiming-normal": ("normal16", _kaiming),
    "kaiming-uniform": ("uniform24", _kaiming_bound),
    "signed-constant": ("sign", _kaiming),
    "xavier-normal": ("normal16", _xavier),
    "xavier-constant": ("sign", _xavier),
}

SCALINGS = ("layer", "prototype")
