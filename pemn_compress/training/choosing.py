"""Which epoch's model is kept, and when training ends: by the validation part, never the test part.

Nothing is chosen before a model has the density that its settings say: what is stored would not be
what was measured.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from pemn_compress.data.samples import Data
from pemn_compress.data.validation import with_validation
from pemn_compress.errors import SettingError
from pemn_compress.training.history import Epoch, History, Metric
from pemn_compress.training.recipes import BEST, Recipe
from pemn_compress.training.watching import Finishing

Merge = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Choice:
    """The best epoch so far by the validation part's headline; of two that are equal the earlier.

    With keep "best" the model's state of then is held in the CPU's memory.
    """

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        """Start with no epoch."""
        self._model, self._recipe = model, recipe
        self._best, self._waited = 0, 0  # an epoch counted from 1, and how many were no better
        self._metric: Metric | None = None
        self._state: dict[str, Any] | None = None

    def consider(self, epoch: Epoch) -> None:
        """Take in an epoch, of which the model is as it was measured."""
        model = self._model
        if epoch.validation is None or (isinstance(model, Finishing) and not model.is_finished):
            return
        metric, best = epoch.validation.headline, self._metric
        if best is None or math.isnan(best.value) or metric.beats(best):
            self._best, self._waited, self._metric = epoch.epoch, 0, metric
            if self._recipe.keep == BEST:
                self._state = _copied(model.state_dict())
        else:
            self._waited += 1

    @property
    def stopped(self) -> str | None:
        """Why training ends here, or None."""
        if self._metric is None or not 0 < self._recipe.patience <= self._waited:
            return None
        epochs = "1 epoch" if self._waited == 1 else f"{self._waited} epochs"
        return f"no better validation {self._metric.name} in {epochs}"

    def finish(self, epochs: Sequence[Epoch]) -> History:
        """Put the model that is kept in place, and return what all epochs came to.

        Without an epoch of the density that the settings say, the last one is kept.
        """
        stopped = self.stopped if len(epochs) < self._recipe.epochs else None
        if self._state is None:
            return History(epochs, stopped=stopped)
        self._model.load_state_dict(self._state)
        return History(epochs, self._best, stopped)

    @property
    def has_state(self) -> bool:
        """Whether `finish` puts another model in place than that of the last epoch."""
        return self._state is not None

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        return {"best": self._best, "waited": self._waited, "state": self._state}

    def take(self, state: Mapping[str, Any], epochs: Sequence[Epoch], merge: Merge) -> None:
        """Go on from a `state`; `merge` makes of an earlier state one that the model takes."""
        self._best, self._waited = state["best"], state["waited"]
        if self._best:
            score = epochs[self._best - 1].validation
            assert score is not None
            self._metric = score.headline
        if state["state"] is not None:
            self._state = _copied(merge(state["state"]))


def set_apart(data: Data, recipe: Recipe, seed: int) -> Data:
    """Return data with the validation part that the recipe says; data that have one keep it.

    Raises SettingError for a choice that has nothing to go by, DataError as `with_validation`.
    """
    data = with_validation(data, recipe.validation, seed)
    if data.validation is None:
        for name, value, asks in (
            ("keep", recipe.keep, recipe.keep == BEST),
            ("patience", recipe.patience, recipe.patience > 0),
        ):
            if asks:
                raise SettingError(
                    f"{name} {value}: expected samples to choose by that are neither trained nor "
                    "tested on, got none; pass validation=0.1. The test part is not for choosing: "
                    "what is chosen by it says nothing about new data"
                )
    return data


def _copied(state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value.detach().to("cpu", copy=True) if isinstance(value, Tensor) else value
        for key, value in state.items()
    }
