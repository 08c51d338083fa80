"""What a loader returns and a training run takes: the splits, and what to know of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset

from pemn_compress.data import trees
from pemn_compress.data.numbers import finite, whole
from pemn_compress.data.streams import Stream
from pemn_compress.data.tasks import CLASSIFY, Task
from pemn_compress.errors import DataError, SettingError


@dataclass(frozen=True, eq=False)
class Split:
    """The samples to train on, or those to test on: in memory, in a Dataset, or in a stream.

    In memory, `inputs` is (N, ...), uint8 (N, C, H, W) for images, and `targets` is int64 (N,).
    Otherwise `dataset` is a map-style Dataset whose samples are (input, integer target) pairs;
    `labels` are its targets where they are known before the samples are read. A `stream` gives
    batches in an order of its own.

    Where samples are not `labelled`, inputs and targets are trees of tensors with a row for each
    sample (`trees`), and a Dataset's samples are of any structure.

    `origin` is what messages about a sample call the split. Raises DataError for anything else.
    """

    inputs: Any = None
    targets: Any = None
    dataset: Dataset[Any] | None = None
    labels: tuple[int, ...] | None = None
    origin: str = "data"
    stream: Stream | None = None
    labelled: bool = True

    def __post_init__(self) -> None:
        kinds = [self.in_memory, self.dataset is not None, self.stream is not None]
        half = (self.inputs is None) != (self.targets is None)
        if sum(kinds) != 1 or half:
            raise DataError(f"{self.origin}: expected tensors of inputs and targets, or a dataset")
        if self.in_memory and self.labelled:
            if not isinstance(self.inputs, Tensor) or not isinstance(self.targets, Tensor):
                raise DataError(
                    f"{self.origin}: expected tensors of inputs and targets, or a dataset"
                )
            shape, labels = tuple(self.inputs.shape), tuple(self.targets.shape)
            if not shape or labels != shape[:1] or self.targets.dtype != torch.int64:
                raise DataError(
                    f"{self.origin}: expected inputs (N, ...) and int64 targets (N,), got {shape} "
                    f"and {self.targets.dtype} {labels}"
                )

    def __len__(self) -> int:
        """Return the number of samples."""
        if self.stream is not None:
            return self.stream.samples
        if self.in_memory:
            return trees.samples(self.targets, self.inputs)
        return len(self.dataset)  # type: ignore[arg-type]  # Dataset does not declare __len__

    @property
    def in_memory(self) -> bool:
        """Whether all samples are tensors in memory."""
        return self.inputs is not None

    def known_labels(self) -> list[int] | None:
        """Return all labels, or None where only reading the samples would tell."""
        if self.in_memory and self.labelled:
            labels: list[int] = self.targets.tolist()
            return labels
        return None if self.labels is None else list(self.labels)

    def first(self, count: int) -> "Split":
        """Return the first `count` samples, or all of them where there are fewer.

        Of a stream it reads the first batch, which may have fewer, and is taken whole where its
        tensors do not have a row for each sample. Raises SettingError for a count below 1.
        """
        count = whole("limit of samples", count, 1)
        if self.stream is not None:
            return self._first_of_stream(self.stream, count)
        if count >= len(self):
            return self
        if self.in_memory:
            part = slice(count)
            return replace(
                self, inputs=trees.rows(self.inputs, part), targets=trees.rows(self.targets, part)
            )
        assert self.dataset is not None
        labels = None if self.labels is None else self.labels[:count]
        return replace(self, dataset=Subset(self.dataset, range(count)), labels=labels)

    def _first_of_stream(self, stream: Stream, count: int) -> "Split":
        inputs, targets = next(stream.batches(count))
        if trees.stackable(inputs, targets):
            part = slice(count)
            inputs, targets = trees.rows(inputs, part), trees.rows(targets, part)
            return Split(inputs, targets, origin=self.origin, labelled=False)
        batch = [(inputs, targets)]
        whole_batch = Stream(batch, trees.samples(targets, inputs), 1, self.origin)
        return replace(self, stream=whole_batch)

    def chosen(self, indices: Sequence[int]) -> "Split":
        """Return the samples at `indices`, in that order. Raises SettingError for a stream's."""
        if self.stream is not None:
            raise SettingError(
                f"{self.origin} gives batches of its own, whose samples have no numbers to choose "
                "by: expected a Dataset or tensors, or a validation part of your own"
            )
        if self.in_memory:
            rows = torch.tensor(indices, dtype=torch.int64)
            inputs, targets = trees.rows(self.inputs, rows), trees.rows(self.targets, rows)
            return replace(self, inputs=inputs, targets=targets)
        assert self.dataset is not None
        labels = None if self.labels is None else tuple(self.labels[index] for index in indices)
        return replace(self, dataset=Subset(self.dataset, indices), labels=labels)


