"""In what two modules differ that a state dict does not hold.

Two builds of one model have to be alike in everything that training does not learn: classes,
hyperparameters, constants, hooks. Where they are not, a model that is built to be filled from an
archive is another one than was trained.
"""

import enum
import functools
import random
import types
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

# ids of two objects -> the objects
Seen = dict[tuple[int, int], tuple[Any, Any]]
# what every module has, and what is compared in another way or belongs to no forward pass
_OWN = frozenset(vars(nn.Module())) | {"pemn_architecture"}
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_state_dict_hooks", "_load_state_dict_pre_hooks")
# torch's recurrent layers list their weights again
_CACHES = frozenset({"_flat_weights", "_flat_weight_refs"})
_PLAIN = (
    bool, int, float, complex, str, bytes, type(None), enum.Enum, PurePath, np.generic, torch.dtype,
    torch.device, torch.Size, torch.layout, torch.memory_format, range, slice,
)  # fmt: skip


class Difference(NamedTuple):
    """A place in which two modules differ: what and how, in words, and whether it is a tensor."""

    told: str
    is_tensor: bool = False


def first_difference(one: nn.Module, other: nn.Module) -> str | None:
    """Return in words in what two modules differ first, outside their state dicts; None: nothing.

    Compared are the modules' names and classes, the names, shapes and dtypes of parameters and
    buffers, the values of buffers that are not persistent, hooks, and every attribute: numbers,
    text, tensors, containers and objects of them, functions by their code. Values of parameters and
    persistent buffers are not, nor those of tensors without memory (on the meta device).
    """
    found = next(differences(one, other), None)
    return found.told if found else None


def differences(one: nn.Module, other: nn.Module, seen: Seen | None = None) -> Iterator[Difference]:
    """Yield in words what `first_difference` finds, place by place.

    A pair of objects that stands in several places is told at the first of them. `seen` holds the
    pairs that need no other look.
    """
    seen = {} if seen is None else seen
    left, right = dict(one.named_modules()), dict(other.named_modules())
    for name in dict.fromkeys([*left, *right]):
        if name not in left or name not in right:
            here = "first" if name in left else "second"
            yield Difference(f"module {name!r} is only in the {here}")
            continue
        yield from _between(name, left[name], right[name], seen)


def _between(path: str, one: nn.Module, other: nn.Module, seen: Seen) -> Iterator[Difference]:
    where = path or "the model itself"
    if _kind(one) != _kind(other):
        yield Difference(f"module {where}: {type(one).__name__} and {type(other).__name__}")
        return
    prefix = f"{path}." if path else ""
    tensors: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = (
        ("parameter", one._parameters, other._parameters),
        ("buffer", one._buffers, other._buffers),
    )
    for what, left, right in tensors:
        for name in dict.fromkeys([*left, *right]):
            a, b = left.get(name), right.get(name)
            if _shape(a) != _shape(b):
                yield Difference(f"{what} {prefix}{name}: {_told(a)} and {_told(b)}")
            elif (
                what == "buffer"
                and name in one._non_persistent_buffers_set
                and not _alike(a, b, seen)
            ):
                yield Difference(f"{prefix}{name} (a buffer that is not persistent)", True)
    for hooks in _HOOKS:
        ours, theirs = list(getattr(one, hooks).values()), list(getattr(other, hooks).values())
        if not _alike(ours, theirs, seen):
            yield Difference(f"module {where}: {hooks.strip('_').replace('_', ' ')}")
    own, others = vars(one), vars(other)
    for name in dict.fromkeys([*own, *others]):
        if name in _OWN or name in _CACHES:
            continue
        if name not in own or name not in others:
            yield Difference(f"{prefix}{name} (an attribute that only one has)")
        elif not _alike(own[name], others[name], seen):
            a, b = own[name], others[name]
            yield Difference(f"{prefix}{name}{_values(a, b)}", isinstance(a, Tensor | np.ndarray))


def alike(one: Any, other: Any) -> bool:
    """Return whether two values are the same as far as can be told, tensors bit for bit."""
    return _alike(one, other, {})


def _alike(a: Any, b: Any, seen: Seen) -> bool:
    """Return whether two values are the same as far as can be told."""
    try:
        return _compared(a, b, seen)
    except RecursionError:  # what lies that deep cannot be told
        return True


def _compared(a: Any, b: Any, seen: Seen) -> bool:
    if a is b or (id(a), id(b)) in seen:
        return True
    seen[id(a), id(b)] = (a, b)  # held, so that no other pair gets their ids
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return _same_tensor(a, b)
    if _kind(a) != _kind(b):
        return False
    if isinstance(a, nn.Module):
        return next(differences(a, b, seen), None) is None
    for kinds, alike in _ALIKE:
        if isinstance(a, kinds):
            return bool(alike(a, b, seen))
    inside = [_inside(value) for value in (a, b)]
    if any(inside):
        return _alike(inside[0], inside[1], seen)
    if getattr(type(a), "__eq__", None) is object.__eq__:
        return True  # nothing is in it that could differ
    try:
        return bool(a == b)
    except Exception:  # an __eq__ of the user's own
        return True


