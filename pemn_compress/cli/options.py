"""Options and argument types that several commands share."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from pemn_compress.cli.adding import Command, with_options
from pemn_compress.cli.wording import BAD_INPUT, error_line, is_out_of_memory, out_of_memory
from pemn_compress.errors import OutputError, PemnError, SettingError
from pemn_compress.format.archive.layout import Limits
from pemn_compress.masking.rules.methods import (
    BUDGETS,
    DENSITY_SCHEDULES,
    FROZEN_BY,
    LEARNED_SCALES,
    ORDERS,
    RAMP_EPOCHS,
    RANKINGS,
    RENEWALS,
    SEARCHES,
)
from pemn_compress.reporting.collect import read_standard_input
from pemn_compress.reporting.terminal import is_closed

DATA_KEYS = ("spec", "data_dir", "download", "test_limit", "image_size", "context")


class Assignment(click.ParamType[tuple[str, object]]):
    """NAME=VALUE; the value becomes an integer, a float, true or false, or stays a string."""

    name = "name=value"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, object]:
        """Return the pair; a usage error where there is no '='."""
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not equals or not key.isidentifier():
            self.fail(f"expected NAME=VALUE (for example dim=64), got {value!r}", param, ctx)
        return key, literal(text)


class PatternDensity(click.ParamType[tuple[str, float]]):
    """PATTERN=K: a name pattern and a density."""

    name = "pattern=k"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        """Return the pair; a usage error where there is no '=' or no number after the last one."""
        if isinstance(value, tuple):
            return value
        pattern, equals, text = str(value).rpartition("=")
        try:
            number = float(text)
        except ValueError:
            number = None
        if not equals or not pattern or number is None:
            self.fail(f"expected PATTERN=K (for example 'head.*=0.9'), got {value!r}", param, ctx)
        return pattern, number


def literal(text: str) -> object:
    """Return the number or boolean that a text spells, or the text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def arguments_option(command: Command) -> Command:
    """Add -a/--arg NAME=VALUE, what the architecture or build_model() is called with."""
    return click.option(
        "-a",
        "--arg",
        "arguments",
        type=Assignment(),
        multiple=True,
        metavar="NAME=VALUE",
        help="Argument of the architecture or of build_model(), such as dim=64; repeatable.",
    )(command)


def data_options(command: Command) -> Command:
    """Add which data, from where, and how much of its test part."""
    return with_options(
        command,
        click.option("--context", type=int, help="Tokens that text: is cut into. [128]"),
        click.option("--image-size", type=int, help="Pixels that folder: images are resized to."),
        click.option("--test-limit", type=int, help="Use only the first N test samples."),
        click.option("--download", is_flag=True, help="Fetch cifar10 or cifar100 into --data-dir."),
        click.option(
            "--data-dir",
            type=click.Path(path_type=Path),
            default="data",
            show_default=True,
            help="Where cifar10 and cifar100 are.",
        ),
        click.option(
            "--data",
            "spec",
            help="digits, cifar10, cifar100, folder:PATH, npz:PATH, text:PATH, chars:PATH. "
            "[default: the model file's own]",
        ),
    )


def variant_options(otherwise: str) -> Callable[[Command], Command]:
    """Add the variants that the papers use: batch-norm modes, no biases.

    `otherwise` is what the help says of a run that names none.
    """

    def add(command: Command) -> Command:
        return with_options(
            command,
            click.option(
                "--bias/--no-bias",
                default=None,
                help=f"Keep or leave out biases of convolutions and linear layers. [{otherwise}]",
            ),
            click.option(
                "--batchnorm",
                type=click.Choice(["learned", "frozen", "non-affine"]),
                help="Learn batch-norm's scale and shift, keep them at 1 and 0, or have none. "
                f"[{otherwise}]",
            ),
        )

    return add


