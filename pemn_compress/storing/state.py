"""The state that a masked or pruned model stands for, without making a model of it.

A copy of a user's module is not always possible (activations that it keeps, functions that lead
back to the original), and is never what a reader will have.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pemn_compress.errors import ArchiveError, ModelError
from pemn_compress.format.archive import fields
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.selection import owner_of
from pemn_compress.masking.sharding import gathered
from pemn_compress.storing.tensors import CODES, TORCH_DTYPES


def state_of(masked: MaskedModel | PrunedModel) -> dict[str, Tensor]:
    """Return the state dict of the plain model: own copies, in the plain model's order.

    The names of one tensor, tied weights and buffers held twice, lead to one and the same tensor.
    Raises ModelError for state that an archive cannot hold: what is no tensor, has no element, or
    is of a dtype that the format has not.
    """
    with torch.no_grad():
        weights = masked.weights()
    copies: dict[int, Tensor] = {}
    state: OrderedDict[str, Tensor] = OrderedDict()
    with in_place(masked, weights) as model:
        own = model.state_dict(keep_vars=True)
        # its modules' versions: some take a state without them for one of years ago
        state._metadata = getattr(own, "_metadata", None)  # type: ignore[attr-defined]
        for name, tensor in own.items():
            _check(name, tensor)
            if id(tensor) not in copies:
                copies[id(tensor)] = gathered(tensor.detach()).clone()
            state[name] = copies[id(tensor)]
    return state


@contextmanager
def in_place(
    masked: MaskedModel | PrunedModel, weights: Mapping[str, Tensor] | None = None
) -> Iterator[nn.Module]:
    """Lend the user's model its weights as parameters; without any, parameters without memory.

    Between two passes of other threads.
    """
    places = []
    for tensor in masked.plan:
        if weights is None:
            made = torch.empty(tensor.shape, dtype=TORCH_DTYPES[tensor.dtype], device="meta")
        else:
            made = weights[tensor.name].detach()
        parameter = nn.Parameter(made, requires_grad=False)
        places += [
            (*owner_of(masked.model, name), parameter) for name in (tensor.name, *tensor.aliases)
        ]
    with masked.between_passes():
        try:
            for owner, leaf, parameter in places:
                owner._parameters[leaf] = parameter
            yield masked.model
        finally:
            for owner, leaf, _ in places:
                owner._parameters[leaf] = None


def _check(name: str, tensor: object) -> None:
    try:
        fields.name(name, f"{name!r:.80}")
    except ArchiveError as error:
        raise ModelError(f"{error}: rename the module, or the key in its ModuleDict") from None
    if not isinstance(tensor, Tensor):
        module = name.removesuffix("_extra_state").rstrip(".") or "the model itself"
        raise ModelError(
            f"{name}: expected state of tensors, got {type(tensor).__name__}, which no archive "
            f"holds: let get_extra_state() of {module} return a tensor, or register a buffer"
        )
    if tensor.dtype not in CODES:
        raise ModelError(
            f"{name}: expected state of tensors ({', '.join(CODES.values())}), got {tensor.dtype}, "
            "which no archive holds: keep it as two real tensors, or, where it can be computed "
            "anew, as a buffer that is not persistent"
            if tensor.dtype.is_complex
            else f"{name}: expected state of tensors ({', '.join(CODES.values())}), got "
            f"{tensor.dtype}, which no archive holds: convert it"
        )
    if not tensor.numel():
        raise ModelError(
            f"{name}: expected dimensions of at least 1, got shape {tuple(tensor.shape)}: an "
            "archive holds no tensor without elements: register it as a buffer that is not "
            "persistent"
        )
