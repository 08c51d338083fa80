"""What a loader returns and a training run takes: the splits, and what to know of them."""

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset, Subset

from pemn_compress.errors import SettingError


@dataclass(frozen=True, eq=False)
class Split:
    """The samples to train on, or those to test on: two tensors in memory, or a Dataset.

    In memory, `inputs` is (N, ...), uint8 (N, C, H, W) for images, and `targets` is int64 (N,).
    Otherwise `dataset` is a map-style Dataset whose samples are (input, integer target) pairs.
    """

    inputs: Tensor | None = None
    targets: Tensor | None = None
    dataset: Dataset[Any] | None = None

    def __post_init__(self) -> None:
        in_memory = self.inputs is not None and self.targets is not None
        assert in_memory != (self.dataset is not None), "tensors or a dataset, not both"
        assert self.inputs is None or self.targets is None or len(self.inputs) == len(self.targets)

    def __len__(self) -> int:
        """Return the number of samples."""
        if self.targets is not None:
            return len(self.targets)
        return len(self.dataset)  # type: ignore[arg-type]  # Dataset does not declare __len__

    def first(self, count: int) -> "Split":
        """Return the first `count` samples, or all of them where there are fewer.

        Raises SettingError for a count below 1.
        """
        if count < 1:
            raise SettingError(f"limit of samples: expected 1 or more, got {count}")
        if count >= len(self):
            return self
        if self.inputs is not None and self.targets is not None:
            return Split(self.inputs[:count], self.targets[:count])
        assert self.dataset is not None
        return Split(dataset=Subset(self.dataset, range(count)))


@dataclass(frozen=True, eq=False)
class Data:
    """Two splits, and what a model and a record need to know of them.

    `name` is the specification as the user wrote it, and `input_shape` that of one sample: (C, H,
    W) for images. For images `mean` and `std` are per channel, in units of pixel values in [0, 1];
    for everything else they are empty. `classes` is None where a model file's Dataset does not
    say.
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

    @property
    def normalize(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """The (mean, std) that Batches takes; None where the inputs are passed on as they are."""
        return (self.mean, self.std) if self.is_image else None

    def limited(self, train_limit: int | None = None, test_limit: int | None = None) -> "Data":
        """Return the same data with only the first samples of each split; None takes all."""
        train, test = self.train, self.test
        if train is not None and train_limit is not None:
            train = train.first(train_limit)
        return replace(
            self, train=train, test=test if test_limit is None else test.first(test_limit)
        )
