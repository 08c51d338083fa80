"""Checkpoints: the state of a run after a whole epoch, to go on from."""

import warnings
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn

from pemn_compress.atomic import check_output, write_file
from pemn_compress.errors import ModelError, OutputError, SettingError, TrainingError, unreadable
from pemn_compress.training.averaging import Average
from pemn_compress.training.choosing import Choice
from pemn_compress.training.corrections import merged, renumbered, untrained
from pemn_compress.training.history import Epoch
from pemn_compress.training.identity import differences, digest, first_difference, trained

FORMAT = 4  # of what a checkpoint holds


class Checkpoint:
    """A file that keeps the last epoch of a run; what it cannot keep does not end the run.

    `identity` is what must agree for a run to go on from it (`identity.must_agree`), `told` what
    may differ and is told; `average` and `choice` are kept beside the model. `warn` takes a line,
    `say_kept` the epochs that the file holds by now. Of many ranks one `writes`; the others may not
    even see the place.
    """

    def __init__(
        self,
        path: Path,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        identity: Mapping[str, Any],
        told: Mapping[str, Any],
        average: Average | None,
        choice: Choice,
        *,
        warn: Callable[[str], None],
        say_kept: Callable[[list[Epoch]], None],
        writes: bool = True,
    ) -> None:
        """Raise OutputError for a place that cannot be written to.

        Raise ModelError and SettingError for state and an identity that no checkpoint can keep.
        """
        if writes:
            check_output(path, force=True)
        _check_kept(path, model, identity)
        self.path, self.kept = path, 0
        self._model, self._optimizer = model, optimizer
        self._identity, self._told = identity, told
        self._average, self._choice = average, choice
        self._warn, self._say_kept = warn, say_kept
        self._failed = False
        self._start = {key: digest(value) for key, value in untrained(model).items()}

    def read(self) -> dict[str, Any] | None:
        """Return what the file holds; None if there is no file.

        Raises TrainingError for a file that is no checkpoint, or one of another run.
        """
        if not self.path.exists():
            return None
        try:
            with warnings.catch_warnings():  # that a sparse tensor takes a while to check
                warnings.simplefilter("ignore")
                content = torch.load(self.path, map_location="cpu", weights_only=True)
            is_ours = content["format"] == FORMAT
            found = content["identity"] if is_ours else {}
        except OSError as error:
            raise TrainingError(unreadable(self.path, error)) from None
        except Exception:  # torch.load raises many kinds, and some tell the user to trust the file
            raise self._no_checkpoint() from None
        if not is_ours:
            raise self._no_checkpoint()
        wrong = first_difference(self._identity, found)
        if wrong is not None:
            of_model = wrong.startswith("parameters.")
            raise TrainingError(
                f"{self.path}: is the checkpoint of another {'model' if of_model else 'run'}: "
                f"{wrong}; go on with the same settings, or name another checkpoint"
            )
        return dict(content)

    def resume(self, content: Mapping[str, Any] | None) -> list[Epoch]:
        """Take over what `read` returned, on every rank, and return the history so far.

        What is not trained and has changed in between stays as the model has it now, and is told.
        """
        if content is None:
            return []
        try:
            history = [Epoch.from_dict(epoch) for epoch in content["history"]]
            state, remarks = merged(self._model, content["model"], content["start"])
            self._model.load_state_dict(state)
            names, saved = content["optimizer names"], content["optimizer"]
            self._optimizer.load_state_dict(renumbered(self._names(), names, saved))
            if self._average is not None:
                self._average.take(content["average"])
            start = content["start"]
            self._choice.take(
                content["choice"], history, lambda old: merged(self._model, old, start)[0]
            )
        except Exception as error:  # torch raises several kinds for other names or shapes
            reason = " ".join(str(error).split())
            raise TrainingError(
                f"{self.path}: is the checkpoint of another model: {reason}; name another one"
            ) from None
        start, saved = content["start"], content["model"]
        self._start = {
            key: start.get(key, own) if state[key] is saved.get(key) else own
            for key, own in self._start.items()
        }
        remarks = [*differences(self._told, content["told"]), *remarks]
        if remarks:
            self._warn(f"{self.path}: goes on, although not all is as it was: {'; '.join(remarks)}")
        self._keeps(history)
        return history

    def write(self, history: list[Epoch]) -> None:
        """Write the state after the last epoch of `history`, whole or not at all.

        What keeps it from being written is told once; the file is then as it was before.
        """
        content = {
            "format": FORMAT,
            "identity": self._identity,
            "told": self._told,
            "history": [epoch.to_dict() for epoch in history],
            "model": self._model.state_dict(),
            "start": self._start,
            "optimizer": self._optimizer.state_dict(),
            "optimizer names": self._names(),
            "average": self._average and self._average.state(),
            "choice": self._choice.state(),
        }
        try:
            write_file(self.path, lambda stream: _save(content, stream), force=True)
        except Exception as error:  # whatever it is, training is worth more
            reason = " ".join(str(error).split())
            if not isinstance(error, OutputError):
                reason = f"{self.path}: not written: {type(error).__name__}: {reason}"
            if not self._failed:
                self._warn(f"{reason}; training goes on, and tries again after every epoch")
            self._failed = True
        else:
            self._failed = False
            self._keeps(history)

    def close(self) -> None:
        """Say at the end of a run if the file does not keep the whole of it."""
        if self._failed and self.kept:
            self._warn(f"{self.path}: keeps epoch {self.kept}, not the last one")
        elif self._failed:
            self._warn(f"{self.path}: no checkpoint was ever written")

    def _keeps(self, history: list[Epoch]) -> None:
        self.kept = len(history)
        self._say_kept(history)

    def _names(self) -> list[list[str]]:
        """Return the names of the optimiser's parameters, group by group."""
        names = {id(parameter): name for name, parameter in trained(self._model).items()}
        return [[names[id(p)] for p in group["params"]] for group in self._optimizer.param_groups]

    def _no_checkpoint(self) -> TrainingError:
        return TrainingError(
            f"{self.path}: expected a checkpoint of this program, got one of an earlier version, "
            "one that was cut short or another kind of file; remove it or name another checkpoint"
        )


