"""What `pemn compress` asks of trained weights that are rounded as they are trained. Torch-free."""

import click

from pemn_compress.cli.adding import Command, with_options
from pemn_compress.masking.rules.quantizing import QATS, SCALES


def rounding_options(command: Command) -> Command:
    """Add the integers that are trained, how many scales they have, and the price of a bit."""
    return with_options(
        command,
        click.option(
            "--entropy-weight",
            type=float,
            metavar="W",
            help="ternary: what a bit of a weight's code costs, such as 0.5; with more of it more "
            "weights are 0. [0]",
        ),
        click.option(
            "--scale",
            type=click.Choice(SCALES),
            help="binary, ternary, --qat: one scale for each tensor, or for each output channel. "
            "[default: tensor]",
        ),
        click.option(
            "--qat",
            type=click.Choice(QATS),
            help="magnitude, random, dense: train with weights rounded to these integers, and "
            "store exactly them.",
        ),
    )
