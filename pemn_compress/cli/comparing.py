"""What `pemn report` does with runs: its options, and from paths to a table, a page or a plot."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, TypeVar

import click

from pemn_compress.apart import check_apart
from pemn_compress.cli.files import Output
from pemn_compress.cli.options import check_streams, say, tell_broken
from pemn_compress.cli.wording import BAD_INPUT, error_line
from pemn_compress.errors import SettingError
from pemn_compress.reporting.terminal import has_colors
from pemn_compress.reporting.words import file_name

Command = TypeVar("Command", bound=Callable[..., Any])

UNFOLDED = 1 << 20  # columns of a file, which nobody looks at through a window
BY_EXTENSION = {
    ".txt": "table", ".md": "markdown", ".csv": "csv", ".json": "json",
    ".html": "html", ".htm": "html",
}  # fmt: skip
_ASKS = ("front", "summary", "sort", "each", "against", "datasets", "theirs", "plot")
_OF_PAPERS = {"datasets": "--dataset", "theirs": "--theirs"}


def comparing_options(command: Command) -> Command:
    """Add what compares runs, and where the report goes."""
    for decorator in (
        click.option("--force", is_flag=True, help="Replace existing files of -o and --plot."),
        click.option(
            "-o", "--output", type=Output(), metavar="FILE",
            help="Write the report to FILE, not to the screen."
        ),
        click.option(
            "--plot", type=Output(), metavar="FILE", help="Runs: draw the fronts; .png or .svg."
        ),
        click.option(
            "--theirs", multiple=True, metavar="NAME=VALUE",
            help="--against: argument of the papers' architecture in place of yours, such as "
            "dim=256, or its name, architecture=resnet32; repeatable.",
        ),
        click.option(
            "--dataset", "datasets", multiple=True, metavar="[YOURS=]NAME",
            help="--against: what the papers call your data, such as cifar10, or "
            "npz:small.npz=cifar10; repeatable.",
        ),
        click.option(
            "--against", type=click.Choice(["papers"]), help="Runs: the published figures beside."
        ),
        click.option(
            "--merge-seeds/--each", "merge", default=None,
            help="Runs: mean and std of those that differ in their seed alone, or a line for each. "
            "[default: --merge-seeds]",
        ),
        click.option(
            "--sort", metavar="COLUMN",
            help="Runs: by metric, bytes, strategy, density, seed, file, ...; -COLUMN: the largest "
            "first. [default: bytes]",
        ),
        click.option("--summary", is_flag=True, help="Runs: a line for each."),
        click.option(
            "--front", is_flag=True,
            help="Runs: those that no other beats in bytes and metric, and the trained baselines.",
        ),
    ):  # fmt: skip
        command = decorator(command)
    return command


def form_of(form: str | None, output: str | None) -> str:
    """Return the format: the one that was asked for, else the one that the output's name tells."""
    suffix = PurePath(output or "").suffix.lower()
    return form or BY_EXTENSION.get(suffix, "table")


def compares(paths: Sequence[str], form: str, options: dict[str, Any]) -> bool:
    """Tell whether runs are to be compared: by an option, a page, or a record among the paths."""
    asked = any(options[name] for name in _ASKS if name != "each") or options["merge"] is not None
    return asked or form == "html" or any(path.endswith(".json") for path in paths)


