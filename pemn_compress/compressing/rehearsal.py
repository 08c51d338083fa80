"""The rehearsal: the whole road walked with untrained weights, before anything is spent.

The model is packed, the archive opened, the model built as a reader will build it, filled, and
compared with the one that will be trained. What a reader could not have is found in a second and
not after the last epoch.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from pemn_compress.compressing.readers import Builder
from pemn_compress.errors import ModelError
from pemn_compress.format.archive import Limits, open_archive
from pemn_compress.masking.copying import copied
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.reach import unreachable
from pemn_compress.models.building import architecture_of
from pemn_compress.models.seeded import seeded
from pemn_compress.models.structure import Difference, alike, differences
from pemn_compress.storing.loading import load, restore_module
from pemn_compress.storing.saving import pack

# positional arguments, or keyword arguments, of one forward pass; the batch is the first dimension
Inputs = tuple[Any, ...] | Mapping[str, Any]

_BATCH = 2
ANY_SIZE = Limits(1 << 62, 1 << 62)


@dataclass(frozen=True)
class Rehearsed:
    """What a rehearsal came to.

    `archive` are the bytes of the untrained model's archive; `warnings` say what a reader will have
    to bring, or is worth a thought; `unseen` what could not be tried, one line each.
    """

    archive: bytes
    warnings: tuple[str, ...]
    unseen: tuple[str, ...]


def rehearse(
    masked: MaskedModel | PrunedModel,
    inputs: Tensor | Inputs,
    *,
    build: Callable[[], nn.Module] | None = None,
) -> Rehearsed:
    """Try before training that what will be trained can be stored and restored.

    Args:
        masked: the model that is going to be trained; it is left as it is.
        inputs: what its forward pass takes: a tensor, a tuple of positional arguments or a mapping
            of keyword arguments, two samples or more, the batch first in every tensor.
        build: what a reader will call to build the model, for one that `pemn_compress.build` did
            not make. Without it a copy of the model at hand stands in, which has every constant and
            every attribute that a model built anew might lack: the result says so.

    Raises ModelError, in one line, for what a reader could not have: state that an archive does not
    hold, state outside the state dict that differs between two builds or that a forward pass
    changes, outputs that are random in evaluation mode. Raises TrainingError for a model that does
    not compute with its masked weights; one whose outputs some of them never reach is warned of.
    """

    def builder(seed: int) -> nn.Module:
        assert build is not None
        with seeded(seed):
            return build()

    found = walk(masked, inputs, builder if build else None, {})
    part = _first(_arguments(inputs), _BATCH)
    missed = unreachable(masked, _run(masked, part, training=False, grad=True))
    if not missed:
        return found
    told = (
        f"{', '.join(missed[:4])}: the outputs do not come from it, so it will not be trained: "
        "either forward does not use the weight, or it uses a copy or its .data"
    )
    return replace(found, warnings=(*found.warnings, told))


def walk(
    masked: MaskedModel | PrunedModel,
    inputs: Tensor | Inputs,
    builder: Builder | None,
    storing: Mapping[str, Any],
    *,
    seeds: tuple[int, int] = (0, 1),
) -> Rehearsed:
    """Rehearse with `storing`, options of `pack`; a reader builds its model with `builder`.

    `seeds` are what its random state may be: the one that the archive records, and another.
    """
    arguments = _arguments(inputs)
    packed = pack(masked, **storing, untrained=True)
    if builder is None and architecture_of(masked.model)["kind"] == "registered":
        with suppress(ModelError):  # changed since it was built: pack has said so
            compare_outputs(masked, load(packed, limits=ANY_SIZE), arguments)
            return Rehearsed(packed, (), ())
    unseen: list[str] = []
    if builder is None:
        unseen.append(
            "the archive will not say how to build its model: whoever loads it brings one, "
            "load(path, model=...); whether that is built alike could not be tried"
        )
        plain = masked.to_plain()
        first, second = plain, copied(plain, {})
    else:
        first, second = (builder(seed) for seed in seeds)
    apart = list(differences(first, second))
    warnings = [] if builder is None else _trained_before(masked, first, second)
    fill(packed, first)
    before = _shapes(first)
    compare_outputs(masked, first, arguments, apart)
    _check_shapes(before, first)
    _compare_readers(first, second, arguments, apart)
    warnings += [
        f"{one.told} differs between two builds of the model and is not in its state dict; its "
        "outputs do not depend on it in what was tried"
        for one in apart
        if one.is_tensor
    ]
    return Rehearsed(packed, tuple(warnings), tuple(unseen))


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


def compare_outputs(
    masked: nn.Module,
    reader: nn.Module,
    arguments: Inputs,
    apart: Sequence[Difference] = (),
    *,
    batch: int = _BATCH,
) -> None:
    """Compare a model with the one that a reader has, in evaluation mode, on one sample and more.

    Bit for bit on the CPU; elsewhere, where sums hang on a kernel's choice, within rounding.
    Raises ModelError, naming the first of the differences `apart` where there are any.
    """
    reader.to(next(iter([*masked.parameters(), *masked.buffers()])).device)
    for count in (1, batch):
        part = _first(arguments, count)
        try:
            expected = _run(masked, part, training=False)
        except Exception as error:
            if count == 1 and batch > 1:  # a model may want more than one sample
                continue
            reason = " ".join(str(error).split())[:300]
            raise ModelError(
                f"the model does not take its inputs: {type(error).__name__}: {reason}"
            ) from error
        # in another random state: outputs that hang on it cannot be compared
        if _agree(expected, _run(reader, part, training=False, seed=1)):
            continue
        if not _agree(expected, _run(masked, part, training=False, seed=1)):
            raise ModelError(
                "in evaluation mode the same inputs give other outputs each time: expected outputs "
                "that can be compared with those of the restored model; is it dropout without "
                "training=self.training, or noise that evaluation could leave out?"
            )
        host = masked.model if isinstance(masked, MaskedModel | PrunedModel) else masked
        raise _lost(apart or list(differences(host, reader)), f"batch {count}")


def _compare_readers(
    first: nn.Module, second: nn.Module, arguments: Inputs, apart: Sequence[Difference]
) -> None:
    """Let two readers' models go through what training does, and compare them.

    Both are given one state in which no dense parameter hides what it multiplies, as zeros do.
    """
    part = _first(arguments, _BATCH)
    _shake(first)
    before = _shapes(first)
    second.load_state_dict(first.state_dict())
    try:
        one, other = (_run(model, part, training=True) for model in (first, second))
        _run(first, _last(arguments, _BATCH), training=True)
    except Exception:  # what a model cannot do in training is told where it is trained
        return
    if not _agree(one, other):
        raise _lost(apart, "in training mode")
    _check_shapes(before, first)
    second.load_state_dict(first.state_dict())
    one, other = (_run(model, part, training=False) for model in (first, second))
    if not _agree(one, other):
        raise _lost(apart or list(differences(first, second)), "after a forward pass")


def _check_shapes(before: Mapping[str, Any], model: nn.Module) -> None:
    """Refuse state that a forward pass has made, or whose shape it has changed."""
    for name, shape in _shapes(model).items():
        if before.get(name) != shape:
            what = "changes its shape" if name in before else "is made"
            raise ModelError(
                f"{name} {what} in a forward pass: a model that is built anew could not take it "
                "from the archive; expected it in its shape from the constructor on, or registered "
                "with persistent=False"
            )


def _lost(apart: Sequence[Difference], when: str) -> ModelError:
    if apart:
        places = ", ".join(one.told for one in apart[:3])
        return ModelError(
            f"the model keeps state outside its state dict, which no archive holds: {places}; a "
            f"model built anew and filled computes something else ({when}): register it as a "
            "buffer (register_buffer), or make it the same in every build"
        )
    return ModelError(
        f"a model built anew and filled from the archive computes something else ({when}), though "
        "all tensors agree: two builds differ in state that is not in the state dict and was not "
        "found; what is drawn or read when the model is built has to be a buffer"
    )


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
            kept += [name] if len(one[name].unique()) > 1 else []
    if not kept:
        return []
    return [replaced(f"{len(kept)} of {len(masked.plan)} masked tensors ({kept[0]}, ...)", masked)]


def replaced(which: str, masked: MaskedModel) -> str:
    """Return the warning that trained values are given up."""
    return (
        f"{which} come with values of their own (trained before?), which strategy "
        f"{masked.settings.strategy} replaces by seeded random ones: strategies magnitude, random "
        "and dense go on from them, and exclude leaves a tensor as it is"
    )


def _run(
    model: nn.Module, arguments: Inputs, *, training: bool, seed: int = 0, grad: bool = False
) -> Any:
    """Return a forward pass's outputs, all modes and random states being as before afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        with torch.set_grad_enabled(grad), seeded(seed):
            if isinstance(arguments, Mapping):
                return model(**arguments)
            return model(*arguments)
    finally:
        for module, mode in modes:
            module.training = mode


