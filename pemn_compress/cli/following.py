"""What `pemn compress` asks and tells of a run as it goes on: validation, averages, logs."""

from pathlib import Path
from typing import Any

import click

from pemn_compress.cli.adding import Command, with_options
from pemn_compress.cli.files import Output
from pemn_compress.cli.optional import OptionalNumber
from pemn_compress.reporting.words import clean
from pemn_compress.training.recipes import BEST, KEEPS

RECOMPUTED = 100  # batches, where the option says none


def choosing_options(command: Command) -> Command:
    """Add what is measured after every epoch, which one is kept, and when training ends."""
    return with_options(
        command,
        click.option(
            "--recompute-batchnorm",
            cls=OptionalNumber,
            type=int,
            otherwise=RECOMPUTED,
            metavar="[=N]",
            help="After training take batch-norm's running statistics afresh over N training "
            f"batches, as in --recompute-batchnorm=3; without N over {RECOMPUTED}; 0: keep those "
            "of training. [recipe's]",
        ),
        click.option(
            "--ema",
            type=float,
            metavar="D",
            help="Measure and store the moving average of scores and dense parameters, of this "
            "decay per step, such as 0.999; 0: none. [recipe's]",
        ),
        click.option(
            "--patience",
            type=int,
            metavar="N",
            help="End training after N epochs without a better --validation; 0: never. [recipe's]",
        ),
        click.option(
            "--keep",
            type=click.Choice(KEEPS),
            help="Store the model of the last epoch, or of the best by --validation. [recipe's]",
        ),
        click.option(
            "--validation",
            type=float,
            metavar="F",
            help="Set this fraction of the training samples apart (or so many of them, from 1 on), "
            "and measure on it after every epoch. [recipe's]",
        ),
    )


def log_options(command: Command) -> Command:
    """Add where a run is told of while it goes on."""
    return with_options(
        command,
        click.option(
            "--tensorboard",
            type=Output(path_type=Path),
            metavar="FOLDER",
            help="Write events for TensorBoard there; needs the extra tensorboard.",
        ),
        click.option(
            "--log",
            type=Output(path_type=Path),
            help="Write a line per epoch to this CSV file as the run goes on.",
        ),
    )


def when(history: Any) -> str:
    """Say in the summary which epoch's model was measured."""
    is_last = history.kept_epoch == len(history) and not history.stopped
    return f"after the last epoch, {len(history)}" if is_last else f"epoch {history.kept_epoch}"


def choice(history: Any, record: Any) -> list[str]:
    """Return the summary's lines of the validation, and of why training ended early."""
    lines, score, epochs = [], history.kept.validation, record["recipe"]["epochs"]
    if score is not None:
        shown = f"{clean(score.headline.name)} {score.headline.shown()} of {score.total} samples"
        best = f"; epoch {history.kept_epoch} of {epochs} is the best"
        chosen = record["recipe"]["keep"] == BEST
        lines.append(f"  validation       {shown}{best if chosen else ''}")
    if history.recomputed:
        one = history.recomputed
        old, new = one.before.test.headline, one.after.test.headline
        told = f"afresh over {one.batches} batches: test {clean(new.name)} {old.shown()}"
        lines.append(f"  batch norm       {told} -> {new.shown()}")
    if history.stopped:
        told = f"after epoch {len(history)}: {clean(history.stopped)}"
        lines.append(f"  stopped          {told}")
    return lines
