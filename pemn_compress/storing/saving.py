"""From a masked or a pruned model to an archive."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.errors import ArchiveError, ModelError, SettingError
from pemn_compress.format import codecs
from pemn_compress.format.archive import (
    AliasTensor,
    DenseTensor,
    Limits,
    MaskedTensor,
    Plane,
    Prototype,
    encode,
    open_archive,
)
from pemn_compress.format.archive.contents import Content
from pemn_compress.format.archive.values import tensor_bytes
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.rules.pruning import check_storage
from pemn_compress.masking.rules.strategies import DISTRIBUTIONS, Settings
from pemn_compress.masking.search import SEARCHES
from pemn_compress.masking.search.iterand import value_stream
from pemn_compress.masking.straight_through import binary_scale, tile
from pemn_compress.masking.wrappers import unwrapped
from pemn_compress.models import building as architectures
from pemn_compress.storing import shrinking
from pemn_compress.storing.shrinking import DENSE_DTYPES, check_dense_dtype, round_dense
from pemn_compress.storing.tensors import CODES, as_array
from pemn_compress.storing.trained import store_values
from pemn_compress.version import __version__


def pack(
    masked: MaskedModel | PrunedModel,
    *,
    codec: str = codecs.AUTO,
    store_prototype: bool = False,
    dense_dtype: str = "float32",
    fold_batchnorm: bool = False,
    value_dtype: str = "float32",
    zstd: bool = True,
    tensor_digests: bool = False,
    architecture: Mapping[str, Any] | None = None,
    source: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the archive of a masked model, or of a pruned one.

    `codec` is "bitmap", "csr", "rice" or "auto" (the smallest, tensor by tensor);
    `store_prototype` writes the prototype's values instead of its seed. `dense_dtype` ("float16",
    "bfloat16") and `fold_batchnorm` make what is not masked smaller, and `value_dtype` (one of
    `pruning.VALUE_DTYPES`) the trained weights of a pruned model; they change it a little: the
    model that is stored is then `shrunk(masked, ...)`. `architecture` and
    `source` say how to build the model again (`architecture.py`); by default what
    `pemn_compress.build` left on the model. `about` is informative.

    `zstd=False` compresses nothing: large tensors can be mapped into memory, and the bytes do not
    depend on a compressor's version. `tensor_digests` lets one tensor be read without the others.

    Every restored tensor is compared, bit for bit, with the model's own before the bytes are
    returned. Raises ModelError for a model whose state cannot be stored or whose pruning is not
    finished, SettingError (UnknownNameError) for a way of storing that there is not.
    """
    masked = unwrapped(masked)
    check_storage(
        masked.settings.strategy, store_prototype=store_prototype, value_dtype=value_dtype
    )
    if isinstance(masked, MaskedModel):
        check_store_prototype(masked.settings, store_prototype)
    elif not masked.is_finished:
        raise ModelError(
            f"pruning is not finished: expected density {masked.settings.density:g}, got "
            f"{masked.density:g}; call set_progress(steps done / steps in all) after every step"
        )
    plain, placed = _shrink(masked, dense_dtype, fold_batchnorm, value_dtype)
    contents = _contents(plain, placed, DENSE_DTYPES[dense_dtype])
    prototype = None
    told: dict[str, Any] = {"writer": f"pemn-compress {__version__}"}
    if isinstance(masked, PrunedModel):
        told["settings"] = masked.settings.told() | {"value_dtype": value_dtype}
    else:
        filling, settings = masked.filling, masked.settings
        prototype = Prototype(
            filling.transform,
            filling.prototype(settings.seed),
            None if store_prototype else settings.seed,
            masked.shuffle,
        )
        told["settings"] = settings.told()
    packed = encode(
        contents,
        prototype,
        codec=codec,
        compress=zstd,
        tensor_digests=tensor_digests,
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
    masked: MaskedModel | PrunedModel,
    *,
    dense_dtype: str = "float32",
    fold_batchnorm: bool = False,
    value_dtype: str = "float32",
) -> nn.Module:
    """Return the plain model that an archive with these options holds; see `shrinking`."""
    return _shrink(unwrapped(masked), dense_dtype, fold_batchnorm, value_dtype)[0]


def _shrink(
    masked: MaskedModel | PrunedModel, dense_dtype: str, fold_batchnorm: bool, value_dtype: str
) -> tuple[nn.Module, dict[str, Content]]:
    """Return the plain model to store, and the contents that its planned tensors become."""
    check_dense_dtype(dense_dtype)
    plain = masked.to_plain()
    if fold_batchnorm:
        shrinking.fold_batchnorm(plain)
    names = (name for tensor in masked.plan for name in (tensor.name, *tensor.aliases))
    round_dense(plain, frozenset(names), dense_dtype)
    if isinstance(masked, PrunedModel):
        return plain, store_values(masked, plain, value_dtype)
    return plain, _masked_contents(masked)


def save(
    masked: MaskedModel | PrunedModel,
    path: str | Path,
    *,
    force: bool = False,
    codec: str = codecs.AUTO,
    store_prototype: bool = False,
    dense_dtype: str = "float32",
    fold_batchnorm: bool = False,
    value_dtype: str = "float32",
    zstd: bool = True,
    tensor_digests: bool = False,
    architecture: Mapping[str, Any] | None = None,
    source: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> Path:
    """Write the archive of a masked or pruned model, whole or not at all, as `pack` explains.

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
        value_dtype=value_dtype,
        zstd=zstd,
        tensor_digests=tensor_digests,
        architecture=architecture,
        source=source,
        about=about,
    )
    write_bytes(path, packed, force=force)
    return path


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


def _masked_contents(masked: MaskedModel) -> dict[str, Content]:
    masks = masked.masks()
    return {
        tensor.name: _masked_tensor(masked, index, masks[tensor.name])
        for index, tensor in enumerate(masked.plan)
    }


def _contents(plain: nn.Module, placed: Mapping[str, Content], narrow: str | None) -> list[Content]:
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
