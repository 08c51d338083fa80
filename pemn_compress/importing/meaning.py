"""What the scores of a checkpoint mean: the masks that its project's forward makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pemn_compress.errors import ModelError, SettingError, UnknownNameError
from pemn_compress.importing.checkpoints import Checkpoint
from pemn_compress.importing.projects import (
    PROJECTS,
    Chosen,
    Project,
    below_global_threshold_dropped,
)
from pemn_compress.masking.rules.plan import check_density

BUDGETS = ("per-tensor", "global")
_GLOBAL = "GlobalSubnetConv"


@dataclass(frozen=True)
class Meaning:
    """The masks of a checkpoint, by the names of its weights.

    `density` is the one they were chosen at, None where the scores are masks already. `divisors`
    are what Biprop's alpha divides by, None where weights are used as they are.
    """

    chosen: Chosen
    density: float | None
    divisors: Mapping[str, int] | None


def read_meaning(
    checkpoint: Checkpoint, project: str, *, density: float | None, budget: str | None
) -> Meaning:
    """Make the masks that a project's forward uses of a checkpoint's scores.

    Raises ModelError for scores that are missing or make no sense, SettingError for settings that
    are missing or contradict the checkpoint.
    """
    rule = PROJECTS[project]
    scores = _scores(checkpoint, rule, project)
    use_global = _use_global(checkpoint, project, budget)
    if all(bool(((s == 0) | (s == 1)).all()) for s in scores.values()):
        # FixedSubnetConv: its scores are masks, and its weights are used as they are
        return Meaning(Chosen({name: score != 0 for name, score in scores.items()}), None, None)
    number = _density(checkpoint, rule, project, density)
    chosen = (below_global_threshold_dropped if use_global else rule.choose)(scores, number)
    if not rule.binary:
        return Meaning(chosen, number, None)
    divisors = {
        name: int(mask.sum()) if use_global else int(number * mask.numel())
        for name, mask in chosen.masks.items()
    }
    return Meaning(chosen, number, divisors)


def _scores(checkpoint: Checkpoint, rule: Project, project: str) -> dict[str, Tensor]:
    """Return the scores by the name of the weight that they belong to."""
    suffix, found = f".{rule.scores}", {}
    for name, score in checkpoint.state.items():
        if not name.endswith(suffix):
            continue
        weight = checkpoint.state.get(f"{name.removesuffix(suffix)}.weight")
        if weight is None or weight.shape != score.shape:
            got = "none" if weight is None else f"shape {tuple(weight.shape)}"
            raise ModelError(
                f"{checkpoint.path}: scores {name!r}: expected a weight of shape "
                f"{tuple(score.shape)} beside them, got {got}"
            )
        if score.dtype != torch.float32 or weight.dtype != torch.float32:
            raise ModelError(
                f"{checkpoint.path}: {name!r}: expected scores and weights of float32, got "
                f"{score.dtype} and {weight.dtype}"
            )
        if score.isnan().any():
            raise ModelError(f"{checkpoint.path}: scores {name!r}: expected numbers, got NaN")
        if not score.numel():
            raise ModelError(f"{checkpoint.path}: scores {name!r}: expected some, got none")
        found[f"{name.removesuffix(suffix)}.weight"] = score.detach().contiguous()
    if not found:
        others = [p for p, r in PROJECTS.items() if any(
            name.endswith(f".{r.scores}") for name in checkpoint.state)]  # fmt: skip
        hint = f"; its names are those of {' or '.join(others)}" if others else ""
        raise ModelError(
            f"{checkpoint.path}: expected scores named *{suffix}, as {project} has them, got none "
            f"among {', '.join(map(repr, list(checkpoint.state)[:3]))}{hint}"
        )
    return found


def _use_global(checkpoint: Checkpoint, project: str, budget: str | None) -> bool:
    if budget is not None and budget not in BUDGETS:
        raise UnknownNameError("budget", budget, BUDGETS)
    kind = checkpoint.about.get("conv_type")
    if kind == "SampleSubnetConv":
        raise ModelError(
            f"{checkpoint.path}: SampleSubnetConv draws another mask in every forward: expected a "
            "checkpoint of SubnetConv, GlobalSubnetConv or FixedSubnetConv"
        )
    if budget == "global" and project != "biprop":
        raise SettingError(
            f"a global budget is biprop's (GlobalSubnetConv); expected --budget per-tensor for "
            f"{project}, got global"
        )
    recorded = None if kind is None else BUDGETS[kind == _GLOBAL]
    if budget is not None and recorded not in (None, budget):
        raise SettingError(
            f"{checkpoint.path}: records {kind}, a {recorded} budget; got --budget {budget}"
        )
    return (budget or recorded) == "global" and project == "biprop"


def _density(checkpoint: Checkpoint, rule: Project, project: str, density: float | None) -> float:
    recorded = checkpoint.about.get("prune_rate")
    if project != "biprop" or not isinstance(recorded, int | float):
        recorded = None
    if density is None and recorded is None:
        raise SettingError(
            f"{checkpoint.path}: does not record its density: expected --density, the fraction of "
            f"weights kept; {project} calls it {rule.number}"
        )
    if density is not None and recorded is not None and density != recorded:
        raise SettingError(
            f"{checkpoint.path}: records prune_rate {recorded:g}, the fraction kept; got --density "
            f"{density:g}; leave it out"
        )
    number = float(density if density is not None else recorded or 0.0)
    check_density(number)
    return number
