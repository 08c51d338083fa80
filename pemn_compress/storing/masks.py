"""Masked tensors as an archive stores them: positions, scale, departures from the seed."""

from torch import Tensor

from pemn_compress.format.archive import MaskedTensor, Plane
from pemn_compress.format.archive.contents import Content
from pemn_compress.format.archive.records import Frozen
from pemn_compress.masking.frozen import record_of
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.search import edge_popup
from pemn_compress.masking.search.iterand import value_stream
from pemn_compress.masking.straight_through import binary_scale, tile


def masked_contents(masked: MaskedModel, *, later: bool) -> dict[str, Content]:
    """Return what an archive holds of every masked tensor, by its name; `later` allows 1.1."""
    masks = masked.masks()
    return {
        tensor.name: _masked_tensor(masked, index, masks[tensor.name], later=later)
        for index, tensor in enumerate(masked.plan)
    }


def _masked_tensor(masked: MaskedModel, index: int, mask: Tensor, *, later: bool) -> MaskedTensor:
    """Return what the archive holds of a masked tensor: mask, scale, and how values were renewed.

    Where only signs are left of the values (binary weights, a signed constant) a sign plane says
    all that a renewal changed, in at most one bit a kept weight. `later` says that readers know
    format 1.1, in which frozen weights cost nothing.
    """
    tensor, fill, binary = masked.plan.tensors[index], masked.fill(index), masked.search.binary
    scale, plane = masked.scale(index), None
    if binary:
        fixed = tile(fill.values, fill.offset, tensor.shape, fill.scale)
        scale = float(binary_scale(fixed, mask))
    if masked.search.learns_signs:
        plane = Plane("sign", masked.negated(index).cpu().numpy())
    elif masked.renewal is not None:
        if binary or masked.filling.transform == "sign":
            plane = Plane("sign", masked.negated(index).cpu().numpy())
        else:
            numbers = masked.renewal.numbers(index).cpu().numpy()
            plane = Plane(masked.renewal.kind, numbers, value_stream(index))
    return MaskedTensor(
        tensor.name,
        tensor.dtype,
        mask.cpu().numpy(),
        masked.filling.offsets[index],
        scale,
        binary,
        plane,
        frozen=_frozen(masked, index) if later else None,
        first_scores=_first_scores(masked, index),
    )


def _frozen(masked: MaskedModel, index: int) -> Frozen | None:
    """Return which weights keep their seeded value, as a count and the stream that chooses them."""
    kept = masked.frozen(index)
    if kept is None:
        return None
    return record_of(masked.settings, index, int(kept.sum()))


def _first_scores(masked: MaskedModel, index: int) -> tuple[int, int] | None:
    """Return the seed and stream of the scores whose magnitudes a tensor's first mask came from."""
    settings = masked.settings
    if not masked.is_predicted:
        return None
    seed = settings.seed if settings.score_seed is None else settings.score_seed
    return seed, edge_popup.SCORE_STREAMS + index
