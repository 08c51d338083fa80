"""The data that a model file brings along, whatever its kind."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError

EXPECTED = "a pair of arrays or tensors (inputs, targets), or a map-style Dataset"


def from_model_file(train: Any, test: Any, name: str, *, classes: int | None = None) -> Data:
    """Build Data from what a model file's train_data() and eval_data() returned.

    Each is a pair (inputs, targets) of arrays or tensors, inputs (N, ...) and integer targets (N,),
    or a map-style Dataset of such samples; `train` may be None. Inputs are passed on as they are,
    except that float64 becomes float32, as models have it. `input_shape` is eval_data()'s. The
    number of classes is `classes`, or the largest that is known: from targets in memory, or from a
    Dataset's own `classes`; None where nothing tells.

    Raises DataError for anything else, with the function that returned it.
    """
    splits, known = [], [] if classes is None else [classes]
    for function, value in (("train_data()", train), ("eval_data()", test)):
        if value is None and function == "train_data()":
            continue
        where = f"{name}: {function}"
        split, shape, found = _split(where, value)
        if classes is not None and found is not None and found > classes:
            raise DataError(f"{where}: expected at most {classes} classes, got {found}")
        splits.append(split)
        known += [] if found is None or classes is not None else [found]
    return Data(
        name=name,
        train=None if train is None else splits[0],
        test=splits[-1],
        classes=max(known, default=None),
        class_names=None,
        input_shape=shape,
        is_image=False,
    )


def to_tensor(value: Any) -> Tensor:
    """Return an array, tensor or number as a tensor of a type that models take.

    Raises TypeError or ValueError for what is none of these.
    """
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "u" and value.dtype.itemsize > 1:
            value = value.astype(np.int64)  # torch can hardly compute with wide unsigned types
        # A copy in the machine's own byte order: torch takes neither others nor read-only arrays.
        value = torch.from_numpy(np.array(value, dtype=value.dtype.newbyteorder("="), order="C"))
    tensor = value.detach().cpu() if isinstance(value, Tensor) else torch.as_tensor(value)
    return tensor.to(torch.float32) if tensor.dtype == torch.float64 else tensor


def _split(where: str, value: Any) -> tuple[Split, tuple[int, ...], int | None]:
    """Return the split, the shape of one input, and the number of classes if it is known."""
    if isinstance(value, TensorDataset) and len(value.tensors) == 2:
        value = value.tensors
    if isinstance(value, list | tuple):
        split = _tensor_split(where, value)
        assert split.inputs is not None
        assert split.targets is not None
        return split, tuple(split.inputs.shape[1:]), int(split.targets.max()) + 1
    map_style = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    wrong = isinstance(value, DataLoader | IterableDataset | Tensor | np.ndarray | dict | str)
    if wrong or not map_style:
        raise DataError(f"{where}: expected {EXPECTED}, got {type(value).__name__}")
    if not len(value):
        raise DataError(f"{where}: expected one sample or more, got an empty Dataset")
    with torch.random.fork_rng(devices=[]):  # looking must not change what a seeded run draws
        sample = value[0]
    try:
        first, target = sample
        shape, label = tuple(to_tensor(first).shape), to_tensor(target)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"{where}: expected samples (input, target) that are tensors, got {_describe(sample)}"
        ) from error
    if not _is_integer(label) or label.ndim:
        raise DataError(f"{where}: expected targets that are integers, got {_describe(target)}")
    names = getattr(value, "classes", None)
    return Split(dataset=value), shape, len(names) if isinstance(names, Sequence) else None


def _tensor_split(where: str, value: Sequence[Any]) -> Split:
    if len(value) != 2:
        raise DataError(f"{where}: expected {EXPECTED}, got {len(value)} items")
    try:
        inputs, targets = to_tensor(value[0]), to_tensor(value[1])
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{where}: expected {EXPECTED}, got {_describe(value)}") from error
    if not inputs.ndim or not _is_integer(targets) or targets.shape != (len(inputs),):
        raise DataError(
            f"{where}: expected inputs (N, ...) and integer targets (N,), "
            f"got {_describe((inputs, targets))}"
        )
    if not inputs.numel():
        raise DataError(f"{where}: expected one sample or more, got {_describe((inputs, targets))}")
    if int(targets.min()) < 0:
        raise DataError(f"{where}: expected targets from 0, got {int(targets.min())}")
    return Split(inputs, targets.to(torch.int64))


def _is_integer(tensor: Tensor) -> bool:
    dtype = tensor.dtype
    return not (dtype.is_floating_point or dtype.is_complex or dtype == torch.bool)


def _describe(value: Any) -> str:
    """Name a value's type, and its items' or its shape, in one line."""
    if isinstance(value, list | tuple):
        items = ", ".join(_describe(item) for item in value[:3])
        return f"({items}{', ...' if len(value) > 3 else ''})"
    if isinstance(value, Tensor | np.ndarray):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    return type(value).__name__
