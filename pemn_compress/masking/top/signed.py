"""The top of a tensor's scores where signs count: IteRand's ranking, and that of probabilities."""

from torch import Tensor

from pemn_compress.masking.top.operators import operator
from pemn_compress.masking.top.ranked import top_of
from pemn_compress.masking.top.threshold import as_array, as_mask, top_on_device


def top_signed(scores: Tensor, count: int) -> Tensor:
    """Return the bool mask, shaped like `scores`, of its `count` largest values, signs counting.

    As `top_mask` in all else: exact, ties to the lower index, TrainingError for NaN on the CPU.
    """
    mask: Tensor = _operator(scores, count)
    return mask


def _top_signed_cpu(scores: Tensor, count: int) -> Tensor:
    return as_mask(top_of(as_array(scores), count, scores.data_ptr()), scores)


def _top_signed_device(scores: Tensor, count: int) -> Tensor:
    return top_on_device(scores.detach().float(), count)


_operator = operator("top_signed", _top_signed_cpu, _top_signed_device)
