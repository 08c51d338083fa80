"""How many weights feed one output of a tensor, and how many one input feeds: ask its module.

They decide the scale of random weights and of initial scores. Modules of torch are known here; a
class of one's own that stores its weights otherwise has a method
`pemn_fans(self, name) -> (fan_in, fan_out)`, which is asked with the parameter's name below it.
"""

from collections.abc import Callable
from math import prod
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from pemn_compress.errors import ModelError
from pemn_compress.masking.rules.numbers import plain, shown

Fans = tuple[int, int]
METHOD = "pemn_fans"


def fans(model: nn.Module, name: str, shape: tuple[int, ...]) -> Fans:
    """Return (fan_in, fan_out) of the parameter `name` of a model.

    The nearest module around it that has a method `pemn_fans` is asked; if there is none, or it
    returns None, the module's class decides. Raises ModelError for an answer that is no two numbers
    of 1 or more.
    """
    owner = model
    around = [(model, name)]
    path = name.split(".")
    for depth in range(1, len(path)):
        owner = model.get_submodule(".".join(path[:depth]))
        around.append((owner, ".".join(path[depth:])))
    for module, below in reversed(around):
        ask = getattr(module, METHOD, None)
        told = ask(below) if callable(ask) else None
        if told is not None:
            return _checked(told, name, module)
    for kind in type(owner).__mro__:
        rule = FANS.get(kind) or FANS.get(f"{kind.__module__}.{kind.__qualname__}")
        if rule is not None:
            return rule(owner, shape)
    return _outputs_first(owner, shape)


def _outputs_first(module: nn.Module, shape: tuple[int, ...]) -> Fans:
    """Weights of shape (out, in, *kernel), as in linear, recurrent and attention layers.

    An embedding's rows count as outputs: so it has the scale of the output layer that it is often
    tied to.
    """
    outputs, inputs = (*shape, 1, 1)[:2]
    kernel = prod(shape[2:])
    return inputs * kernel, outputs * kernel


def _convolution(module: Any, shape: tuple[int, ...]) -> Fans:
    """Weights of shape (out, in / groups, *kernel): an input feeds the outputs of its group."""
    fan_in, fan_out = _outputs_first(module, shape)
    return fan_in, fan_out // module.groups


def _transposed_convolution(module: Any, shape: tuple[int, ...]) -> Fans:
    """Weights of shape (in, out / groups, *kernel)."""
    fan_out, fan_in = _outputs_first(module, shape)
    return fan_in // module.groups, fan_out


def _inputs_first(module: nn.Module, shape: tuple[int, ...]) -> Fans:
    """Weights of shape (in, out)."""
    fan_out, fan_in = _outputs_first(module, shape)
    return fan_in, fan_out


# by class, or by a class's full name where its library need not be there; the nearest base counts
FANS: dict[type | str, Callable[[nn.Module, tuple[int, ...]], Fans]] = {
    _ConvNd: _convolution,
    _ConvTransposeNd: _transposed_convolution,
    "transformers.pytorch_utils.Conv1D": _inputs_first,
}


def _checked(told: Any, name: str, module: nn.Module) -> Fans:
    try:
        fan_in, fan_out = (plain(number) for number in told)
    except (TypeError, ValueError):
        fan_in = fan_out = None
    for fan in (fan_in, fan_out):
        if not isinstance(fan, int) or isinstance(fan, bool) or fan < 1:
            raise ModelError(
                f"{name}: {METHOD} of {type(module).__name__}: expected two whole numbers of 1 or "
                f"more, fan_in and fan_out, got {shown(told)}"
            )
    return fan_in, fan_out
