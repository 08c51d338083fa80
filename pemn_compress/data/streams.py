"""Batches that somebody else makes: a DataLoader's, or those of any object that can be iterated."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from pemn_compress.data.failures import told
from pemn_compress.data.trees import describe, parted, samples, to_tensors
from pemn_compress.data.workers import loaded
from pemn_compress.errors import DataError, PemnError


@dataclass(frozen=True, eq=False)
class Stream:
    """An iterable of batches, or of samples (an IterableDataset), that can be iterated anew.

    `samples` and `steps` are how many samples and batches it has; `steps` is None for samples,
    whose batches are as large as a run asks for. `origin` is what messages call it.
    """

    source: Any
    samples: int
    steps: int | None
    origin: str

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[tuple[Any, Any]]:
        """Yield (inputs, targets) batch by batch, as trees of tensors on the CPU.

        What is drawn from torch's global generator meanwhile is a function of `seed`. Raises
        DataError for what is no batch, and for what the user's own code raises.
        """
        source = self.source
        if self.steps is None:
            source = DataLoader(source, batch_size=batch_size)
        number = 0
        for number, batch in enumerate(_guarded(source, self.origin, seed), 1):
            yield _parted(batch, f"{self.origin}: batch {number}")
        if not number:
            raise DataError(f"{self.origin}: expected batches, got none in a further pass")

    def length(self, batch_size: int) -> int:
        """Return the number of batches of a pass."""
        return self.steps if self.steps is not None else -(-self.samples // batch_size)


def is_stream(value: Any) -> bool:
    """Tell whether a value gives batches or samples in its own order."""
    if isinstance(value, DataLoader | IterableDataset):
        return True
    indexed = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    return hasattr(value, "__iter__") and not indexed and not isinstance(value, type)


def stream(value: Any, origin: str) -> Stream:
    """Return the stream of a DataLoader, an IterableDataset or any iterable of batches.

    What does not tell how many samples it has is gone through once, to count them. Raises
    DataError for a generator, which can be iterated only once.
    """
    by_sample = isinstance(value, IterableDataset)
    if not by_sample and isinstance(value, Iterator):
        raise DataError(
            f"{origin}: expected batches that can be gone through once an epoch, got "
            f"{describe(value)}, which ends after one pass; return a DataLoader, a Dataset, a list "
            "of batches, or an object whose __iter__ starts anew"
        )
    if isinstance(value, DataLoader) and value.batch_size is None and value.batch_sampler is None:
        by_sample = isinstance(value.dataset, IterableDataset)
        if by_sample:
            value = value.dataset
    known = _known(value)
    if known is not None:
        return Stream(value, *known, origin)
    count = steps = 0
    for item in _guarded(value, origin):
        steps += 1
        count += 1 if by_sample else samples(*_parted(item, f"{origin}: batch {steps}"))
    if not steps:
        raise DataError(f"{origin}: expected one batch or more, got none")
    return Stream(value, count, None if by_sample else steps, origin)


def _known(value: Any) -> tuple[int, int] | None:
    """Return how many samples and batches a DataLoader over numbered samples has."""
    if not isinstance(value, DataLoader) or isinstance(value.dataset, IterableDataset):
        return None
    if type(value.batch_sampler) is not BatchSampler:
        return None
    try:
        count, steps = len(value.sampler), len(value)  # type: ignore[arg-type]
    except TypeError:
        return None
    if not steps:
        return None
    return (min(count, steps * (value.batch_size or 1)) if value.drop_last else count), steps


def _guarded(source: Iterable[Any], origin: str, seed: int = 0) -> Iterator[Any]:
    """Yield what a user's iterable yields; its errors are told in a line.

    What it draws from torch's global generator leaves that as it was for everybody else.
    """
    own = torch.Generator().manual_seed(seed).get_state()
    items: Iterator[Any] = iter(())
    try:
        with _drawing(own):
            items = loaded(source) if isinstance(source, DataLoader) else iter(source)
        while True:
            with _drawing(own):
                item = next(items, _END)
            if item is _END:
                return
            yield item
    except (PemnError, MemoryError):
        raise
    except (Exception, SystemExit) as error:  # whatever a user's own code raises
        raise DataError(f"{origin}: {told(error)}") from error


_END = object()


@contextmanager
def _drawing(own: torch.Tensor) -> Iterator[None]:
    """Let a block draw from torch's generator in a state of its own, which it advances."""
    others = torch.get_rng_state()
    torch.set_rng_state(own)
    try:
        yield
    finally:
        own.copy_(torch.get_rng_state())
        torch.set_rng_state(others)


def _parted(batch: Any, where: str) -> tuple[Any, Any]:
    try:
        inputs, targets = parted(batch)
        return to_tensors(inputs), to_tensors(targets)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: {error}; got {describe(batch)}") from None
