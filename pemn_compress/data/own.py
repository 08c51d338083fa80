"""The data that a model file brings along, whatever its kind; docs/model-file.md tells which."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset

from pemn_compress.data.failures import told
from pemn_compress.data.labels import paired
from pemn_compress.data.numbers import whole
from pemn_compress.data.samples import Data, Split
from pemn_compress.data.streams import is_stream, stream
from pemn_compress.data.structured import read_structured, structured_split
from pemn_compress.data.tasks import CLASSIFY, OWN, Task
from pemn_compress.data.trees import describe, to_tensor
from pemn_compress.errors import DataError

CALLERS = ("training data", "test data")  # where no functions of a file returned them
EXPECTED = (
    "a pair of arrays or tensors (inputs, targets), a map-style Dataset, or a DataLoader; other "
    "structures go with a loss(outputs, targets) of your own"
)


def from_model_file(
    train: Any,
    test: Any,
    name: str,
    *,
    classes: int | None = None,
    parts: tuple[str, str] = ("train_data()", "eval_data()"),
    task: Task = CLASSIFY,
) -> Data:
    """Build Data from what a model file's train_data() and eval_data() returned.

    Each is a pair (inputs, targets) of arrays or tensors, inputs (N, ...) and integer targets (N,),
    a map-style Dataset of such samples, or a DataLoader or another iterable of batches; `train` may
    be None. With a `task` that has a loss of its own they are of any structure.

    Inputs are passed on as they are, except that float64 becomes float32, as models have it.
    `input_shape` is eval_data()'s. The number of classes is `classes`, or the largest that is
    known: from targets in memory, or from a Dataset's own `classes`; None where nothing tells.
    Where both Datasets name their classes, the labels of eval_data() become those of train_data(),
    by name. `parts` is what messages call them.

    Raises DataError for anything else, with the function that returned it.
    """
    if task.name == OWN:
        return _structured(train, test, name, parts, task)
    if classes is not None:
        classes = whole("classes", classes, 1)
    splits, names, counts, firsts = [], [], [], []
    for part, value in zip(parts, (train, test), strict=True):
        if value is None and part == parts[0]:
            continue
        where = f"{name}: {part}"
        split, first, found = _split(where, value)
        if classes is not None and found is not None and found > classes:
            raise DataError(f"{where}: expected at most {classes} classes, got {found}")
        splits.append(split)
        names.append(class_names(value))
        counts.append(found)
        firsts.append(first)
    _check_alike(f"{name}: expected {' and '.join(parts)}", firsts)
    data = Data(
        name=name,
        train=None,
        test=splits[-1],
        classes=counts[-1],
        class_names=_fitting(names[-1], counts[-1]),
        input_shape=tuple(firsts[-1].shape),
        is_image=False,
        task=task,
    )
    if len(splits) == 2:
        data = paired(data, names[0], parts[0])
        data = replace(data, train=splits[0], class_names=names[0] or names[-1], classes=None)
    if all(names):
        counts = counts[:1]  # those of training, or the only ones
    count = classes or max((found for found in counts if found), default=None)
    return replace(data, classes=count, class_names=_fitting(data.class_names, count))


def _structured(train: Any, test: Any, name: str, parts: tuple[str, str], task: Task) -> Data:
    splits = [
        None if value is None else structured_split(f"{name}: {part}", value)
        for part, value in zip(parts, (train, test), strict=True)
    ]
    if splits[1] is None:
        raise DataError(f"{name}: {parts[1]}: expected data to measure a model on, got None")
    return Data(
        name=name,
        train=splits[0],
        test=splits[1],
        classes=None,
        class_names=None,
        input_shape=_one_shape(splits[1]),
        is_image=False,
        task=task,
    )


def _one_shape(split: Split) -> tuple[int, ...]:
    """Return the shape of a sample's input where it is one tensor, else ()."""
    if split.dataset is not None:
        with torch.random.fork_rng(devices=[]):
            inputs, _ = read_structured(split.origin, split.dataset, 0)
        return tuple(inputs.shape) if isinstance(inputs, Tensor) else ()
    first = split.first(1)
    inputs = first.inputs
    return tuple(inputs.shape[1:]) if isinstance(inputs, Tensor) else ()


def _streamed(where: str, value: Any) -> tuple[Split, Tensor, int | None]:
    """Return the split of labelled batches, its first input, and the number of classes."""
    made = stream(value, where)
    inputs, targets = next(made.batches(1))
    one = isinstance(inputs, Tensor) and isinstance(targets, Tensor)
    if not one or not _is_integer(targets) or targets.shape != inputs.shape[:1]:
        raise DataError(
            f"{where}: expected batches of inputs (B, ...) and integer targets (B,), got "
            f"{describe((inputs, targets))}"
        )
    dataset = value.dataset if isinstance(value, DataLoader) else value
    found = len(class_names(dataset) or _listed_classes(dataset) or ()) or None
    return Split(stream=made, origin=where, labelled=False), inputs[0], found


def _check_alike(expected: str, firsts: Sequence[Tensor]) -> None:
    """Refuse inputs that no one model takes: of other axes, or once numbers and once integers."""
    kinds = [(first.ndim, first.is_floating_point()) for first in firsts]
    if len(set(kinds)) > 1:
        train, test = map(describe, firsts)
        raise DataError(f"{expected} to give inputs alike, got {train} and {test}")


def _fitting(names: tuple[str, ...] | None, count: int | None) -> tuple[str, ...] | None:
    """Return names, or None where they are too few, and say nothing of the other classes."""
    return names if names and len(names) == count else None


