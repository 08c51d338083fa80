"""A program compared with the model that it was made of, on fresh inputs of several sizes."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError
from pemn_compress.storing.culprit import failing_line, parting_line
from pemn_compress.storing.examples import Example, Sizes
from pemn_compress.storing.outputs import leaves, plain
from pemn_compress.storing.tensors import same_bits

# How far a program's outputs may be from the model's, in units of rounding (the dtype's epsilon
# times the largest output). Traced programs run the model's own operators in the model's own order
# and give its bits in all that was tried; but views may lie otherwise in memory, for which torch
# chooses other kernels. Other runtimes have their own kernels, and fuse operators.
TRACED, TRANSLATED = 16.0, 128.0
BITS = -1.0  # no rounding at all: a graph in an archive computes the very bits
ALWAYS = (1, 2, 3)  # batch sizes
_TABLE = 128  # integers below this are tried first where no embedding says how many there may be
ADVICE = "restore a state dict instead (.safetensors, .pt)"

Call = Callable[[Any, Any], Any]  # (args, kwargs) -> outputs


@dataclass(frozen=True)
class Trial:
    """Inputs of one size, and what the model makes of them.

    `words` says what is special about the size. `further` is the dimension beside the batch that
    has another size than in the example, "" for none.
    """

    words: str
    further: str
    args: Any
    kwargs: Any
    expected: list[tuple[str, Any]]


def run(module: nn.Module, args: Any, kwargs: Any) -> list[tuple[str, Any]]:
    """Return the outputs of a module by name, its buffers as they were before."""
    with (
        torch.no_grad(),
        without_fastpath(),
        _kept_buffers(module),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # what a model warns of it says when it is used
        try:
            return list(leaves(plain(module(*args, **kwargs))))
        except SystemExit as error:
            raise ModelError(
                f"{type(module).__name__}: its forward ends the program (SystemExit: {error})"
            ) from error


def trials(module: nn.Module, example: Example) -> list[Trial]:
    """Return inputs of every size that a program is tried with, the example's own first.

    What a model itself does not take at another size, a program need not take either. Raises
    ModelError for a model that does not take the example, or gives other outputs when it is asked
    again.
    """
    sizes = _sizes(example)
    (_, words, _), bound = next(sizes), 0
    for bound in _bounds(module, example):
        args, kwargs = example.values(0, bound)
        try:
            made = [Trial(words, "", args, kwargs, run(module, args, kwargs))]
        except ModelError:
            raise
        except Exception as error:  # whatever the user's forward raises
            failure = error
        else:
            break
    else:
        raise _not_taken(module, example, failure)
    first = made[0]
    if difference(first.expected, run(module, first.args, first.kwargs)):
        raise ModelError(
            f"{type(module).__name__} gives other outputs when it is asked again, in evaluation "
            "mode: does its forward draw random numbers (dropout without training=self.training?), "
            f"or keep state? No program can be compared with it; {ADVICE}"
        )
    if not any(isinstance(one, Tensor) for _, one in first.expected):
        raise ModelError(f"{type(module).__name__}: its forward returns no tensor")
    for seed, (changed, words, further) in enumerate(sizes, 1):
        args, kwargs = example.values(seed, bound, changed)
        with suppress(Exception):
            made.append(Trial(words, further, args, kwargs, run(module, args, kwargs)))
    return made


def _bounds(module: nn.Module, example: Example) -> tuple[int, ...]:
    """Return below what numbers integer inputs are drawn, the first to try first.

    That is the least size of the model's embeddings; without any, as much as runs.
    """
    drawn = (one.dtype for one in example.inputs if one.given is None)
    if all(dtype.is_floating_point or dtype.is_complex for dtype in drawn):
        return (1,)
    embeddings = [m for m in module.modules() if isinstance(m, (nn.Embedding, nn.EmbeddingBag))]
    return (min((one.num_embeddings for one in embeddings), default=_TABLE), 2, 1)


def _not_taken(module: nn.Module, example: Example, error: Exception) -> ModelError:
    reason, line = " ".join(str(error).split())[:300], failing_line(error)
    told = f"{type(error).__name__}: {reason}{f' ({line})' if line else ''}"
    of_inputs = RuntimeError | ValueError | IndexError | AssertionError | TypeError
    if not isinstance(error, of_inputs) or isinstance(error, NotImplementedError):
        return ModelError(f"{type(module).__name__}: its forward fails: {told}")
    return ModelError(
        f"{type(module).__name__} does not take inputs of {example.told()}: {told}; pass the shape "
        "of one sample, without the batch, as --input-shape 3,32,32, its type as --input-dtype "
        "int64, --batch N where it takes one batch size only, or inputs=[...]"
    )


def prove(
    program: Call, tried: list[Trial], module: nn.Module, line: str = "", *, units: float = TRACED
) -> str:
    """Compare a program with its model on all trials; return for what sizes it agrees.

    Of a dimension beside the batch it may refuse some sizes, but not all. Raises ModelError with
    the line of the user's code that depends on the size, where it is one; `line` is a guess.
    """
    held: list[Trial] = []
    refused: dict[str, ModelError] = {}
    for trial in tried:
        try:
            with torch.no_grad():
                got = program(trial.args, trial.kwargs)
        except Exception as error:  # a program refuses by an assertion, a runtime by its own kinds
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            wrong = f"it refuses: {reason}"
            failure = ModelError(_refusal(module, tried[0], trial, wrong, line))
            if not trial.further:
                raise failure from None
            refused[trial.further] = failure
            continue
        wrong = difference(trial.expected, list(leaves(plain(got))), units)
        if wrong:
            raise ModelError(_refusal(module, tried[0], trial, wrong, line))
        held.append(trial)
    for dimension in refused.keys() - {trial.further for trial in held}:
        raise refused[dimension]
    told: dict[str, set[int]] = {}
    for trial in held:
        what, _, size = trial.words.rpartition(" ")
        told.setdefault(what, set()).add(int(size))
    return "; ".join(f"{what} {', '.join(map(str, sorted(told[what])))}" for what in told)


def difference(
    expected: list[tuple[str, Any]], got: list[tuple[str, Any]], units: float = TRACED
) -> str:
    """Return in words how outputs differ beyond so many units of rounding, "" if they do not.

    With `BITS` they differ where one bit does.
    """
    if [name for name, _ in expected] != [name for name, _ in got]:
        return f"the outputs are {_names(got)}, expected {_names(expected)}"
    for (name, one), (_, other) in zip(expected, got, strict=True):
        if not isinstance(one, Tensor) or not isinstance(other, Tensor):
            if one != other:
                return f"{name} is {other!r}, expected {one!r}"
        elif one.shape != other.shape or one.dtype != other.dtype:
            return (
                f"{name} is {other.dtype} of shape {tuple(other.shape)}, expected {one.dtype} of "
                f"shape {tuple(one.shape)}"
            )
        elif not same_bits(one, other):
            away = _distance(one, other)
            if units < 0 or not away <= units * _rounding(one, units):
                return f"{name} differs by up to {away:g}"
    return ""


def _distance(one: Tensor, other: Tensor) -> float:
    """Return the largest difference; what is not finite has to be the same."""
    wide = torch.complex128 if one.is_complex() else torch.float64
    one, other = one.to(wide), other.to(wide)
    same = (one == other) | (one.isnan() & other.isnan())
    away = torch.where(same, 0.0, (one - other).abs().nan_to_num(torch.inf))
    return float(away.max()) if away.numel() else 0.0


def _rounding(tensor: Tensor, units: float) -> float:
    """Return the unit of rounding errors: of the largest finite output."""
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return 0.0
    sizes = tensor.abs().double().nan_to_num(0.0, 0.0, 0.0)
    largest = float(sizes.max()) if sizes.numel() else 0.0
    if units > TRACED:  # outputs may be small differences of numbers around 1
        largest = max(largest, 1.0)
    return torch.finfo(tensor.dtype).eps * largest


def _sizes(example: Example) -> Iterator[tuple[Sizes, str, str]]:
    """Yield sizes to try, the words for them, and the dimension beside the batch that they vary."""
    own = next((one.shape[0] for one in example.inputs if one.batched), None)
    yield {}, "inputs 1" if own is None else f"batch {own}", ""
    for size in ALWAYS:
        if example.batches(size) and size != own:
            yield example.batches(size), f"batch {size}", ""
    others = example.others()
    for size in sorted(set(others.values())):
        # sizes that belong together are mostly equal in the example: together first, then alone
        group = [place for place in others if others[place] == size]
        names = [f"{example.inputs[number].name}.{dim}" for number, dim in group]
        for places, name in [(group, names[0]), *zip(([p] for p in group), names, strict=True)]:
            if places != group or name == names[0]:
                for other in sorted({1, size - 1, size + 1, 2 * size} - {size}):
                    yield dict.fromkeys(places, other), f"{name} of {other}", names[0]
    if not example.batches(1) and not others:
        # other values at least
        yield {}, "inputs 2" if own is None else f"batch {own}", ""


def _refusal(module: nn.Module, first: Trial, trial: Trial, wrong: str, line: str) -> str:
    if trial.words != first.words:
        found = parting_line(
            lambda: module(*first.args, **first.kwargs), lambda: module(*trial.args, **trial.kwargs)
        )
        line = found or line
    return told_refusal(module, f"at {trial.words} {wrong}", line, fixed=not trial.further)


def told_refusal(module: nn.Module, what: str, line: str, *, fixed: bool) -> str:
    """Return the refusal of a program whose sizes cannot vary as asked."""
    why = f"; it depends on that size ({line})" if line else ""
    other = "pass --batch N (batch=N) for a program of one batch size, or " if fixed else ""
    return f"{type(module).__name__}: the program is not the model: {what}{why}; {other}{ADVICE}"


def _names(outputs: list[tuple[str, Any]]) -> str:
    return ", ".join(name for name, _ in outputs[:8]) or "none"


@contextmanager
def without_fastpath() -> Iterator[None]:
    """Leave attention's native operator, which no exporter knows, to nobody: its bits differ."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def _kept_buffers(module: nn.Module) -> Iterator[None]:
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in module.named_buffers():
            if name in before and not same_bits(buffer, before[name]):
                buffer.copy_(before[name])
