"""Whose error is it that came out of a model's forward pass? Told in one line, with the place."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from pemn_compress.data import failures
from pemn_compress.data.failures import frames, is_raised_by_user
from pemn_compress.data.trees import one_shape
from pemn_compress.data.workers import lost_worker
from pemn_compress.errors import DataError, ModelError, PemnError, TrainingError
from pemn_compress.masking.host import PlannedModel
from pemn_compress.training.distributed import is_lost
from pemn_compress.training.memory import is_out_of_memory

# what torch's operations and checks of shapes raise where inputs are not what a model expects
_OF_INPUTS = (RuntimeError, ValueError, IndexError, AssertionError)


def told(error: BaseException, model: nn.Module | None = None) -> str:
    """Return an error in one line: "NameError: name 'x' is not defined (net.py, line 12, in f)".

    The line is the deepest of the user's own code that the error came through. Where it arose in a
    layer of the model, the layer is named too, as in "(net.py, line 9, in forward, at fc1: Linear)"
    or, without a line of the user's own, "(at fc1: Linear)".
    """
    layer = None if model is None else _layer(error, model)
    return failures.told(error, *([f"at {layer}"] if layer else []))


def is_models_own(error: BaseException) -> bool:
    """Tell whether an error is one that no other inputs would help, as far as its kind tells."""
    deepest = next(frames(error), None)
    name = "" if deepest is None else deepest[0].f_code.co_name
    if isinstance(error, RecursionError) or name == "_forward_unimplemented":
        return True
    if is_raised_by_user(error):
        return True
    return not isinstance(error, _OF_INPUTS)


@contextmanager
def blamed(
    model: nn.Module, data: str, inputs: Any, *, place: str = "", how: str = ""
) -> Iterator[None]:
    """Turn what a model raises into a ModelError, or a DataError where its inputs may be why.

    `place` comes first in the message, `how` says how the model was given `inputs`.
    Refusals of ours, a lack of memory, lost ranks and lost workers are told elsewhere, and pass.
    """
    try:
        yield
    except TrainingError as error:
        raise TrainingError(f"{place}{error}") from None
    except PemnError:
        raise
    except (Exception, SystemExit) as error:  # whatever a user's own forward() raises
        if is_out_of_memory(error) or is_lost(error) or lost_worker(error):
            raise
        shape, reason = one_shape(inputs), told(error, model)
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise ModelError(
                f"{place}torch.compile cannot take the model: {reason}; train without compile"
            ) from error
        if isinstance(model, PlannedModel) and _finds_no_weight(error):
            raise ModelError(
                f"{place}a part of the model ran outside of its forward pass, where masked weights "
                f"are not there: {reason}; activation checkpointing (torch.utils.checkpoint) does "
                "that in the backward pass: expected it to be switched off"
            ) from error
        if is_models_own(error):
            raise ModelError(
                f"{place}the model's own code fails on inputs of shape {shape}{how}: {reason}"
            ) from error
        raise DataError(
            f"{place}data {data!r} gives inputs of shape {shape}, which the model does not take"
            f"{how}: {reason}"
        ) from error


def _finds_no_weight(error: BaseException) -> bool:
    """Whether an error may be of a layer that was called while the whole model was not."""
    if not isinstance(error, TypeError | AttributeError) or "NoneType" not in str(error):
        return False
    return not any(isinstance(f.f_locals.get("self"), PlannedModel) for f, _ in frames(error))


def _layer(error: BaseException, model: nn.Module) -> str | None:
    """Return "name: Class" of the deepest layer of the model that an error came through."""
    inner = model.model if isinstance(model, PlannedModel) else model
    names = {id(module): name for name, module in inner.named_modules()}
    for frame, _ in frames(error):
        layer = frame.f_locals.get("self")
        name = names.get(id(layer)) if isinstance(layer, nn.Module) else None
        if name:
            return f"{name}: {type(layer).__name__}"
    return None
