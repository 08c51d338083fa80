"""What a run measured: scores, and one record per epoch. Torch-free."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pemn_compress.reporting.recorded import recorded_metric

MAX, MIN = "max", "min"  # what is better: more of a metric, or less
ACCURACY = "accuracy"


@dataclass(frozen=True)
class Metric:
    """A number that says how well a model does; `better` is "max" where more of it is, or "min".

    An accuracy is the share of `correct` answers among `of`.
    """

    name: str
    value: float
    better: str = MAX
    correct: int | None = None
    of: int | None = None

    def beats(self, other: "Metric") -> bool:
        """Tell whether this value is better than that of the same metric elsewhere."""
        return self.value > other.value if self.better == MAX else self.value < other.value

    def shown(self) -> str:
        """Return the value for reading: an accuracy in per cent.

        >>> accuracy(8, 9).shown(), Metric("mse", 0.01234).shown()
        ('88.89 %', '0.01234')
        """
        return f"{self.value:.4g}" if self.correct is None else f"{100 * self.value:.2f} %"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, without what is not known."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def accuracy(correct: int, of: int) -> Metric:
    """Return the fraction of right answers, in [0, 1]."""
    return Metric(ACCURACY, correct / of, MAX, correct, of)


@dataclass(frozen=True)
class Score:
    """How well a model does on `total` samples: its mean loss, and metrics, the headline first."""

    total: int
    loss: float
    metrics: tuple[Metric, ...]

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Score":
        """Return what `to_dict` made plain values of."""
        metrics = tuple(Metric(**metric) for metric in told["metrics"])
        return cls(told["total"], told["loss"], metrics)

    @property
    def headline(self) -> Metric:
        """The metric that a run is told by."""
        return self.metrics[0]

    @property
    def accuracy(self) -> float:
        """Fraction of right answers, in [0, 1]. Raises KeyError where that is not measured."""
        return self._accuracy().value

    @property
    def correct(self) -> int:
        """How many answers are right. Raises KeyError where that is not measured."""
        count = self._accuracy().correct
        if count is None:
            raise KeyError(ACCURACY)
        return count

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        told = {"total": self.total, "loss": self.loss}
        return told | {"metrics": [metric.to_dict() for metric in self.metrics]}

    def _accuracy(self) -> Metric:
        for metric in self.metrics:
            if metric.name == ACCURACY:
                return metric
        raise KeyError(ACCURACY)


@dataclass(frozen=True)
class Recorded:
    """The headline that was recorded when an archive was made, on `total` samples of `data`.

    `total` is None where that is not told.
    """

    metric: Metric
    total: int | None
    data: str


def of_score(score: Score, data: str) -> dict[str, Any]:
    """Return what an archive says of how well its model does: its headline, its accuracy."""
    told: dict[str, Any] = {}
    for metric in score.metrics:
        if metric.name == ACCURACY and metric.of:
            told["accuracy"] = {"correct": metric.correct, "data": data, "total": metric.of}
    head = score.headline
    if (head.name != ACCURACY or "accuracy" not in told) and math.isfinite(head.value):
        plain = {"name": head.name, "better": head.better, "value": head.value}
        told["metric"] = plain | {"total": score.total, "data": data}
    return told


def recorded(about: Mapping[str, Any]) -> Recorded | None:
    """Return what an archive's `about` says of its headline; None where that makes no sense."""
    told = recorded_metric(about)
    if told is None:
        return None
    of = None if told.correct is None else told.total
    metric = Metric(told.name, told.value, told.better, told.correct, of)
    return Recorded(metric, told.total, told.data)


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to. `epoch` counts from 1; `test` is measured at its end.

    `validation` is measured then too, where a part of the training samples was set apart for it.
    Where scores were pulled back, `pull` is how hard, and `bits` what a weight departs from the
    seeded start by at the epoch's end.
    """

    epoch: int
    lr: float
    train_loss: float
    test: Score
    images_per_second: float
    seconds: float
    validation: Score | None = None
    pull: float | None = None
    bits: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, with the accuracy where there is one."""
        validation = None if self.validation is None else self.validation.to_dict()
        told = asdict(self) | {"test": self.test.to_dict(), "validation": validation}
        return told | _accuracy_as("test_accuracy", self.test)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Epoch":
        """Return what `to_dict` made plain values of."""
        known = {key: told.get(key) for key in cls.__dataclass_fields__}
        validation = told["validation"] and Score.from_dict(told["validation"])
        scores = {"test": Score.from_dict(told["test"]), "validation": validation}
        return cls(**(known | scores))


@dataclass(frozen=True)
class Recomputed:
    """Batch-norm's statistics taken afresh after training: over so many batches.

    `before` is the kept epoch as it was measured, `after` what its model comes to now.
    """

    batches: int
    before: Epoch
    after: Epoch

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        before, after = self.before.test.to_dict(), self.after.test.to_dict()
        return {"batches": self.batches, "before": before, "after": after}


class History(list[Epoch]):
    """What every epoch of a run came to; `kept_epoch` is the one whose model is kept.

    `stopped` says why a run ended before its last epoch; None where it did not. `recomputed` says
    what new statistics of batch norm made of the model that is kept; None where there are none.
    """

    def __init__(
        self, epochs: Iterable[Epoch], kept_epoch: int | None = None, stopped: str | None = None
    ) -> None:
        """Without a `kept_epoch` the last one is kept."""
        super().__init__(epochs)
        self.kept_epoch = len(self) if kept_epoch is None else kept_epoch
        self.stopped = stopped
        self.recomputed: Recomputed | None = None

    @property
    def kept(self) -> Epoch:
        """What the model that is kept comes to, and after which epoch that was."""
        return self.recomputed.after if self.recomputed else self[self.kept_epoch - 1]


@dataclass(frozen=True)
class StorageStep:
    """What a lossy way of storing makes of a model: the archive's bytes, and the score then.

    The first step is the model as trained, the last one the archive that was written.
    """

    label: str
    archive_bytes: int
    score: Score

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, with the accuracy where there is one."""
        told = asdict(self) | {"score": self.score.to_dict()}
        return told | _accuracy_as("accuracy", self.score)


def _accuracy_as(key: str, score: Score) -> dict[str, Any]:
    try:
        return {key: score.accuracy}
    except KeyError:
        return {}
