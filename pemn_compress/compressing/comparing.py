"""A model and the one that a reader has: do they compute the same?

A reader's model is built anew, filled from the archive, and compared in evaluation mode; two of
them are compared after what training does to a model.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from pemn_compress.compressing.passes import Cut, Inputs, cuts, run
from pemn_compress.compressing.passes import first as the_first
from pemn_compress.compressing.passes import last as the_last
from pemn_compress.errors import ModelError
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.models.structure import Difference, alike, differences
from pemn_compress.storing.state import in_place
from pemn_compress.training.blame import told

BATCH = 2
_DRAWN = (1 << 16) + 1  # numbers, which larger parameters are given again: odd, as no width is
# what else to learn from a model's outputs, which are still in their graph
Look = Callable[["Taken", Any], None]


class Taken(NamedTuple):
    """How inputs were cut into samples, and the fewest of these that the model takes."""

    cut: Cut
    least: int = BATCH


def compare_outputs(
    masked: nn.Module,
    reader: nn.Module,
    arguments: Inputs,
    apart: Sequence[Difference] = (),
    *,
    batch: int = BATCH,
    look: Look | None = None,
) -> Taken:
    """Compare a model with the one that a reader has, in evaluation mode, on more samples and one.

    Bit for bit on the CPU; elsewhere, where sums hang on a kernel's choice, within rounding. `look`
    sees the model's outputs for more samples: autograd follows that pass then, and where the
    reader's outputs are others, another one without it is what they are compared with. Raises
    ModelError, naming the first of the differences `apart` where there are any.
    """
    reader.to(_device(masked))
    cut, expected = outputs_of(masked, arguments, batch, grad=look is not None)
    if look is not None:
        look(Taken(cut, batch), expected)
        expected = tree_map(_detached, expected)
    part, when = cut(arguments, the_first(batch)), f"batch {batch}"
    _compare(masked, reader, part, expected, apart, when, followed=look is not None)
    if batch > 1:
        one = cut(arguments, the_first(1))
        try:
            expected = run(masked, one, training=False)
        except Exception:  # a model may want more than one sample
            return Taken(cut, batch)
        _compare(masked, reader, one, expected, apart, "batch 1")
    return Taken(cut, 1)


def compare_readers(
    first: nn.Module,
    second: nn.Module,
    arguments: Inputs,
    taken: Taken,
    apart: Sequence[Difference] = (),
) -> list[str]:
    """Let two readers' models go through what training does, and compare them.

    Both are given one state in which no dense parameter hides what it multiplies, as zeros do. In
    training, on more samples, they have to agree; and what training leaves in the first beside that
    state must not show in evaluation, on as few samples as will do: the second, not yet trained, is
    a reader's. Returns what could not be tried, one line each. Raises ModelError.
    """
    cut = taken.cut
    some, others = (cut(arguments, choice(BATCH)) for choice in (the_first, the_last))
    few = cut(arguments, the_first(taken.least))
    second.to(_device(first))
    _shake(first)
    before, state, held = shapes(first), _copied(first.state_dict()), _held(first)
    try:
        second.load_state_dict(state)
    except RuntimeError:
        raise _lost(apart, "a second build", "does not take its state") from None
    unseen: list[str] = []
    expected: Any = None
    try:
        # of a model that has not been trained; they may be buffers that training writes to
        expected = tree_map(_copy, run(second, few, training=False))
    except Exception as error:
        unseen.append(_not_taken(error))
    try:
        one, other = (run(model, some, training=True) for model in (first, second))
    except Exception as error:
        return [
            f"in training mode the model does not take these inputs ({told(error, first)}): what "
            "a forward pass in training changes could not be tried"
        ]
    if not _agree(one, other):
        raise _lost(apart, "in training mode")
    with suppress(Exception):  # what it has done with the first samples may be enough
        run(first, others, training=True)
    check_shapes(before, first)
    if unseen:
        return unseen
    first.load_state_dict(state)
    try:
        one = run(first, few, training=False)
    except Exception as error:
        return [_not_taken(error)]
    if not _agree(one, expected):
        apart = apart or list(differences(first, second)) or list(_changed(held, first))
        raise _lost(apart, "after a forward pass")
    return []


def _held(model: nn.Module) -> dict[str, dict[str, Any]]:
    return {path: dict(vars(module)) for path, module in model.named_modules()}


def _changed(held: Mapping[str, Mapping[str, Any]], model: nn.Module) -> Iterator[Difference]:
    """Yield the attributes that are others now, by the names that they are held under."""
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            old = held.get(path, {}).get(name, held)  # which no attribute is
            if old is not value and not alike(old, value):
                yield Difference(f"{path}.{name}" if path else name)


def shapes(model: nn.Module) -> dict[str, Any]:
    """Return what each entry of a state dict is: a tensor's shape and dtype."""
    return {
        name: (tuple(value.shape), value.dtype) if isinstance(value, Tensor) else type(value)
        for name, value in model.state_dict().items()
    }


