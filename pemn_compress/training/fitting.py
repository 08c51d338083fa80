"""Training of any nn.Module that classifies.

Nothing here knows about masks: a MaskedModel, a PrunedModel and a plain model train alike. A model
that has a method `advance` is told before every epoch and every step, and after an epoch's last.
"""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pemn_compress.data.ranks import World, check_batch, world
from pemn_compress.data.samples import Data, Split
from pemn_compress.data.workers import lost_worker
from pemn_compress.errors import DataError, ModelError, TrainingError
from pemn_compress.training import distributed
from pemn_compress.training.averaging import Average, follow
from pemn_compress.training.checkpoint import Checkpoint
from pemn_compress.training.choosing import Choice, set_apart
from pemn_compress.training.evaluation import evaluate
from pemn_compress.training.history import Epoch, History, Recomputed, Score
from pemn_compress.training.memory import explained
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.recipes.numbers import integer
from pemn_compress.training.run import Run
from pemn_compress.training.starting import check_kinds, checkpoint_of, ready, resumed
from pemn_compress.training.statistics import batches_of, recompute_batchnorm
from pemn_compress.training.stepping import Stepper, not_finite
from pemn_compress.training.watching import Advancing, Observer, say_after, warn

STATISTICS = "batch norm's statistics over training batches"  # what is done after the last epoch


def fit(
    model: nn.Module,
    data: Data,
    recipe: Recipe,
    *,
    seed: int = 0,
    run: Run | None = None,
    checkpoint: str | Path | None = None,
    identity: Mapping[str, Any] | None = None,
    observer: Observer | None = None,
    teacher: nn.Module | None = None,
) -> History:
    """Train `model` in place and return what every epoch came to, and which one is kept.

    The model is then that of the last epoch, or with the recipe's keep "best" that of the epoch
    which was best on the validation part; with its `ema` it is the moving average. With its
    `recompute_batchnorm` the running statistics of that model are then taken afresh.

    The order of samples, augmentation and dropout are functions of (seed, epoch). A first step is
    tried, and undone, before the first one: what the model cannot take is found there. Where that
    is a last batch of few samples, it joins the batch before it, which is told.

    With a `checkpoint` the state is written there after every epoch, whole or not at all; a disk
    that is full does not end the run. If the file exists, training goes on from it, provided that
    it is from a run of the same recipe, data, trainable parameters and `identity` (any plain
    values); the rest may have been put right in between. The caller's random state is left as it
    was.

    A `teacher`, a trained model that classifies the same samples, takes the recipe's
    `teacher_weight` in the loss (`distilling`); it is evaluated on the same batches.

    Started by torchrun on many ranks, each steps on its part of every batch, and all end with the
    same parameters; rank 0 writes the checkpoint. `distributed` says what is shared.

    Raises TrainingError for a loss that is not finite, for a checkpoint of another run and when
    another rank is lost; ModelError where the model's own code fails; DataError and SettingError
    for data and settings that do not fit.
    """
    run, seed = Run() if run is None else run, integer("seed", seed, least=0, most=2**64 - 1)
    check_kinds(model, data, recipe, run, observer)
    data = set_apart(data, recipe, seed)
    device = run.torch_device()
    check_batch(recipe.batch_size, world().size)
    with torch.inference_mode(False), torch.enable_grad(), distributed.joined(device) as here:
        tell = partial(warn, observer) if here.rank == 0 else _say_nothing
        with explained(model, recipe, device, "before the first step"):
            stepper, notes = ready(model, data, recipe, seed, run, device, here, observer, teacher)
            average = follow(stepper.model, stepper.optimizer, recipe.ema)
            choice = Choice(stepper.model, recipe)
            kept = checkpoint_of(
                stepper, checkpoint, data, seed, identity or {}, tell, average, choice
            )
            epochs = resumed(kept, here)
            stepper.steering.follow(epochs)
        for note in notes:  # not before nothing is refused any more
            tell(note)
        if observer:
            observer.start(recipe.epochs, len(stepper.batches), len(epochs))
        with closing(stepper.batches), _seeded_outside(device), _saying_what_is_kept(kept):
            for epoch in range(len(epochs), recipe.epochs):
                if choice.stopped:
                    break
                _seed(seed, epoch, here)
                epochs.append(_train_and_test(stepper, data, epoch, average, choice))
                stepper.steering.follow(epochs[-1:])
                if kept and here.rank == 0:
                    kept.write(epochs)
                if observer:
                    observer.epoch(epochs[-1])
            if average and not choice.has_state:
                average.put()
            history = choice.finish(epochs)
            if recipe.recompute_batchnorm:
                _seed(seed, recipe.epochs, here)
                history.recomputed = _recompute(stepper, data, history.kept)
        if kept:
            kept.close()
        return history


