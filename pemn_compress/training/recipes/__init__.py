"""Training settings as data: one TOML file per recipe, every setting open to override.

Torch-free, so that the command line can name recipes without loading anything heavy.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files
from typing import Any

from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.masking.rules.numbers import LARGEST
from pemn_compress.masking.rules.plan import check_density
from pemn_compress.training.recipes.numbers import flag, integer, real

DEFAULT = "default"
OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "cosine", "triangular", "one-cycle")
DECAYS = ("all", "matrices")
LAST, BEST = "last", "best"
KEEPS = (LAST, BEST)  # which epoch's model is kept
MASK_SETTINGS = (
    "density", "distribution", "scaling", "scale_by_density", "search", "ranking", "budget",
    "floor", "density_schedule", "ramp_epochs", "renewal", "renewal_every", "renewal_rate",
    "learn_scale", "frozen", "frozen_by",
)  # fmt: skip
# what a field holds, and how messages call it; the mask settings judge their own
_NUMBERS = (
    "lr", "momentum", "weight_decay", "clip_norm", "label_smoothing", "ema", "validation",
    "density", "pull", "dense_lr", "target_bits",
    "teacher_weight", "temperature",
)  # fmt: skip
_FLAGS = ("bias",)
MOST_EPOCHS = 1_000_000
MOST_BATCHES = 100_000  # that statistics are taken over: their error is below a percent long before
_INTEGERS = {
    "epochs": MOST_EPOCHS, "batch_size": LARGEST, "warmup_epochs": LARGEST, "patience": LARGEST,
    "recompute_batchnorm": MOST_BATCHES,
}  # fmt: skip
MOST_RATE = 1e6  # of rates, pull and decay: more leaves nothing finite, after hours perhaps


@dataclass(frozen=True)
class Recipe:
    """How to train, and what the paper that the recipe is from masks.

    Learning rates are per step of the whole batch. `decay` says what weight decay acts on: "all"
    trainable parameters (scores and batch-norm alike), or "matrices" (those of two or more
    dimensions, scores included). `schedule`: "constant"; "cosine" per epoch to zero;
    "triangular" per step through (0, 0), (0.4 E, lr), (0.8 E, lr / 20), (E, 0) for E epochs;
    "one-cycle" per step through (0, 0), (0.2 E, lr), (E, 0).
    `clip_norm` 0 means no clipping of the gradient's norm. `dense_lr` is the highest rate of what
    is not masked, by default `lr`. `pull` times the current rate is how far each step moves scores
    back towards the seeded start (`MaskedModel.pull`); `target_bits` changes it from epoch to epoch
    so that what departs from that start comes to so many bits a weight. `teacher_weight` is the
    share of a teacher's answers in the loss, where there is a teacher, softened by `temperature`.
    `augment` is in the grammar of `augment.py`.
    `validation` is how much of the training samples is set apart to measure on after
    every epoch, a fraction below 1 or a number of samples (0: none); `keep` which epoch's model is
    kept, the "last" or the "best" by it; `patience` after how many epochs without a better one
    training ends (0: never). `ema` is the decay of the moving average of what is trained that is
    measured and kept in its place (0: none). `recompute_batchnorm` is over how many training
    batches batch-norm's running statistics are taken afresh for the model that is kept (0: not).
    From `density` on they are defaults of the mask
    settings of the same names. Numbers may be numpy's or torch's; they are kept as Python's own.
    Raises SettingError for a value out of range, or of another kind.
    """

    name: str
    source: str
    optimizer: str
    lr: float
    epochs: int
    batch_size: int
    schedule: str = "cosine"
    momentum: float = 0.9
    weight_decay: float = 0.0
    decay: str = "matrices"
    warmup_epochs: int = 0
    clip_norm: float = 0.0
    dense_lr: float | None = None
    pull: float = 0.0
    target_bits: float | None = None
    teacher_weight: float = 0.5
    temperature: float = 4.0
    label_smoothing: float = 0.0
    ema: float = 0.0
    validation: float = 0
    keep: str = LAST
    patience: int = 0
    recompute_batchnorm: int = 0
    augment: tuple[str, ...] = ()
    batchnorm: str = "learned"
    bias: bool = True
    density: float = 0.5
    distribution: str = "kaiming-normal"
    scaling: str = "layer"
    scale_by_density: bool = False
    search: str = "edge-popup"
    ranking: str | None = None
    budget: str = "tensor"
    floor: float | None = None
    density_schedule: str = "constant"
    ramp_epochs: int | None = None
    renewal: str = "none"
    renewal_every: int | None = None
    renewal_rate: float | None = None
    learn_scale: str = "none"
    frozen: float = 0.0
    frozen_by: str | None = None

    def __post_init__(self) -> None:
        for name, most in _INTEGERS.items():
            count = integer(name.replace("_", " "), getattr(self, name), most=most)
            object.__setattr__(self, name, count)
        for names, plain in ((_NUMBERS, real), (_FLAGS, flag)):
            for name in names:
                value = getattr(self, name)
                if value is None and name in ("dense_lr", "target_bits"):
                    continue
                value = plain(name.replace("_", " "), value)
                object.__setattr__(self, name, value)
        object.__setattr__(self, "augment", _words(self.augment))
        for kind, name, known in (
            ("optimizer", self.optimizer, OPTIMIZERS),
            ("schedule", self.schedule, SCHEDULES),
            ("decay", self.decay, DECAYS),
            ("keep", self.keep, KEEPS),
        ):
            if name not in known:
                raise UnknownNameError(kind, name, known)
        for setting, value, ok, expected in (
            ("lr", self.lr, 0 < self.lr <= MOST_RATE, f"above 0 and at most {MOST_RATE:,.0f}"),
            ("epochs", self.epochs, self.epochs >= 1, "1 or more"),
            ("batch size", self.batch_size, self.batch_size >= 1, "1 or more"),
            ("momentum", self.momentum, 0 <= self.momentum < 1, "from 0 to below 1"),
            ("weight decay", self.weight_decay, 0 <= self.weight_decay <= MOST_RATE,
             f"from 0 to {MOST_RATE:,.0f}"),
            ("warmup epochs", self.warmup_epochs, 0 <= self.warmup_epochs <= self.epochs,
             "from 0 to the number of epochs"),
            ("dense lr", self.dense_lr, self.dense_lr is None or 0 < self.dense_lr <= MOST_RATE,
             f"above 0 and at most {MOST_RATE:,.0f}"),
            ("pull", self.pull, 0 <= self.pull <= MOST_RATE, f"from 0 to {MOST_RATE:,.0f}"),
            ("target bits", self.target_bits, self.target_bits is None or self.target_bits > 0,
             "bits per weight above 0, such as 0.5"),
            ("teacher weight", self.teacher_weight, 0 <= self.teacher_weight <= 1, "from 0 to 1"),
            ("temperature", self.temperature, 0.01 <= self.temperature <= 1000,
             "from 0.01 to 1,000"),
            ("clip norm", self.clip_norm, self.clip_norm >= 0, "0 or more"),
            ("label smoothing", self.label_smoothing, 0 <= self.label_smoothing < 1,
             "from 0 to below 1"),
            ("ema", self.ema, 0 <= self.ema < 1, "from 0 to below 1"),
            ("validation", self.validation, 0 <= self.validation < 1
             or (self.validation > 0 and self.validation % 1 == 0),
             "a fraction below 1 or a number of samples"),
            ("patience", self.patience, self.patience >= 0, "0 or more"),
            ("recompute batchnorm", self.recompute_batchnorm, self.recompute_batchnorm >= 0,
             "a number of batches, 0 or more"),
        ):  # fmt: skip
            if not ok:
                raise SettingError(f"{setting}: expected {expected}, got {value!r}")
        check_density(self.density)

    def override(self, **settings: Any) -> "Recipe":
        """Return the recipe with every setting that is not None replaced.

        Raises SettingError for a value out of range, UnknownNameError for a setting that no recipe
        has.
        """
        known = [field.name for field in fields(Recipe)]
        for name in settings:
            if name not in known:
                raise UnknownNameError("recipe setting", name, known)
        return replace(self, **{key: value for key, value in settings.items() if value is not None})

    def mask_settings(self) -> dict[str, Any]:
        """Return the recipe's values for the mask settings that it names."""
        return {name: getattr(self, name) for name in MASK_SETTINGS}

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as plain values."""
        return asdict(self) | {"augment": list(self.augment)}


def _words(augment: Any) -> tuple[str, ...]:
    if isinstance(augment, str) or not all(isinstance(word, str) for word in augment or ()):
        raise SettingError(
            f"augment: expected a list of words such as ('crop:4', 'flip'), got {augment!r}"
        )
    return tuple(augment or ())


def names() -> list[str]:
    """Return the names of all recipes."""
    found = (entry.name for entry in files(__name__).iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def load(name: str) -> Recipe:
    """Return a recipe by name. Raises UnknownNameError."""
    if name not in names():
        raise UnknownNameError("recipe", name, names())
    text = files(__name__).joinpath(f"{name}.toml").read_text("utf-8")
    return from_mapping(name, tomllib.loads(text))


def from_mapping(name: str, table: Mapping[str, Any]) -> Recipe:
    """Return a recipe from its table. Raises SettingError for a setting that does not exist."""
    known = {field.name for field in fields(Recipe)} - {"name"}
    unknown = sorted(set(table) - known)
    if unknown:
        raise SettingError(
            f"recipe {name!r}: unknown setting {unknown[0]!r}; expected {', '.join(sorted(known))}"
        )
    settings = dict(table)
    settings["augment"] = tuple(settings.get("augment", ()))
    try:
        return Recipe(name=name, **settings)
    except TypeError as error:
        raise SettingError(f"recipe {name!r}: {error}") from None
