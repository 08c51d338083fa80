"""Data for a loss of the user's own: samples of any structure.

docs/tasks.md tells what train_data() and eval_data() may return then.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from pemn_compress.data.failures import told
from pemn_compress.data.samples import Split
from pemn_compress.data.streams import is_stream, stream
from pemn_compress.data.trees import (
    describe,
    parted,
    stackable,
    to_tensors,
)
from pemn_compress.errors import DataError

EXPECTED = (
    "tensors or arrays (inputs, targets), a map-style Dataset, a DataLoader or an iterable of "
    "batches"
)


def structured_split(where: str, value: Any) -> Split:
    """Return the split of what a data function returned. Raises DataError."""
    if isinstance(value, TensorDataset):
        value = tuple(value.tensors)
    if is_stream(value):
        return Split(stream=stream(value, where), origin=where, labelled=False)
    if isinstance(value, Tensor | np.ndarray | Mapping | tuple) or _is_pair(value):
        return _in_memory(where, value)
    indexed = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    if isinstance(value, str | bytes | type) or not indexed:
        raise DataError(f"{where}: expected {EXPECTED}, got {describe(value)}")
    if isinstance(value, list):  # of batches
        return Split(stream=stream(_Listed(value), where), origin=where, labelled=False)
    try:
        if not len(value):
            raise DataError(f"{where}: expected one sample or more, got an empty Dataset")
        with torch.random.fork_rng(devices=[]):  # looking must not change what a seeded run draws
            read_structured(where, value, 0)
    except DataError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's own code raises
        raise DataError(f"{where}: its first sample: {told(error)}") from error
    return Split(dataset=value, origin=where, labelled=False)


def read_structured(where: str, dataset: Any, index: int) -> tuple[Any, Any]:
    """Return the inputs and targets of one sample of a user's Dataset, as trees of tensors.

    Raises DataError for a sample of another kind, and whatever the user's own code raises.
    """
    sample = dataset[index]
    try:
        inputs, targets = parted(sample)
        return to_tensors(inputs), to_tensors(targets)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: sample {index}: {error}; got {describe(sample)}") from None


def _is_pair(value: Any) -> bool:
    """Tell a list [inputs, targets] of tensors or arrays from a list of batches."""
    if not isinstance(value, list) or len(value) != 2:
        return False
    arrays = (Tensor, np.ndarray, Mapping)
    return isinstance(value[0], arrays) and isinstance(value[1], arrays)


def _in_memory(where: str, value: Any) -> Split:
    try:
        inputs, targets = parted(value)
        inputs, targets = to_tensors(inputs), to_tensors(targets)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: {error}; got {describe(value)}") from None
    if not stackable(inputs, targets):
        raise DataError(
            f"{where}: expected tensors with as many rows each, one for a sample, got "
            f"{describe(inputs)} and {describe(targets)}"
        )
    return Split(inputs, targets, origin=where, labelled=False)


class _Listed:
    """A list of batches, as something that has an order of its own."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __iter__(self) -> Any:
        return iter(self._items)
