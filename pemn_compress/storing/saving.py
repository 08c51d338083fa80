"""From a masked or a pruned model to an archive."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.errors import ArchiveError, ModelError, PemnWarning, SettingError
from pemn_compress.format import codecs
from pemn_compress.format.archive import (
    AliasTensor,
    DenseTensor,
    Prototype,
    encode,
    open_archive,
)
from pemn_compress.format.archive.contents import Content
from pemn_compress.format.archive.layout import ANY_SIZE
from pemn_compress.format.archive.values import tensor_bytes
from pemn_compress.format.archive.writer import AUTO, FIRST, check_format_version
from pemn_compress.format.graph import Graph, write_graph
from pemn_compress.kinds import check_kind, check_truth, path_of
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.rules.pruning import PruningSettings, check_storage
from pemn_compress.masking.rules.quantizing import LATENT_STRATEGIES
from pemn_compress.masking.rules.strategies import DISTRIBUTIONS, Settings
from pemn_compress.masking.search import SEARCHES
from pemn_compress.masking.sharding import unsharded
from pemn_compress.masking.wrappers import unwrapped
from pemn_compress.models import building as architectures
from pemn_compress.storing import shrinking
from pemn_compress.storing.asking import ANY
from pemn_compress.storing.graphs.capturing import described
from pemn_compress.storing.graphs.examples import graph_to_store
from pemn_compress.storing.graphs.wanting import AUTO as AUTO_GRAPH
from pemn_compress.storing.masks import masked_contents
from pemn_compress.storing.shrinking import check_dense_dtype
from pemn_compress.storing.state import in_place, state_of
from pemn_compress.storing.tensors import CODES, as_array
from pemn_compress.storing.trained import in_fewest_bytes, shared_prototype, store_values
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
    format_version: str = AUTO,
    architecture: Mapping[str, Any] | None = None,
    source: str | None = None,
    about: Mapping[str, Any] | None = None,
    graph: Graph | None = None,
    untrained: bool = False,
) -> bytes:
    """Return the archive of a masked model, or of a pruned one.

    `codec` is "bitmap", "csr", "rice" or "auto" (the smallest, tensor by tensor);
    `store_prototype` writes the prototype's values instead of its seed. `dense_dtype` ("float16",
    "bfloat16", "int8") and `fold_batchnorm` make what is not masked smaller, and `value_dtype` (one
    of `pruning.VALUE_DTYPES`) the trained weights of a pruned model; they change it a little: the
    model that is stored is then `shrunk(masked, ...)`. Weights that were rounded in training are
    stored as they were, in few bits and exactly, whatever `value_dtype` says. `architecture` and
    `source` say how to build the model again (`architecture.py`); by default what
    `pemn_compress.build` left on the model. `about` is informative.

    `zstd=False` compresses nothing: large tensors can be mapped into memory, and the bytes do not
    depend on a compressor's version. `tensor_digests` lets one tensor be read without the others.
    `format_version` "1.0" uses nothing of format 1.1, for readers that know 1.0 alone; "auto" takes
    of it what makes the file smaller: the compact form, masks as their difference from what the
    first scores predict.

    `graph` is what the model computes in evaluation mode (`storing.graphs`); with it the archive
    restores without the model's code. `untrained` packs a model whose pruning is not finished, for
    a rehearsal.

    Every restored tensor is compared, bit for bit, with the model's own before the bytes are
    returned. Raises ModelError for a model whose state cannot be stored or whose pruning is not
    finished, SettingError (UnknownNameError) for a way of storing that there is not.
    """
    check_truth(
        store_prototype=store_prototype, fold_batchnorm=fold_batchnorm, zstd=zstd,
        tensor_digests=tensor_digests,
    )  # fmt: skip
    for name, given, kind, expected in (
        ("architecture", architecture, Mapping, "a mapping"),
        ("source", source, str, "the text of a model file"),
        ("about", about, Mapping, "a mapping"),
    ):
        if given is not None:
            check_kind(name, given, kind, expected)
    masked = unwrapped(masked)
    check_ways(
        masked.settings,
        codec=codec,
        dense_dtype=dense_dtype,
        store_prototype=store_prototype,
        value_dtype=value_dtype,
        format_version=format_version,
    )
    if isinstance(masked, PrunedModel) and not (masked.is_finished or untrained):
        raise ModelError(
            f"pruning is not finished: expected density {masked.settings.density:g}, got "
            f"{masked.density:g}; call advance(step=DONE, steps=IN_ALL) after every step"
        )
    later = format_version != FIRST
    state, placed = _shrink(masked, dense_dtype, fold_batchnorm, value_dtype, later=later)
    contents = [
        in_fewest_bytes(one, compress=zstd, four_bits=later) for one in _contents(state, placed)
    ]
    prototype = None
    told: dict[str, Any] = {"writer": f"pemn-compress {__version__}"}
    if isinstance(masked, PrunedModel):
        prototype = shared_prototype(placed.values())
        told["settings"] = masked.settings.told()
        if masked.settings.strategy not in LATENT_STRATEGIES:
            told["settings"]["value_dtype"] = masked.settings.trained_dtype or value_dtype
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
        compact=not tensor_digests,
        format_version=format_version,
        architecture=architecture or current_architecture(masked),
        about=told | dict(about or {}),
        source=source,
        graph=None if graph is None else write_graph(graph, described(state)),
    )
    _compare(packed, state)
    return packed


def check_ways(
    settings: Settings | PruningSettings,
    *,
    codec: str = codecs.AUTO,
    dense_dtype: str = "float32",
    store_prototype: bool = False,
    value_dtype: str = "float32",
    format_version: str = AUTO,
    **_: object,
) -> None:
    """Refuse options of `pack` that do not exist, or that do not go with the settings.

    Raises SettingError, UnknownNameError.
    """
    codecs.check_name(codec)
    check_dense_dtype(dense_dtype)
    check_format_version(format_version)
    check_storage(settings, store_prototype=store_prototype, value_dtype=value_dtype)
    if isinstance(settings, PruningSettings):
        return
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
    masked = unwrapped(masked)
    plain = masked.to_plain()
    plain.load_state_dict(
        stored_state(
            masked,
            dense_dtype=dense_dtype,
            fold_batchnorm=fold_batchnorm,
            value_dtype=value_dtype,
        )
    )
    return plain


def stored_state(
    masked: MaskedModel | PrunedModel,
    *,
    dense_dtype: str = "float32",
    fold_batchnorm: bool = False,
    value_dtype: str = "float32",
) -> dict[str, Tensor]:
    """Return the state dict that an archive with these options holds; see `shrinking`."""
    return _shrink(unwrapped(masked), dense_dtype, fold_batchnorm, value_dtype)[0]


def current_architecture(masked: MaskedModel | PrunedModel) -> dict[str, Any]:
    """Return how the model is built again: what `build` left on it, unless it was changed since.

    Then only its owner can build it, which is said in a PemnWarning.
    """
    told = architectures.architecture_of(masked.model)
    with in_place(masked) as model, unsharded(model):
        change = architectures.change_since_build(model)
    if change is None:
        return told
    warnings.warn(
        f"the model is no longer the {told['name']} that was built (registered and given: "
        f"{change}): the archive does not say how to build it; whoever loads it has to bring the "
        "model, load(path, model=...)",
        PemnWarning,
        stacklevel=3,
    )
    return architectures.unknown_architecture(masked.model)


def _shrink(
    masked: MaskedModel | PrunedModel,
    dense_dtype: str,
    fold_batchnorm: bool,
    value_dtype: str,
    *,
    later: bool = True,
) -> tuple[dict[str, Tensor], dict[str, Content]]:
    """Return the state to store, and the contents that its planned tensors become."""
    state = state_of(masked)
    planned = {name for tensor in masked.plan for name in (tensor.name, *tensor.aliases)}
    if fold_batchnorm:
        shrinking.fold_batchnorm(masked.model, state, planned)
    contents = shrinking.store_dense(state, planned, dense_dtype)
    if isinstance(masked, PrunedModel):
        return state, contents | store_values(masked, state, value_dtype)
    return state, contents | masked_contents(masked, later=later)


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
    format_version: str = AUTO,
    architecture: Mapping[str, Any] | None = None,
    source: str | None = None,
    about: Mapping[str, Any] | None = None,
    inputs: Any = None,
    graph: str = AUTO_GRAPH,
    dynamic: int | str | Iterable[int | str] = (),
    batch: int | str = ANY,
) -> Path:
    """Write the archive of a masked or pruned model, whole or not at all, as `pack` explains.

    With `inputs` (one tensor with a batch in front, a list of them, or a dict by name) the archive
    holds what the model computes in evaluation mode too, so that it restores without the model's
    code: where `graph` is "auto" for a model that `pemn_compress.build` did not make, "always" for
    any, "never" for none. A model that makes no graph is stored without one, which a PemnWarning
    says. `dynamic` and `batch` are those of `restore`.

    Raises SettingError for inputs that do not fit, OutputError when `path` exists (unless `force`)
    or cannot be written, and what `pack` raises.
    """
    path = path_of("path", path)
    check_truth(force=force)
    check_output(path, force=force)
    masked = unwrapped(masked)
    if architecture is not None:
        check_kind("architecture", architecture, Mapping, "a mapping")
    told = architecture or current_architecture(masked)
    packed = pack(
        masked,
        codec=codec,
        store_prototype=store_prototype,
        dense_dtype=dense_dtype,
        fold_batchnorm=fold_batchnorm,
        value_dtype=value_dtype,
        zstd=zstd,
        tensor_digests=tensor_digests,
        format_version=format_version,
        architecture=told,
        source=source,
        about=about,
        graph=graph_to_store(masked, told, inputs, graph, dynamic, batch),
    )
    write_bytes(path, packed, force=force)
    return path


def _contents(state: Mapping[str, Tensor], placed: Mapping[str, Content]) -> list[Content]:
    contents: list[Content] = []
    first: dict[int, str] = {}
    for name, tensor in state.items():
        if id(tensor) in first:
            contents.append(AliasTensor(name, first[id(tensor)]))
            continue
        first[id(tensor)] = name
        dense = DenseTensor(name, CODES[tensor.dtype], as_array(tensor))
        contents.append(placed.get(name) or dense)
    return contents


def _compare(packed: bytes, state: Mapping[str, Tensor]) -> None:
    """Read the archive back, by the format's own arithmetic, and compare it with torch's."""
    with open_archive(packed, ANY_SIZE) as archive:
        for record, array in archive.tensors():
            if bytes(tensor_bytes(array)) != bytes(tensor_bytes(as_array(state[record.name]))):
                raise ArchiveError(
                    f"tensor {record.name!r}: expected the model's own bits back from the archive, "
                    "got others: this is a bug, nothing was written"
                )
