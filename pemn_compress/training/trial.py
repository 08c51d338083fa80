"""A first step in training mode before the first step, of which nothing is left but what it told.

What a model cannot take is found here in seconds, and not at the last batch of an epoch: batches of
one sample with batch normalisation, outputs of another kind in training, weights that no gradient
reaches.
"""

from dataclasses import dataclass

import torch
from torch import nn

from pemn_compress.data import trees
from pemn_compress.data.augment import Augment
from pemn_compress.data.batches import Batches, check_labels
from pemn_compress.data.ranks import World
from pemn_compress.data.samples import Data
from pemn_compress.errors import DataError, ModelError, PemnError
from pemn_compress.masking.host import PlannedModel
from pemn_compress.masking.reach import check_bypassed
from pemn_compress.training.blame import blamed
from pemn_compress.training.identity import trained
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.run import Run
from pemn_compress.training.statistics import recompute_batchnorm
from pemn_compress.training.stepping import loss_of
from pemn_compress.training.untouched import untouched

FEW = 2  # samples that are enough to try a step, where no batch will have fewer


@dataclass(frozen=True)
class Found:
    """What a trial told.

    `too_small` says why the last batch of an epoch has to join the one before it, and is empty
    where it need not; `unreached` names the trainable parameters that no gradient came to, but for
    masked and pruned weights, which `Reach` follows through the first epoch.
    """

    too_small: str = ""
    unreached: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """Tries steps of a run on its own samples; `outputs` is how many the model has."""

    model: nn.Module
    data: Data
    recipe: Recipe
    run: Run
    augment: Augment | None
    seed: int
    here: World
    outputs: int

    def find(self) -> Found:
        """Try the smallest batch that any rank will step on.

        The model, its gradients and all random states are left as they were. Raises DataError and
        ModelError for what the model cannot take.
        """
        assert self.data.train is not None
        samples = len(self.data.train)
        if self.data.train.stream is not None:
            return Found("", self._step(FEW))
        whole = min(self.recipe.batch_size, samples)
        rest = samples % whole
        try:
            return Found("", self._smallest(rest or whole, exactly=rest > 0))
        except PemnError as error:
            if rest == 0:
                raise self._advised(error, whole) from error
            self._smallest(whole, exactly=False)  # what is wrong with every batch is told first
            try:
                return Found(str(error), self._smallest(whole + rest, exactly=True))
            except PemnError:
                raise DataError(
                    f"{error}; that many are left after the whole batches of {whole}, which it "
                    f"takes: expected a batch size that divides the {samples} training samples"
                ) from error

    def _smallest(self, batch: int, *, exactly: bool) -> tuple[str, ...]:
        """Try the smallest part that a rank has of a batch, or fewer samples where that works.

        `exactly` also tries a larger part in full, the forward pass alone.
        """
        part = max(1, batch // self.here.size)
        try:
            unreached = self._step(min(part, FEW))
        except PemnError:
            if part <= FEW:
                raise
            return self._step(part)
        if exactly and part > FEW:
            with torch.no_grad():
                self._step(part, backward=False)
        return unreached

    def _step(self, count: int, *, backward: bool = True) -> tuple[str, ...]:
        """Try one step; return the names of the trainable parameters that it leaves out."""
        model, data = self.model, self.data
        assert data.train is not None
        with untouched(model):
            inputs, targets = next(iter(self._batches(count)))
            model.train()
            count = trees.samples(targets, inputs)
            if self.outputs:
                check_labels(targets, self.outputs, f"data {data.name!r}, training labels")
            how = f" in training, in a batch of {count}"
            with blamed(model, data.name, inputs, how=how):
                loss = loss_of(model, inputs, targets, data.task, self.recipe, self.run)
                if not backward:
                    return ()
                if not loss.requires_grad:
                    raise ModelError(
                        "no gradient reaches any trainable parameter: the outputs do not depend on "
                        "one in a way that torch follows; expected no detach(), .data, no_grad() "
                        "or copies of weights in forward()"
                    )
                loss.backward()  # type: ignore[no-untyped-call]
            return _unreached(model)

    def statistics(self) -> None:
        """Try to take batch norm's statistics afresh, as will be done after the last step.

        Raises ModelError and SettingError for a model of which they cannot be taken.
        """
        assert self.data.train is not None
        samples = FEW if self.data.train.stream is not None else len(self.data.train)
        count = max(1, min(self.recipe.batch_size, samples) // self.here.size)
        with untouched(self.model):
            try:
                recompute_batchnorm(self.model, self._batches(count), 1)
            except ModelError as error:
                raise ModelError(f"{error}; tried before the first step") from None

    def _batches(self, count: int) -> Batches:
        """Return the first samples in one batch."""
        assert self.data.train is not None
        return Batches(
            self.data.train.first(count),
            batch_size=count,
            shuffle_seed=self.seed,
            augment=self.augment,
            normalize=self.data.normalize,
            device=self.run.torch_device(),
            labels=self.outputs or None,
        )

    def _advised(self, error: PemnError, whole: int) -> PemnError:
        """Say what helps where every batch is of a size that the model cannot take."""
        assert self.data.train is not None
        ranks = self.here.size
        if len(self.data.train) < FEW:
            return DataError(f"{error}; it is the only training sample: expected more of them")
        if whole // ranks >= FEW:
            return error
        try:
            self._step(FEW)
        except PemnError:
            return error
        each = f" for each of {ranks} ranks" if ranks > 1 else ""
        return DataError(
            f"{error}; {FEW} samples{each} it takes: expected a batch size of {FEW * ranks} or more"
        )


def _unreached(model: nn.Module) -> tuple[str, ...]:
    """Return the names of the trainable parameters that a backward pass left out.

    Raises TrainingError where it reached what stands in a weight's place no more.
    """
    followed: set[int] = set()
    prefix = ""
    if isinstance(model, PlannedModel):
        check_bypassed(model)
        followed, prefix = {id(own) for own in model.trained()}, "model."
    return tuple(
        name.removeprefix(prefix)
        for name, parameter in trained(model).items()
        if parameter.grad is None and id(parameter) not in followed
    )