@dataclass(frozen=True, eq=False)
class Data:
    """Two splits, perhaps a third, and what a model and a record need to know of them.

    `name` is the specification as the user wrote it, and `input_shape` that of one sample: (C, H,
    W) for images. For images `mean` and `std` are per channel, in units of pixel values in [0, 1];
    for everything else they are empty. `classes` is None where a model file's Dataset does not
    say. `validation` is measured on while training goes on, and chosen by; it is None where all
    samples are trained on. `notes` are lines that a user should read. `task` is what is learned.

    Raises DataError where they contradict each other.
    """

    name: str
    train: Split | None
    test: Split
    classes: int | None
    class_names: tuple[str, ...] | None
    input_shape: tuple[int, ...]
    is_image: bool
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    task: Task = CLASSIFY
    validation: Split | None = None

    def __post_init__(self) -> None:
        shape = tuple(whole(f"data {self.name!r}: input shape", n, 0) for n in self.input_shape)
        object.__setattr__(self, "input_shape", shape)
        if self.classes is not None:
            classes = whole(f"data {self.name!r}: classes", self.classes, 1)
            object.__setattr__(self, "classes", classes)
        if self.class_names is not None:
            object.__setattr__(self, "class_names", tuple(self.class_names))
            self._check_names(tuple(self.class_names))
        for key in ("mean", "std"):
            values = finite(f"data {self.name!r}: {key}", getattr(self, key))
            object.__setattr__(self, key, values)
        if self.is_image:
            channels = shape[0] if len(shape) == 3 else 0
            if (
                not channels
                or not len(self.mean) == len(self.std) == channels
                or min(self.std) <= 0
            ):
                raise DataError(
                    f"data {self.name!r}: expected images of shape (channels, height, width), a "
                    "mean and a std above 0 for each channel, got "
                    f"{shape}, {list(self.mean)} and {list(self.std)}"
                )

    def _check_names(self, names: tuple[str, ...]) -> None:
        where = f"data {self.name!r}: names of classes"
        for name in names:
            try:
                name.encode("utf-8")
            except (AttributeError, UnicodeEncodeError):
                raise DataError(f"{where}: expected Unicode text, got {name!r}") from None
        if self.classes is not None and len(names) != self.classes:
            raise DataError(f"{where}: expected {self.classes}, got {len(names)}")

    @property
    def normalize(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """The (mean, std) that Batches takes; None where the inputs are passed on as they are."""
        return (self.mean, self.std) if self.is_image else None

    def limited(self, train_limit: int | None = None, test_limit: int | None = None) -> "Data":
        """Return the same data with only the first samples of each split; None takes all."""
        train, test = self.train, self.test
        for split, limit in ((train, train_limit), (test, test_limit)):
            if split is not None and split.stream is not None and limit is not None:
                raise SettingError(
                    f"limit of samples: {split.origin} gives batches of its own: expected no "
                    "limit, or a Dataset, whose samples have numbers"
                )
        if train is not None and train_limit is not None:
            train = train.first(train_limit)
        return replace(
            self, train=train, test=test if test_limit is None else test.first(test_limit)
        )
