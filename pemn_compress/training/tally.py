"""What a task's metrics come to over many batches."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pemn_compress.data.tasks import WAY_OUT, Task
from pemn_compress.data.trees import describe
from pemn_compress.errors import ModelError
from pemn_compress.training.history import ACCURACY, MAX, MIN, Metric, Score, accuracy

LOSS = "loss"


class Tally:
    """Adds up losses and metrics of batches; sums stay on the device until `score` is asked for."""

    def __init__(self, task: Task, dtype: torch.dtype) -> None:
        """Keep sums in `dtype`, the widest of the device."""
        self._task, self._dtype = task, dtype
        self._total = 0
        self._loss: Tensor | float = 0.0
        self._sums: dict[str, tuple[Any, Any]] = {}
        self._counted: set[str] = set()  # what is given as a sum and a count

    def add(self, outputs: Any, targets: Any, count: int) -> None:
        """Add a batch of `count` samples. Raises ModelError for metrics that are none."""
        task = self._task
        self._loss = self._loss + self._wide(task.mean_loss(outputs, targets)) * count
        measured: Any = task.measure(outputs, targets)
        if not isinstance(measured, Mapping):
            raise self._wrong("expected a dict", measured)
        for name, value in measured.items():
            pair = isinstance(value, tuple | list) and len(value) == 2
            if pair:
                self._counted.add(name)
            one, of = value if pair else (self._number(name, value) * count, count)
            before = self._sums.get(name, (0, 0))
            added = self._number(name, one), self._number(name, of)
            self._sums[name] = (before[0] + added[0], before[1] + added[1])
        if self._total and set(measured) != set(self._sums):
            missing = sorted(map(str, set(self._sums) - set(measured)))
            raise self._wrong("expected the same names for every batch; missing or new", missing)
        self._total += count

    def score(self) -> Score:
        """Return the score over all batches. Raises ModelError for names that say too little."""
        loss = float(self._loss) / self._total
        metrics = tuple(self._metric(name, *sums) for name, sums in self._sums.items())
        return Score(self._total, loss, metrics or (Metric(LOSS, loss, MIN),))

    def _metric(self, key: Any, value: Any, of: Any) -> Metric:
        name, colon, better = str(key).rpartition(":")
        if not isinstance(key, str) or not colon or not name or better not in (MAX, MIN):
            raise self._wrong(
                "expected names that say what is better, such as 'iou:max' or 'mse:min', got",
                str(key),
            )
        value, of = float(value), float(of)
        whole = value.is_integer() and of.is_integer() and 0 <= value <= of and of > 0
        if name == ACCURACY and better == MAX and key in self._counted and whole:
            return accuracy(int(value), int(of))
        return Metric(name, value / of if of else math.nan, better)

    def _number(self, name: Any, value: Any) -> Any:
        if isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex():
            return self._wide(value)
        if isinstance(value, int | float):
            return value
        try:
            return float(value)
        except (TypeError, ValueError):
            what = f"{name!r}: expected a number or a pair (sum, count), got"
            raise self._wrong(what, value) from None

    def _wide(self, value: Tensor) -> Tensor:
        return value.detach().reshape(()).to(self._dtype)

    def _wrong(self, what: str, got: Any) -> ModelError:
        told = got if isinstance(got, str | list) else describe(got)
        return ModelError(f"{self._task.of}metrics(outputs, targets): {what} {told!r}; {WAY_OUT}")
