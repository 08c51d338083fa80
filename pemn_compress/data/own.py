"""The data that a model file brings along, whatever its kind; docs/model-file.md tells which."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, Subset, TensorDataset

from pemn_compress.data.failures import told
from pemn_compress.data.labels import paired
from pemn_compress.data.numbers import whole
from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError

CALLERS = ("training data", "test data")  # where no functions of a file returned them
EXPECTED = "a pair of arrays or tensors (inputs, targets), or a map-style Dataset"


def from_model_file(
    train: Any,
    test: Any,
    name: str,
    *,
    classes: int | None = None,
    parts: tuple[str, str] = ("train_data()", "eval_data()"),
) -> Data:
    """Build Data from what a model file's train_data() and eval_data() returned.

    Each is a pair (inputs, targets) of arrays or tensors, inputs (N, ...) and integer targets (N,),
    or a map-style Dataset of such samples; `train` may be None. Inputs are passed on as they are,
    except that float64 becomes float32, as models have it. `input_shape` is eval_data()'s. The
    number of classes is `classes`, or the largest that is known: from targets in memory, or from a
    Dataset's own `classes`; None where nothing tells. Where both Datasets name their classes, the
    labels of eval_data() become those of train_data(), by name. `parts` is what messages call them.

    Raises DataError for anything else, with the function that returned it.
    """
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
    )
    if len(splits) == 2:
        data = paired(data, names[0], parts[0])
        data = replace(data, train=splits[0], class_names=names[0] or names[-1], classes=None)
    if all(names):
        counts = counts[:1]  # those of training, or the only ones
    count = classes or max((found for found in counts if found), default=None)
    return replace(data, classes=count, class_names=_fitting(data.class_names, count))


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
    while isinstance(dataset, Subset):
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


def _split(where: str, value: Any) -> tuple[Split, Tensor, int | None]:
    """Return the split, its first input, and the number of classes if it is known."""
    if isinstance(value, TensorDataset) and len(value.tensors) == 2:
        value = value.tensors
    if isinstance(value, list | tuple):
        split = _tensor_split(where, value)
        assert split.inputs is not None
        assert split.targets is not None
        return split, split.inputs[0], int(split.targets.max()) + 1
    if isinstance(value, DataLoader):
        raise DataError(
            f"{where}: expected {EXPECTED}, got a DataLoader; return the Dataset in it "
            "(loader.dataset): batches are made, and shuffled, from that"
        )
    if isinstance(value, IterableDataset):
        raise DataError(
            f"{where}: expected {EXPECTED}, got {type(value).__name__}, an IterableDataset: "
            "samples are asked for by their number"
        )
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
