"""The rehearsal: the whole road walked with untrained weights, before anything is spent.

The model is packed, the archive opened, the model built as a reader will build it, filled, and
compared with the one that will be trained. What a reader could not have is found in a second and
not after the last epoch.
"""

import copy
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.compressing.comparing import (
    BATCH,
    Look,
    Taken,
    check_shapes,
    compare_outputs,
    compare_readers,
    outputs_of,
    parts,
    shapes,
)
from pemn_compress.compressing.passes import Inputs, run, whole
from pemn_compress.compressing.passes import first as the_first
from pemn_compress.compressing.readers import Builder
from pemn_compress.data.failures import told
from pemn_compress.errors import ModelError, PemnError, SettingError
from pemn_compress.format.archive import open_archive
from pemn_compress.format.archive.layout import ANY_SIZE
from pemn_compress.format.archive.records import GRAPH
from pemn_compress.masking.copying import copied
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.reach import unreachable
from pemn_compress.models.seeded import seeded
from pemn_compress.models.structure import differences
from pemn_compress.storing.loading import load, restore_module
from pemn_compress.storing.proving import without_fastpath
from pemn_compress.storing.saving import pack


@dataclass(frozen=True)
class Rehearsed:
    """What a rehearsal came to.

    `archive` are the bytes of the untrained model's archive; `warnings` say what a reader will have
    to bring, or is worth a thought; `unseen` what could not be tried, one line each.
    """

    archive: bytes = field(repr=False)
    warnings: tuple[str, ...]
    unseen: tuple[str, ...]


def rehearse(
    masked: MaskedModel | PrunedModel,
    inputs: Tensor | list[Any] | Inputs,
    *,
    build: Callable[[], nn.Module] | None = None,
) -> Rehearsed:
    """Try before training that what will be trained can be stored and restored.

    Args:
        masked: the model that is going to be trained; it is left as it is.
        inputs: what its forward pass takes: one argument, a tuple of positional arguments or a
            mapping of keyword arguments; two samples or more, as rows of every tensor or as items
            of lists. Inputs that cannot be cut are tried as they are: the result says so.
        build: what a reader will call to build the model, for one that `pemn_compress.build` did
            not make. Without it a copy of the model at hand stands in, which has every constant and
            every attribute that a model built anew might lack: the result says so.

    Raises ModelError, in one line, for what a reader could not have: state that an archive does not
    hold, state outside the state dict that differs between two builds or that a forward pass
    changes, outputs that are random in evaluation mode. TrainingError for a model that does not
    compute with its masked weights (one whose outputs some of them never reach is warned of),
    SettingError for a `build` that cannot be called.
    """
    if build is not None and (isinstance(build, nn.Module) or not callable(build)):
        raise SettingError(
            "build: expected a function or class that returns a new model, got an object of "
            f"{type(build).__name__}"
        )

    def builder(seed: int) -> nn.Module:
        assert build is not None
        try:
            with seeded(seed):
                return build()
        except (MemoryError, PemnError):
            raise
        except Exception as error:  # of the caller's own code
            raise ModelError(f"build: expected a new model, got {told(error)}") from error

    arguments, unreached = _arguments(inputs), list[list[str]]()

    def look(taken: Taken, made: Any) -> None:
        unreached.append(_unreached(masked, arguments, taken, made))

    found = walk(masked, inputs, builder if build else None, {}, look=look)
    if not unreached:  # there was nothing to compare
        cut, made = outputs_of(masked, arguments, grad=True)
        look(Taken(cut), made)
    return replace(found, warnings=(*found.warnings, *unreached[0]))


def walk(
    masked: MaskedModel | PrunedModel,
    inputs: Tensor | list[Any] | Inputs,
    builder: Builder | None,
    storing: Mapping[str, Any],
    *,
    seeds: tuple[int, int] = (0, 1),
    look: Look | None = None,
) -> Rehearsed:
    """Rehearse with `storing`, options of `pack`; a reader builds its model with `builder`.

    `seeds` are what its random state may be: the one that the archive records, and another. `look`
    is that of `compare_outputs`.
    """
    arguments = _arguments(inputs)
    packed = pack(masked, **storing, untrained=True)
    if builder is None and needs_no_model(packed):
        taken = compare_outputs(masked, load(packed, limits=ANY_SIZE), arguments, look=look)
        return Rehearsed(packed, (), tuple(_uncut(taken)))
    unseen: list[str] = []
    if builder is None:
        unseen.append(
            "the archive will not say how to build its model: whoever loads it brings one, "
            "load(path, model=...); whether that is built alike could not be tried"
        )
        try:
            plain = masked.to_plain()
            first, second = plain, copied(plain, {})
        except ModelError as error:  # it can be stored all the same
            return Rehearsed(packed, (), (*unseen, f"nothing could be compared: {error}"))
    else:
        first, second = (_built(builder, seed) for seed in seeds)
        if first is second:
            raise ModelError(
                "a reader's model: expected a new module from each call of `build`, got one and "
                "the same: it would be compared with itself"
            )
    apart = list(differences(first, second))
    warnings = [] if builder is None else _trained_before(masked, first, second)
    fill(packed, first)
    before = shapes(first)
    taken = compare_outputs(masked, first, arguments, apart, look=look)
    check_shapes(before, first)
    unseen += [*_uncut(taken), *compare_readers(first, second, arguments, taken, apart)]
    warnings += [
        f"{one.told} differs between two builds of the model and is not in its state dict; its "
        "outputs do not depend on it in what was tried"
        for one in apart
        if one.is_tensor
    ]
    return Rehearsed(packed, tuple(warnings), tuple(unseen))


