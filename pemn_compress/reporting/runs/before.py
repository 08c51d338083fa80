"""What a record of before did not tell: settings that came later, and what was done without them.

A run whose record lacks a setting was trained as one is today that leaves it at its default; a test
compares these with the defaults themselves, which lie in rooms above this one.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from pemn_compress.masking.rules.pruning import TRAINED_STRATEGIES, PruningSettings
from pemn_compress.masking.rules.strategies import STRATEGIES, Settings

RECIPE: dict[str, Any] = {
    "schedule": "cosine", "momentum": 0.9, "weight_decay": 0.0, "decay": "matrices",
    "warmup_epochs": 0, "clip_norm": 0.0, "dense_lr": None, "pull": 0.0, "target_bits": None,
    "teacher_weight": 0.5, "temperature": 4.0, "label_smoothing": 0.0, "ema": 0.0,
    "validation": 0, "keep": "last", "patience": 0, "recompute_batchnorm": 0, "augment": [],
    "batchnorm": "learned", "bias": True, "density": 0.5, "distribution": "kaiming-normal",
    "scaling": "layer", "scale_by_density": False, "search": "edge-popup", "ranking": None,
    "budget": "tensor", "floor": None, "density_schedule": "constant", "ramp_epochs": None,
    "renewal": "none", "renewal_every": None, "renewal_rate": None, "learn_scale": "none",
    "frozen": 0.0, "frozen_by": None,
}  # fmt: skip
STORAGE: dict[str, Any] = {
    "codec": "auto", "store_prototype": False, "include_source": True, "dense_dtype": "float32",
    "fold_batchnorm": False, "value_dtype": "float32", "zstd": True, "tensor_digests": False,
    "format_version": "auto", "max_bytes": None, "bits_per_weight": None, "graph": "auto",
    "dynamic": [],
}  # fmt: skip
SELECTION: dict[str, Any] = {
    "include": [], "exclude": [], "first_layer_dense": False, "last_layer_dense": False,
}  # fmt: skip

_OF_MASKS = frozenset(asdict(Settings())) - {one.name for one in fields(PruningSettings)}


def whole_recipe(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record's recipe with what it lacks; an archive's, which is a name, stays one."""
    return {**RECIPE, **told} if "optimizer" in told else told


def whole_settings(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings of masks, or of pruning, with what they lack; others as they are."""
    strategy = str(told.get("strategy"))  # a stranger's record may hold anything there
    if strategy in STRATEGIES:
        defaults = asdict(Settings())
    elif strategy in TRAINED_STRATEGIES:
        defaults = asdict(PruningSettings(strategy=strategy))
    else:
        return told
    del defaults["seed"]
    return {**defaults, **told}


def undecided(settings: Mapping[str, Any]) -> frozenset[str]:
    """Return what a recipe says of masks, where weights were trained: it decided nothing."""
    strategy = settings.get("strategy")
    return (
        _OF_MASKS if isinstance(strategy, str) and strategy in TRAINED_STRATEGIES else frozenset()
    )


def plain(value: Any) -> Any:
    """Return a setting's value as all records tell it: a list for a tuple, 1 for 1.0."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
