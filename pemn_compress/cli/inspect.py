"""`pemn inspect`: what is inside an archive; reads the header only."""

from collections.abc import Sequence
from typing import Any

import click

from pemn_compress.analysis import Norms, norms
from pemn_compress.cli.files import PemnCommand
from pemn_compress.cli.options import check_streams, each_archive, limit_options, read_archive, say
from pemn_compress.format.archive import Limits, describe, open_archive
from pemn_compress.reporting.block_types import Block, Heading, Sheet
from pemn_compress.reporting.inside import inside_blocks
from pemn_compress.reporting.interchange import json_text
from pemn_compress.reporting.tables import to_table
from pemn_compress.reporting.terminal import has_colors


@click.command(cls=PemnCommand, short_help="What is inside an archive, section by section.")
@click.argument("archives", nargs=-1, required=True, metavar="ARCHIVE...")
@limit_options
@click.option(
    "--norms",
    "with_norms",
    is_flag=True,
    help="Restore the tensors, and show the Frobenius norm of kept and of dropped weights.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(
    archives: tuple[str, ...], max_weights: int, max_bytes: int, with_norms: bool, as_json: bool
) -> int:
    """Show what is inside each ARCHIVE, section by section and tensor by tensor.

    Reads the header and the manifest only; payloads are not checked (pemn verify does that), and
    not read without --norms. ARCHIVE may be - for standard input. With --json several archives are
    a list.

    \b
    Example:
      pemn inspect model.pemn --json | jq .about.accuracy
    """
    limits = Limits(max_weights, max_bytes)
    told: list[dict[str, Any]] = []

    def show(path: str, name: str) -> None:
        with open_archive(read_archive(path), limits, name=name) as opened:
            found = describe(opened)
            measured = norms(opened) if with_norms else None
        if not as_json:
            say(to_table(_blocks(found, measured), color=has_colors()), nl=False)
            return
        if measured is not None:
            found["norms"] = {one.name: _norms_json(one) for one in measured}
        told.append(found)

    check_streams(archives)
    status = each_archive(archives, show)
    if told:
        say(json_text(told[0] if len(archives) == 1 else told))
    return status


def _blocks(found: dict[str, Any], measured: Sequence[Norms] | None) -> list[Block]:
    blocks = list(inside_blocks(found))
    if measured is not None:
        rows = tuple(
            (
                one.name,
                *("-" if number is None else f"{number:.4g}" for number in _numbers(one).values()),
            )
            for one in measured
        )
        heads = ("tensor", "kept", "dropped", "kept rms", "dropped rms")
        blocks += [
            Heading("Frobenius norms, and root mean squares of one weight", 2),
            Sheet(heads, rows),
        ]
    return blocks


def _numbers(one: Norms) -> dict[str, float | None]:
    return {
        "kept": one.kept,
        "dropped": one.dropped,
        "kept_rms": one.kept_rms,
        "dropped_rms": one.dropped_rms,
    }


def _norms_json(one: Norms) -> dict[str, float | None]:
    """Return the numbers of one tensor; null for what is not known or not finite."""
    return {"kept_count": one.kept_count, "dropped_count": one.dropped_count, **_numbers(one)}
