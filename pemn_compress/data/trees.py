"""Inputs, targets and outputs of any structure: tensors in tuples, lists and dicts.

A model's inputs are one argument, a tuple of positional ones, or a dict of keyword ones.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

# names that a sample which is a dict may give its target
TARGETS = ("targets", "target", "labels", "label")
Forward = Callable[..., Any]


def call(forward: Forward, inputs: Any) -> Any:
    """Return what a model makes of its inputs."""
    if isinstance(inputs, Mapping):
        return forward(**inputs)
    return forward(*inputs) if isinstance(inputs, tuple) else forward(inputs)


def arguments(inputs: Any) -> tuple[Any, ...] | dict[str, Any]:
    """Return inputs as the positional or keyword arguments that they are."""
    if isinstance(inputs, Mapping):
        return dict(inputs)
    return inputs if isinstance(inputs, tuple) else (inputs,)


def parted(sample: Any) -> tuple[Any, Any]:
    """Return the inputs and the targets of a sample, or of a batch.

    A pair is both; a dict has its targets under one of the names in TARGETS; anything else is
    inputs without targets, and then these are what a loss is given for targets. Raises ValueError,
    which says what was expected.
    """
    if isinstance(sample, Mapping):
        inputs = dict(sample)
        found = [name for name in TARGETS if name in inputs]
        if len(found) > 1:
            raise ValueError(f"expected one of {found} for the targets, not both")
        if found:
            targets = inputs.pop(found[0])
            return inputs, targets
        return inputs, inputs
    if isinstance(sample, tuple | list):
        if len(sample) == 2:
            return _as_inputs(sample[0]), sample[1]
        if len(sample) == 1:
            return _as_inputs(sample[0]), sample[0]
        raise ValueError(
            f"expected a pair (inputs, targets), got {len(sample)} items; several inputs go into "
            "one tuple, ((first, second), targets), or into a dict"
        )
    return sample, sample


def _as_inputs(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return tuple(value) if isinstance(value, list) else value


def tensors(tree: Any) -> list[Tensor]:
    """Return the tensors of a tree."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def samples(*trees: Any) -> int:
    """Return how many samples a batch has: rows of its first tensor, or else items of a list."""
    for tree in trees:
        for tensor in tensors(tree):
            if tensor.dim():
                return len(tensor)
    for tree in trees:
        if isinstance(tree, Sequence) and not isinstance(tree, str):
            return len(tree)
    return 1


def stackable(*trees: Any) -> bool:
    """Tell whether all tensors of trees have as many rows."""
    counts = {len(t) if t.dim() else -1 for tree in trees for t in tensors(tree)}
    return len(counts) == 1 and -1 not in counts


def rows(tree: Any, index: int | slice | Tensor) -> Any:
    """Return a tree with a row, or some rows, of every tensor."""
    if isinstance(tree, Tensor):  # the usual case, and the quickest
        return tree.index_select(0, index) if isinstance(index, Tensor) else tree[index]
    if isinstance(index, Tensor):
        return tree_map(lambda t: t.index_select(0, index) if isinstance(t, Tensor) else t, tree)
    return tree_map(lambda t: t[index] if isinstance(t, Tensor) else t, tree)


def stacked(trees: Sequence[Any]) -> Any:
    """Return samples as one batch, a row for each. Raises RuntimeError or ValueError."""
    return tree_map(lambda *leaves: _stack(leaves), *trees)


def _stack(leaves: Sequence[Any]) -> Any:
    return torch.stack(tuple(leaves)) if isinstance(leaves[0], Tensor) else leaves[0]


def pinned(tree: Any) -> Any:
    """Return a tree with its tensors in memory that a GPU reads by itself."""
    return tree_map(lambda t: t.pin_memory() if isinstance(t, Tensor) else t, tree)


def moved(tree: Any, device: torch.device) -> Any:
    """Return a tree with its tensors on a device."""
    if isinstance(tree, Tensor):
        return tree.to(device, non_blocking=True)
    return tree_map(lambda t: t.to(device, non_blocking=True) if isinstance(t, Tensor) else t, tree)


def floats(tree: Any) -> Any:
    """Return a tree with its floating-point tensors of half precision in float32."""
    if isinstance(tree, Tensor):
        return _float(tree)
    return tree_map(lambda leaf: _float(leaf) if isinstance(leaf, Tensor) else leaf, tree)


def _float(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() and tensor.dtype.itemsize < 4 else tensor


def not_finite(tree: Any) -> tuple[int, int]:
    """Return how many floating-point numbers of a tree are not finite, and how many it has."""
    wrong = total = 0
    for tensor in tensors(tree):
        if tensor.is_floating_point():
            wrong += int((~tensor.isfinite()).sum())
            total += tensor.numel()
    return wrong, total


def to_tensor(value: Any) -> Tensor:
    """Return an array, tensor or number as a tensor of a type that models take.

    Raises TypeError or ValueError for what is none of these.
    """
    if isinstance(value, np.ndarray | np.generic):
        value = np.asarray(value)
        if value.dtype.kind == "u" and value.dtype.itemsize > 1:
            value = value.astype(np.int64)  # torch can hardly compute with wide unsigned types
        # A copy in the machine's own byte order: torch takes neither others nor read-only arrays.
        value = torch.from_numpy(np.array(value, dtype=value.dtype.newbyteorder("="), order="C"))
    tensor = value.detach().cpu() if isinstance(value, Tensor) else torch.as_tensor(value)
    return tensor.to(torch.float32) if tensor.dtype == torch.float64 else tensor


def to_tensors(tree: Any) -> Any:
    """Return a tree with its arrays, tensors and numbers as tensors that models take.

    None stays. Raises TypeError for a leaf that is none of these.
    """
    return tree_map(_leaf, tree)


def _leaf(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, Tensor | np.ndarray | np.generic | int | float | complex):
        raise TypeError(f"expected tensors, arrays and numbers, got {describe(value)}")
    return to_tensor(value)


def describe(value: Any) -> str:
    """Name a value's type, and its items' or its shape, in one line."""
    if isinstance(value, list | tuple):
        items = ", ".join(describe(item) for item in value[:3])
        return f"({items}{', ...' if len(value) > 3 else ''})"
    if isinstance(value, Tensor | np.ndarray):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return f"{type(value).__name__} of {', '.join(map(repr, list(value)[:3]))}"
    return type(value).__name__


def one_shape(inputs: Any) -> str:
    """Return the shapes of one sample's inputs, for messages: "(3, 32, 32)"."""
    if isinstance(inputs, Tensor):
        return str(tuple(inputs.shape[1:]))
    if isinstance(inputs, Mapping):
        told = [f"{name} {one_shape(value)}" for name, value in inputs.items()]
        return "{" + ", ".join(told) + "}"
    if isinstance(inputs, tuple | list):
        return ", ".join(map(one_shape, inputs))
    return describe(inputs)
