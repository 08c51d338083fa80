"""`pemn inspect`: what is inside an archive; reads the header only."""

import json
import math
from collections.abc import Sequence
from typing import Any

import click

from pemn_compress.analysis import Norms, norms
from pemn_compress.cli.options import display_name, limit_options, read_archive
from pemn_compress.format.archive import Limits, describe, open_archive
from pemn_compress.reporting import recorded_accuracy
from pemn_compress.reporting.words import both, clean


@click.command(short_help="What is inside an archive, section by section.")
@click.argument("archive")
@limit_options
@click.option(
    "--norms",
    "with_norms",
    is_flag=True,
    help="Restore the tensors, and show the Frobenius norm of kept and of dropped weights.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(
    archive: str, max_weights: int, max_bytes: int, with_norms: bool, as_json: bool
) -> None:
    """Show what is inside ARCHIVE, section by section and tensor by tensor.

    Reads the header and the manifest only; payloads are not checked (pemn verify does that), and
    not read without --norms. ARCHIVE may be - for standard input.

    \b
    Example:
      pemn inspect model.pemn --json | jq .about.accuracy
    """
    limits = Limits(max_weights, max_bytes)
    measured: Sequence[Norms] = ()
    with open_archive(read_archive(archive), limits) as opened:
        opened.name = display_name(archive)
        found = describe(opened)
        if with_norms:
            measured = norms(opened)
    if as_json:
        if with_norms:
            found["norms"] = {one.name: _norms_json(one) for one in measured}
        click.echo(json.dumps(found, indent=2))
        return
    from rich.console import Console

    console = Console(soft_wrap=False, highlight=False)
    with console.capture() as printed:
        console.print(
            f"{found['file']}: {both(found['bytes'])}, format {found['format_version']}",
            markup=False,
        )
        console.print(_facts_table(found))
        console.print(_sections(found))
        console.print(_tensors(found))
        if with_norms:
            console.print(_norms(measured))
    click.echo("\n".join(line.rstrip() for line in printed.get().splitlines()))


def _facts_table(found: dict[str, Any]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for label, text in _facts(found):
        table.add_row(f"  {label}", Text(clean(text), overflow="fold"))
    return table


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    about, prototype = found["about"], found["prototype"]
    facts = [("architecture", _architecture(found["architecture"]))]
    settings = about.get("settings", {})
    if settings:
        shown = (
            "strategy", "ratio", "order", "density", "layer_density", "density_schedule", "budget",
            "floor", "distribution", "scaling", "search", "ranking", "renewal", "renewal_every",
            "renewal_rate", "seed", "score_seed", "pruning_schedule", "value_dtype",
        )  # fmt: skip
        facts.append(("settings", ", ".join(f"{k} {settings[k]}" for k in shown if k in settings)))
    if prototype:
        origin = f"seed {int(prototype['seed'], 16)}" if "seed" in prototype else "stored values"
        told = f"{prototype['length']:,} x {prototype.get('transform', 'binary32')} from {origin}"
        facts.append(("prototype", told + ", shuffled" * ("shuffle" in prototype)))
    score = recorded_accuracy(about.get("accuracy"))
    if score:
        facts.append(
            (
                "accuracy",
                f"{100 * score.fraction:.2f} % ({score.correct} of {score.total}, {score.data})",
            )
        )
    facts.append(("restored", f"{both(found['restored_bytes'])} in memory"))
    facts.append(("digest", found["restored_sha256"]))
    return facts


def _architecture(told: dict[str, Any]) -> str:
    arguments = ", ".join(f"{k}={v}" for k, v in told.get("arguments", {}).items())
    variants = [] if told.get("bias", True) else ["no biases"]
    if told.get("batchnorm", "learned") != "learned":
        variants.append(f"{told['batchnorm']} batch-norm")
    name = f"{told.get('name', 'unknown')}({arguments})" if arguments else str(told.get("name"))
    kind = {"source": " from its model file", "none": " (built by its owner)"}
    return ", ".join([name + kind.get(str(told.get("kind")), ""), *variants])


def _sections(found: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table("section", title="sections", title_justify="left", box=None, pad_edge=False)
    for heading in ("offset", "bytes"):
        table.add_column(heading, justify="right")
    table.add_column("SHA-256")
    table.add_row("header", "0", f"{found['header_bytes']:,}", "")
    table.add_row("manifest", f"{found['header_bytes']:,}", f"{found['manifest_bytes']:,}", "")
    for section in found["sections"]:
        table.add_row(
            section["name"],
            f"{section['offset']:,}",
            f"{section['bytes']:,}",
            f"{section['sha256'][:16]}...",
        )
    table.add_row("padding", "", f"{found['padding_bytes']:,}", "")
    return table


def _tensors(found: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table("tensor", title="tensors", title_justify="left", box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    table.add_column("shape")
    table.add_column("kind")
    for heading in ("kept", "bytes"):
        table.add_column(heading, justify="right")
    for tensor in found["tensors"]:
        values, positions = tensor["values"], tensor.get("positions")
        kind, kept, size = values["kind"], "", values.get("bytes", 0)
        if positions:
            numel = 1
            for dimension in tensor["shape"]:
                numel *= dimension
            what = "pruned" if kind == "stored" else "mask"
            kind, size = f"{what}, {positions['codec']}", positions["bytes"] + size
            kept = f"{positions['ones'] / numel:.2%}"
        elif kind == "stored" and values["coding"] != "raw":
            kind = f"stored, {values['coding']}"
        elif kind == "alias":
            kind = f"alias of {values['of']}"
        if "plane" in values:
            kind += f", {values['plane']['kind']}s"
            size += _plane_bytes(values["plane"])
        shape = "x".join(map(str, tensor["shape"])) or "scalar"
        stored = values.get("dtype", tensor["dtype"])
        dtype = "" if stored == "f32" else f" {stored}"
        table.add_row(tensor["name"], shape + dtype, kind, kept, f"{size:,}")
    return table


def _plane_bytes(plane: dict[str, Any]) -> int:
    positions = plane["positions"]
    size: int = positions["bytes"] + -(-positions["ones"] * plane.get("width", 0) // 8)
    return size


def _norms(measured: Sequence[Norms]) -> Any:
    from rich.table import Table

    title = "Frobenius norms, and root mean squares of one weight"
    table = Table("tensor", title=title, title_justify="left", box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    for heading in ("kept", "dropped", "kept rms", "dropped rms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in measured:
        numbers = (one.kept, one.dropped, one.kept_rms, one.dropped_rms)
        table.add_row(
            clean(one.name), *("-" if number is None else f"{number:.4g}" for number in numbers)
        )
    return table


def _norms_json(one: Norms) -> dict[str, float | None]:
    """Return the numbers of one tensor; null for what is not known or not finite."""
    numbers = {
        "kept": one.kept,
        "dropped": one.dropped,
        "kept_rms": one.kept_rms,
        "dropped_rms": one.dropped_rms,
    }
    finite = {key: n if n is not None and math.isfinite(n) else None for key, n in numbers.items()}
    return {"kept_count": one.kept_count, "dropped_count": one.dropped_count, **finite}
