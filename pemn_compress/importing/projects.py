"""What the original projects' checkpoints mean: which mask and which weights their forward uses.

| project | scores | its number | mask in its forward | weight in it |
| --- | --- | --- | --- | --- |
| hidden-networks | `*.scores` | `--prune-rate` k, KEPT | int((1 - k) n) lowest abs(s) are 0 | W M |
| pemn | `*.scores` | `--sparsity` k, KEPT | the same | W M |
| biprop | `*.scores` | `prune_rate` k, KEPT | the same, or one threshold | sign(W) alpha M |
| iterand | `*.weight_score` | `conv_sparsity` p, PRUNED | SIGNED s below the kth are 0 | W M |

hidden-networks: allenai/hidden-networks, utils/conv_type.py (SubnetConv); all linear layers are 1x1
convolutions. pemn: yueb17/PEMN, src/convmixer/models.py. biprop: chrundle/biprop,
utils/conv_type.py: alpha = sum(abs(W M)) / int(k n), a denominator that can differ by one from the
number of weights that M keeps; with GlobalSubnetConv (and trainers/default.py) a weight is kept if
its abs(s) is greater than element int((1 - k) N) - 1 of all N sorted ones, and alpha divides by the
number kept. iterand: dchiji-ntt/iterand, models/networks/sparse_modules.py: k is
1 + round(0.01 (100 p) (n - 1)), halves to even, and a score equal to the kth is kept; its linear
layers have a `linear_sparsity` of their own.

Products such as (1 - k) n are computed in binary64 as there: (1 - 0.9) * 10 is below 1, so 0.9 of
ten weights keeps all ten. Where scores tie at the border, the first three sort without a promise of
order; here the lower index is dropped first, and a warning says how many scores that concerns. A
weight of 0 is +0.0 here, whatever its sign: W M has zeros of both signs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pemn_compress.errors import ModelError
from pemn_compress.masking.rules.plan import exact

Tensors = Mapping[str, Tensor]
Densities = Mapping[str, float]


@dataclass(frozen=True)
class Ties:
    """Scores at a mask's border that are equal: how many of them, and how many of these are kept.

    Which ones is not decided by the scores.
    """

    equal: int
    kept: int


@dataclass(frozen=True)
class Chosen:
    """The masks that a project's forward uses, by weight name, and the ties, where there are."""

    masks: dict[str, Tensor]
    ties: dict[str, Ties] = field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    """How one project reads its checkpoints.

    `scores` ends the names of score tensors, `number` is what the project calls its density, and
    `choose` gives the masks for scores and densities (the fraction kept) by weight name. `binary`:
    the forward replaces weights by their signs times one number per tensor. `rule` is told.
    """

    scores: str
    number: str
    choose: Callable[[Tensors, Densities], Chosen]
    rule: str
    search: str = "edge-popup"
    binary: bool = False


def lowest_dropped(scores: Tensors, densities: Densities) -> Chosen:
    """Drop the int((1 - density) n) lowest |scores| of each tensor."""
    masks, ties = {}, {}
    for name, score in scores.items():
        size, order = score.abs().flatten().sort(stable=True)
        dropped = int((1 - densities[name]) * score.numel())
        mask = torch.ones(score.numel(), dtype=torch.bool)
        mask[order[:dropped]] = False
        masks[name] = mask.view(score.shape)
        if 0 < dropped < len(size) and size[dropped - 1] == size[dropped]:
            border = size[dropped]
            ties[name] = Ties(int((size == border).sum()), int((size[dropped:] == border).sum()))
    return Chosen(masks, ties)


def below_global_threshold_dropped(scores: Tensors, densities: Densities) -> Chosen:
    """Keep what is above one threshold on the |scores| of all tensors together."""
    density = next(iter(densities.values()))
    size = torch.cat([score.abs().flatten() for score in scores.values()]).sort().values
    index = int((1 - density) * size.numel()) - 1
    if index < 0:
        raise ModelError(
            f"density {density:g} drops none of {size.numel()} weights: biprop's own forward then "
            "takes the largest score for its threshold, and prunes everything"
        )
    return Chosen({name: score.abs() > size[index] for name, score in scores.items()})


def below_percentile_dropped(scores: Tensors, densities: Densities) -> Chosen:
    """Keep the signed scores that are at least the kth smallest of their tensor."""
    masks = {}
    for name, score in scores.items():
        sparsity = float(1 - exact(densities[name]))  # the decimal that the project's user wrote
        rank = 1 + round(0.01 * float(sparsity * 100) * (score.numel() - 1))
        masks[name] = score >= score.flatten().kthvalue(rank).values
    return Chosen(masks)


def binary_weight(name: str, weight: Tensor, mask: Tensor, count: int) -> Tensor:
    """Return Biprop's weight, sign(W) alpha M, in the shape of `weight`; other elements are +0.0.

    `count` is the number that alpha divides by. Alpha is the sum as torch computes it on the CPU; a
    GPU's can differ in its last bits. Raises ModelError where the project divides by zero.
    """
    if count < 1 or not mask.any():
        raise ModelError(
            f"{name!r}: keeps {int(mask.sum())} of {weight.numel()} weights, and biprop's forward "
            f"divides by {count}: its output is not a number; expected a larger density"
        )
    alpha = torch.sum(weight.abs() * mask.to(weight.dtype)) / count
    if not alpha.isfinite():
        raise ModelError(f"{name!r}: expected finite weights, got a sum of {float(alpha)}")
    return torch.where(mask & (weight != 0), weight.sign() * alpha, torch.zeros_like(weight))


_LOWEST = "int((1 - density) n) weights of each tensor are dropped, those of the lowest |score|"

PROJECTS: dict[str, Project] = {
    "hidden-networks": Project(
        "scores", "--prune-rate, the fraction KEPT", lowest_dropped, f"{_LOWEST} (SubnetConv)"
    ),
    "biprop": Project(
        "scores",
        "prune_rate, the fraction KEPT",
        lowest_dropped,
        f"{_LOWEST} (SubnetConv); a weight is its sign times one number per tensor",
        "biprop",
        binary=True,
    ),
    "iterand": Project(
        "weight_score",
        "1 - conv_sparsity, the fraction PRUNED",
        below_percentile_dropped,
        "weights of each tensor are dropped whose signed score is below the density's percentile",
    ),
    "pemn": Project("scores", "--sparsity, the fraction KEPT", lowest_dropped, _LOWEST),
}
GLOBAL_RULE = (
    "weights of all tensors together are dropped below one threshold on |score| "
    "(GlobalSubnetConv); a weight is its sign times one number per tensor"
)
FIXED_RULE = "scores are 0 and 1, so that they are the masks themselves (FixedSubnetConv)"
