"""Training of any nn.Module that classifies.

Nothing here knows about masks: a MaskedModel, a PrunedModel and a plain model train alike. A model
that has a method `advance` is told before every epoch and every step, and after an epoch's last.
"""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pemn_compress.data.augment import parse_augment
from pemn_compress.data.batches import Batches
from pemn_compress.data.ranks import World, check_batch, world
from pemn_compress.data.samples import Data
from pemn_compress.errors import DataError, SettingError, TrainingError
from pemn_compress.masking.reach import Reach
from pemn_compress.training import distributed
from pemn_compress.training.checkpoint import resume, write
from pemn_compress.training.evaluation import check_fit, evaluate
from pemn_compress.training.history import Epoch
from pemn_compress.training.memory import explained
from pemn_compress.training.optimization import learning_rate, make_optimizer
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.run import Run
from pemn_compress.training.watching import Advancing, Observer

CHECK_LOSS_STEPS = 50  # on a GPU looking at the loss waits for it, so it is not done every step


def fit(
    model: nn.Module,
    data: Data,
    recipe: Recipe,
    *,
    seed: int = 0,
    run: Run | None = None,
    checkpoint: Path | None = None,
    identity: Mapping[str, Any] | None = None,
    observer: Observer | None = None,
) -> list[Epoch]:
    """Train `model` in place and return what every epoch came to; the last one counts.

    The order of samples, augmentation and dropout are functions of (seed, epoch). With a
    `checkpoint` the state is written there after every epoch, whole or not at all; if the file
    exists, training goes on from it, provided that it is from a run of the same `identity` (any
    plain values) and recipe. The caller's random state is left as it was.

    Started by torchrun on many ranks, each steps on its part of every batch, and all end with the
    same parameters; rank 0 writes the checkpoint. `distributed` says what is shared.

    Raises TrainingError for a loss that is not finite, for a checkpoint of another run and when
    another rank is lost, DataError and SettingError for data and settings that do not fit.
    """
    run = run or Run()
    device = run.torch_device()
    check_batch(recipe.batch_size, world().size)
    with distributed.joined(device) as here:
        return _fit(
            model, data, recipe, seed, run, device, here, checkpoint, identity or {}, observer
        )


def _fit(
    model: nn.Module,
    data: Data,
    recipe: Recipe,
    seed: int,
    run: Run,
    device: torch.device,
    here: World,
    checkpoint: Path | None,
    identity: Mapping[str, Any],
    observer: Observer | None,
) -> list[Epoch]:
    if data.train is None:
        raise DataError(f"data {data.name!r} has no training samples: expected some, got none")
    model.to(device)
    check_fit(model, data)
    if run.channels_last:
        try:
            model.to(memory_format=torch.channels_last)
        except RuntimeError:
            raise SettingError(
                "channels-last is for images: expected parameters of up to 4 dimensions, got 5"
            ) from None
    augment = None
    if recipe.augment:
        if not data.is_image:
            raise SettingError(
                f"augmentation needs images, which data {data.name!r} is not; pass --augment none"
            )
        channels, height, width = data.input_shape
        size = (height, width)
        augment = parse_augment(list(recipe.augment), image_size=size, channels=channels)
    batches = Batches(
        data.train,
        batch_size=recipe.batch_size,
        shuffle_seed=seed,
        augment=augment,
        normalize=data.normalize,
        workers=run.workers,
        device=device,
        world=here,
    )
    optimizer = make_optimizer(model, recipe)
    optimizer.zero_grad(set_to_none=True)  # of steps that the caller took before
    told = {
        "recipe": recipe.to_dict(),
        "seed": seed,
        "data": data.name,
        "training samples": len(data.train),
        **({"ranks": here.size} if here.size > 1 else {}),
        **identity,
    }
    history: list[Epoch] = []
    if checkpoint and here.rank == 0:
        history = resume(checkpoint, model, optimizer, told)
    history = distributed.from_rank_0(history, here)
    if history:
        optimizer.load_state_dict(distributed.from_rank_0(optimizer.state_dict(), here))
    trained = distributed.parallel(model, device, here)
    if observer:
        observer.start(recipe.epochs, len(batches), len(history))
    forward = torch.compile(trained) if run.compile else trained
    reach = Reach(model)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            for epoch in range(len(history), recipe.epochs):
                torch.manual_seed((seed * 1_000_003 + epoch + (here.rank << 48)) % 2**63)
                batches.set_epoch(epoch)
                if isinstance(model, Advancing):
                    model.advance(epoch=epoch)
                started = time.perf_counter()
                with explained(model, recipe, device, f"epoch {epoch + 1} of {recipe.epochs}"):
                    train_loss = _train_epoch(
                        forward, model, batches, optimizer, recipe, epoch, run, device, here,
                        reach, observer,
                    )  # fmt: skip
                    distributed.average_statistics(model, here)
                    stepped = time.perf_counter()
                    test = evaluate(model, data.test, data, workers=run.workers)
                if not math.isfinite(test.loss):  # the last step may have broken the model
                    place = f"epoch {epoch + 1} of {recipe.epochs}, evaluation"
                    raise _not_finite("test loss", test.loss, place, recipe)
                history.append(
                    Epoch(
                        epoch + 1,
                        optimizer.param_groups[0]["lr"],
                        train_loss,
                        test,
                        len(data.train) / (stepped - started),
                        time.perf_counter() - started,
                    )
                )
                if checkpoint and here.rank == 0:
                    write(checkpoint, model, optimizer, told, history)
                if observer:
                    observer.epoch(history[-1])
    except TrainingError as error:
        kept = f"; {checkpoint} keeps epoch {len(history)}" if checkpoint and history else ""
        raise TrainingError(f"{error}{kept}") from None
    return history


