"""Where else a model holds something: in lists, closures, objects, beside its registered places.

A forward pass gives a module's planned parameters new values under their names. Whatever kept the
parameter itself would go on with the old one, silently.
"""

import functools
import gc
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError

MOST = 500_000  # objects that are looked at: models that hold more hold data
_REGISTRIES = ("_parameters", "_modules")
# recurrent layers keep a list of their weights, which `host` has them make anew
_RENEWED = ("_flat_weights", "_flat_weight_refs")
_SINGLE = (
    str, bytes, bytearray, int, float, complex, bool, type(None), type, ModuleType,
    BuiltinFunctionType, np.ndarray, np.generic, torch.dtype, torch.device, torch.Size,
    torch.Generator,
    torch.optim.Optimizer,  # a trainer's, who has the model and is had by it: no pass reads there
)  # fmt: skip


def held_beside(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield whatever is reached from a model's attributes, with the place where it is held.

    Not its parameters and modules at their registered places; those of modules that are not
    registered.
    """
    registered = {id(module) for module in model.modules()}
    starts = []
    for path, module in model.named_modules():
        where = f"{path}." if path else ""
        for place, value in _attributes(module, where, registered=True):
            starts.append((place, value))
    yield from reached(starts, lambda value: id(value) in registered)


def reached(
    starts: list[tuple[str, Any]], ends: Callable[[Any], bool] | None = None
) -> Iterator[tuple[str, Any]]:
    """Yield what is reached from `starts`, each once; nothing behind what `ends` is true of."""
    seen: dict[int, Any] = {}  # values too: an id is one object's as long as that one lives
    todo = deque(starts)
    while todo and len(seen) < MOST:
        place, value = todo.popleft()
        # a weak proxy would pass for what it leads to
        if type(value) in weakref.ProxyTypes or isinstance(value, _SINGLE) or id(value) in seen:
            continue
        seen[id(value)] = value
        yield place, value
        if not isinstance(value, Tensor) and not (ends and ends(value)):
            todo.extend(_inside(place, value))


def _inside(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, nn.Module):
        yield from _attributes(value, f"{place}.", registered=False)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"{place} (a key)", key
            yield f"{place}[{key!r}]" if isinstance(key, str | int) else f"{place}[...]", item
    elif isinstance(value, list | tuple | deque | set | frozenset):
        for index, item in enumerate(value):
            yield f"{place}[{index}]", item
    elif isinstance(value, MethodType):
        yield f"{place}.__self__", value.__self__
        yield f"{place}.__func__", value.__func__
    elif isinstance(value, functools.partial):
        yield f"{place}.func", value.func
        yield f"{place}.args", value.args
        yield f"{place}.keywords", value.keywords
    elif isinstance(value, FunctionType):
        yield from kept_by_function(place, value)
    if not isinstance(value, nn.Module | FunctionType):
        try:
            attributes = vars(value)
        except TypeError:
            attributes = {}
        for name, item in attributes.items():
            yield f"{place}.{name}", item
        for kind in type(value).__mro__:
            slots = vars(kind).get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                    yield f"{place}.{name}", getattr(value, name)


def kept_by_function(place: str, function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function closes over, has as defaults, and as attributes."""
    names = function.__code__.co_freevars
    for name, cell in zip(names, function.__closure__ or (), strict=True):
        try:
            yield f"{place} (variable {name!r})", cell.cell_contents
        except ValueError:  # not yet set
            continue
    yield f"{place} (defaults)", function.__defaults__
    yield f"{place} (defaults)", function.__kwdefaults__
    yield f"{place} (attributes)", vars(function)


def _attributes(module: nn.Module, where: str, *, registered: bool) -> Iterator[tuple[str, Any]]:
    left_out = _REGISTRIES if registered else ()
    if isinstance(module, nn.RNNBase):
        left_out = (*left_out, *_RENEWED)
    for name, value in vars(module).items():
        if name in left_out:
            continue
        if name in (*_REGISTRIES, "_buffers"):
            for key, item in value.items():
                yield f"{where}{key}", item
        else:
            yield f"{where}{name}", value


def refuse_references(model: nn.Module, planned: Mapping[str, nn.Parameter]) -> None:
    """Refuse a model that holds a planned parameter, or its memory, in another place as well.

    `planned` is name -> parameter. Raises ModelError that names the weight and the place.
    """
    whose = {id(parameter): name for name, parameter in planned.items()}
    memory: dict[int, list[tuple[str, nn.Parameter]]] = {}
    for name, parameter in planned.items():
        memory.setdefault(_address(parameter), []).append((name, parameter))
    memory.pop(0, None)
    for place, value in held_beside(model):
        if not isinstance(value, Tensor):
            continue
        if id(value) in whose:
            raise _held(whose[id(value)], place, "itself")
        for name, parameter in memory.get(_address(value), ()):
            if _overlap(value, parameter):
                raise _held(name, place, "by a view of its memory")
    registered = dict(model.named_parameters())
    for other, value in registered.items():
        for name, parameter in memory.get(_address(value), ()):
            if value is not parameter and _overlap(value, parameter):
                raise ModelError(
                    f"{name}: shares its memory with the parameter {other}, and is another: masks "
                    f"would part them; expected one parameter under both names (as in "
                    f"head.weight = embedding.weight)"
                )


def told_of_optimizers(replaced: Mapping[str, nn.Parameter]) -> list[str]:
    """Return what a user should know of optimizers that hold parameters which are trained no more.

    `replaced` is name -> parameter, of those that somebody still holds.
    """
    if not replaced:  # as a rule: then no object of the process has to be looked at
        return []
    names = {id(parameter): name for name, parameter in replaced.items()}
    lines = []
    for one in gc.get_objects():
        if not issubclass(type(one), torch.optim.Optimizer):
            continue
        groups = getattr(one, "param_groups", ())
        found = [names[id(p)] for group in groups for p in group["params"] if id(p) in names]
        if found:
            lines.append(
                f"an optimizer made before ({type(one).__name__}) holds weights that are masked "
                f"now ({len(found)}, such as {found[0]}): it would train no score; make it anew "
                "from the masked model's parameters()"
            )
    return lines


def _held(name: str, place: str, how: str) -> ModelError:
    owner = name.rpartition(".")[2]
    return ModelError(
        f"{name}: the model also holds this weight {how} in {place}, where no mask would reach it: "
        f"expected it under its name alone, read there in each forward pass (self.{owner}); or "
        f"leave it dense with exclude=['{name}']"
    )


def _address(tensor: Tensor) -> int:
    """Return where a tensor's storage lies, 0 where that is not known."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):  # sparse, or without memory
        return 0


def _overlap(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one storage have elements in common (as far as their spans tell)."""
    first, second = (_span(tensor) for tensor in (one, other))
    return first[0] < second[1] and second[0] < first[1]


def _span(tensor: Tensor) -> tuple[int, int]:
    if not tensor.numel():
        return 0, 0
    last = sum(
        (size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)
    )
    start = tensor.data_ptr()
    return start, start + (last + 1) * tensor.element_size()
