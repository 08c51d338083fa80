"""How well an archive's model did when it was made, as the archive says. Nothing is trusted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

_INFINITE = 1e300  # no metric is as large


@dataclass(frozen=True)
class Accuracy:
    """The accuracy that was recorded when the archive was made: `correct` of `total` on `data`."""

    correct: int
    total: int
    data: str

    @property
    def fraction(self) -> float:
        """Share of correct answers, from 0 to 1."""
        return self.correct / self.total


@dataclass(frozen=True)
class RecordedMetric:
    """The headline metric that was recorded when the archive was made: `value` on `data`.

    `better` is "max" or "min"; `total` is the number of samples, None where it is not told; of an
    accuracy `correct` is the number of right answers.
    """

    name: str
    better: str
    value: float
    total: int | None
    data: str
    correct: int | None = None


def recorded_accuracy(recorded: object) -> Accuracy | None:
    """Return a recorded accuracy, or None for one that is missing or makes no sense."""
    if not isinstance(recorded, dict):
        return None
    correct, total = recorded.get("correct"), recorded.get("total")
    if not _is_count(correct) or not _is_count(total) or not 0 <= correct <= total > 0:
        return None
    return Accuracy(correct, total, str(recorded.get("data") or "unnamed data"))


def recorded_metric(about: Mapping[str, Any]) -> RecordedMetric | None:
    """Return the headline metric of an archive's `about`: its "metric", else its "accuracy".

    None for one that is missing or makes no sense.
    """
    told = about.get("metric")
    if told is None:
        accuracy = recorded_accuracy(about.get("accuracy"))
        if accuracy is None:
            return None
        share, of = accuracy.fraction, accuracy.total
        return RecordedMetric("accuracy", "max", share, of, accuracy.data, accuracy.correct)
    if not isinstance(told, dict):
        return None
    name, better, value, total = (told.get(key) for key in ("name", "better", "value", "total"))
    if not isinstance(name, str) or not name.strip() or better not in ("max", "min"):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _INFINITE:
        return None
    known = _is_count(total) and total > 0
    data = str(told.get("data") or "unnamed data")
    return RecordedMetric(name, better, float(value), total if known else None, data)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
