"""The steps of one epoch: batch, loss, gradient, update."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from pemn_compress.data import trees
from pemn_compress.data.batches import Batches
from pemn_compress.data.ranks import World
from pemn_compress.data.tasks import Task
from pemn_compress.data.workers import lost_worker
from pemn_compress.errors import TrainingError
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.reach import Reach
from pemn_compress.training import distributed
from pemn_compress.training.blame import blamed, told
from pemn_compress.training.distilling import Teacher
from pemn_compress.training.distributed import is_lost
from pemn_compress.training.evaluation import check_outputs, wide
from pemn_compress.training.memory import is_out_of_memory
from pemn_compress.training.optimization import learning_rate
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.run import Run
from pemn_compress.training.steering import Steering
from pemn_compress.training.watching import Advancing, Observer

CHECK_LOSS_STEPS = 50  # on a GPU looking at the loss waits for it, so it is not done every step


@dataclass(frozen=True)
class Stepper:
    """What every step needs. `forward` runs `model`, perhaps compiled or on many ranks."""

    model: nn.Module
    forward: Callable[..., Any]
    task: Task
    optimizer: torch.optim.Optimizer
    batches: Batches
    recipe: Recipe
    run: Run
    device: torch.device
    here: World
    data: str
    reach: Reach
    observer: Observer | None
    steering: Steering
    teacher: Teacher | None = None

    @property
    def rate(self) -> float:
        """The learning rate of the last step, of what is masked."""
        group = self.optimizer.param_groups[0]
        return float(group["lr"] / group["factor"])

    def train(self, epoch: int) -> float:
        """Train for epoch `epoch`, counted from 0, and return its mean loss.

        Raises TrainingError for a loss that is not finite, ModelError and DataError for a forward
        pass that fails.
        """
        self.model.train()
        self.batches.set_epoch(epoch)
        steps = len(self.batches)
        total = torch.zeros((), dtype=wide(self.device), device=self.device)
        for step, (inputs, targets) in enumerate(self.batches):
            count = trees.samples(targets, inputs)
            loss = self._step(epoch, step, steps, inputs, targets, count, total)
            total += loss.to(total.dtype)
            if self.observer:
                self.observer.step(epoch, step, count, loss.item)
        if isinstance(self.model, Advancing):
            self.model.advance(step=(epoch + 1) * steps, steps=self.recipe.epochs * steps)
        self.reach.after_epoch()
        return float(distributed.mean_over_ranks(total, self.here)) / steps

    def _step(
        self,
        epoch: int,
        step: int,
        steps: int,
        inputs: Any,
        targets: Any,
        count: int,
        total: Tensor,
    ) -> Tensor:
        model, recipe = self.model, self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = group["factor"] * learning_rate(recipe, epoch, step, steps)
        place = f"epoch {epoch + 1} of {recipe.epochs}, step {step + 1} of {steps}"
        if isinstance(model, Advancing):
            model.advance(step=epoch * steps + step, steps=recipe.epochs * steps)
        how = f" in training, in a batch of {count}"
        with blamed(model, self.data, inputs, place=f"{place}: ", how=how):
            loss = loss_of(self.forward, inputs, targets, self.task, recipe, self.run, self.teacher)
            if self.here.size > 1:
                loss = loss * self.batches.weight(step)
            if self.device.type == "cpu" or step == steps - 1 or step % CHECK_LOSS_STEPS == 0:
                _check_finite(loss, total, inputs, recipe)
            loss.backward()  # type: ignore[no-untyped-call]
            self.reach.after_backward()
        with _optimizing(recipe, place):
            if recipe.clip_norm:
                nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
            self.optimizer.step()
            if self.steering.pull and isinstance(model, MaskedModel):
                model.pull(self.steering.pull * learning_rate(recipe, epoch, step, steps))
        # now, not before the next backward pass: the next forward pass needs room for weights
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()


@contextmanager
def _optimizing(recipe: Recipe, place: str) -> Iterator[None]:
    """Tell what an optimiser cannot do, sparse gradients for one, in a line."""
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error) or is_lost(error) or lost_worker(error):
            raise
        raise TrainingError(
            f"{place}: the optimizer {recipe.optimizer} cannot take the step: {told(error)}"
        ) from error


def loss_of(
    forward: Callable[..., Any],
    inputs: Any,
    targets: Any,
    task: Task,
    recipe: Recipe,
    run: Run,
    teacher: Teacher | None = None,
) -> Tensor:
    """Return the mean loss of a batch, with a teacher's part where there is one.

    Raises DataError for outputs of another shape where they are to classify, ModelError for a loss
    that is none.
    """
    if run.channels_last:
        inputs = tree_map(_channels_last, inputs)
    device = inputs.device if isinstance(inputs, Tensor) else run.torch_device()
    with torch.autocast(device.type, torch.bfloat16, enabled=run.amp):
        outputs = trees.call(forward, inputs)
    if task.is_classification:
        check_outputs(outputs, len(targets), " in training")
    outputs = trees.floats(outputs)
    loss = task.mean_loss(outputs, targets, recipe.label_smoothing)
    if teacher is None:
        return loss
    with torch.autocast(device.type, torch.bfloat16, enabled=run.amp):
        return teacher.mixed(loss, outputs, inputs)


def _channels_last(value: Any) -> Any:
    if isinstance(value, Tensor) and value.dim() == 4:
        return value.to(memory_format=torch.channels_last)
    return value


def not_finite(what: str, value: float, recipe: Recipe, inputs: Any) -> TrainingError:
    """Return the error that a loss which is not finite ends a run with.

    `inputs` are those it is of, where they are at hand.
    """
    wrong, count = trees.not_finite(inputs)
    if wrong:
        return TrainingError(
            f"expected a finite {what}, got {value:g}: the inputs are not finite themselves "
            f"({wrong:,} of {count:,} numbers); mend the data"
        )
    return TrainingError(
        f"expected a finite {what}, got {value:g}; stopped. A learning rate below {recipe.lr:g} "
        "or a limit for the gradient's norm (clip-norm 1) may help"
    )


def _check_finite(loss: Tensor, total: Tensor, inputs: Any, recipe: Recipe) -> None:
    value = float(loss.detach())
    if math.isfinite(value + float(total)):
        return
    raise not_finite("loss", value, recipe, inputs)
