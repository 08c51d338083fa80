"""What all renewals share: the values in use, and a number per weight that says where each is from.

While nothing is renewed, weights are a view of the prototype and cost no memory. A renewal takes
two buffers per tensor, 8 bytes a weight: the numbers (int32, part of the state dict) and the values
that follow from them (float32, made anew when a state dict is loaded).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from pemn_compress.masking.rules.methods import RENEWALS
from pemn_compress.masking.rules.plan import Plan
from pemn_compress.masking.rules.strategies import Filling, Settings
from pemn_compress.masking.straight_through import tile

Array = npt.NDArray[np.generic]


class Renewal(nn.Module, ABC):
    """The fixed values of every planned tensor, which change while training.

    `kind` is the archive's word for the numbers. Numbers and values are flat, in C order; values
    are without their tensor's scale.
    """

    kind: str
    last: Tensor

    def __init__(self, plan: Plan, filling: Filling, settings: Settings, prototype: Tensor) -> None:
        super().__init__()
        self._filling, self._settings = filling, settings
        # the epoch or step of the last one: a run that is resumed within an epoch has to know
        self.register_buffer("last", torch.tensor(0, device=prototype.device))
        for index, tensor in enumerate(plan):
            plain = self.plain(prototype, index, tensor.numel)
            start = self.first_numbers(tensor.numel).to(prototype.device)
            self.register_buffer(f"numbers{index}", start)
            self.register_buffer(f"values{index}", plain.clone(), persistent=False)

    def values(self, index: int) -> Tensor:
        """Return the values in use of a planned tensor: float32 of shape (numel,)."""
        return self.get_buffer(f"values{index}")

    def numbers(self, index: int) -> Tensor:
        """Return where each of them is from: int32 of shape (numel,)."""
        return self.get_buffer(f"numbers{index}")

    def plain(self, prototype: Tensor, index: int, numel: int) -> Tensor:
        """Return the values that a tensor has before anything is renewed."""
        return tile(prototype, self._filling.offsets[index], (numel,), 1.0)

    def negated(self, index: int, prototype: Tensor) -> Tensor:
        """Return which values have another sign than before anything was renewed: bool (numel,)."""
        values = self.values(index)
        return values.signbit() != self.plain(prototype, index, values.numel()).signbit()

    def reload(self, prototype: Tensor) -> None:
        """Make the values anew from the numbers, after a state dict has been loaded."""
        for index in range(len(self._filling.offsets)):
            numbers = self.numbers(index)
            plain = self.plain(prototype, index, numbers.numel())
            self.values(index).copy_(self.follow(index, numbers, plain))

    def due(self, *, epoch: int | None, step: int | None) -> int | None:
        """Return the epoch or step, whichever the renewal counts, if one comes before it.

        None once it has come: a loop may say where it is as often as it likes.
        """
        facts = RENEWALS[self._settings.renewal]
        assert facts is not None
        count = epoch if facts.unit == "epochs" else step
        if not count or count % self._settings.period:
            return None
        return None if count == int(self.last) else count

    @staticmethod
    @abstractmethod
    def first_numbers(numel: int) -> Tensor:
        """Return the numbers of values that nothing has renewed."""

    @abstractmethod
    def follow(self, index: int, numbers: Tensor, plain: Tensor) -> Tensor:
        """Return the values that these numbers mean, float32 (numel,), given the plain ones."""

    @abstractmethod
    def renew(self, count: int, ranks: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
        """Renew every tensor; `count` is the epoch or step that it comes before.

        `ranks` are what the search ranks weights by, larger ones first; `masks` the current ones.
        """


def as_numpy(tensor: Tensor) -> Array:
    """Return a tensor's elements in C order, of shape (numel,): a view where they lie so."""
    flat: Array = tensor.detach().cpu().contiguous().numpy().reshape(-1)
    return flat


def to_like(array: Array, like: Tensor) -> Tensor:
    """Return an array as a tensor where another one is."""
    return torch.from_numpy(array).to(like.device)
