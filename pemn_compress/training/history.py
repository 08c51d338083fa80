"""What a run measured: scores, and one record per epoch. Torch-free."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """Right answers of `total`, and the mean cross-entropy in nats."""

    correct: int
    total: int
    loss: float

    @property
    def accuracy(self) -> float:
        """Fraction of right answers, in [0, 1]."""
        return self.correct / self.total


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to. `epoch` counts from 1; `test` is measured at its end."""

    epoch: int
    lr: float
    train_loss: float
    test: Score
    images_per_second: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, with the accuracy."""
        return asdict(self) | {"test_accuracy": self.test.accuracy}


@dataclass(frozen=True)
class StorageStep:
    """What a lossy way of storing makes of a model: the archive's bytes, and the score then.

    The first step is the model as trained, the last one the archive that was written.
    """

    label: str
    archive_bytes: int
    score: Score

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, with the accuracy."""
        return asdict(self) | {"accuracy": self.score.accuracy}
