"""From a masked model to an archive, and from an archive to a plain model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pemn_compress import architecture as architectures
from pemn_compress import codecs, shrinking
from pemn_compress.archive import (
    AliasTensor,
    Archive,
    DenseTensor,
    Limits,
    MaskedTensor,
    Plane,
    Prototype,
    encode,
    open_archive,
)
from pemn_compress.archive.records import Alias
from pemn_compress.archive.values import tensor_bytes
from pemn_compress.archive.writer import Content
from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.errors import ArchiveError, ModelError, SettingError
from pemn_compress.masked_model import MaskedModel
from pemn_compress.masks import binary_scale, tile
from pemn_compress.search import SEARCHES
from pemn_compress.search.iterand import value_stream
from pemn_compress.shrinking import DENSE_DTYPES, check_dense_dtype, round_dense
from pemn_compress.strategies import DISTRIBUTIONS, Settings
from pemn_compress.version import __version__

_TORCH_DTYPES = {
    "bool": torch.bool, "u8": torch.uint8, "i8": torch.int8, "i16": torch.int16,
    "i32": torch.int32, "i64": torch.int64, "bf16": torch.bfloat16, "f16": torch.float16,
    "f32": torch.float32, "f64": torch.float64,
}  # fmt: skip
_CODES = {dtype: code for code, dtype in _TORCH_DTYPES.items()}


def pack(
    masked: MaskedModel,
    *,
    codec: str = codecs.AUTO,
    store_prototype: bool = False,
    dense_dtype: str = "float32",
    fold_batchnorm: bool = False,
    architecture: Mapping[str, Any] | None = None,
    source: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the archive of a masked model.

    `codec` is "bitmap", "csr", "rice" or "auto" (the smallest, tensor by tensor);
    `store_prototype` writes the prototype's values instead of its seed. `dense_dtype` ("float16",
    "bfloat16") and `fold_batchnorm` make what is not masked smaller, and change it a little: the
    model that is stored is then `shrunk(masked, ...)`. `architecture` and
    `source` say how to build the model again (`architecture.py`); by default what
    `pemn_compress.build` left on the model. `about` is informative.

    Every restored tensor is compared, bit for bit, with the model's own before the bytes are
    returned. Raises ModelError for a model whose state cannot be stored, UnknownNameError for a
    codec.
    """
    check_store_prototype(masked.settings, store_prototype)
    plain = shrunk(masked, dense_dtype=dense_dtype, fold_batchnorm=fold_batchnorm)
    contents = _contents(masked, plain, DENSE_DTYPES[dense_dtype])
    filling, settings = masked.filling, masked.settings
    prototype = Prototype(
        filling.transform,
        filling.prototype(settings.seed),
        None if store_prototype else settings.seed,
        masked.shuffle,
    )
    told = {"settings": settings.told(), "writer": f"pemn-compress {__version__}"}
    packed = encode(
        contents,
        prototype,
        codec=codec,
        architecture=architecture or architectures.architecture_of(masked.model),
        about=told | dict(about or {}),
        source=source,
    )
    _compare(packed, plain)
    return packed


def check_store_prototype(settings: Settings, store_prototype: bool) -> None:
    """Refuse to store a prototype by value where values were drawn that are not in it.

    Raises SettingError.
    """
    values_count = not (
        SEARCHES[settings.search].binary or DISTRIBUTIONS[settings.distribution][0] == "sign"
    )
    if store_prototype and settings.renewal == "iterand" and values_count:
        raise SettingError(
            "store_prototype leaves out the seed, which renewal iterand draws values from: "
            "expected a seed, or renewal recycle, or distribution signed-constant"
        )


def shrunk(
    masked: MaskedModel, *, dense_dtype: str = "float32", fold_batchnorm: bool = False
) -> nn.Module:
    """Return the plain model that an archive with these options holds; see `shrinking`."""
    check_dense_dtype(dense_dtype)
    plain = masked.to_plain()
    if fold_batchnorm:
        shrinking.fold_batchnorm(plain)
    names = (name for tensor in masked.plan for name in (tensor.name, *tensor.aliases))
    round_dense(plain, frozenset(names), dense_dtype)
    return plain


