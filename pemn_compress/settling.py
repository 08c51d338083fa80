"""From what a caller or a user named to one recipe and one set of settings. Torch-free."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from pemn_compress import pruning, recipes
from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.pruning import TRAINED_STRATEGIES, PruningSettings
from pemn_compress.recipes import Recipe
from pemn_compress.strategies import STRATEGIES, Settings

# mask settings that a recipe also has: they count for both
SHARED = ("density", "distribution", "scaling", "scale_by_density")


def settle(
    recipe: str | Recipe,
    settings: Settings | PruningSettings | None,
    changes: Mapping[str, Any],
) -> tuple[Recipe, Settings | PruningSettings]:
    """Apply overrides; what is None overrides nothing.

    The strategy decides whether the settings are those of masks or of pruning. Raises SettingError
    for settings that do not go together, UnknownNameError.
    """
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
    recipe = recipe.override(**_fields_of(Recipe, given))
    if "momentum" in given and recipe.optimizer != "sgd":
        raise SettingError(
            f"momentum is a setting of the optimizer sgd: expected that one, got {recipe.optimizer}"
        )
    if is_trained:
        old = asdict(settings) if settings else {}
        pruned = PruningSettings(**(old | _fields_of(PruningSettings, given)))
        return recipe.override(density=pruned.density), pruned  # a recipe's own is that of masks
    if "ratio" in given and strategy != "rp":
        raise SettingError(f"ratio is a setting of strategy rp: expected that one, got {strategy}")
    old = asdict(settings) if settings else {key: getattr(recipe, key) for key in SHARED}
    return recipe, Settings(**(old | _fields_of(Settings, given)))


def _fields_of(
    kind: type[Recipe | Settings | PruningSettings], given: Mapping[str, Any]
) -> dict[str, Any]:
    return {field.name: given[field.name] for field in fields(kind) if field.name in given}
