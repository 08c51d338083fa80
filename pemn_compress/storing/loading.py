"""From an archive to a plain model: all its tensors at once, or its masked weights kept packed."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError
from pemn_compress.format.archive import Archive, Limits, open_archive
from pemn_compress.format.archive.records import Alias
from pemn_compress.masking.selection import owner_of
from pemn_compress.models import building as architectures
from pemn_compress.storing.on_demand import PackedWeights, pack_weights
from pemn_compress.storing.tensors import TORCH_DTYPES, as_tensor


def load(
    source: str | Path | bytes,
    *,
    model: nn.Module | None = None,
    trust_source: bool = False,
    limits: Limits | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    packed: bool = False,
) -> nn.Module:
    """Return the plain nn.Module that an archive holds, in evaluation mode.

    A registered architecture is built from its name and arguments. For any other give the `model`
    to fill, or `trust_source=True` to run the model file that travels in the archive: that is
    running somebody's program. Nothing else in an archive is ever run.

    Every tensor goes to `device`, floating-point ones in `dtype` (None: as they are). With `packed`
    the masked weights stay packed and each is made while it is used: some 1/25 of the fp32 memory
    at density 0.5, the same outputs bit for bit, and slower; for inference, under
    `torch.no_grad()`.

    Raises ArchiveError for a broken archive, ModelError when the model cannot be built or does not
    match.
    """
    if packed:  # the model keeps the archive open
        archive = open_archive(source, limits)
        return packed_module(archive, model, trust_source, device=device, dtype=dtype)
    with open_archive(source, limits) as archive:
        return restore_module(
            archive, model=model, trust_source=trust_source, device=device, dtype=dtype
        )


def restore_module(
    archive: Archive,
    *,
    model: nn.Module | None = None,
    trust_source: bool = False,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
) -> nn.Module:
    """Return the plain model of an open archive; see `load`."""
    state = state_dict(archive)
    model = _matching(archive, model, trust_source)
    _fill(model, state, archive)
    return model.to(device, dtype).eval()


def packed_module(
    archive: Archive,
    model: nn.Module | None,
    trust_source: bool,
    *,
    device: torch.device | str,
    dtype: torch.dtype | None,
) -> nn.Module:
    """Return the model of an open archive with its masked weights packed; see `load`.

    The archive's digests are checked, tensor by tensor, before the model is handed out; the archive
    stays open as long as the model lives.
    """
    model = _matching(archive, model, trust_source)
    weights = PackedWeights(archive, dtype, torch.device(device))
    stay = set(weights.names())
    dense: dict[str, Tensor] = {}
    for record, array in archive.checked_tensors():
        if record.name not in stay:
            dense[record.name] = as_tensor(array, record.dtype)
    for record in archive.manifest.tensors:
        if isinstance(record.values, Alias) and record.name not in stay:
            dense[record.name] = dense[record.values.of]
    _fill(pack_weights(model, weights), dense, archive)
    return model.to(device, dtype).eval()


def _matching(archive: Archive, model: nn.Module | None, trust_source: bool) -> nn.Module:
    """Return the given model, or the one that the archive describes, if it fits the tensors."""

    def check(candidate: nn.Module) -> None:
        _check_match(candidate, archive)

    if model is None:
        model = architectures.build_from_archive(archive, trust_source=trust_source, check=check)
    check(model)
    return model


def _fill(model: nn.Module, state: Mapping[str, Tensor], archive: Archive) -> None:
    """Give a model its state; one without memory takes the tensors themselves."""
    without_memory = any(tensor.is_meta for tensor in model.state_dict().values())
    try:
        model.load_state_dict(state, assign=without_memory)
    except RuntimeError as error:  # memory that cannot be written to, or hooks of the model's own
        reason = " ".join(str(error).split())
        raise ModelError(f"{archive.name}: the model does not take its state: {reason}") from None
    if without_memory:  # every name got a parameter of its own: tie those that share a tensor
        first: dict[int, str] = {}
        for name, tensor in state.items():
            earlier = first.setdefault(id(tensor), name)
            if earlier != name:
                (owner, leaf), (source, source_leaf) = (
                    owner_of(model, name),
                    owner_of(model, earlier),
                )
                setattr(owner, leaf, getattr(source, source_leaf))


def state_dict(archive: Archive) -> dict[str, Tensor]:
    """Return the restored tensors under the model's own names, aliases as the same tensor.

    The restored digest of the manifest is checked. Raises ArchiveError.
    """
    arrays = archive.restored()
    state: dict[str, Tensor] = {}
    for record in archive.manifest.tensors:
        if isinstance(record.values, Alias):
            state[record.name] = state[record.values.of]
            continue
        state[record.name] = as_tensor(arrays[record.name], record.dtype)
    return state


def _check_match(model: nn.Module, archive: Archive) -> None:
    own, name = model.state_dict(), archive.name
    records = {record.name: record for record in archive.manifest.tensors}
    missing = [key for key in records if key not in own]
    extra = [key for key in own if key not in records]
    if missing or extra:
        parts = [
            f"{len(keys)} {what} (such as {keys[0]!r})"
            for keys, what in (
                (missing, "tensors of the archive that the model lacks"),
                (extra, "tensors of the model that the archive lacks"),
            )
            if keys
        ]
        raise ModelError(f"{name}: the model does not match: {' and '.join(parts)}")
    for key, record in records.items():
        expected = (record.shape, TORCH_DTYPES[record.dtype])
        got = (tuple(own[key].shape), own[key].dtype)
        if expected != got:
            raise ModelError(
                f"{name}: the model does not match: tensor {key!r}: expected shape "
                f"{expected[0]} of {expected[1]}, got {got[0]} of {got[1]}"
            )
