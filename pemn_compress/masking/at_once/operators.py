"""The kernels as operators of torch's, which torch.compile leaves as they are."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pemn_compress.masking.at_once.tables import BLOCK, places_of, rows_of


@torch.library.custom_op(
    "pemn::top_each",
    mutates_args=(),
    schema="(Tensor[] scores, int[] counts, bool signed) -> Tensor",
)
def top_each(scores: Sequence[Tensor], counts: Sequence[int], signed: bool) -> Tensor:
    """Return one flat bool mask over all tensors, with `counts[i]` ones in tensor i.

    Those of its largest |scores|, or scores where `signed`; ties to the lower index.
    """
    from pemn_compress.masking.at_once import kernels

    flat = _flat(scores)
    table = rows_of(tuple(score.numel() for score in scores), flat.device)
    return kernels.select(flat, table, places_of(tuple(counts), flat.device), len(scores), signed)


@top_each.register_fake
def _(scores: Sequence[Tensor], counts: Sequence[int], signed: bool) -> Tensor:
    size = sum(score.numel() for score in scores)
    return torch.empty(size, dtype=torch.bool, device=scores[0].device)


@torch.library.custom_op(
    "pemn::fill_each",
    mutates_args=(),
    schema="(Tensor mask, int[] sizes, Tensor values, int[] offsets, float[] scales) -> Tensor",
)
def fill_each(
    mask: Tensor,
    sizes: Sequence[int],
    values: Tensor,
    offsets: Sequence[int],
    scales: Sequence[float],
) -> Tensor:
    """Return the flat masked weights: scale x values[(offset + i) mod length], or +0.0."""
    from pemn_compress.masking.at_once import kernels

    table = rows_of(tuple(sizes), mask.device)
    made = torch.empty(mask.numel(), dtype=torch.float32, device=mask.device)
    kernels.fill[(len(table),)](
        mask.view(torch.uint8), made, made, made, table, values, values.numel(),
        places_of(tuple(offsets), mask.device), places_of(tuple(scales), mask.device),
        BACKWARD=False, BY_MAGNITUDE=False, BLOCK=BLOCK,
    )  # fmt: skip
    return made


@fill_each.register_fake
def _(
    mask: Tensor,
    sizes: Sequence[int],
    values: Tensor,
    offsets: Sequence[int],
    scales: Sequence[float],
) -> Tensor:
    return torch.empty(mask.numel(), dtype=torch.float32, device=mask.device)


@torch.library.custom_op(
    "pemn::fill_each_backward",
    mutates_args=(),
    schema="(Tensor[] gradients, Tensor[] scores, Tensor values, int[] offsets, float[] scales)"
    " -> Tensor",
)
def fill_each_backward(
    gradients: Sequence[Tensor],
    scores: Sequence[Tensor],
    values: Tensor,
    offsets: Sequence[int],
    scales: Sequence[float],
) -> Tensor:
    """Return the scores' flat gradients: dL/dw x fixed weight, x sign(score) if there are any."""
    from pemn_compress.masking.at_once import kernels

    flat = _flat(gradients)
    ranked = _flat(scores) if scores else flat
    table = rows_of(tuple(gradient.numel() for gradient in gradients), flat.device)
    made = torch.empty_like(flat)
    kernels.fill[(len(table),)](
        made, flat, ranked, made, table, values, values.numel(),
        places_of(tuple(offsets), flat.device), places_of(tuple(scales), flat.device),
        BACKWARD=True, BY_MAGNITUDE=bool(scores), BLOCK=BLOCK,
    )  # fmt: skip
    return made


@fill_each_backward.register_fake
def _(
    gradients: Sequence[Tensor],
    scores: Sequence[Tensor],
    values: Tensor,
    offsets: Sequence[int],
    scales: Sequence[float],
) -> Tensor:
    size = sum(gradient.numel() for gradient in gradients)
    return torch.empty(size, dtype=torch.float32, device=gradients[0].device)


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().float().reshape(-1) for tensor in tensors])
