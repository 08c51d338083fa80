"""What the scores of a checkpoint mean: the masks that its project's forward makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pemn_compress.errors import ModelError, cut
from pemn_compress.importing.checkpoints import Checkpoint
from pemn_compress.importing.projects import (
    FIXED_RULE,
    GLOBAL_RULE,
    PROJECTS,
    Chosen,
    below_global_threshold_dropped,
)
from pemn_compress.importing.settled import SAMPLE, Asked, Settled, conv_type, number_of, settle

_RAMP_EPOCHS = 10  # in which biprop's global budget comes down from one half


@dataclass(frozen=True)
class Meaning:
    """The masks of a checkpoint, by the names of its weights.

    `density` is the one they were chosen at, None where the scores are masks already. `divisors`
    are what Biprop's alpha divides by, None where weights are used as they are. `rule` says in
    words how the masks were made, `doubts` where the project's own forward may make others, and
    `unknown` what nothing in the file decides.
    """

    chosen: Chosen
    density: float | None
    divisors: Mapping[str, int] | None
    rule: str
    doubts: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def find_scores(checkpoint: Checkpoint, project: str) -> dict[str, Tensor]:
    """Return the scores by the name of the weight that they belong to; shapes are those of weights.

    Nothing is computed yet. Raises ModelError for scores that are missing or fit no weight.
    """
    suffix, found = f".{PROJECTS[project].scores}", {}
    for name, score in checkpoint.state.items():
        if not name.endswith(suffix):
            continue
        weight = checkpoint.state.get(f"{name.removesuffix(suffix)}.weight")
        if weight is None or weight.shape != score.shape:
            got = "none" if weight is None else f"shape {tuple(weight.shape)}"
            raise ModelError(
                f"{checkpoint.name}: scores {cut(repr(name))}: expected a weight of shape "
                f"{tuple(score.shape)} beside them, got {got}"
            )
        if score.dtype != torch.float32 or weight.dtype != torch.float32:
            raise ModelError(
                f"{checkpoint.name}: {cut(repr(name))}: expected scores and weights of float32, "
                f"got {score.dtype} and {weight.dtype}"
            )
        if not score.numel():
            raise ModelError(
                f"{checkpoint.name}: scores {cut(repr(name))}: expected some, got none"
            )
        found[f"{name.removesuffix(suffix)}.weight"] = score
    if not found:
        raise ModelError(
            f"{checkpoint.name}: expected scores named *{suffix}, as {project} has them, got none "
            f"among {', '.join(repr(cut(name)) for name in list(checkpoint.state)[:3])}"
        )
    return found


def read_meaning(
    checkpoint: Checkpoint, project: str, scores: Mapping[str, Tensor], asked: Asked
) -> Meaning:
    """Make the masks that a project's forward uses of a checkpoint's scores.

    Raises ModelError for scores that make no sense, SettingError for settings that are missing or
    contradict the checkpoint.
    """
    rule = PROJECTS[project]
    kind = conv_type(checkpoint)
    scores = {name: score.contiguous() for name, score in scores.items()}
    for name, score in scores.items():
        if score.isnan().any():
            raise ModelError(
                f"{checkpoint.name}: scores of {cut(repr(name))}: expected numbers, got NaN"
            )
    if all(bool(((s == 0) | (s == 1)).all()) for s in scores.values()):
        masks = {name: score != 0 for name, score in scores.items()}
        return Meaning(Chosen(masks), None, None, FIXED_RULE)
    settled = settle(checkpoint, project, asked)
    flat = [name for name, score in scores.items() if score.dim() == 2]
    densities = dict.fromkeys(scores, settled.density)
    if settled.linear_density is not None:
        densities |= dict.fromkeys(flat, settled.linear_density)
    choose = below_global_threshold_dropped if settled.is_global else rule.choose
    chosen = choose(scores, densities)
    divisors = {
        name: int(mask.sum()) if settled.is_global else int(settled.density * mask.numel())
        for name, mask in chosen.masks.items()
    }
    return Meaning(
        chosen,
        settled.density,
        divisors if rule.binary else None,
        GLOBAL_RULE if settled.is_global else rule.rule,
        (*_tied(chosen), *_assumed(project, flat, settled), *_too_early(checkpoint, settled)),
        _undecided(project, kind),
    )


def _tied(chosen: Chosen) -> list[str]:
    """Say for each tensor with ties how many scores they concern."""
    return [
        f"{name}: {ties.equal:,} scores tie at the border, and {ties.kept:,} of them are kept: "
        "those of the higher indices here, any of them by the project's own sort"
        for name, ties in chosen.ties.items()
    ]


def _assumed(project: str, flat: list[str], settled: Settled) -> list[str]:
    """Say which tensors got a density that may not be theirs."""
    if project != "iterand" or not flat or settled.linear_density is not None:
        return []
    return [
        f"{', '.join(flat)}: density {settled.density:g} as for convolutions; iterand has a "
        "linear_sparsity of its own, which the file does not record (linear_density, "
        "--linear-density)"
    ]


def _too_early(checkpoint: Checkpoint, settled: Settled) -> list[str]:
    """Say that a file is of an epoch in which biprop's global budget was another one."""
    epoch = number_of(checkpoint.recorded("epoch"))
    if not settled.is_global or settled.density > 0.5 or epoch is None or epoch >= _RAMP_EPOCHS:
        return []
    return [
        f"the file is of epoch {epoch:g}: in its first {_RAMP_EPOCHS} epochs biprop's global "
        f"budget is above the density of {settled.density:g}"
    ]


def _undecided(project: str, kind: str | None) -> tuple[str, ...]:
    """Say which other forwards the file may stand for that nothing in it tells apart."""
    if kind is not None or project not in ("hidden-networks", "biprop"):
        return ()
    return (
        f"the file does not record its conv_type: if that is {SAMPLE}, no mask is its own, since "
        "its forward draws another one each time",
    )
