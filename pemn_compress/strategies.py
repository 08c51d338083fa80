"""The strategies: how one prototype of fixed random values fills every masked tensor.

Each strategy maps a plan to a layout: how long the prototype is, and where each tensor starts in
it. From there on all are alike: element i of a tensor is the tensor's scale times
prototype[(offset + i) mod length].
Source: [PEMN] "Parameter-Efficient Masking Networks", NeurIPS 2022, section 3.3, algorithms 1 to 3.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pemn_compress import prng
from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.plan import Plan, PlannedTensor, check_density, exact

FEW_VALUES = 8
PROTOTYPE_STREAM = 0
MAX_SCALE = 2.0**100  # the archive format's


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
    """Everything that decides a masked model's fixed weights and its masks' sizes.

    Raises SettingError (UnknownNameError for a name that no registry has) when it is made with a
    value out of range.
    """

    strategy: str = "rp"
    ratio: float = 1e-2
    density: float = 0.5
    seed: int = 0
    distribution: str = "kaiming-normal"
    scaling: str = "layer"
    scale_by_density: bool = False
    search: str = "edge-popup"

    def __post_init__(self) -> None:
        for kind, name, known in (
            ("strategy", self.strategy, STRATEGIES),
            ("distribution", self.distribution, DISTRIBUTIONS),
            ("scaling", self.scaling, SCALINGS),
            ("search", self.search, SEARCHES),
        ):
            if name not in known:
                raise UnknownNameError(kind, name, known)
        check_ratio(self.ratio)
        check_density(self.density)
        prng.check_seed(self.seed)


@dataclass(frozen=True)
class Filling:
    """A layout with its numbers: every planned tensor's offset and scale, the prototype's kind.

    `scales` are binary32 values held in Python floats; the archive stores their bits.
    """

    transform: str
    length: int
    offsets: tuple[int, ...]
    scales: tuple[float, ...]

    def prototype(self, seed: int) -> prng.F32:
        """Generate the prototype: float32 of shape (length,), a pure function of the seed."""
        return prng.TRANSFORMS[self.transform](seed, PROTOTYPE_STREAM, self.length)


def check_ratio(ratio: float) -> None:
    """Refuse a ratio outside (0, 1]."""
    if not (isinstance(ratio, int | float) and 0 < ratio <= 1):
        raise SettingError(
            "ratio is the prototype's length / the largest masked tensor's: "
            f"expected 0 < ratio <= 1, got {ratio!r}"
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
    `scale_by_density` multiplies by 1/sqrt(density), so that the kept weights alone have the
    variance that the distribution asks for (Ramanujan et al., CVPR 2020, section 4.5).
    """
    if not len(plan):
        raise SettingError("the model has no tensor to mask: expected at least one, got none")
    layout = STRATEGIES[settings.strategy](plan, settings.ratio)
    transform, scale_of = DISTRIBUTIONS[settings.distribution]
    factor = 1 / math.sqrt(settings.density) if settings.scale_by_density else 1.0
    owners = layout.sources if settings.scaling == "prototype" else range(len(plan))
    exact_scales = [factor * scale_of(plan.tensors[owner]) for owner in owners]
    if max(exact_scales) > MAX_SCALE:
        raise SettingError(
            f"scale_by_density: expected scales up to 2^100, got {max(exact_scales):g} at density "
            f"{settings.density:g}"
        )
    scales = tuple(float(np.float32(scale)) for scale in exact_scales)
    return Filling(transform, layout.length, layout.offsets, scales)


def few_values_warning(settings: Settings, length: int) -> str | None:
    """Return what to tell a user whose RP prototype is too short to be random, or None."""
    if settings.strategy != "rp" or length >= FEW_VALUES:
        return None
    equal = "; all weights of a tensor are equal" if length == 1 else ""
    return (
        f"rp with ratio {settings.ratio:g} leaves a prototype of {length} "
        f"value{'s' if length > 1 else ''} (fewer than {FEW_VALUES}){equal}; use a larger --ratio"
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
}

SCALINGS = ("layer", "prototype")
SEARCHES = ("edge-popup",)