def _train_and_test(
    stepper: Stepper, data: Data, epoch: int, average: Average | None, choice: Choice
) -> Epoch:
    """Train for one epoch, counted from 0, and measure what it came to."""
    model, recipe = stepper.model, stepper.recipe
    place = f"epoch {epoch + 1} of {recipe.epochs}"
    if isinstance(model, Advancing):
        model.advance(epoch=epoch)
    started, pull = time.perf_counter(), stepper.steering.pull or None
    with explained(model, recipe, stepper.device, place):
        train_loss = stepper.train(epoch)
        distributed.average_statistics(model, stepper.here)
        stepped = time.perf_counter()
        with average.in_place() if average else nullcontext():
            if average:
                distributed.average_statistics(model, stepper.here)
            test = _measured(stepper, data, data.test, "test loss", place)
            validation = None
            if data.validation:
                validation = _measured(stepper, data, data.validation, "validation loss", place)
            assert data.train is not None
            done = Epoch(
                epoch + 1,
                stepper.rate,
                train_loss,
                test,
                len(data.train) / (stepped - started),
                time.perf_counter() - started,
                validation,
                pull,
                stepper.steering.measure(),
            )
            if validation:  # all ranks have to choose alike
                done = distributed.from_rank_0(done, stepper.here)
            choice.consider(done)
    return done


def _recompute(stepper: Stepper, data: Data, before: Epoch) -> Recomputed:
    """Take the running statistics of the model that is kept afresh, and measure it again.

    They are of the batches that one more epoch would have trained on.
    """
    model, recipe, place = stepper.model, stepper.recipe, "after training"
    with explained(model, recipe, stepper.device, place):
        batches = batches_of(stepper.batches, recipe.epochs)
        of = recipe.recompute_batchnorm
        say_after(stepper.observer, STATISTICS, 0, of)
        done = recompute_batchnorm(
            model,
            batches,
            of,
            watch=lambda count: say_after(stepper.observer, STATISTICS, count, of),
        )
        distributed.average_statistics(model, stepper.here)
        after = replace(before, test=_measured(stepper, data, data.test, "test loss", place))
        if data.validation:
            score = _measured(stepper, data, data.validation, "validation loss", place)
            after = replace(after, validation=score)
    return Recomputed(done, before, after)


def _seed(seed: int, epoch: int, here: World) -> None:
    """Make what an epoch draws, counted from 0, its own on every rank."""
    torch.manual_seed((seed * 1_000_003 + epoch + (here.rank << 48)) % 2**63)


def _measured(stepper: Stepper, data: Data, split: Split, what: str, place: str) -> Score:
    score = evaluate(stepper.model, split, data, workers=stepper.run.workers)
    if not math.isfinite(score.loss):  # the last step may have broken the model
        error = not_finite(what, score.loss, stepper.recipe, split.inputs)
        raise TrainingError(f"{place}, evaluation: {error}")
    return score


@contextmanager
def _seeded_outside(device: torch.device) -> Iterator[None]:
    """Leave the caller's random state as it is."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


@contextmanager
def _saying_what_is_kept(kept: Checkpoint | None) -> Iterator[None]:
    """Add to what ends a run which epoch can be gone on from."""
    try:
        try:
            yield
        except RuntimeError as error:  # of a lost worker, which torch raises wherever we are
            gone = lost_worker(error)
            if gone is None:
                raise
            raise DataError(gone) from None
    except (TrainingError, DataError, ModelError) as error:
        if kept is None or not kept.kept:
            raise
        raise type(error)(f"{error}; {kept.path} keeps epoch {kept.kept}") from None


def _say_nothing(text: str) -> None:
    pass
