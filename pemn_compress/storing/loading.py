"""From an archive to a plain model: all its tensors at once, or its masked weights kept packed."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError, PemnWarning, SettingError
from pemn_compress.format.archive import Archive, Limits, open_archive
from pemn_compress.format.archive.records import GRAPH, SOURCE, Alias
from pemn_compress.kinds import check_truth
from pemn_compress.models.bounds import bounded
from pemn_compress.models.building import build_from_archive, build_from_file, seed_of
from pemn_compress.models.modelfile import ModelFile
from pemn_compress.storing.filling import check_match, fill, holds_already, unwrapped
from pemn_compress.storing.graphs.building import build_from_graph
from pemn_compress.storing.on_demand import PackedWeights, pack_weights, take_out
from pemn_compress.storing.tensors import as_tensor


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

    A registered architecture is built from its name and arguments. Any other is the graph of what
    it computes in evaluation mode, where the archive holds one: operators of a closed list, no
    code. Else give the `model` to fill, built anew (on torch's meta device too, where the archive
    holds all of it), or `trust_source=True` to run the model file that travels in the archive: that
    is running somebody's program. Nothing else in an archive is ever run. Of a model inside
    DistributedDataParallel, DataParallel or torch.compile's wrapper the inner one is returned.

    Every tensor goes to `device`, floating-point ones in `dtype` (None: as they are). With `packed`
    the masked weights stay packed and each is made while it is used: some 1/25 of the fp32 memory
    at density 0.5, the same outputs bit for bit, and slower; for inference, under
    `torch.no_grad()`.

    Warns where `model` holds all of the archive already: then it is the trained one, or a copy,
    and filling it shows nothing about what another will get.

    Raises ArchiveError for a broken archive, ModelError when the model cannot be built or does not
    match.
    """
    check_truth(packed=packed)
    with open_archive(source, limits) as archive:
        if model is not None:
            model = unwrapped(model)
            warn_of_trained(model, archive)
        if packed:
            return packed_module(archive, source, model, trust_source, device=device, dtype=dtype)
        return restore_module(
            archive, model=model, trust_source=trust_source, device=device, dtype=dtype
        )


def warn_of_trained(model: nn.Module, archive: Archive) -> None:
    """Say that a model to fill holds all of the archive before it is filled."""
    if holds_already(model, archive):
        warnings.warn(
            f"{archive.name}: the {type(model).__name__} given to be filled holds all of the "
            "archive already: what it computes may come from more than the archive; a model built "
            "anew shows what others will get",
            PemnWarning,
            stacklevel=3,
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
    check_destination(device, dtype)
    model = _matching(archive, model, trust_source)
    fill(model, state_dict(archive), archive)
    return model.to(device, dtype).eval()


def packed_module(
    archive: Archive,
    source: str | Path | bytes,
    model: nn.Module | None,
    trust_source: bool,
    *,
    device: torch.device | str,
    dtype: torch.dtype | None,
) -> nn.Module:
    """Return the model of an open archive with its masked weights packed; see `load`.

    The archive's digests are checked, tensor by tensor, before the model is handed out. `source` is
    what the archive was opened from.
    """
    check_destination(device, dtype)
    model = _matching(archive, model, trust_source)
    weights = PackedWeights(archive, source)
    owned, stay = take_out(model, weights), set(weights.names())
    dense: dict[str, Tensor] = {}
    for record, array in archive.checked_tensors():
        if record.name not in stay:
            dense[record.name] = as_tensor(array, record.dtype)
    for record in archive.manifest.tensors:
        if isinstance(record.values, Alias) and record.name not in stay:
            dense[record.name] = dense[record.values.of]
    fill(model, dense, archive)
    pack_weights(owned, weights)
    return model.to(device, dtype).eval()


def check_destination(device: torch.device | str, dtype: torch.dtype | None) -> None:
    """Refuse a device that is not there, and a dtype that weights cannot have. SettingError."""
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise SettingError(
            f"dtype: expected a floating-point torch.dtype, or None to keep each tensor's own, "
            f"got {dtype!r}"
        )
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError, ValueError):  # which depends on the device
        there = [
            name
            for name, backend in (("cuda", torch.cuda), ("mps", torch.backends.mps))
            if backend.is_available()
        ]
        raise SettingError(
            f"device {str(device)!r}: expected one that this machine has: "
            f"{', '.join(['cpu', *there])}"
        ) from None


def build_to_fill(archive: Archive, file: ModelFile | None) -> nn.Module | None:
    """Build the module of a user's own model file for an archive; None without a file.

    Where the archive's own model came from a file, this one's `build_model` is called with the
    same arguments. Raises ModelError, for arguments that make no sense too.
    """
    if file is None:
        return None
    told = archive.manifest.architecture
    of_file = told.get("kind") == "source"
    variant: dict[str, Any] = {key: told[key] for key in ("batchnorm", "bias") if key in told}
    arguments = told.get("arguments", {}) if of_file else {}
    reserved = {"file", "build_seed", "batchnorm", "bias"}
    taken = isinstance(arguments, dict) and not arguments.keys() & reserved
    if not taken or not all(isinstance(value, bool | str) for value in variant.values()):
        raise ModelError(
            f"{archive.name}: its architecture: expected arguments by name and a variant of "
            "batch-norm and biases, got others: the archive was not made by this package"
        )
    if of_file:
        variant["build_seed"] = seed_of(told)
    if not arguments:  # nothing that a stranger could have chosen
        return build_from_file(file, **variant)
    with bounded(archive, f"{archive.name}: {file.path}"):
        return build_from_file(file, **(arguments | variant))


def _matching(archive: Archive, model: nn.Module | None, trust_source: bool) -> nn.Module:
    """Return the given model, or the one that the archive describes, if it fits the tensors."""
    check_truth(trust_source=trust_source)

    def check(candidate: nn.Module) -> None:
        check_match(candidate, archive)

    if model is not None and archive.manifest.architecture.get("kind") == GRAPH:
        raise ModelError(
            f"{archive.name}: its model kept state outside its state dict, so that only the graph "
            "in the archive computes what it did: expected no model to fill, got one"
        )
    if model is None:
        if _by_graph(archive, trust_source):
            model = build_from_graph(archive)
        else:
            model = build_from_archive(archive, trust_source=trust_source, check=check)
    model = unwrapped(model)
    check(model)
    return model


def _by_graph(archive: Archive, trust_source: bool) -> bool:
    """Tell whether an archive's model is made of its graph: not where it can be built as it was."""
    if GRAPH not in archive.section_offsets:
        return False
    kind = archive.manifest.architecture.get("kind")
    trusted = trust_source and SOURCE in archive.section_offsets
    return kind != "registered" and not (kind == "source" and trusted)


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
