"""`pemn import`: a checkpoint of the papers' own projects becomes an archive."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pemn_compress.cli.files import Model, Output, PemnCommand
from pemn_compress.cli.options import (
    arguments_option,
    parse_shape,
    variant_options,
    write_stdout,
)
from pemn_compress.errors import SettingError
from pemn_compress.reporting.block_types import Block, Facts, Heading, Note, Sheet
from pemn_compress.reporting.interchange import json_text
from pemn_compress.reporting.terminal import has_colors
from pemn_compress.reporting.words import both, clean

if TYPE_CHECKING:
    from pemn_compress.importing import Imported

PROJECTS = ("hidden-networks", "biprop", "iterand", "pemn")


@click.command(
    cls=PemnCommand, short_help="Turn a checkpoint of the papers' own projects into an archive."
)
@click.argument("checkpoint")
@click.option(
    "--from",
    "project",
    type=click.Choice(PROJECTS),
    required=True,
    help="The project that wrote the checkpoint.",
)
@click.option(
    "--model",
    type=Model(),
    required=True,
    metavar="MODEL",
    help="An architecture or a model file, as in pemn compress, whose state has the same names.",
)
@arguments_option
@variant_options("default: the model's own")
@click.option(
    "--density",
    type=float,
    help="Fraction of weights kept, in (0, 1]. hidden-networks: its --prune-rate, which is KEPT. "
    "pemn: its --sparsity, KEPT too. iterand: 1 - conv_sparsity, which is PRUNED. biprop: "
    "prune_rate, KEPT, and recorded in the checkpoint.",
)
@click.option(
    "--linear-density",
    type=float,
    help="iterand: fraction kept of linear layers, 1 - linear_sparsity. [--density]",
)
@click.option(
    "--budget",
    type=click.Choice(["per-tensor", "global"]),
    help="biprop: masks per tensor (SubnetConv), or by one threshold over all tensors "
    "(GlobalSubnetConv). [the checkpoint's conv_type; needed where it records none]",
)
@click.option(
    "--match",
    "matching",
    type=click.Choice(["names", "order"]),
    default="names",
    show_default=True,
    help="Whether tensors go to the model's of the same name, or one after the other.",
)
@click.option(
    "--input-shape", metavar="3,32,32", help="Recorded in the archive, for pemn restore to .pt2."
)
@click.option("--no-source", is_flag=True, help="Leave the model file out of the archive.")
@click.option(
    "-o",
    "--output",
    type=Output(otherwise=lambda given: _beside(given["checkpoint"])),
    help="The archive; - is standard output. [default: CHECKPOINT.pemn]",
)
@click.option("--force", is_flag=True, help="Replace an existing output.")
@click.option("--json", "as_json", is_flag=True, help="Print what was stored as JSON.")
def command(
    checkpoint: str,
    project: str,
    model: str,
    arguments: tuple[tuple[str, object], ...],
    batchnorm: str | None,
    bias: bool | None,
    density: float | None,
    linear_density: float | None,
    budget: str | None,
    matching: str,
    input_shape: str | None,
    no_source: bool,
    output: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Turn CHECKPOINT, a file of one of the papers' own projects, into an archive.

    The masks are made by the rule of the project's own forward: |score| per tensor for
    hidden-networks, biprop and pemn, the signed score for iterand; biprop's weights become signs
    and one number per tensor. Where the file leaves open what that forward does, it is said. The
    weights came from torch's generator, so that no seed restores them: they are stored by the
    smallest exact means, which is printed with its cost. The checkpoint is read with
    weights_only=True: nothing in it is run. - is standard input.

    \b
    Example:
      pemn import model_best.pth --from hidden-networks --density 0.3 \\
          --model torchvision:resnet50 --batchnorm non-affine --no-bias
      pemn import best.pt --from pemn --density 0.5 --match order \\
          --model convmixer -a dim=256 --no-bias
    """
    from_pipe = checkpoint == "-"
    if output is None:
        raise SettingError("standard input: expected -o FILE, which says where the archive goes")
    target = Path(output)
    shape = parse_shape(input_shape)
    from pemn_compress.atomic import write_bytes
    from pemn_compress.compressing.preparing import is_model_file
    from pemn_compress.importing import import_checkpoint
    from pemn_compress.models.building import build, build_from_file
    from pemn_compress.models.modelfile import load_model_file

    build_arguments: dict[str, Any] = dict(arguments)
    build_arguments |= {} if batchnorm is None else {"batchnorm": batchnorm}
    build_arguments |= {} if bias is None else {"bias": bias}
    source = None
    if is_model_file(model):
        file = load_model_file(model)
        built = build_from_file(file, **build_arguments)
        source = None if no_source else file.source
    else:
        built = build(model, **build_arguments)
    made = import_checkpoint(
        sys.stdin.buffer.read() if from_pipe else checkpoint,
        project,
        built,
        density=density,
        linear_density=linear_density,
        budget=budget,
        matching=matching,
        input_shape=shape,
        source=source,
    )
    to_pipe = output == "-"
    if to_pipe:
        write_stdout(made.archive)
    else:
        write_bytes(target, made.archive, force=force)
    name = "standard output" if to_pipe else str(target)
    for warning in made.warnings:
        click.echo(f"warning: {clean(warning)}", err=True)
    if as_json:
        click.echo(json_text(_record(name, made)), err=to_pipe)
        return
    from pemn_compress.reporting.tables import to_table

    click.echo(to_table(_blocks(name, made), color=has_colors()), nl=False, err=to_pipe)


