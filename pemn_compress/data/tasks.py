"""What is learned: how outputs are held against targets, for a loss and for metrics.

A metric's name says after a colon what is better: "accuracy:max", "mse:min". Its value for a batch
is a mean over it, or a pair (sum, count): the pairs of all batches are added before they are
divided. The first one is the headline.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pemn_compress.data.failures import told
from pemn_compress.data.trees import describe
from pemn_compress.errors import ModelError, PemnError

Loss = Callable[[Any, Any], Tensor]
Measure = Callable[[Any, Any], Mapping[str, Any]]
CLASSIFICATION, NEXT_TOKEN, OWN = "classification", "next-token", "own"
WAY_OUT = (
    "what does not fit into loss(outputs, targets) is trained in a loop of your own around "
    "MaskedModel (docs/tasks.md has its lines)"
)


@dataclass(frozen=True)
class Task:
    """What is learned. `name` is one of the three above.

    `loss` gives the mean loss of a batch, `measure` its metrics, `smoothed` the loss with label
    smoothing, where there is such a thing. `of` says whose functions they are, for messages.
    """

    name: str
    loss: Loss
    measure: Measure
    smoothed: Callable[[Any, Any, float], Tensor] | None = None
    of: str = ""

    @property
    def is_classification(self) -> bool:
        """Whether outputs are (N, classes) and targets labels, by the task's own loss."""
        return self.name == CLASSIFICATION

    def mean_loss(self, outputs: Any, targets: Any, smoothing: float = 0.0) -> Tensor:
        """Return the mean loss of a batch, a tensor without axes. Raises ModelError."""
        if smoothing and self.smoothed is not None:
            return self.smoothed(outputs, targets, smoothing)
        value: Any = self.loss(outputs, targets)
        if self.name != OWN:
            assert isinstance(value, Tensor)
            return value
        if not isinstance(value, Tensor) or value.numel() != 1 or value.is_complex():
            raise ModelError(
                f"{self.of}loss(outputs, targets): expected a tensor with one number, the mean "
                f"over the batch, got {describe(value)}; {WAY_OUT}"
            )
        return value.reshape(())


def _cross_entropy(outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    labels = targets if targets.is_floating_point() else targets.long()
    return functional.cross_entropy(outputs.float(), labels, label_smoothing=smoothing)


def _right_answers(outputs: Tensor, targets: Tensor) -> dict[str, Any]:
    return {"accuracy:max": ((outputs.argmax(1) == targets).sum(), targets.numel())}


def _of_tokens(outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    return _cross_entropy(outputs.flatten(0, -2), targets.flatten(), smoothing)


def next_token(unit: str) -> Task:
    """Return the task of predicting tokens: outputs (N, T, tokens), targets int64 (N, T).

    Its headline is "bits_per_UNIT", less of which is better.
    """

    def measure(outputs: Tensor, targets: Tensor) -> dict[str, Any]:
        nats = functional.cross_entropy(
            outputs.flatten(0, -2).float(), targets.flatten(), reduction="sum"
        )
        right = (outputs.argmax(-1) == targets).sum()
        count = targets.numel()
        return {
            f"bits_per_{unit}:min": (nats / math.log(2), count),
            "accuracy:max": (right, count),
        }

    return Task(NEXT_TOKEN, _of_tokens, measure, _of_tokens)


CLASSIFY = Task(CLASSIFICATION, _cross_entropy, _right_answers, _cross_entropy)


def own_task(
    loss: Loss | None, metrics: Measure | None, of: str = "", base: Task = CLASSIFY
) -> Task:
    """Return a task with functions of the user's own in place of those of `base`.

    Without `metrics` beside a `loss` the loss is what a model is measured by. What they raise
    becomes a ModelError of one line, with the user's file and line.
    """
    if loss is None:
        if metrics is None:
            return base
        return replace(base, measure=_guarded(metrics, f"{of}metrics"), of=of)
    measure = _guarded(metrics, f"{of}metrics") if metrics is not None else _nothing
    return Task(OWN, _guarded(loss, f"{of}loss"), measure, None, of)


def _nothing(outputs: Any, targets: Any) -> dict[str, Any]:
    return {}


def _guarded(function: Callable[[Any, Any], Any], where: str) -> Callable[[Any, Any], Any]:
    def guarded(outputs: Any, targets: Any) -> Any:
        try:
            return function(outputs, targets)
        except (PemnError, MemoryError, torch.OutOfMemoryError):
            raise
        except (Exception, SystemExit) as error:  # whatever a user's own function raises
            raise ModelError(
                f"{where}(outputs, targets) fails on outputs {describe(outputs)} and targets "
                f"{describe(targets)}: {told(error)}"
            ) from error

    return guarded
