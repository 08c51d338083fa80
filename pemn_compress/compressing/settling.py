"""From what a caller or a user named to one recipe and one set of settings. Torch-free."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.kinds import check_kind
from pemn_compress.masking.rules import pruning
from pemn_compress.masking.rules.pruning import TRAINED_STRATEGIES, PruningSettings
from pemn_compress.masking.rules.strategies import STRATEGIES, Settings
from pemn_compress.training import recipes
from pemn_compress.training.recipes import MASK_SETTINGS, Recipe


def settle(
    recipe: str | Recipe,
    settings: Settings | PruningSettings | None,
    changes: Mapping[str, Any],
) -> tuple[Recipe, Settings | PruningSettings]:
    """Apply overrides; what is None overrides nothing.

    The strategy decides whether the settings are those of masks or of pruning. Raises SettingError
    for settings that do not go together, UnknownNameError.
    """
    check_kind("recipe", recipe, (str, Recipe), "the name of a recipe, or a Recipe")
    if settings is not None:
        expected = "a Settings, or a PruningSettings"
        check_kind("settings", settings, (Settings, PruningSettings), expected)
    given = {key: value for key, value in changes.items() if value is not None}
    kinds = (Recipe, Settings, PruningSettings)
    known = {"sparsity", *(field.name for kind in kinds for field in fields(kind))}
    unknown = sorted(set(given) - known)
    if unknown:
        raise UnknownNameError("setting", unknown[0], sorted(known))
    strategy = given.get("strategy", (settings or Settings()).strategy)
    if strategy not in (*STRATEGIES, *TRAINED_STRATEGIES):
        raise UnknownNameError("strategy", strategy, [*STRATEGIES, *TRAINED_STRATEGIES])
    pruning.check_given(strategy, given)
    is_trained = strategy in TRAINED_STRATEGIES
    if settings is not None and isinstance(settings, PruningSettings) != is_trained:
        raise SettingError(
            f"settings: expected those of strategy {strategy}, got a {type(settings).__name__} of "
            f"{settings.strategy}"
        )
    density = pruning.density_of(given.pop("density", None), given.pop("sparsity", None))
    if density is not None:
        given["density"] = density
    recipe = recipes.load(recipe) if isinstance(recipe, str) else recipe
    of_masks = recipe.mask_settings()
    recipe = recipe.override(**_fields_of(Recipe, given))
    if "momentum" in given and recipe.optimizer != "sgd":
        raise SettingError(
            f"momentum is a setting of the optimizer sgd: expected that one, got {recipe.optimizer}"
        )
    if is_trained:
        for name in ("pull", "target_bits"):
            if given.get(name):
                raise SettingError(
                    f"{name} is of masks: strategy {strategy} has no seeded start to go back to; "
                    f"expected none, got {getattr(recipe, name):g}"
                )
        recipe = replace(recipe, pull=0.0, target_bits=None)  # a recipe's own is that of masks
        old = asdict(settings) if settings else {}
        pruned = PruningSettings(**(old | _fields_of(PruningSettings, given)))
        return recipe.override(density=pruned.density), pruned  # a recipe's own is that of masks
    if "ratio" in given and strategy != "rp":
        raise SettingError(f"ratio is a setting of strategy rp: expected that one, got {strategy}")
    changed = _fields_of(Settings, given)
    old = asdict(settings) if settings else of_masks
    settings = Settings(**(_of_method(old, changed) | changed))
    _check_times(settings, recipe)
    # what a recipe says of masks is then what they are
    return replace(recipe, **{key: getattr(settings, key) for key in MASK_SETTINGS}), settings


def _of_method(values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what belongs to a method that a change replaces: its period means nothing to another."""
    for key, of_key in (
        ("search", ("ranking",)),
        ("renewal", ("renewal_every", "renewal_rate")),
        ("budget", ("floor",)),
        ("density_schedule", ("ramp_epochs",)),
    ):
        if changes.get(key, values[key]) != values[key]:
            values = {name: value for name, value in values.items() if name not in of_key}
    return values


def _check_times(settings: Settings, recipe: Recipe) -> None:
    """Refuse a ramp that training is too short for: the masks would never be of their density."""
    if settings.ramp >= recipe.epochs:
        raise SettingError(
            f"ramp_epochs: expected fewer than the {recipe.epochs} epochs of training, got "
            f"{settings.ramp}; pass a shorter --ramp-epochs or more --epochs"
        )


def _fields_of(
    kind: type[Recipe | Settings | PruningSettings], given: Mapping[str, Any]
) -> dict[str, Any]:
    return {field.name: given[field.name] for field in fields(kind) if field.name in given}
