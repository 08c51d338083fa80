"""What comes before the first step: everything that can be tried is tried, then put together."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pemn_compress.data.augment import Augment, parse_augment
from pemn_compress.data.batches import Batches
from pemn_compress.data.ranks import World
from pemn_compress.data.samples import Data
from pemn_compress.errors import DataError, ModelError, SettingError
from pemn_compress.kinds import check_kind
from pemn_compress.masking.reach import Reach
from pemn_compress.training import distributed
from pemn_compress.training.amp import slow_bfloat16
from pemn_compress.training.averaging import Average
from pemn_compress.training.checkpoint import Checkpoint
from pemn_compress.training.choosing import Choice
from pemn_compress.training.distilling import teacher_for
from pemn_compress.training.evaluation import check_fit
from pemn_compress.training.history import Epoch
from pemn_compress.training.identity import must_agree
from pemn_compress.training.optimization import make_optimizer
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.run import Run
from pemn_compress.training.statistics import check_statistics
from pemn_compress.training.steering import Steering
from pemn_compress.training.stepping import Stepper
from pemn_compress.training.trial import Found, Trial
from pemn_compress.training.watching import Observer, check_observer, say_kept


def ready(
    model: nn.Module,
    data: Data,
    recipe: Recipe,
    seed: int,
    run: Run,
    device: torch.device,
    here: World,
    observer: Observer | None,
    teacher: nn.Module | None = None,
) -> tuple[Stepper, list[str]]:
    """Try everything that can be tried before the first step.

    Return what steps need, and what is worth a warning. Raises what `fit` raises.
    """
    given, model = model, unwrapped(model)
    if data.train is None:
        raise DataError(f"data {data.name!r} has no training samples: expected some, got none")
    if recipe.recompute_batchnorm:
        check_statistics(model)
    _move(model, device)
    outputs = check_fit(model, data)
    if data.validation is not None:  # of which there may be one sample alone
        check_fit(model, replace(data, test=data.validation, validation=None))
    if run.channels_last:
        _to_channels_last(model)
    augment = _augment(data, recipe)
    optimizer = make_optimizer(model, recipe)
    optimizer.zero_grad(set_to_none=True)  # of steps that the caller took before
    trial = Trial(model, data, recipe, run, augment, seed, here, outputs)
    found = trial.find()
    if recipe.recompute_batchnorm:
        trial.statistics()
    found = distributed.from_rank_0(found, here)
    slow = slow_bfloat16(device) if run.amp else None
    notes = [*([slow] if slow else []), *_notes(found, model, data, recipe.label_smoothing)]
    batches = Batches(
        data.train,
        batch_size=recipe.batch_size,
        shuffle_seed=seed,
        augment=augment,
        normalize=data.normalize,
        workers=run.workers,
        device=device,
        join_last=bool(found.too_small),
        labels=outputs or None,
        world=here,
    )
    forward: Any = given  # somebody's own way to run it: compiled, or on many devices
    if given is model:
        forward = distributed.parallel(model, device, here, some_unused=bool(found.unreached))
        forward = torch.compile(forward) if run.compile else forward
    stepper = Stepper(
        model, forward, data.task, optimizer, batches, recipe, run, device, here, data.name,
        Reach(model), observer, Steering(model, recipe),
        teacher_for(teacher, model, data, recipe, device),
    )  # fmt: skip
    return stepper, notes


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside DistributedDataParallel, DataParallel or torch.compile's module."""
    while True:
        if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def checkpoint_of(
    stepper: Stepper,
    path: str | Path | None,
    data: Data,
    seed: int,
    identity: Mapping[str, Any],
    tell: Callable[[str], None],
    average: Average | None,
    choice: Choice,
) -> Checkpoint | None:
    """Return what keeps a run's state at `path`; None where there is to be none."""
    if path is None:
        return None
    told = {
        "device": stepper.device.type,
        "amp": stepper.run.amp,
        "ranks": stepper.here.size,
        "data": data.name,
        "test samples": len(data.test),
    }
    return Checkpoint(
        Path(path),
        stepper.model,
        stepper.optimizer,
        must_agree(stepper.model, data, stepper.recipe, seed, identity),
        told,
        average,
        choice,
        warn=tell,
        say_kept=partial(say_kept, stepper.observer),
        writes=stepper.here.rank == 0,
    )


def resumed(kept: Checkpoint | None, here: World) -> list[Epoch]:
    """Go on from the checkpoint that rank 0 finds, on every rank; [] if there is none."""
    if kept is None:
        return []
    return kept.resume(distributed.from_rank_0(kept.read() if here.rank == 0 else None, here))


def check_kinds(model: Any, data: Any, recipe: Any, run: Any, observer: Any) -> None:
    """Refuse what is no model, data, recipe, run or observer. Raises SettingError."""
    for name, value, kind, how in (
        ("model", model, nn.Module, "a torch.nn.Module"),
        ("data", data, Data, "a Data, as load_data() and from_model_file() return it"),
        ("recipe", recipe, Recipe, "a Recipe, as recipes.load() returns it"),
        ("run", run, Run, "a Run, or None"),
    ):
        check_kind(name, value, kind, how)
    check_observer(observer)


def _move(model: nn.Module, device: torch.device) -> None:
    try:
        model.to(device)
    except NotImplementedError:
        raise ModelError(
            "the model lies on torch's meta device and has no values to train from: expected one "
            "that is built on another device"
        ) from None


def _augment(data: Data, recipe: Recipe) -> Augment | None:
    if not recipe.augment:
        return None
    if not data.is_image:
        raise SettingError(
            f"augmentation needs images, which data {data.name!r} is not; expected augment none"
        )
    channels, height, width = data.input_shape
    return parse_augment(list(recipe.augment), image_size=(height, width), channels=channels)


def _to_channels_last(model: nn.Module) -> None:
    try:
        model.to(memory_format=torch.channels_last)
    except RuntimeError:
        raise SettingError(
            "channels-last is for images: expected parameters of up to 4 dimensions, got 5"
        ) from None


def _notes(found: Found, model: nn.Module, data: Data, smoothing: float) -> list[str]:
    """Return in lines what a trial found that is no reason to stop."""
    notes = []
    if found.too_small:
        notes.append(
            "the last batch of an epoch is too small for the model, and joins the one before it: "
            f"{found.too_small}"
        )
    if found.unreached:
        shown = ", ".join(found.unreached[:3]) + (", ..." if len(found.unreached) > 3 else "")
        trainable = sum(parameter.requires_grad for parameter in model.parameters())
        notes.append(
            f"no gradient reached {len(found.unreached)} of {trainable} trainable parameters when "
            f"a step was tried ({shown}): what no step reaches stays as it is"
        )
    if smoothing and not data.task.smoothed:
        notes.append(
            f"label smoothing {smoothing:g} is of no use to a loss of your own: it is left out"
        )
    classifies = data.task.is_classification and data.train is not None and data.train.in_memory
    targets = data.train.targets if classifies and data.train is not None else None
    if targets is not None and bool((targets == targets[0]).all()):
        notes.append(
            f"data {data.name!r}: all {len(targets)} training labels are {int(targets[0])}: there "
            "is nothing to tell apart"
        )
    return notes