def _arguments(inputs: Tensor | list[Any] | Inputs) -> Inputs:
    if isinstance(inputs, Mapping):
        return dict(inputs)
    return inputs if isinstance(inputs, tuple) else (inputs,)


def _unreached(
    masked: MaskedModel | PrunedModel, arguments: Inputs, taken: Taken, made: Any
) -> list[str]:
    """Say which weights the outputs do not come from, in evaluation mode nor in training.

    `made` are the outputs in evaluation mode, in their graph. Raises TrainingError for a model that
    does not compute with its masked weights.
    """
    missed, when = unreachable(masked, list(parts(made))), "in evaluation mode"
    if missed:  # auxiliary heads, the first stage of a detector: there are some in training alone
        with suppress(Exception):
            other = copy.deepcopy(masked)  # a pass in training changes what batch-norm keeps
            made = run(other, taken.cut(arguments, the_first(BATCH)), training=True, grad=True)
            still = set(unreachable(other, list(parts(made))))
            missed, when = [name for name in missed if name in still], "in either mode"
    if not missed:
        return []
    more = f" and {len(missed) - 4} more" if len(missed) > 4 else ""
    return [
        f"{', '.join(missed[:4])}{more}: the outputs do not come from it {when}, so it will not be "
        "trained: either forward does not use the weight, or it uses a copy or its .data"
    ]


def needs_no_model(packed: bytes) -> bool:
    """Whether an archive names an architecture, or only its graph builds its model."""
    with open_archive(packed, ANY_SIZE) as archive:
        return archive.manifest.architecture.get("kind") in ("registered", GRAPH)


def walk_graph(
    masked: MaskedModel | PrunedModel, inputs: Inputs, storing: Mapping[str, Any]
) -> Rehearsed:
    """Rehearse an archive of which only the graph builds the model. Raises ModelError."""
    packed = pack(masked, **storing, untrained=True)
    with without_fastpath():
        taken = compare_outputs(masked, load(packed, limits=ANY_SIZE), inputs)
    return Rehearsed(packed, (), tuple(_uncut(taken)))


def _built(builder: Builder, seed: int) -> nn.Module:
    model = builder(seed)
    if not isinstance(model, nn.Module):
        raise ModelError(f"a reader's model: expected an nn.Module, got {type(model).__name__}")
    return model


def _uncut(taken: Taken) -> list[str]:
    if taken.cut is not whole:
        return []
    return [
        "the model takes its inputs only as they are, not some rows of every tensor (or items of "
        "every list): other numbers of samples could not be tried"
    ]


def fill(packed: bytes, model: nn.Module) -> None:
    """Give a model that a reader built its state. Raises ModelError, with what may help."""
    try:
        with open_archive(packed, ANY_SIZE) as archive:
            restore_module(archive, model=model)
    except ModelError as error:
        raise ModelError(
            f"a model that a reader builds does not take the archive: {error}; expected one that "
            "has all its parameters and buffers, in their shapes, when it is built: not from a "
            "first forward pass, or a change after"
        ) from None


def _trained_before(
    masked: MaskedModel | PrunedModel, first: nn.Module, second: nn.Module
) -> list[str]:
    """Say that a masking strategy replaces values which look as if somebody trained them."""
    if isinstance(masked, PrunedModel):
        return []
    one, other = first.state_dict(), second.state_dict()
    kept = []
    for name in (tensor.name for tensor in masked.plan):
        if name in one and name in other and torch.equal(one[name], other[name]):
            kept += [name] if _varied(one[name]) else []
    if not kept:
        return []
    return [replaced(f"{len(kept)} of {len(masked.plan)} masked tensors ({kept[0]}, ...)", masked)]


def _varied(values: Tensor) -> bool:
    """Whether values may be trained: an identity, or a fixed filter, consists of a few."""
    return len(torch.unique(values)) > min(100, values.numel() / 2)


def replaced(which: str, masked: MaskedModel) -> str:
    """Return the warning that trained values are given up."""
    return (
        f"{which} come with values of their own (trained, or computed?), which strategy "
        f"{masked.settings.strategy} replaces by seeded random ones: strategies magnitude, random "
        "and dense go on from them, and exclude leaves a tensor as it is"
    )
