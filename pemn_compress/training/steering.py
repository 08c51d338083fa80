"""The pull of every epoch: as the recipe says, or steered towards so many bits a weight."""

from collections.abc import Iterable

from torch import nn

from pemn_compress.masking.departures import check_target, stored_bits
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.training.history import Epoch
from pemn_compress.training.recipes import Recipe

# Measured on ConvMixer-48/4: pull 0.1 comes to half a bit, 0.2 to a fifth or less.
_FIRST = 0.05  # the first pull times the target
_LEAST, _MOST = 1e-3, 3.0
_AIM = 0.97  # of the target: what is above it at the end has to be put back
_CHANGE = 1.5  # an epoch's pull is at most so many times the last one's, or one so-many-th


class Steering:
    """How hard scores are pulled back in the next epoch, from what the last ones came to.

    With `target_bits` each epoch's pull is the last one's times the bits that the next one would
    come to, at the last one's rate of change, over those it aims at; by half as much again at most.
    It follows from the history alone, so that a run which goes on from its checkpoint is the same.
    """

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        """Start with the recipe's pull. Raises SettingError for a target that makes no sense."""
        self._model = model if isinstance(model, MaskedModel) else None
        self._target = recipe.target_bits if self._model is not None else None
        self._measures = bool(recipe.pull or self._target)
        self._last: float | None = None
        self.pull = recipe.pull
        if self._target and self._model is not None:
            check_target(self._model, self._target)
            self.pull = self.pull or min(_FIRST / self._target, _MOST)

    def measure(self) -> float | None:
        """Return the bits per weight that the model as it is departs by; None: nothing pulls."""
        if self._model is None or not self._measures:
            return None
        return stored_bits(self._model)

    def follow(self, epochs: Iterable[Epoch]) -> None:
        """Take in what epochs came to."""
        for epoch in epochs:
            if self._target and epoch.bits is not None:
                # where the next epoch would come to at the rate of the last
                trend = epoch.bits / self._last if self._last else 1.0
                self._last = epoch.bits
                change = epoch.bits * trend / (_AIM * self._target)
                change = min(max(change, 1 / _CHANGE), _CHANGE)
                self.pull = min(max(self.pull * change, _LEAST), _MOST)
