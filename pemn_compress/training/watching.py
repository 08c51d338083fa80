"""Who follows a run: models that change as training goes on, and whoever shows its progress."""

import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pemn_compress.errors import PemnWarning
from pemn_compress.kinds import check_kind
from pemn_compress.training.history import Epoch

_PACKAGE = str(Path(__file__).parents[1])


@runtime_checkable
class Advancing(Protocol):
    """A model that changes as training goes on, such as a MaskedModel or a PrunedModel."""

    def advance(
        self, *, epoch: int | None = None, step: int | None = None, steps: int | None = None
    ) -> None:
        """Epoch `epoch`, or step `step` of `steps` in all, comes next; both count from 0.

        Told before each epoch, before each step, and after the last step of each epoch, before
        the evaluation: where `step` is `steps`, training is over. To say the same again changes
        nothing.
        """


@runtime_checkable
class Finishing(Protocol):
    """A model whose density changes on the way, such as a MaskedModel or a PrunedModel."""

    @property
    def is_finished(self) -> bool:
        """Whether it has the density that its settings say."""


@runtime_checkable
class Observer(Protocol):
    """Who watches a run; every method may do nothing.

    `Preparing`, `Expecting`, `Warned`, `Keeping` and `Ending` may be added.
    """

    def start(self, epochs: int, steps: int, done: int) -> None:
        """Training starts: `epochs` of `steps` steps, `done` epochs of which are behind."""

    def step(self, epoch: int, step: int, images: int, loss: Callable[[], float]) -> None:
        """Step `step` of epoch `epoch` is done; calling `loss` may wait for the device."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch and its evaluation are done."""


@runtime_checkable
class Preparing(Protocol):
    """An observer that is told what is done before training starts."""

    def before(self, what: str) -> None:
        """`what` is being done now, which may take some seconds."""


@runtime_checkable
class Expecting(Protocol):
    """An observer that wants to know, before training starts, what it will come to."""

    def ready(self, told: str, warnings: Sequence[str]) -> None:
        """The rehearsal is done: what will happen, in one line, and what is worth a thought."""


@runtime_checkable
class Warned(Protocol):
    """An observer that shows warnings; without one they are Python's."""

    def warning(self, text: str) -> None:
        """Show one line about something that works, and is probably not what was meant."""


@runtime_checkable
class Keeping(Protocol):
    """An observer that is told what the checkpoint holds."""

    def kept(self, history: Sequence[Epoch]) -> None:
        """The checkpoint holds a run up to the last of these epochs, to go on from.

        Told when a run goes on from it, before `start`, and whenever it has been written.
        """


@runtime_checkable
class Ending(Protocol):
    """An observer that is told what is done when training is over."""

    def after(self, what: str, done: int = 0, of: int = 0, archive: Path | None = None) -> None:
        """The last epoch is behind; `what` is being done now, `done` parts `of` so many.

        Told before each, and after each part where there are several. `archive` is the one that is
        complete by then, if there is one.
        """


def check_observer(observer: Any) -> None:
    """Refuse what can watch no run; None is none. Raises SettingError."""
    if observer is not None:
        check_kind("observer", observer, Observer, "one with start, step and epoch")


def warn(observer: Observer | None, text: str) -> None:
    """Tell whoever watches, or else Python's warnings, one line."""
    if isinstance(observer, Warned):
        observer.warning(text)
    else:
        warnings.warn(text, PemnWarning, stacklevel=_levels_to_caller())


def _levels_to_caller() -> int:
    """Return how far above `warn` the first line lies that is not of this package."""
    frame, levels = sys._getframe(2), 2
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, levels = frame.f_back, levels + 1
    return levels


def say_before(observer: Observer | None, what: str) -> None:
    """Tell whoever watches what is done before training."""
    if isinstance(observer, Preparing):
        observer.before(what)


def say_kept(observer: Observer | None, history: Sequence[Epoch]) -> None:
    """Tell whoever watches which epochs the checkpoint holds by now."""
    if isinstance(observer, Keeping):
        observer.kept(history)


def say_after(
    observer: Observer | None, what: str, done: int = 0, of: int = 0, archive: Path | None = None
) -> None:
    """Tell whoever watches what is done now that training is over."""
    if isinstance(observer, Ending):
        observer.after(what, done, of, archive)
