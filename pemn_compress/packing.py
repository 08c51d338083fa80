"""From a masked model to an archive."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pemn_compress import architecture as architectures
from pemn_compress import codecs, shrinking
from pemn_compress.archive import (
    AliasTensor,
    DenseTensor,
    Limits,
    MaskedTensor,
    Prototype,
    encode,
    open_archive,
)
from pemn_compress.archive.values import tensor_bytes
from pemn_compress.archive.writer import Content
from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.errors import ArchiveError, ModelError
from pemn_compress.masked_model import MaskedModel
from pemn_compress.shrinking import DENSE_DTYPES, check_dense_dtype, round_dense
from pemn_compress.tensors import CODES, as_array
from pemn_compress.version import __version__


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
    plain = shrunk(masked, dense_dtype=dense_dtype, fold_batchnorm=fold_batchnorm)
    contents = _contents(masked, plain, DENSE_DTYPES[dense_dtype])
    filling, settings = masked.filling, masked.settings
    prototype = Prototype(
        filling.transform,
        masked.prototype.cpu().numpy(),
        None if store_prototype else settings.seed,
    )
    told: dict[str, Any] = {"settings": asdict(settings), "writer": f"pemn-compress {__version__}"}
    if settings.strategy != "rp":
        del told["settings"]["ratio"]
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


def _contents(masked: MaskedModel, plain: nn.Module, narrow: str | None) -> list[Content]:
    masks = masked.masks()
    placed = {
        tensor.name: MaskedTensor(
            tensor.name,
            tensor.dtype,
            masks[tensor.name].cpu().numpy(),
            masked.filling.offsets[index],
            masked.filling.scales[index],
        )
        for index, tensor in enumerate(masked.plan)
    }
    contents: list[Content] = []
    first: dict[int, str] = {}
    for name, tensor in plain.state_dict(keep_vars=True).items():
        if not isinstance(tensor, Tensor) or tensor.dtype not in CODES:
            raise ModelError(
                f"{name}: expected state of tensors ({', '.join(CODES.values())}), got "
                f"{tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__}"
            )
        if id(tensor) in first:
            contents.append(AliasTensor(name, first[id(tensor)]))
            continue
        first[id(tensor)] = name
        dense = DenseTensor(name, CODES[tensor.dtype], as_array(tensor), narrow)
        contents.append(placed.get(name) or dense)
    return contents


def _compare(packed: bytes, plain: nn.Module) -> None:
    """Read the archive back, by the format's own arithmetic, and compare it with torch's."""
    state = plain.state_dict()
    with open_archive(packed, Limits(1 << 62, 1 << 62)) as archive:
        for record, array in archive.tensors():
            if bytes(tensor_bytes(array)) != bytes(tensor_bytes(as_array(state[record.name]))):
                raise ArchiveError(
                    f"tensor {record.name!r}: expected the model's own bits back from the archive, "
                    "got others: this is a bug, nothing was written"
                )
