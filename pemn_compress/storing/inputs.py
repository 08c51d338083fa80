"""What a user, or else the archive, says of a model's inputs, made into an example of them."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

from torch import Tensor, nn
from torch.utils import _pytree as pytree

from pemn_compress.errors import SettingError
from pemn_compress.format.archive import Archive
from pemn_compress.reporting.words import clean
from pemn_compress.storing.asking import (
    ANY,
    NONE,
    Asked,
    Shape,
    checked_batch,
    shapes_and_dtypes,
)
from pemn_compress.storing.examples import Example, Input, Place, signature_of

_PART_OF_MEMORY = 16  # a model needs many times its input
_BATCHES = (3, 5, 7, 11, 13, 17, 19, 23, 29)


def example_for(module: nn.Module, archive: Archive, asked: Asked) -> Example:
    """Return the example that a model is traced with.

    Raises SettingError for what is asked and does not fit, or is missing.
    """
    if asked.inputs is not None:
        return example_of(module, asked)
    batch = checked_batch(asked.batch)
    args, kwargs = _from_shapes(module, archive, asked, batch)
    example = _with_dynamic(_flattened(module, args, kwargs), asked.dynamic, batch)
    _check_memory(example)
    return example


def example_of(module: nn.Module, asked: Asked) -> Example:
    """Return the example that tensors at hand make, `asked.inputs`. Raises SettingError."""
    if asked.input_shape is not None or asked.input_dtype is not None:
        raise SettingError(
            "inputs: expected no input_shape and no input_dtype beside them: tensors have both"
        )
    batch = checked_batch(asked.batch)
    example = _flattened(module, *_from_tensors(asked.inputs))
    return _with_dynamic(_with_batch(example, batch), asked.dynamic, batch)


def _from_shapes(
    module: nn.Module, archive: Archive, asked: Asked, batch: int | str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    told = shapes_and_dtypes(module, archive, asked)
    lead = _lead((shape for shape, _ in told.values()), batch)
    made = {
        key: Input(
            str(key),
            (*lead, *shape),
            dtype,
            varying=frozenset((0,) if batch == ANY else ()),
            batched=bool(lead),
        )
        for key, (shape, dtype) in told.items()
    }
    positions = sorted(key for key in made if isinstance(key, int))
    if positions != list(range(len(positions))):
        raise SettingError(
            f"input_shape (--input-shape): expected positions from 0 on, got {positions}"
        )
    named = {key: one for key, one in made.items() if isinstance(key, str)}
    return tuple(made[key] for key in positions), named


def _lead(shapes: Iterable[Shape], batch: int | str) -> Shape:
    """Return the batch dimension of the example: a size that no other dimension has."""
    if batch == NONE:
        return ()
    if isinstance(batch, int):
        return (batch,)
    taken = {size for shape in shapes for size in shape}
    return (next((size for size in _BATCHES if size not in taken), _BATCHES[-1]),)


def _from_tensors(inputs: object) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, Tensor):
        return (inputs,), {}
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    if isinstance(inputs, (list, tuple)):
        return tuple(inputs), {}
    raise SettingError(
        "inputs: expected a tensor, a list of them, or a dict of them by name, got "
        f"{type(inputs).__name__}"
    )


def _flattened(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Example:
    """Return the example of a call, its inputs named as the module's forward names them."""
    taken = signature_of(module)
    try:
        taken.bind(*args, **kwargs)
    except TypeError as error:
        raise SettingError(
            f"{type(module).__name__}: forward takes {clean(taken)}, but was given {len(args)} "
            f"inputs by position and {', '.join(kwargs) or 'none'} by name: {error}; pass an "
            "--input-shape (NAME=SHAPE by name) for each, or inputs=[...]"
        ) from None
    names = [
        name
        for name, parameter in taken.parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    called = [*(names[i] if i < len(names) else f"input {i}" for i in range(len(args))), *kwargs]
    paths, tree = pytree.tree_flatten_with_path((args, kwargs))
    inputs: list[Input] = []
    leaves: list[Any] = []
    for path, leaf in paths:
        if not isinstance(leaf, Tensor | Input):
            leaves.append(leaf)
            continue
        which: Any = path[1]
        by_position = isinstance(which, pytree.SequenceKey)
        place = which.idx if by_position else len(args) + list(kwargs).index(which.key)
        name = called[place] + pytree.keystr(path[2:])
        if isinstance(leaf, Tensor):
            leaf = leaf.detach()
            leaf = Input(name, tuple(leaf.shape), leaf.dtype, given=leaf)
        leaves.append(Place(len(inputs)))
        inputs.append(replace(leaf, name=name, place=place))
    if not inputs:
        raise SettingError("inputs: expected at least one tensor, got none")
    return Example(tuple(inputs), tuple(leaves), tree)


def _with_batch(example: Example, batch: int | str) -> Example:
    """Take the first dimension of given tensors for the batch."""
    if batch == NONE:
        return example
    first = sorted({one.shape[0] for one in example.inputs if one.shape})
    if len(first) != 1 or not first[0]:
        raise SettingError(
            f"inputs: expected a batch, the first dimension, of one size in all of them, got "
            f'{", ".join(map(str, first)) or "none"}; pass batch="none", and name the dimensions '
            "that may vary in dynamic"
        )
    if isinstance(batch, int) and first[0] != batch:
        raise SettingError(f"inputs: expected batches of {batch}, as asked, got {first[0]}")
    lead = _lead((one.shape[1:] for one in example.inputs), batch)
    varying = frozenset((0,) if batch == ANY else ())
    inputs = tuple(
        replace(one, shape=(*lead, *one.shape[1:]), varying=varying, batched=True)
        if one.shape
        else one
        for one in example.inputs
    )
    return replace(example, inputs=inputs)


def _with_dynamic(example: Example, dynamic: Any, batch: int | str) -> Example:
    """Let the dimensions vary that are asked for: DIMENSION, or INPUT.DIMENSION."""
    inputs = list(example.inputs)
    entries = list(dynamic) if isinstance(dynamic, list | tuple | set) else [dynamic]
    for entry in (part for each in entries for part in str(each).split(",")):
        where, dot, text = entry.strip().rpartition(".")
        if not text.isdecimal() or (dot and not where):
            raise SettingError(
                f"dynamic (--dynamic): expected a dimension such as 1, or an input's such as 0.1 "
                f"or ids.1 (the batch is 0), got {clean(entry)!r}"
            )
        dim = int(text)
        asked = [
            number
            for number, one in enumerate(inputs)
            if not where
            or where == str(one.place)
            or one.name == where
            or one.name.startswith(f"{where}[")
        ]
        chosen = [number for number in asked if dim < len(inputs[number].shape)]
        if not chosen:
            told = ", ".join(f"{one.place}: {one.told()}" for one in inputs)
            raise SettingError(
                f"dynamic (--dynamic): {clean(entry)!r}: no such dimension; the inputs are {told}"
            )
        if dim == 0 and isinstance(batch, int):
            raise SettingError(
                f"dynamic (--dynamic): {entry!r} is the batch, which is asked to be {batch} always"
            )
        for number in chosen:
            one = inputs[number]
            if one.shape[dim] < 2:
                raise SettingError(
                    f"dynamic (--dynamic): {entry!r}: expected an example of size 2 or more where "
                    f"it may vary, got {one.shape[dim]} ({one.told()}); pass another --input-shape"
                )
            inputs[number] = replace(one, varying=one.varying | {dim})
    return replace(example, inputs=tuple(inputs))


def _check_memory(example: Example) -> None:
    """Refuse inputs that no model on this machine could work on."""
    needed = sum(prod(one.shape) * one.dtype.itemsize for one in example.inputs)
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not every system tells
        memory = 1 << 36
    if needed > memory // _PART_OF_MEMORY:
        raise SettingError(
            f"inputs of {example.told()} take {needed:,} bytes: expected at most 1/"
            f"{_PART_OF_MEMORY} of this machine's {memory:,}; pass a smaller --input-shape"
        )
