"""Options that make an archive small: the pull and its target, limits of bytes, a teacher."""

import click

from pemn_compress.cli.adding import Command, with_options

TEACHER_SETTINGS = ("teacher_weight", "temperature")
PULL_SETTINGS = ("pull", "target_bits")


def few_bytes_options(command: Command) -> Command:
    """Add what steers how many bits and bytes an archive takes."""
    return with_options(
        command,
        click.option("--temperature", type=float, help="What softens a teacher's answers. [4]"),
        click.option("--teacher-weight", type=float, help="The teacher's share of the loss. [0.5]"),
        click.option(
            "--teacher",
            metavar="FILE",
            help="Learn from a trained model's answers beside the labels: an archive, a "
            "checkpoint, or a state dict of the same host. A weak teacher hurts.",
        ),
        click.option(
            "--bits-per-weight",
            type=float,
            help="The limit of --max-bytes, as bits of the whole archive for each masked weight.",
        ),
        click.option(
            "--max-bytes",
            metavar="N",
            help="Choose width (-a width=auto), bits and precisions so that the archive has at "
            "most N bytes: 16000, 16k or 16KB; what was chosen is told.",
        ),
        click.option(
            "--target-bits",
            type=float,
            metavar="B",
            help="Steer the pull so that signs and masks depart from the seeded start by B bits a "
            "weight; what is above that at the end is put back, which is told.",
        ),
        click.option(
            "--pull",
            type=float,
            help="Move scores back towards the seeded start by this times the learning rate after "
            "every step, so that fewer of them have to be stored. [0]",
        ),
    )