def _beside(checkpoint: str) -> str | None:
    """Return where the archive goes that no output is named for: beside the checkpoint."""
    if checkpoint == "-":
        return None
    if not Path(checkpoint).name:
        raise SettingError(f"{checkpoint!r}: expected a checkpoint file, got a folder")
    return str(Path(checkpoint).with_suffix(".pemn"))


def _record(name: str, made: "Imported") -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "file": name,
        "bytes": len(made.archive),
        "checkpoint_bytes": made.checkpoint_bytes,
        "from": made.project,
        "density": made.density,
        "rule": made.rule,
        "prototype_bytes": 4 * made.prototype_length,
        "tensors": [asdict(tensor) for tensor in made.tensors],
        "warnings": made.warnings,
        "unknown": made.unknown,
    }


def _blocks(name: str, made: "Imported") -> list[Block]:
    tensors = made.tensors
    weights, kept = sum(t.weights for t in tensors), sum(t.kept for t in tensors)
    masks, values = sum(t.mask_bytes for t in tensors), sum(t.value_bytes for t in tensors)
    facts = [
        ("archive", both(len(made.archive))),
        ("checkpoint", f"{both(made.checkpoint_bytes)}, {made.project}"),
        ("masks", f"{kept:,} of {weights:,} weights kept, and not 0 ({kept / weights:.2%})"),
    ]
    if made.prototype_length:
        size = 4 * made.prototype_length
        facts.append(("prototype", f"{made.prototype_length:,} shared values, {both(size)}"))
        values += size
    rows = [
        (
            clean(t.name),
            t.stored_as,
            f"{t.weights:,}",
            f"{t.kept:,}",
            f"{t.mask_bytes:,}",
            "shared" if t.stored_as == "prototype" else f"{t.value_bytes:,}",
        )
        for t in tensors
    ]
    rows.append(("all", "", f"{weights:,}", f"{kept:,}", f"{masks:,}", f"{values:,}"))
    heads = ("tensor", "values are", "weights", "kept", "mask, B", "values, B")
    return [
        Heading(clean(name)),
        Facts(tuple(facts)),
        Heading("Masked tensors", 2),
        Sheet(heads, tuple(rows), frozenset({len(tensors)}), left=2),
        Note(f"rule: {made.rule}"),
        *(Note(f"not known: {unknown}") for unknown in made.unknown),
        Note("read back: the archive restores exactly what this rule makes of the checkpoint"),
    ]