def check_shapes(before: Mapping[str, Any], model: nn.Module) -> None:
    """Refuse state that a forward pass has made, or whose shape it has changed.

    `before` are the `shapes` of before it. Raises ModelError.
    """
    for name, shape in shapes(model).items():
        if before.get(name) != shape:
            what = "changes its shape" if name in before else "is made"
            raise ModelError(
                f"{name} {what} in a forward pass: a model that is built anew could not take it "
                "from the archive; expected it in its shape from the constructor on, or registered "
                "with persistent=False"
            )


def outputs_of(
    masked: nn.Module, arguments: Inputs, count: int = BATCH, *, grad: bool = False
) -> tuple[Cut, Any]:
    """Return how the inputs can be cut into samples, and the outputs for `count` of these.

    In evaluation mode; with `grad` autograd follows. Raises ModelError.
    """
    failed: Exception | None = None
    for cut in cuts(arguments):
        try:
            part = cut(arguments, the_first(count))
            return cut, run(masked, part, training=False, grad=grad)
        except Exception as error:
            failed = error
    assert failed is not None
    raise ModelError(f"the model does not take its inputs: {told(failed, masked)}") from failed


def _compare(
    masked: nn.Module,
    reader: nn.Module,
    part: Inputs,
    expected: Any,
    apart: Sequence[Difference],
    when: str,
    *,
    followed: bool = False,
) -> None:
    """Compare a reader's outputs with those expected; `followed` says that autograd saw these."""
    what = "computes something else"
    try:
        # in another random state: outputs that hang on it cannot be compared
        made = run(reader, part, training=False, seed=1)
    except Exception as error:
        what = f"fails where this one does not: {told(error, reader)}"
    else:
        if _agree(expected, made):
            return
        if followed:  # torch has kernels of its own for passes that autograd does not follow
            expected = run(masked, part, training=False)
            if _agree(expected, made):
                return
        if not _agree(expected, run(masked, part, training=False, seed=1)):
            raise ModelError(
                "in evaluation mode the same inputs give other outputs each time: expected outputs "
                "that can be compared with those of the restored model; is it dropout without "
                "training=self.training, or noise that evaluation could leave out?"
            )
    raise _lost(apart or _differences(masked, reader), when, what)


def _differences(masked: nn.Module, reader: nn.Module) -> list[Difference]:
    if not isinstance(masked, MaskedModel | PrunedModel):
        return list(differences(masked, reader))
    with in_place(masked) as host:
        return list(differences(host, reader))


class LostState(ModelError):
    """A model that computes with state outside its state dict, found in `places`."""

    places = ""


def _lost(
    apart: Sequence[Difference], when: str, what: str = "computes something else"
) -> LostState:
    if apart:
        places = ", ".join(one.told for one in apart[:3])
        lost = LostState(
            f"the model keeps state outside its state dict, which no archive holds: {places}; a "
            f"model built anew and filled {what} ({when}): register it as a buffer "
            "(register_buffer), or make it the same in every build"
        )
        lost.places = places
        return lost
    return LostState(
        f"a model built anew and filled from the archive {what} ({when}), though all tensors "
        "agree: two builds differ in state that is not in the state dict and was not found; what "
        "is drawn or read when the model is built has to be a buffer"
    )


def _agree(one: Any, other: Any) -> bool:
    if alike(one, other):
        return True
    ones, others = list(parts(one)), list(parts(other))
    return len(ones) == len(others) and all(map(_close, ones, others))


def _close(one: Any, other: Any) -> bool:
    """Whether two parts of outputs agree, tensors of a GPU within rounding."""
    if isinstance(one, Tensor) and isinstance(other, Tensor) and one.device.type != "cpu":
        return one.shape == other.shape and torch.allclose(one, other, 1e-3, 1e-5, equal_nan=True)
    return alike(one, other)


def parts(value: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """Yield what outputs consist of, inside objects too, such as attention's caches."""
    seen = set() if seen is None else seen
    for leaf in tree_leaves(value):
        if isinstance(leaf, Tensor) or not hasattr(leaf, "__dict__"):
            yield leaf
        elif id(leaf) not in seen:
            seen.add(id(leaf))
            yield from parts(vars(leaf), seen)


@torch.no_grad()
def _shake(model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        if parameter.is_floating_point():
            size = parameter.numel()
            drawn = torch.empty(min(size, _DRAWN)).uniform_(-0.05, 0.05, generator=generator)
            noise = drawn.repeat(-(-size // max(1, len(drawn))))[:size].view(parameter.shape)
            parameter.add_(noise.to(parameter.device, parameter.dtype))


def _copied(state: Mapping[str, Any]) -> OrderedDict[str, Any]:
    made = OrderedDict((name, _copy(value)) for name, value in state.items())
    # its modules' versions, which some models ask for
    made._metadata = getattr(state, "_metadata", None)  # type: ignore[attr-defined]
    return made


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _not_taken(error: Exception) -> str:
    return (
        f"with other values the model does not take these inputs ({told(error)}): what a "
        "forward pass in training leaves could not be tried"
    )


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _device(model: nn.Module) -> torch.device:
    return next(iter([*model.parameters(), *model.buffers()])).device