def _same_tensor(a: Tensor, b: Tensor) -> bool:
    if a.is_nested or b.is_nested:
        both = a.is_nested and b.is_nested
        return both and _same_items(a.unbind(), b.unbind(), {})
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.is_meta or b.is_meta:
        return True
    if a.layout != torch.strided or b.layout != torch.strided:
        a, b = a.to_dense(), b.to_dense()
    return torch.equal(_bits(a), _bits(b))


def _bits(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    return tensor.contiguous().view(-1).view(torch.uint8)


def _same_plain(a: Any, b: Any, _: object) -> bool:
    return bool(a == b) or bool(a != a and b != b)


def _same_array(a: Any, b: Any, seen: Seen) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.hasobject:
        return _alike(a.tolist(), b.tolist(), seen)
    return bool(a.tobytes() == b.tobytes())


def _same_items(a: Any, b: Any, seen: Seen) -> bool:
    return len(a) == len(b) and all(_alike(x, y, seen) for x, y in zip(a, b, strict=True))


def _same_mapping(a: Any, b: Any, seen: Seen) -> bool:
    keys, others = list(a), list(b)
    if all(isinstance(key, _PLAIN) for key in [*keys, *others]):
        return set(keys) == set(others) and all(_alike(a[key], b[key], seen) for key in keys)
    return _same_items([*a.items()], [*b.items()], seen)


def _same_set(a: Any, b: Any, _: object) -> bool:
    plain = all(isinstance(value, _PLAIN) for value in [*a, *b])
    return bool(a == b) if plain else len(a) == len(b)


def _same_function(a: Any, b: Any, seen: Seen) -> bool:
    return bool(
        a.__qualname__ == b.__qualname__
        and a.__code__.co_code == b.__code__.co_code
        and _alike(a.__defaults__, b.__defaults__, seen)
        and _alike(a.__kwdefaults__, b.__kwdefaults__, seen)
        and _same_items(_cells(a), _cells(b), seen)
    )


def _cells(function: Any) -> list[Any]:
    return [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]


def _is_filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _same_method(a: Any, b: Any, seen: Seen) -> bool:
    return _alike(a.__func__, b.__func__, seen) and _alike(a.__self__, b.__self__, seen)


def _same_partial(a: Any, b: Any, seen: Seen) -> bool:
    return _alike((a.func, a.args, a.keywords), (b.func, b.args, b.keywords), seen)


def _same_generator(a: Any, b: Any, seen: Seen) -> bool:
    return _alike(_random_state(a), _random_state(b), seen)


def _random_state(generator: Any) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=True)
    return generator.bit_generator.state


def _same_name(a: Any, b: Any, _: object) -> bool:
    names = [getattr(value, "__qualname__", value.__name__) for value in (a, b)]
    return bool(names[0] == names[1])


_ALIKE: tuple[tuple[tuple[type, ...], Any], ...] = (
    (_PLAIN, _same_plain),
    ((np.ndarray,), _same_array),
    ((Mapping,), _same_mapping),
    ((list, tuple, deque), _same_items),
    ((set, frozenset), _same_set),
    ((types.FunctionType,), _same_function),
    ((types.MethodType,), _same_method),
    ((functools.partial,), _same_partial),
    ((torch.Generator, random.Random, np.random.Generator, np.random.RandomState), _same_generator),
    ((type, types.ModuleType, types.BuiltinFunctionType), _same_name),
)


def _inside(value: Any) -> dict[str, Any]:
    held = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name) and not name.startswith("__"):
                held[name] = getattr(value, name)
    return held


def _kind(value: Any) -> str:
    """Return a class's full name; a model file that is loaded twice lies in two modules."""
    kind = type(value)
    home = "a model file" if kind.__module__.startswith("pemn_model_") else kind.__module__
    return f"{home}.{kind.__qualname__}"


def _shape(tensor: Tensor | None) -> Any:
    return None if tensor is None else (tuple(tensor.shape), tensor.dtype)


def _told(tensor: Tensor | None) -> str:
    if tensor is None:
        return "none"
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _values(a: Any, b: Any) -> str:
    """Say two values where that is short."""
    told = [repr(value) for value in (a, b)]
    short = isinstance(a, (*_PLAIN, tuple)) and all(len(text) < 40 for text in told)
    return f": {told[0]} and {told[1]}" if short else ""