def _arguments(inputs: Tensor | Inputs) -> Inputs:
    return inputs if isinstance(inputs, tuple | Mapping) else (inputs,)


def _agree(one: Any, other: Any) -> bool:
    if alike(one, other):
        return True
    flat, spec = tree_flatten(one)
    others, other_spec = tree_flatten(other)
    return spec == other_spec and all(
        isinstance(a, Tensor) and a.device.type != "cpu" and torch.allclose(a, b, 1e-3, 1e-5)
        for a, b in zip(flat, others, strict=True)
    )


def _first(arguments: Inputs, count: int) -> Inputs:
    return _take(arguments, lambda size: torch.arange(count) % size)


def _last(arguments: Inputs, count: int) -> Inputs:
    return _take(arguments, lambda size: size - 1 - torch.arange(count) % max(1, size - count))


def _take(arguments: Inputs, rows: Callable[[int], Tensor]) -> Inputs:
    def part(value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.dim() or not len(value):
            return value
        return value[rows(len(value)).to(value.device)]

    taken: Inputs = tree_map(part, arguments)
    return taken


@torch.no_grad()
def _shake(model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        if parameter.is_floating_point():
            noise = torch.empty(parameter.shape).uniform_(-0.05, 0.05, generator=generator)
            parameter.add_(noise.to(parameter.device, parameter.dtype))


def _shapes(model: nn.Module) -> dict[str, Any]:
    """Return what each entry of a state dict is: a tensor's shape and dtype."""
    return {
        name: (tuple(value.shape), value.dtype) if isinstance(value, Tensor) else type(value)
        for name, value in model.state_dict().items()
    }
