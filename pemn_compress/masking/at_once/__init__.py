"""All masked weights of a model in a few kernels, for a GPU.

One tensor after the other costs a dozen launches each, and torch's selection on a GPU (kthvalue)
works with a single block: together several times a training step. Here every kernel goes through
all tensors. Results are those of `top` and `straight_through`, bit for bit.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from pemn_compress.masking.at_once import operators
from pemn_compress.masking.straight_through import Fill


def is_possible(scores: Sequence[Tensor]) -> bool:
    """Whether these scores are where the kernels run: an NVIDIA or AMD GPU, with Triton there."""
    return scores[0].device.type == "cuda" and _HAS_TRITON


_HAS_TRITON = find_spec("triton") is not None


def weights_at_once(
    scores: Sequence[Tensor], counts: Sequence[int], fills: Sequence[Fill], *, signed: bool
) -> list[Tensor]:
    """Return the masked weight of every tensor, each in its score's shape, differentiable.

    Of tensor i the `counts[i]` best scores are kept, by value or by magnitude; all take their fixed
    weights from one vector. Gradients are those of `straight_through`.
    """
    values = fills[0].values
    offsets, scales = [fill.offset for fill in fills], [fill.scale for fill in fills]
    return list(_Weights.apply(values, list(counts), offsets, scales, signed, *scores))


def masks_at_once(scores: Sequence[Tensor], counts: Sequence[int], *, signed: bool) -> list[Tensor]:
    """Return every tensor's bool mask of its `counts[i]` best scores, in its score's shape."""
    flat = operators.top_each([score.detach() for score in scores], list(counts), signed)
    parts = flat.split([score.numel() for score in scores])
    return [parts[i].view(score.shape) for i, score in enumerate(scores)]


class _Weights(torch.autograd.Function):
    """Keeps the fixed values, and the scores if their signs are needed."""

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        counts: list[int],
        offsets: list[int],
        scales: list[float],
        signed: bool,
        *scores: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)  # a weight that no loss reaches has no gradient
        ctx.save_for_backward(values, *(() if signed else scores))
        ctx.places = (offsets, scales)
        ctx.shapes = [tuple(score.shape) for score in scores]
        sizes = [score.numel() for score in scores]
        mask = operators.top_each(list(scores), counts, signed)
        flat = operators.fill_each(mask, sizes, values, offsets, scales)
        parts = flat.split(sizes)
        return tuple(parts[i].view(score.shape) for i, score in enumerate(scores))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        values, *scores = ctx.saved_tensors
        shapes = ctx.shapes
        reached = {i: one for i, one in enumerate(gradients) if one is not None}
        made: list[Tensor | None] = [None] * len(shapes)
        if reached:
            offsets, scales = ctx.places
            flat = operators.fill_each_backward(
                list(reached.values()),
                [scores[i] for i in reached] if scores else [],
                values,
                [offsets[i] for i in reached],
                [scales[i] for i in reached],
            )
            parts = flat.split([one.numel() for one in reached.values()])
            for i, part in zip(reached, parts, strict=True):
                made[i] = part.view(shapes[i])
        return (None, None, None, None, None, *made)
