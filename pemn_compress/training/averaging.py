"""The exponential moving average of what is trained, which is measured and kept in its place.

Polyak & Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the decay grows
to its value over the first steps as in TensorFlow's ExponentialMovingAverage.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from pemn_compress.masking.host import PlannedModel
from pemn_compress.training.identity import trained


class Average:
    """The average of a model's trainable parameters and floating-point buffers, step by step.

    After step n the decay is min(decay, (1 + n) / (10 + n)), so that a short run's average is not
    that of its start. Of a MaskedModel scores are averaged, and masks are those of the averaged
    scores, of the very density; what it draws and renews is no average. Buffers that are not
    finite from the start (masks of attention) stay as they are.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Start from the model as it is, on its own device."""
        self._decay, self._steps = decay, 0
        self._parameters = trained(model)
        # by owner and name: some modules put another tensor in place of a buffer
        self._buffers = _buffers(model)
        with torch.no_grad():
            self._values = [tensor.detach().clone() for tensor in self._live()]
        self._names = [*self._parameters, *self._buffers]
        kinds = dict.fromkeys(value.dtype for value in self._values)  # torch averages one at once
        self._groups = [
            [at for at, value in enumerate(self._values) if value.dtype == kind] for kind in kinds
        ]

    def update(self) -> None:
        """Take in the model as it is after a step."""
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        live = self._live()
        for group in self._groups:
            average([self._values[at] for at in group], [live[at] for at in group], None)
        self._steps += 1

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the average into the model for a while; what it becomes there is kept."""
        with torch.no_grad():
            before = [tensor.detach().clone() for tensor in self._live()]
            self.put()
        try:
            yield
        finally:
            with torch.no_grad():
                for tensor, value, old in zip(self._live(), self._values, before, strict=True):
                    value.copy_(tensor)
                    tensor.copy_(old)

    def put(self) -> None:
        """Put the average into the model for good."""
        with torch.no_grad():
            for tensor, value in zip(self._live(), self._values, strict=True):
                tensor.copy_(value)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        return {"steps": self._steps, "values": dict(zip(self._names, self._values, strict=True))}

    def take(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`; a buffer that it does not have, or of another shape, starts anew.

        The model has its own state already.
        """
        self._steps, saved = state["steps"], state["values"]
        with torch.no_grad():
            for name, value, live in zip(self._names, self._values, self._live(), strict=True):
                other = saved.get(name)
                value.copy_(other if other is not None and other.shape == value.shape else live)

    def _live(self) -> list[Tensor]:
        buffers = (getattr(owner, name) for owner, name in self._buffers.values())
        return [*self._parameters.values(), *buffers]


def follow(model: nn.Module, optimizer: torch.optim.Optimizer, decay: float) -> Average | None:
    """Return an average that takes in every step of the optimiser; None where `decay` is 0."""
    if not decay:
        return None
    average = Average(model, decay)
    optimizer.register_step_post_hook(lambda *_: average.update())
    return average


def _buffers(model: nn.Module) -> dict[str, tuple[nn.Module, str]]:
    """Return owner and name of every buffer that has an average."""
    host = model.model if isinstance(model, PlannedModel) else model
    prefix = "model." if host is not model else ""
    found = {}
    for name, buffer in host.named_buffers():
        if buffer.is_floating_point() and bool(buffer.isfinite().all()):
            path, _, leaf = name.rpartition(".")
            found[prefix + name] = (host.get_submodule(path), leaf)
    return found