def save(
    masked: MaskedModel,
    path: str | Path,
    *,
    force: bool = False,
    codec: str = codecs.AUTO,
    store_prototype: bool = False,
    dense_dtype: str = "float32",
    fold_batchnorm: bool = False,
    architecture: Mapping[str, Any] | None = None,
    source: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> Path:
    """Write the archive of a masked model, whole or not at all; `pack` explains the arguments.

    Raises OutputError when `path` exists (unless `force`) or cannot be written, and what `pack`
    raises.
    """
    path = Path(path)
    check_output(path, force=force)
    packed = pack(
        masked,
        codec=codec,
        store_prototype=store_prototype,
        dense_dtype=dense_dtype,
        fold_batchnorm=fold_batchnorm,
        architecture=architecture,
        source=source,
        about=about,
    )
    write_bytes(path, packed, force=force)
    return path


def load(
    source: str | Path | bytes,
    *,
    model: nn.Module | None = None,
    trust_source: bool = False,
    limits: Limits | None = None,
) -> nn.Module:
    """Return the plain nn.Module that an archive holds, in evaluation mode, on the CPU.

    A registered architecture is built from its name and arguments. For any other give the `model`
    to fill, or `trust_source=True` to run the model file that travels in the archive: that is
    running somebody's program. Nothing else in an archive is ever run.

    Raises ArchiveError for a broken archive, ModelError when the model cannot be built or does not
    match.
    """
    with open_archive(source, limits) as archive:
        return restore_module(archive, model=model, trust_source=trust_source)


def restore_module(
    archive: Archive, *, model: nn.Module | None = None, trust_source: bool = False
) -> nn.Module:
    """Return the plain model of an open archive; see `load`."""
    state = state_dict(archive)

    def check(candidate: nn.Module) -> None:
        _check_match(candidate, state, archive.name)

    if model is None:
        model = architectures.build_from_archive(archive, trust_source=trust_source, check=check)
    check(model)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:  # memory that cannot be written to, or hooks of the model's own
        reason = " ".join(str(error).split())
        raise ModelError(f"{archive.name}: the model does not take its state: {reason}") from None
    return model.eval()


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
        array = arrays[record.name]
        tensor = torch.from_numpy(array if array.flags.writeable else np.array(array))
        state[record.name] = tensor.view(torch.bfloat16) if record.dtype == "bf16" else tensor
    return state


def _masked_tensor(masked: MaskedModel, index: int, mask: Tensor) -> MaskedTensor:
    """Return what the archive holds of a masked tensor: mask, scale, and how values were renewed.

    Where only signs are left of the values (binary weights, a signed constant) a sign plane says
    all that a renewal changed, in at most one bit a kept weight.
    """
    tensor, fill, binary = masked.plan.tensors[index], masked.fill(index), masked.search.binary
    scale, plane = fill.scale, None
    if binary:
        scale = float(binary_scale(tile(fill.values, fill.offset, tensor.shape, scale), mask))
    if masked.renewal is not None:
        if binary or masked.filling.transform == "sign":
            plane = Plane("sign", masked.renewal.negated(index, masked.prototype).cpu().numpy())
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
    )


def _contents(masked: MaskedModel, plain: nn.Module, narrow: str | None) -> list[Content]:
    masks = masked.masks()
    placed = {
        tensor.name: _masked_tensor(masked, index, masks[tensor.name])
        for index, tensor in enumerate(masked.plan)
    }
    contents: list[Content] = []
    first: dict[int, str] = {}
    for name, tensor in plain.state_dict(keep_vars=True).items():
        if not isinstance(tensor, Tensor) or tensor.dtype not in _CODES:
            raise ModelError(
                f"{name}: expected state of tensors ({', '.join(_CODES.values())}), got "
                f"{tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__}"
            )
        if id(tensor) in first:
            contents.append(AliasTensor(name, first[id(tensor)]))
            continue
        first[id(tensor)] = name
        dense = DenseTensor(name, _CODES[tensor.dtype], _array(tensor), narrow)
        contents.append(placed.get(name) or dense)
    return contents


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
        return tensor.numpy().view(np.uint16)
    array: np.ndarray[Any, Any] = tensor.numpy()
    return array


def _compare(packed: bytes, plain: nn.Module) -> None:
    """Read the archive back, by the format's own arithmetic, and compare it with torch's."""
    state = plain.state_dict()
    with open_archive(packed, Limits(1 << 62, 1 << 62)) as archive:
        for record, array in archive.tensors():
            if bytes(tensor_bytes(array)) != bytes(tensor_bytes(_array(state[record.name]))):
                raise ArchiveError(
                    f"tensor {record.name!r}: expected the model's own bits back from the archive, "
                    "got others: this is a bug, nothing was written"
                )


def _check_match(model: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    own = model.state_dict()
    missing = [key for key in state if key not in own]
    extra = [key for key in own if key not in state]
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
    for key, tensor in state.items():
        expected = (tuple(tensor.shape), tensor.dtype)
        got = (tuple(own[key].shape), own[key].dtype)
        if expected != got:
            raise ModelError(
                f"{name}: the model does not match: tensor {key!r}: expected shape "
                f"{expected[0]} of {expected[1]}, got {got[0]} of {got[1]}"
            )