def class_names(dataset: Any) -> tuple[str, ...] | None:
    """Return the names of a Dataset's labels in their order, as torchvision's Datasets have them.

    `class_to_idx` says which label a name has, `classes` lists the names; a Subset has those of
    what it is a part of, a ConcatDataset those that all its parts have. None where nothing tells,
    or where a `target_transform` makes other labels.
    """
    while isinstance(dataset, Subset | DataLoader):
        dataset = dataset.dataset
    if isinstance(dataset, ConcatDataset):
        parts = [class_names(part) for part in dataset.datasets]
        return parts[0] if parts and all(part == parts[0] for part in parts) else None
    names = _listed_classes(dataset)
    labels = getattr(dataset, "class_to_idx", None)
    if names and isinstance(labels, Mapping):
        try:
            by_label = {int(label): name for name, label in labels.items()}
        except (TypeError, ValueError):
            by_label = {}
        if sorted(by_label) == list(range(len(names))):
            names = [by_label[label] for label in range(len(names))]
    found = [name if isinstance(name, str) else _synonyms(name) for name in names or ()]
    return tuple(name for name in found if name) if found and all(found) else None


def _listed_classes(dataset: Any) -> Sequence[Any] | None:
    """Return a Dataset's own list of its classes; None where it says nothing of its labels."""
    classes = getattr(dataset, "classes", None)
    if isinstance(classes, np.ndarray):
        classes = classes.tolist()
    said = isinstance(classes, Sequence) and not isinstance(classes, str)
    return classes if said and getattr(dataset, "target_transform", None) is None else None


def _synonyms(name: Any) -> str | None:
    """Return torchvision's several names of a class in ImageNet as one."""
    words = isinstance(name, tuple | list) and all(isinstance(word, str) for word in name)
    return ", ".join(name) if words else None


def read_sample(where: str, dataset: Any, index: int) -> tuple[Tensor, int]:
    """Return one sample of a user's Dataset as a tensor and an integer from 0.

    Raises DataError for a sample of another kind, and whatever the user's own code raises.
    """
    where, sample = f"{where}: sample {index}", dataset[index]
    if not isinstance(sample, tuple | list) or len(sample) != 2:
        raise DataError(f"{where}: expected a pair (input, target), got {describe(sample)}")
    try:
        first, target = to_tensor(sample[0]), to_tensor(sample[1])
    except Exception as error:  # torch tries to read whatever looks like a sequence
        hint = ""
        if type(sample[0]).__module__.startswith("PIL"):
            hint = "; give the Dataset a transform that makes tensors, ToTensor() for one"
        elif isinstance(sample[0], tuple | list | dict):
            hint = (
                "; with a `loss` of your own, such as loss = nn.CrossEntropyLoss(), an input is "
                "whatever forward() takes"
            )
        raise DataError(
            f"{where}: expected an input and a target that are tensors, arrays or numbers, got "
            f"{describe(sample)}{hint}"
        ) from error
    if not _is_integer(target) or target.ndim:
        hint = "; a one-hot target becomes a label with .argmax()" if target.numel() > 1 else ""
        hint = "; take it out with .item()" if target.shape == (1,) else hint
        raise DataError(
            f"{where}: expected a target that is one integer, got {describe(sample[1])}{hint}"
        )
    if int(target) < 0:
        raise DataError(f"{where}: expected a target from 0, got {int(target)}")
    return first, int(target)


def _split(where: str, value: Any) -> tuple[Split, Tensor, int | None]:
    """Return the split, its first input, and the number of classes if it is known."""
    if isinstance(value, TensorDataset) and len(value.tensors) == 2:
        value = value.tensors
    if isinstance(value, list | tuple):
        split = _tensor_split(where, value)
        assert split.inputs is not None
        assert split.targets is not None
        return split, split.inputs[0], int(split.targets.max()) + 1
    if is_stream(value):
        return _streamed(where, value)
    map_style = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    if isinstance(value, Tensor | np.ndarray | Mapping | str | bytes | type) or not map_style:
        raise DataError(f"{where}: expected {EXPECTED}, got {describe(value)}")
    try:
        if not len(value):
            raise DataError(f"{where}: expected one sample or more, got an empty Dataset")
        with torch.random.fork_rng(devices=[]):  # looking must not change what a seeded run draws
            first, _ = read_sample(where, value, 0)
    except DataError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's own code raises
        raise DataError(f"{where}: its first sample: {told(error)}") from error
    found = len(class_names(value) or _listed_classes(value) or ()) or None
    return Split(dataset=value, origin=where), first, found


def _tensor_split(where: str, value: Sequence[Any]) -> Split:
    if len(value) != 2:
        raise DataError(f"{where}: expected {EXPECTED}, got {len(value)} items")
    try:
        inputs, targets = to_tensor(value[0]), to_tensor(value[1])
    except Exception as error:  # torch tries to read whatever looks like a sequence
        raise DataError(f"{where}: expected {EXPECTED}, got {describe(value)}") from error
    if not inputs.ndim or not _is_integer(targets) or targets.shape != (len(inputs),):
        hint = "; one-hot rows become labels with .argmax(1)" if targets.ndim == 2 else ""
        hint = "; drop the last axis" if targets.shape[1:] == (1,) else hint
        raise DataError(
            f"{where}: expected inputs (N, ...) and integer targets (N,), "
            f"got {describe((inputs, targets))}{hint}"
        )
    if not inputs.numel():
        raise DataError(f"{where}: expected one sample or more, got {describe((inputs, targets))}")
    if int(targets.min()) < 0:
        raise DataError(f"{where}: expected targets from 0, got {int(targets.min())}")
    return Split(inputs, targets.to(torch.int64), origin=where)


def _is_integer(tensor: Tensor) -> bool:
    dtype = tensor.dtype
    return not (dtype.is_floating_point or dtype.is_complex or dtype == torch.bool)
