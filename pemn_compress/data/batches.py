"""Batches of a split, in an order and with augmentations that a seed and an epoch decide."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pemn_compress.data import trees
from pemn_compress.data.augment import Augment
from pemn_compress.data.failures import told
from pemn_compress.data.normalizing import Statistics, columns, normalized
from pemn_compress.data.numbers import whole
from pemn_compress.data.own import read_sample
from pemn_compress.data.ranks import World
from pemn_compress.data.samples import Split
from pemn_compress.data.streams import Stream
from pemn_compress.data.structured import read_structured
from pemn_compress.data.workers import keep_quiet, loaded, stop
from pemn_compress.errors import DataError, SettingError
from pemn_compress.masking.rules.numbers import MOST_PROCESSES

# A split below this is copied to the GPU once instead of batch by batch.
RESIDENT_BYTES = 2 << 30


class Batches:
    """An iterable of (inputs, targets) over a split, both on `device`.

    Targets are int64 (B,), and inputs a tensor, where the split is labelled; else both are trees of
    tensors (`trees`).

    Images, which `normalize` = (mean, std) is given for, come as float32 (B, C, H, W), augmented
    and then normalised: (pixel / 255 - mean) / std. Without it the inputs come as they are stored.

    The order and every augmentation are a pure function of `shuffle_seed`, the epoch and the
    sample, whatever the batch size, the number of workers and the device. Iterating neither reads
    nor changes torch's global generator. What a Dataset of the user's own draws from that generator
    is reproducible in the same way; what it draws elsewhere, from numpy's say, is its own affair.
    Without a `shuffle_seed` the order is the split's, and every pass gives the same batches.

    The epoch stays what `set_epoch` last said, 0 at first. `workers` are processes that read and
    augment single samples; images in memory that need only crop, flip and erase, or nothing, are
    handled a batch at a time, on the device where they fit, and have no use for them.

    `world` makes of every batch only the part that this rank steps on; `weight` tells what the
    mean loss over it counts. Of a stream every rank reads all batches, and steps on its part.

    `join_last` adds the samples of a last batch that is not full to the one before it, if there is
    one. `labels`, which may be set later, is how many a model tells apart: a target out of range is
    then refused where that costs nothing, in samples that are read one by one.

    Raises DataError for samples that cannot be read, with the line of a user's own Dataset, and
    when a worker is lost.
    """

    def __init__(
        self,
        split: Split,
        *,
        batch_size: int,
        shuffle_seed: int | None,
        augment: Augment | None = None,
        normalize: Statistics | None = None,
        workers: int = 0,
        device: torch.device | str = "cpu",
        drop_last: bool = False,
        join_last: bool = False,
        labels: int | None = None,
        world: World | None = None,
    ) -> None:
        """Raise SettingError for settings out of range, or that contradict each other."""
        batch_size = whole("batch size", batch_size, 1)
        workers = whole("workers", workers, 0, MOST_PROCESSES)
        if shuffle_seed is not None:
            shuffle_seed = whole("shuffle seed", shuffle_seed, 0, 2**64 - 1)
        if drop_last and batch_size > len(split):
            raise SettingError(
                f"batch size: expected at most the {len(split)} samples there are, got {batch_size}"
            )
        self._keys = _Keys(
            len(split), batch_size, shuffle_seed, drop_last, join_last, world or World()
        )
        self.labels = labels
        self._augment = augment or Augment((), None, None, None)
        if self._augment.names and (shuffle_seed is None or normalize is None):
            raise SettingError("augmentation: expected images to normalise and a shuffle seed")
        self._device = torch.device(device)
        self._statistics = columns(normalize, self._device)
        self._loader: DataLoader[Any] | None = None
        self._stream, self._streamed = split.stream, (0, 1)
        only_batched = self._augment.image is None or self._augment.batched is not None
        if split.in_memory and only_batched:
            held = trees.tensors((split.inputs, split.targets))
            size_bytes = sum(tensor.numel() * tensor.element_size() for tensor in held)
            self._is_resident = self._device.type == "cpu" or size_bytes < RESIDENT_BYTES
            self._store = self._device if self._is_resident else torch.device("cpu")
            self._inputs = trees.moved(split.inputs, self._store)
            self._targets = trees.moved(split.targets, self._store)
        elif split.stream is None:
            self._generator = torch.Generator()
            self._loader = DataLoader(
                _Samples(split, self._augment),
                batch_sampler=self._keys,
                num_workers=workers,
                collate_fn=_collate,
                pin_memory=self._device.type == "cuda",
                persistent_workers=workers > 0,
                generator=self._generator,
                worker_init_fn=keep_quiet,
            )

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        if self._stream is not None:
            return self._stream.length(self._keys.batch_size)
        return len(self._keys)

    def weight(self, step: int) -> float:
        """Return what the mean loss over this rank's part of batch `step` counts: 1 for one rank.

        The mean over all ranks of such weighted means is the mean over the batch.
        """
        if self._stream is not None:
            return self._keys.world.weight(*self._streamed)
        return self._keys.world.weight(*self._keys.bounds(step * self._keys.batch_size))

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass that of epoch `epoch`, counted from 0."""
        self._keys.epoch = whole("epoch", epoch, 0)

    def close(self) -> None:
        """End the workers now, where there are any; a later pass starts new ones."""
        if self._loader is not None:
            stop(self._loader._iterator)
            self._loader._iterator = None

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Iterate over the batches of the current epoch."""
        if self._stream is not None:
            return self._from_stream(self._stream)
        return self._from_memory() if self._loader is None else self._from_loader(self._loader)

    def _from_stream(self, stream: Stream) -> Iterator[tuple[Any, Any]]:
        world = self._keys.world
        seed = self._keys.generator("stream").initial_seed()
        for inputs, targets in stream.batches(self._keys.batch_size, seed):
            if self.labels is not None:
                check_labels(targets, self.labels)
            count = trees.samples(targets, inputs)
            self._streamed = (0, count)
            if world.size > 1:
                if not trees.stackable(inputs, targets) or count < world.size:
                    raise DataError(
                        f"{stream.origin}: a batch of {count} cannot be shared by {world.size} "
                        "ranks: expected tensors with a row for each sample, and as many samples"
                    )
                part = world.part(0, count)
                rows = slice(part.start, part.stop)
                inputs, targets = trees.rows(inputs, rows), trees.rows(targets, rows)
            yield trees.moved(inputs, self._device), trees.moved(targets, self._device)

    def _from_memory(self) -> Iterator[tuple[Any, Any]]:
        store = self._store
        order, choices = self._keys.order(), None
        if self._augment.batched is not None:
            generator = self._keys.generator("augment")
            choices = self._augment.batched.draw(len(order), generator).to(store)
        order, erased = order.to(store), self._erased()
        for start in self._keys.starts():
            part = self._keys.part(start)
            rows = order[part.start : part.stop]
            # A copy even where rows are consecutive: a model may change its input in place.
            inputs, targets = trees.rows(self._inputs, rows), trees.rows(self._targets, rows)
            if choices is not None and self._augment.batched is not None:
                inputs = self._augment.batched.apply(inputs, choices.index_select(0, rows))
            if not self._is_resident:
                if self._device.type == "cuda":
                    inputs, targets = trees.pinned(inputs), trees.pinned(targets)
                inputs = trees.moved(inputs, self._device)
                targets = trees.moved(targets, self._device)
            yield self._finished(inputs, rows, erased), targets

    def _from_loader(self, loader: DataLoader[Any]) -> Iterator[tuple[Any, Any]]:
        # The loader seeds its workers from this, and would from the global generator otherwise.
        self._generator.manual_seed(self._keys.generator("workers").initial_seed())
        order, erased = self._keys.order(), self._erased()
        for start, (inputs, targets) in zip(self._keys.starts(), loaded(loader), strict=True):
            if self.labels is not None:
                check_labels(targets, self.labels)
            inputs = trees.moved(inputs, self._device)
            part = self._keys.part(start)
            inputs = self._finished(inputs, order[part.start : part.stop], erased)
            yield inputs, trees.moved(targets, self._device)

    def _erased(self) -> Tensor | None:
        """Return what is erased of every sample in this epoch, on the device; None: nothing."""
        erase = self._augment.normalized
        if erase is None:
            return None
        return erase.draw(self._keys.count, self._keys.generator("erase")).to(self._device)

    def _finished(self, inputs: Tensor, rows: Tensor, erased: Tensor | None) -> Tensor:
        """Return the samples `rows` as a model takes them: normalised, and then erased from."""
        inputs = normalized(inputs, self._statistics)
        if erased is None or self._augment.normalized is None:
            return inputs
        return self._augment.normalized.apply(inputs, erased[rows.to(self._device)])


class _Keys:
    """What to load, batch by batch: for each sample its index and the seed of its augmentation."""

    def __init__(
        self,
        count: int,
        batch_size: int,
        seed: int | None,
        drop_last: bool,
        join_last: bool,
        world: World,
    ) -> None:
        self.count, self.batch_size, self.seed, self.world = count, batch_size, seed, world
        full = count - count % batch_size
        self.end = full if drop_last or (join_last and full) else count
        self.stop = full if drop_last else count
        self.epoch = 0

    def starts(self) -> range:
        """Return where in the order each batch starts."""
        return range(0, self.end, self.batch_size)

    def bounds(self, start: int) -> tuple[int, int]:
        """Return where in the order a batch starts and stops."""
        stop = start + self.batch_size
        return start, self.stop if stop >= self.end else stop

    def part(self, start: int) -> range:
        """Return where in the order this rank's samples of a batch are."""
        return self.world.part(*self.bounds(start))

    def __len__(self) -> int:
        return len(self.starts())

    def generator(self, use: str) -> torch.Generator:
        """Return a generator of its own for the seed, the epoch and one use."""
        entropy = (self.seed or 0, 0 if self.seed is None else self.epoch, *use.encode())
        state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(state[0]) >> 1)

    def order(self) -> Tensor:
        """Return the indices of all samples, int64 (N,), in this epoch's order."""
        if self.seed is None:
            return torch.arange(self.count)
        return torch.randperm(self.count, generator=self.generator("order"))

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = self.order().tolist()
        generator = self.generator("augment")
        seeds = torch.randint(2**62, (self.count,), generator=generator).tolist()
        for start in self.starts():
            yield [(order[at], seeds[order[at]]) for at in self.part(start)]