def method_options(command: Command) -> Command:
    """Add how masks are found: search, budget, density over time, renewal, seeds and order."""
    return with_options(
        command,
        click.option("--renewal-rate", type=float, help="Fraction that a renewal changes."),
        click.option(
            "--renewal-every", type=int, help="Steps (iterand) or epochs (recycle) between two."
        ),
        click.option(
            "--renewal",
            type=click.Choice(list(RENEWALS)),
            help="Draw unselected weights again (iterand; 0.1 of them every 300 steps), or give "
            "the lowest the values of the highest (recycle; 0.2 every 10 epochs). [recipe's]",
        ),
        click.option(
            "--ramp-epochs", type=int, help=f"cubic: epochs until K. [default: {RAMP_EPOCHS}]"
        ),
        click.option(
            "--density-schedule",
            type=click.Choice(DENSITY_SCHEDULES),
            help="Train with density K, or come down to it from 0.5. [recipe's]",
        ),
        click.option(
            "--layer-density",
            type=PatternDensity(),
            multiple=True,
            metavar="PATTERN=K",
            help="Density of the tensors whose names match (*, ?, [...]); the last match counts; "
            "repeatable.",
        ),
        click.option(
            "--floor",
            type=float,
            help="global: fraction of every tensor kept whatever its scores. [default: K / 10]",
        ),
        click.option(
            "--budget",
            type=click.Choice(BUDGETS),
            help="Keep density K of every tensor, or of all together. [recipe's]",
        ),
        click.option(
            "--ranking",
            type=click.Choice(RANKINGS),
            help="Keep the top of |score|, or of the signed score. [default: the search's own]",
        ),
        click.option(
            "--search",
            type=click.Choice(list(SEARCHES)),
            help="How scores become masks and weights; supermask wants a learning rate ten times "
            "as high. [recipe's]",
        ),
        click.option(
            "--frozen",
            type=float,
            help="Fraction of every tensor that keeps its seeded value, at no bits; the seed says "
            "which weights these are. [recipe's]",
        ),
        click.option(
            "--frozen-by",
            type=click.Choice(FROZEN_BY),
            help="--frozen: those of the smallest values, or any. [default: magnitude; seed for "
            "values of one magnitude]",
        ),
        click.option(
            "--learn-scale",
            type=click.Choice(LEARNED_SCALES),
            help="Train the scale of the fixed weights, one number for each tensor or for each "
            "output channel, stored with them. [recipe's]",
        ),
        click.option("--score-seed", type=int, help="Seed of the first scores. [default: --seed]"),
        click.option(
            "--order",
            type=click.Choice(ORDERS),
            help="mp, rp: repeat the prototype as it is, or shuffled. [default: tile]",
        ),
    )


def selection_options(command: Command) -> Command:
    """Add which parameters are masked."""
    return with_options(
        command,
        click.option("--last-layer-dense", is_flag=True, help="Leave the last tensor unmasked."),
        click.option("--first-layer-dense", is_flag=True, help="Leave the first tensor unmasked."),
        click.option(
            "--exclude",
            multiple=True,
            metavar="PATTERN",
            help="Leave parameters whose names match unmasked; repeatable.",
        ),
        click.option(
            "--include",
            multiple=True,
            metavar="PATTERN",
            help="Mask exactly the parameters whose names match (*, ?, [...]), not all weights of "
            "convolution, linear, attention, recurrent and embedding layers; repeatable.",
        ),
    )


def builder_options(command: Command) -> Command:
    """Add how a model is had that an archive cannot build by itself."""
    return with_options(
        command,
        click.option(
            "--trust-source",
            is_flag=True,
            help="Run the model file inside the archive; only if you trust whoever wrote it.",
        ),
        click.option(
            "--model",
            "model_file",
            metavar="FILE.py",
            help="Build the model to fill with this file's build_model().",
        ),
    )


def limit_options(command: Command) -> Command:
    """Add what a reader is willing to restore."""
    return with_options(
        command,
        click.option(
            "--max-bytes",
            type=click.IntRange(1),
            default=Limits.max_bytes,
            show_default=True,
            help="Refuse an archive that restores to more memory.",
        ),
        click.option(
            "--max-weights",
            type=click.IntRange(1),
            default=Limits.max_weights,
            show_default=True,
            help="Refuse an archive that restores to more numbers.",
        ),
    )


def read_archive(path: str) -> str | bytes:
    """Return what open_archive takes: the path, or standard input's bytes for '-'."""
    if path != "-":
        return path
    return read_standard_input()


def check_streams(archives: Sequence[str]) -> None:
    """Refuse to read standard input twice, and to print to nowhere. Raises PemnError."""
    if is_closed():
        raise OutputError("standard output is closed; nothing can be printed")
    if archives.count("-") > 1:
        raise SettingError("expected at most one archive from standard input, got several '-'")


def each_archive(archives: Sequence[str], act: Callable[[str, str], object]) -> int:
    """Call `act` with every archive's path and its name in messages; return the exit status.

    Each archive that is refused is told in a line of its own, and does not keep the others from
    their turn.
    """
    status = 0
    for path in archives:
        try:
            act(path, display_name(path))
        except PemnError as error:
            status = BAD_INPUT
            click.echo(error_line(error), err=True)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            status = BAD_INPUT
            click.echo(error_line(f"{display_name(path)}: {out_of_memory(error)}"), err=True)
    return status


def say(text: str, *, nl: bool = True) -> None:
    """Print to standard output."""
    click.echo(text, nl=nl)


def write_stdout(content: bytes) -> None:
    """Write bytes to standard output. Refuses a terminal."""
    if is_closed():
        raise OutputError("standard output is closed; nothing could be written")
    if sys.stdout.isatty():
        raise SettingError("binary output: expected a file or a pipe, got a terminal")
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def parse_shape(text: str | None) -> tuple[int, ...] | None:
    """Return (3, 32, 32) for "3,32,32". Raises SettingError."""
    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise SettingError(f"--input-shape: expected numbers such as 3,32,32, got {text!r}")
    return tuple(int(part) for part in parts)


def filled_model(archive: Any, file: Any) -> Any:
    """Return the module that a ModelFile (--model) builds for an archive, or None without one."""
    from pemn_compress.storing.loading import build_to_fill

    return build_to_fill(archive, file)


def display_name(path: str | Path) -> str:
    """Return how messages call a path; standard input for '-'."""
    return "standard input" if str(path) == "-" else str(path)
