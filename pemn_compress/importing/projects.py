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
1 + round(0.01 (100 p) (n - 1)), halves to even, and a score equal to the kth is kept.

Products such as (1 - k) n are computed in binary64 as there: (1 - 0.9) * 10 is below 1, so 0.9 of
ten weights keeps all ten. Where scores tie at the border, the first three sort without a promise of
order; here the lower index is dropped first, and a warning says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pemn_compress.errors import ModelError
from pemn_compress.masking.rules.plan import exact

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Chosen:
    """The masks that a project's forward uses, by weight name, and the tensors where scores tie."""

    masks: dict[str, Tensor]
    ties: tuple[str, ...] = ()


@dataclass(frozen=True)
class Project:
    """How one project reads its checkpoints.

    `scores` ends the names of score tensors, `number` is what the project calls its density, and
    `choose` gives the masks for scores by weight name and the density, the fraction kept. `binary`:
    the forward replaces weights by their signs times one number per tensor.
    """

    scores: str
    number: str
    choose: Callable[[Tensors, float], Chosen]
    search: str = "edge-popup"
    binary: bool = False


def lowest_dropped(scores: Tensors, density: float) -> Chosen:
    """Drop the int((1 - density) n) lowest |scores| of each tensor."""
    masks, ties = {}, []
    for name, score in scores.items():
        size, order = score.abs().flatten().sort(stable=True)
        dropped = int((1 - density) * score.numel())
        mask = torch.ones(score.numel(), dtype=torch.bool)
        mask[order[:dropped]] = False
        masks[name] = mask.view(score.shape)
        if 0 < dropped < len(size) and size[dropped - 1] == size[dropped]:
            ties.append(name)
    return Chosen(masks, tuple(ties))


def below_global_threshold_dropped(scores: Tensors, density: float) -> Chosen:
    """Keep what is above one threshold on the |scores| of all tensors together."""
    size = torch.cat([score.abs().flatten() for score in scores.values()]).sort().values
    index = int((1 - density) * size.numel()) - 1
    if index < 0:
        raise ModelError(
            f"density {density:g} drops none of {size.numel()} weights: biprop's own forward then "
            "takes the largest score for its threshold, and prunes everything"
        )
    return Chosen({name: score.abs() > size[index] for name, score in scores.items()})


def below_percentile_dropped(scores: Tensors, density: float) -> Chosen:
    """Keep the signed scores that are at least the kth smallest of their tensor."""
    sparsity = float(1 - exact(density))  # the decimal that the project's user wrote
    masks = {}
    for name, score in scores.items():
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
    return torch.where(mask & (weight != 0), weight.sign() * alpha, torch.zeros_like(weight))


PROJECTS: dict[str, Project] = {
    "hidden-networks": Project("scores", "--prune-rate, the fraction KEPT", lowest_dropped),
    "biprop": Project(
        "scores", "prune_rate, the fraction KEPT", lowest_dropped, "biprop", binary=True
    ),
    "iterand": Project(
        "weight_score", "1 - conv_sparsity, the fraction PRUNED", below_percentile_dropped
    ),
    "pemn": Project("scores", "--sparsity, the fraction KEPT", lowest_dropped),
}