# What goes wrong with a sample travels as a value: raised in a worker, it would arrive wrapped in
# that worker's traceback, and not as one line.
Sample = tuple[Any, Any] | DataError


class _Samples(Dataset[Sample]):
    """One sample at a time, by its index and seed; runs in a worker, if there are any."""

    def __init__(self, split: Split, augment: Augment) -> None:
        self._split, self._augment = split, augment

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        index, seed = key
        state = torch.get_rng_state()
        # Not torch.manual_seed, which would reseed the GPU's generators as well.
        torch.default_generator.manual_seed(seed)
        try:
            sample, target = self._read(index)
            if self._augment.image is not None:
                sample = self._augment.image(sample)
        except DataError as error:
            return error
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:  # whatever a user's own Dataset raises
            return DataError(f"{self._split.origin}: sample {index}: {told(error)}")
        finally:
            torch.set_rng_state(state)
        return sample, target

    def _read(self, index: int) -> tuple[Any, Any]:
        split = self._split
        if split.in_memory:
            target = trees.rows(split.targets, index)
            return trees.rows(split.inputs, index), int(target) if split.labelled else target
        assert split.dataset is not None
        if not split.labelled:
            return read_structured(split.origin, split.dataset, index)
        return read_sample(split.origin, split.dataset, index)


def _collate(samples: list[Sample]) -> tuple[Any, Any] | DataError:
    inputs, targets = [], []
    for sample in samples:
        if isinstance(sample, DataError):
            return sample
        inputs.append(sample[0])
        targets.append(sample[1])
    if not isinstance(targets[0], int):
        try:
            return trees.stacked(inputs), trees.stacked(targets)
        except (RuntimeError, ValueError) as error:
            return DataError(
                f"batch: expected samples of one structure and of the same shapes: {told(error)}; "
                "a DataLoader with a collate_fn of its own may pad them"
            )
    shapes = sorted({tuple(tensor.shape) for tensor in inputs})
    if len(shapes) > 1:
        return DataError(f"batch: expected inputs of one shape, got {shapes[0]} and {shapes[1]}")
    return torch.stack(inputs), torch.tensor(targets)


def check_labels(targets: Tensor, labels: int, what: str = "labels") -> None:
    """Refuse targets that a model of that many outputs cannot tell. Raises DataError."""
    wrong = targets[(targets < 0) | (targets >= labels)]
    if wrong.numel():
        raise DataError(
            f"{what}: expected from 0 to {labels - 1}, as the model has {labels} outputs; "
            f"got {int(wrong[0])}"
        )