def _save(content: Mapping[str, Any], stream: IO[bytes]) -> None:
    """Save to a stream. Raises OSError where the stream cannot be written to.

    torch's writer of zip files makes a RuntimeError of it that tells neither where nor why.
    """
    failed: list[OSError] = []

    class Stream:
        def write(self, data: bytes) -> int:
            try:
                return stream.write(data)
            except OSError as error:
                failed.append(error)
                raise

        def flush(self) -> None:
            stream.flush()

    try:
        torch.save(content, Stream())  # type: ignore[arg-type]  # it needs no more than these
    except Exception as error:
        if failed:
            raise failed[0] from error
        raise


def _check_kept(path: Path, model: nn.Module, identity: Mapping[str, Any]) -> None:
    """Refuse, before the first step, what could be neither written nor read back."""
    expected = "expected tensors, numbers, strings, and lists and dicts of these"
    wrong = _why_not(dict(identity))
    if wrong:
        raise SettingError(f"{path}: no checkpoint can keep the identity ({wrong}); {expected}")
    for key, value in model.state_dict().items():
        wrong = None if isinstance(value, Tensor) else _why_not(value)
        if wrong:
            raise ModelError(
                f"{path}: no checkpoint can keep the model's state {key!r}, a "
                f"{type(value).__name__} ({wrong}); {expected}"
            )


def _why_not(value: Any) -> str | None:
    """Return why a value could not be read back from a checkpoint, or None."""
    try:
        kept = BytesIO()
        torch.save(value, kept)
        kept.seek(0)
        torch.load(kept, weights_only=True)
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        return f"{type(error).__name__}: {reason}"
    return None
