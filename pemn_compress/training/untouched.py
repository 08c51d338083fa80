"""Trying a model without leaving a trace: its state, gradients and all random numbers come back."""

import copy
import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pemn_compress.masking.host import PlannedModel

# what is shared, or changes nothing of its own
_PASSED_OVER = (
    type, FunctionType, BuiltinFunctionType, MethodType, ModuleType, str, bytes, int, float,
    complex, bool, type(None), torch.dtype, torch.device, torch.Size,
)  # fmt: skip
MOST_OBJECTS = 200_000


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Undo, at the end, what passes inside does to a model and to random generators.

    Not a copy of the model: that would leave out what its functions reach by other ways, and not
    every model can be copied. Kept are the modules' tensors, attributes, lists, dicts, sets and
    arrays, and the attributes of objects that they hold, by their contents; the gradients; and the
    states of torch's, numpy's and Python's generators. What lies in the world outside is not.
    """
    # Nothing of ours changes in a forward pass, and scores and prototype may be large.
    kept = _Kept(model.model if isinstance(model, PlannedModel) else model)
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    for parameter, _ in gradients:
        parameter.grad = None
    python, numpys = random.getstate(), np.random.get_state()
    tensors = [*model.parameters(), *model.buffers()]
    devices = list({tensor.device for tensor in tensors if tensor.device.type == "cuda"})
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        kept.restore()
        for module, mode in modes:
            module.training = mode
        for parameter, gradient in gradients:
            parameter.grad = gradient
        random.setstate(python)
        np.random.set_state(numpys)


class _Kept:
    """What objects held when it was made, each by its own means, and how to give it back."""

    def __init__(self, root: object) -> None:
        self._held: dict[int, tuple[Any, Any]] = {}
        todo = [root]
        while todo and len(self._held) < MOST_OBJECTS:
            value = todo.pop()
            if id(value) in self._held or isinstance(value, _PASSED_OVER):
                continue
            content = _content(value)
            self._held[id(value)] = (value, content)
            todo += _inside(content)

    def restore(self) -> None:
        for value, content in self._held.values():
            _restore(value, content)


def _content(value: Any) -> Any:
    """Return a copy of what a value itself holds; of what its parts hold, nothing."""
    if isinstance(value, Tensor):
        dense = value.layout == torch.strided and not value.is_meta
        return value.detach().clone() if dense else None
    if isinstance(value, torch.Generator):
        return value.get_state()
    if isinstance(value, random.Random):
        return value.getstate()
    if isinstance(value, np.random.Generator):
        return copy.deepcopy(value.bit_generator.state)
    if isinstance(value, np.random.RandomState):
        return value.get_state()
    if isinstance(value, np.ndarray | deque | bytearray):
        return value.copy()
    for kind in (list, dict, set):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, tuple | frozenset):
        return value
    held = getattr(value, "__dict__", None)
    return dict(held) if isinstance(held, dict) else None


def _inside(content: Any) -> list[Any]:
    if isinstance(content, dict):
        return list(content.values())
    if isinstance(content, list | tuple | set | frozenset | deque):
        return list(content)
    return []


def _restore(value: Any, content: Any) -> None:
    if content is None or isinstance(value, tuple | frozenset):
        return
    if isinstance(value, Tensor):
        with torch.no_grad():
            if not torch.equal(value, content):  # one that is not changed may not be writable
                value.detach().copy_(content)
    elif isinstance(value, torch.Generator):
        value.set_state(content)
    elif isinstance(value, random.Random):
        value.setstate(content)
    elif isinstance(value, np.random.Generator):
        value.bit_generator.state = content
    elif isinstance(value, np.random.RandomState):
        value.set_state(content)
    elif isinstance(value, np.ndarray):
        if value.flags.writeable:
            value[...] = content
    elif isinstance(value, list | bytearray):
        value[:] = content
    elif isinstance(value, dict | set):
        value.clear()
        value.update(content)
    elif isinstance(value, deque):
        value.clear()
        value.extend(content)
    else:
        value.__dict__.clear()
        value.__dict__.update(content)