def _train_epoch(
    forward: Callable[[Tensor], Tensor],
    model: nn.Module,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    epoch: int,
    run: Run,
    device: torch.device,
    here: World,
    reach: Reach,
    observer: Observer | None,
) -> float:
    model.train()
    steps = len(batches)
    total = torch.zeros((), dtype=torch.float64, device=device)
    loss = total
    for step, (inputs, targets) in enumerate(batches):
        rate = learning_rate(recipe, epoch, step, steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        if run.channels_last and inputs.dim() == 4:
            inputs = inputs.to(memory_format=torch.channels_last)
        place = f"epoch {epoch + 1} of {recipe.epochs}, step {step + 1} of {steps}"
        if isinstance(model, Advancing):
            model.advance(step=epoch * steps + step, steps=recipe.epochs * steps)
        try:
            with torch.autocast(device.type, torch.bfloat16, enabled=run.amp):
                outputs = forward(inputs)
            loss = functional.cross_entropy(
                outputs.float(), targets, label_smoothing=recipe.label_smoothing
            )
            if here.size > 1:
                loss = loss * batches.weight(step)
        except TrainingError as error:
            raise TrainingError(f"{place}: {error}") from None
        except IndexError as error:  # a label beyond the outputs, where the data names no classes
            reason = (str(error).splitlines() or ["a label out of range"])[0]
            raise DataError(f"{place}: the labels do not fit the model: {reason}") from None
        last = step == steps - 1
        if device.type == "cpu" or last or step % CHECK_LOSS_STEPS == 0:
            _check_finite(loss, total, place, recipe)
        loss.backward()  # type: ignore[no-untyped-call]
        reach.after_backward()
        if recipe.clip_norm:
            nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
        optimizer.step()
        # now, not before the next backward pass: the next forward pass needs room for weights
        optimizer.zero_grad(set_to_none=True)
        total += loss.detach().double()
        if observer:
            observer.step(epoch, step, len(targets), loss.detach().item)
    if isinstance(model, Advancing):
        model.advance(step=(epoch + 1) * steps, steps=recipe.epochs * steps)
    reach.after_epoch()
    return float(distributed.mean_over_ranks(total, here)) / steps


def _check_finite(loss: Tensor, total: Tensor, place: str, recipe: Recipe) -> None:
    value = float(loss.detach())
    if not math.isfinite(value + float(total)):
        raise _not_finite("loss", value, place, recipe)


def _not_finite(what: str, value: float, place: str, recipe: Recipe) -> TrainingError:
    return TrainingError(
        f"{place}: expected a finite {what}, got {value:g}; stopped. "
        f"A learning rate below {recipe.lr:g} or --clip-norm 1 may help"
    )
