"""The pruning baselines' settings: which weights go, how many, when, and how the rest is stored.

`magnitude` and `random` train a sparse network from scratch, `dense` a whole one, `binary` and
`ternary` one of two or three levels: what masks over fixed random weights are held against.
Torch-free.
Sources: [PEMN] section 4.3.2; Zhu & Gupta, "To prune, or not to prune", 2017 (the cubic schedule).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.masking.rules.numbers import LARGEST, is_number, plain, shown
from pemn_compress.masking.rules.plan import check_density, exact
from pemn_compress.masking.rules.quantizing import (
    LATENT_STRATEGIES,
    QUANTIZER_SETTINGS,
    check_quantizer,
    quantizer_of,
    scale_of,
)
from pemn_compress.masking.rules.strategies import STRATEGIES, Settings, check_name, check_seed

PRUNED_STRATEGIES = ("magnitude", "random")
# their weights are trained, not their masks
TRAINED_STRATEGIES = (*PRUNED_STRATEGIES, "dense", *LATENT_STRATEGIES)
PRUNING_SCHEDULES = ("cubic", "one-shot")
VALUE_DTYPES = (
    "float32", "float16", "bfloat16", "int8", "int8-tensor", "int4", "int4-tensor",
)  # fmt: skip
DENSITY = 0.1  # [PEMN] section 4.3.2: the least sparsity of its baselines, 90 %
CUBIC_END = 0.5
CUBIC_STAGES = 100


@dataclass(frozen=True)
class PruningSettings:
    """Everything that decides which weights are removed, when, and how the others are rounded.

    `density` is what is left of every tensor at the end (by default 0.1; 1 for "dense"). With
    `pruning_schedule` "one-shot" all go at once when the fraction `pruning_start` of the training
    is done; with "cubic" they go in up to 100 stages from there to `pruning_end`, fast at first.
    `seed` orders the weights that "random" removes. `qat` ("int8", "int4") trains weights that are
    rounded; they, and those of "binary" and "ternary", have one `scale` for each "tensor" or
    "channel". `entropy_weight` is what a bit of a ternary weight's code costs.

    Raises SettingError (UnknownNameError for a name that no registry has) when it is made with a
    value out of range, or with two that do not go together.
    """

    strategy: str = "magnitude"
    density: float | None = None
    seed: int = 0
    pruning_schedule: str = "cubic"
    pruning_start: float = 0.0
    pruning_end: float | None = None
    qat: str | None = None
    scale: str | None = None
    entropy_weight: float | None = None

    def __post_init__(self) -> None:
        for kind, name, known in (
            ("strategy", self.strategy, TRAINED_STRATEGIES),
            ("pruning schedule", self.pruning_schedule, PRUNING_SCHEDULES),
        ):
            check_name(kind, name, known)
        for setting in ("density", "seed", "pruning_start", "pruning_end", "entropy_weight"):
            object.__setattr__(self, setting, plain(getattr(self, setting)))
        if self.density is None:
            object.__setattr__(self, "density", DENSITY if self.removes else 1.0)
        check_density(self.kept)
        check_seed(self.seed)
        check_quantizer(self.strategy, self.qat, self.scale, self.entropy_weight)
        if not self.removes:
            self._check_whole()
        one_shot = self.pruning_schedule == "one-shot"
        if one_shot and self.pruning_end is not None:
            raise SettingError(
                "pruning_end is a setting of the pruning schedule cubic: expected that one, got "
                "one-shot, which removes everything at pruning_start"
            )
        for setting, value in (("pruning_start", self.pruning_start), ("pruning_end", self.end)):
            if not is_number(value) or abs(value) > LARGEST:
                raise SettingError(
                    f"{setting}: expected a fraction of the training, got {shown(value)}"
                )
        if not 0 <= self.pruning_start <= 1 or not (one_shot or self.pruning_start < self.end <= 1):
            raise SettingError(
                "pruning_start and pruning_end are fractions of the training: expected "
                f"0 <= start {'' if one_shot else '< end '}<= 1, got {self.pruning_start:g}"
                + ("" if one_shot else f" and {self.end:g}; pass a later pruning_end")
            )

    @property
    def removes(self) -> bool:
        """Whether weights are removed as training goes on."""
        return self.strategy in PRUNED_STRATEGIES

    @property
    def quantizer(self) -> str | None:
        """What rounds the weights in training: "binary", "ternary", "int8", "int4" or nothing."""
        return quantizer_of(self.strategy, self.qat)

    @property
    def by_channel(self) -> bool:
        """Whether every output channel has a scale of its own."""
        return scale_of(self.strategy, self.qat, self.scale) == "channel"

    @property
    def trained_dtype(self) -> str | None:
        """The value dtype that the weights have in training; None for their own."""
        if self.qat is None:
            return None
        return self.qat if self.by_channel else f"{self.qat}-tensor"

    @property
    def kept(self) -> float:
        """The density, a number."""
        assert self.density is not None
        return self.density

    @property
    def end(self) -> float:
        """Fraction of the training after which nothing more is removed."""
        if self.pruning_schedule == "one-shot":
            return self.pruning_start
        return CUBIC_END if self.pruning_end is None else self.pruning_end

    def density_at(self, progress: float) -> float:
        """Return the density when the fraction `progress` of the training is done.

        Zhu & Gupta, eq. 1, with initial sparsity 0: sparsity = final x (1 - (1 - x)^3) for x from 0
        at the start to 1 at the end, in steps of 1/100. From the end on it is `density` itself.
        """
        if progress >= self.end:
            return self.kept
        if progress < self.pruning_start:
            return 1.0
        passed = (progress - self.pruning_start) / (self.end - self.pruning_start)
        left = 1 - int(passed * CUBIC_STAGES) / CUBIC_STAGES
        return 1 - (1 - self.kept) * (1 - left**3)

    def told(self) -> dict[str, Any]:
        """Return what says something, as plain values: a dense network has no schedule."""
        told = asdict(self) | {"scale": scale_of(self.strategy, self.qat, self.scale)}
        if self.pruning_schedule == "one-shot":
            del told["pruning_end"]
        else:
            told["pruning_end"] = self.end
        if not self.removes:
            told = {name: one for name, one in told.items() if not name.startswith("pruning_")}
        if self.strategy in LATENT_STRATEGIES:
            del told["density"]  # nobody asked for one
        return {name: one for name, one in told.items() if one is not None}

    def _check_whole(self) -> None:
        if self.density != 1:
            instead = f"strategy='magnitude' density={self.density:g} removes the others"
            if self.strategy == "ternary":
                instead = "a higher entropy_weight makes more of its weights 0"
            raise SettingError(
                f"strategy {self.strategy} keeps every weight: expected density 1, got "
                f"{self.density:g}; {instead}"
            )
        for field in fields(self):
            if field.name.startswith("pruning_") and getattr(self, field.name) != field.default:
                raise SettingError(
                    f"{field.name} is a setting of strategies magnitude and random: expected one "
                    f"of them, got {self.strategy}, which removes nothing"
                )


def check_given(strategy: str, given: Mapping[str, Any]) -> None:
    """Refuse settings that do not belong to the strategy, and say which do.

    `given` are the settings that somebody named, whatever their values. Raises SettingError.
    """
    masks_only = {field.name for field in fields(Settings)} - _NAMES
    for name, value in given.items():
        if strategy in TRAINED_STRATEGIES and name in masks_only:
            raise SettingError(
                f"{name} is a setting of masks over random weights ({', '.join(STRATEGIES)}): "
                f"expected none under strategy {strategy}, got one; leave it "
                "out, or take strategy='rp'"
            )
        if strategy in STRATEGIES and name == "sparsity":
            density = density_of(None, value)
            raise SettingError(
                f"sparsity is a setting of strategies magnitude and random: expected one of them, "
                f"got {strategy}; for masks say density={density:g}"
            )
        if strategy in STRATEGIES and name in QUANTIZER_SETTINGS:
            raise SettingError(
                f"{name} is a setting of strategies {', '.join(TRAINED_STRATEGIES)}: expected one "
                f"of them, got {strategy}, whose weights come from a seed; leave it out"
            )
        if strategy in STRATEGIES and name.startswith("pruning_"):
            raise SettingError(
                f"{name} is a setting of strategies magnitude and random: expected one of them, "
                f"got {strategy}, which removes no trained weight; leave it out"
            )


def density_of(density: float | None, sparsity: float | None) -> float | None:
    """Return the density that the two say, None where neither does.

    Sparsity is the fraction removed, the exact complement: 0.9 means a density of 0.1. Raises
    SettingError for one out of range and for two that disagree.
    """
    density, sparsity = plain(density), plain(sparsity)
    if sparsity is None:
        return density
    if not (is_number(sparsity) and 0 <= sparsity < 1):
        raise SettingError(
            "sparsity is the fraction of weights removed: expected 0 <= sparsity < 1, got "
            f"{shown(sparsity)}"
        )
    if density is not None:
        check_density(density)
    complement = float(1 - exact(sparsity))
    if density is not None and density != complement:
        raise SettingError(
            f"sparsity is 1 - density: expected density {complement:g} beside sparsity "
            f"{sparsity:g}, got {density:g}; give one of the two"
        )
    return complement


def check_storage(
    settings: PruningSettings | Settings, *, store_prototype: bool, value_dtype: str
) -> None:
    """Refuse ways of storing that the strategy has nothing for. Raises SettingError."""
    strategy = settings.strategy
    if value_dtype not in VALUE_DTYPES:
        raise UnknownNameError("value dtype", value_dtype, VALUE_DTYPES)
    if strategy in TRAINED_STRATEGIES and store_prototype:
        raise SettingError(
            "store_prototype is for masks over random weights: expected strategy "
            f"{', '.join(STRATEGIES)}, got {strategy}, which stores its weights; leave it out"
        )
    if value_dtype == "float32":
        return
    if strategy in STRATEGIES:
        raise SettingError(
            "value_dtype is for trained weights: expected strategy "
            f"{', '.join(TRAINED_STRATEGIES)}, got {strategy}, whose weights come from a seed; "
            "dense_dtype='float16' narrows what such an archive stores by value"
        )
    if strategy in LATENT_STRATEGIES:
        raise SettingError(
            f"value_dtype: strategy {strategy} stores the levels that it was trained with: "
            f"expected none, got {value_dtype}; leave it out"
        )
    assert isinstance(settings, PruningSettings)
    if settings.trained_dtype not in (None, value_dtype):
        raise SettingError(
            f"value_dtype: weights trained with qat={settings.qat} are stored as they were "
            f"trained: expected {settings.trained_dtype} or none, got {value_dtype}"
        )


_NAMES = {field.name for field in fields(PruningSettings)}
