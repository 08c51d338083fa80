"""What `pemn compress` asks of how a run uses its machine."""

import click

from pemn_compress.cli.adding import Command, with_options
from pemn_compress.masking.rules.numbers import MOST_PROCESSES


def machine_options(command: Command) -> Command:
    """Add the device, what is faster on some of them, processes and threads."""
    return with_options(
        command,
        click.option(
            "--threads",
            type=click.IntRange(1, MOST_PROCESSES),
            help="CPU threads. [default: torch's choice]",
        ),
        workers_option,
        click.option("--channels-last", is_flag=True, help="Train in channels-last memory format."),
        click.option("--compile", "compiled", is_flag=True, help="Train with torch.compile."),
        click.option("--amp", is_flag=True, help="Train in bfloat16 where it is safe."),
        click.option(
            "--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, ..."
        ),
    )


def workers_option(command: Command) -> Command:
    """Add how many processes load samples."""
    return click.option(
        "--workers",
        type=click.IntRange(0, MOST_PROCESSES),
        default=0,
        help="Processes that load images.",
    )(command)