def compare_runs(paths: Sequence[str], form: str, options: dict[str, Any], details: bool) -> int:
    """Compare the runs at `paths` and show them; return the exit status. Raises PemnError."""
    from pemn_compress.atomic import check_output, write_bytes
    from pemn_compress.reporting.runs import compared, gather, render_runs

    output, plot, force = options["output"], options["plot"], options["force"]
    output = None if output == "-" else output
    if output is None:
        check_streams(paths)
    sections = _sections(form, options)
    counterpart = _counterpart(options["datasets"], options["theirs"])
    suffix = ""
    if plot:
        from pemn_compress.reporting.drawing import check_plot

        suffix = check_plot(plot)
    gathered = gather(paths)
    tell_broken([one.error for one in gathered.broken])
    if not gathered.runs:
        for left in gathered.left_out[:3]:
            click.echo(error_line(f"{left.file}: {left.reason}"), err=True)
        if not gathered.broken and not gathered.left_out:
            click.echo(error_line("no run to compare"), err=True)
        return BAD_INPUT
    written = [file for file in (output, plot) if file]
    check_apart(written, _read_by(gathered))
    for file in written:
        check_output(Path(file), force=force)
    found = compared(
        gathered, sections, merge_seeds=options["merge"] is not False, sort=options["sort"],
        counterpart=counterpart,
    )  # fmt: skip
    text = render_runs(
        found, form, width=UNFOLDED if output else None,
        color=output is None and has_colors(), details=details,
        picture=_beside(plot, output) if plot else "",
    )  # fmt: skip
    if plot:
        _draw(found.fronts, suffix, plot, force=force)
    if output:
        write_bytes(Path(output), text.encode("utf-8", "backslashreplace"), force=force)
    else:
        say(text, nl=False)
    if form == "csv" and gathered.left_out:  # which the other formats tell themselves
        count = len(gathered.left_out)
        told = "; ".join(f"{one.file}: {one.reason}" for one in gathered.left_out[:3])
        click.echo(f"left out: {count} file{'s' * (count > 1)} ({file_name(told)})", err=True)
    if form == "table" or output:
        runs = len(gathered.runs)
        for file, what in ((output, "report"), (plot, "plot")):
            if file:
                say(f"{file_name(file)}: {what} of {runs} run{'' if runs == 1 else 's'}")
    return BAD_INPUT if gathered.broken else 0


def _read_by(gathered: Any) -> Iterator[str]:
    """Yield the files that runs were read from, those among them that are broken or left out."""
    from pemn_compress.reporting.runs.gathering import NO_RECORD

    for run in gathered.runs:
        yield from filter(None, (run.file, run.archive))
    yield from (one.file for one in gathered.broken)
    yield from (one.file for one in gathered.left_out if one.reason != NO_RECORD)


def _draw(fronts: Any, suffix: str, plot: str, *, force: bool) -> None:
    from pemn_compress.atomic import write_bytes
    from pemn_compress.reporting.runs.picture import plot_fronts

    drawn, unlabelled = plot_fronts(fronts, suffix)
    write_bytes(Path(plot), drawn, force=force)
    if unlabelled:
        told = (
            f"{file_name(plot)}: {unlabelled} points of the front have no label, for want of room"
        )
        click.echo(f"warning: {told}", err=True)


def _sections(form: str, options: dict[str, Any]) -> set[str]:
    for name, flag in _OF_PAPERS.items():
        if options[name] and not options["against"]:
            raise SettingError(f"{flag} is for --against papers, which was not asked for")
    asked = {name for name in ("front", "summary") if options[name]}
    asked |= {options["against"]} - {None}
    if form == "html" and not asked & {"front", "summary"}:
        asked |= {"front", "summary"}
    if options["plot"] and not asked:
        asked |= {"front"}
    return asked or {"summary"}


def _datasets(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        ours, _, theirs = text.rpartition("=")
        if not theirs:
            raise SettingError(f"--dataset: expected NAME or YOURS=NAME, got {text!r}")
        if ours in found:
            raise SettingError(f"--dataset: expected one name for each of your data, got {text!r} "
                               f"after {found[ours]!r}")  # fmt: skip
        found[ours] = theirs
    return found


def _counterpart(datasets: Sequence[str], theirs: Sequence[str]) -> Any:
    from pemn_compress.reporting.runs import Counterpart

    architecture, found = None, {}
    for text in theirs:
        name, _, value = text.partition("=")
        if name == "architecture" and value:
            architecture = value
            continue
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not name or not math.isfinite(number):
            raise SettingError(
                "--theirs: expected NAME=NUMBER such as dim=256, or architecture=NAME, got "
                f"{text!r}"
            )
        found[name] = number
    return Counterpart(_datasets(datasets), found, architecture)


def _beside(plot: str, output: str | None) -> str:
    """Return a plot's name as a report in `output` names it."""
    folder = os.path.dirname(os.path.abspath(output)) if output else os.getcwd()
    return os.path.relpath(os.path.abspath(plot), folder).replace(os.sep, "/")
