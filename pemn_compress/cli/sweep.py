"""`pemn sweep`: a grid of runs, however often it is interrupted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pemn_compress.cli.files import Output, PemnCommand
from pemn_compress.cli.options import check_streams, say
from pemn_compress.errors import SettingError
from pemn_compress.masking.rules.numbers import MOST_PROCESSES
from pemn_compress.sweeping.engines import ENGINES

if TYPE_CHECKING:
    from pemn_compress.sweeping.grid import RunOf
    from pemn_compress.sweeping.sweep import Sweep

SOME_FAILED = 1  # exit status


@click.command(
    cls=PemnCommand, short_help="Run a grid of pemn compress; what is finished is never repeated."
)
@click.argument("grid", type=click.Path(path_type=Path), metavar="GRID.toml")
@click.option("--profile", help="A profile of the grid, such as small.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set an option for all runs, as in epochs=3, args.dim=64; a list, as in seed=[0,1], is "
    "an axis; repeatable.",
)
@click.option("--only", multiple=True, metavar="PATTERN", help="Only runs whose names match (*).")
@click.option(
    "-o",
    "--output",
    type=Output(path_type=Path),
    metavar="FOLDER",
    help="The directory of the runs. [default: runs/GRID, runs/GRID-PROFILE]",
)
@click.option(
    "--engine", type=click.Choice(list(ENGINES)), default="local", show_default=True,
    help="Processes on this machine, or tasks of ray (the extra ray).",
)  # fmt: skip
@click.option("--address", help="ray: a cluster to join; auto: the one here. [default: start one]")
@click.option(
    "--workers",
    type=click.IntRange(1, MOST_PROCESSES),
    help="Runs at once. [default: one per GPU, else as processors allow]",
)
@click.option(
    "--threads",
    type=click.IntRange(1, MOST_PROCESSES),
    help="CPU threads of each run; part of its options, since sums depend on it. [default: the "
    "grid's, else 1]",
)
@click.option(
    "--dry-run", is_flag=True, help="List the runs, their sizes and times; write nothing."
)
@click.option("--estimate", is_flag=True, help="--dry-run: try some steps where time is unknown.")
@click.option("--json", "as_json", is_flag=True, help="Print all runs as JSON.")
def command(grid: Path, **options: Any) -> int:
    """Run a grid of `pemn compress`: every combination of its axes, for each of its rows.

    All runs are checked before the first. Each is a process and a folder of its own, with archive,
    record and checkpoint. To go on after an interruption, repeat the command: finished runs are
    skipped, interrupted ones go on from their checkpoint, failed ones are tried again. Several
    such commands, on machines that share a disk, share the work. The archives do not depend on any
    of this. Exit status 1: some run failed, the others are done.

    \b
    Example:
      pemn sweep grid.toml --dry-run
      pemn sweep examples/papers/pemn-table-1.toml --profile small
      pemn sweep grid.toml --set seed=[0,1,2] -o runs/seeds --workers 2
    """
    from pemn_compress.cli.sweep_options import OWN, asked, known_options
    from pemn_compress.sweeping.grid import load_grid
    from pemn_compress.sweeping.options import command_of

    engine = options["engine"]
    if options["address"] and engine != "ray":
        raise SettingError("--address is of --engine ray: expected that one beside it, got local")
    if options["estimate"] and not options["dry_run"]:
        raise SettingError("--estimate is of --dry-run: expected both, got one")
    check_streams([])
    known = known_options()
    threads = [f"threads={options['threads']}"] if options["threads"] else []
    loaded = load_grid(
        grid,
        known,
        OWN,
        profile=options["profile"],
        changes=[*options["changes"], *threads],
        defaults={"threads": 1},
    )
    if engine == "ray":
        from pemn_compress.sweeping import on_ray

        on_ray.check()
    from pemn_compress.sweeping.checking import Checker
    from pemn_compress.sweeping.sweep import Sweep

    def ask(run: "RunOf") -> tuple[str, dict[str, Any]]:
        return asked(run, known)

    sweep = Sweep(
        loaded,
        options["output"] or _default_directory(grid, options["profile"]),
        words=lambda run: command_of(run.options, known),
        ask=ask,
        only=options["only"],
        checker=Checker(ask, local=engine == "local"),
    )
    if options["dry_run"]:
        _list(sweep, options)
        return 0
    return _compute(sweep, options)


def _list(sweep: "Sweep", options: dict[str, Any]) -> None:
    from pemn_compress.cli.sweep_tables import listing
    from pemn_compress.sweeping.local import default_workers, visible_gpus

    rows = sweep.rows(trial=options["estimate"])
    if options["as_json"]:
        say(_json(sweep, rows))
        return
    threads = max(int(run.options["threads"]) for run in sweep.runs)
    workers = options["workers"] or default_workers(threads, len(visible_gpus()))
    say(listing(sweep.told["title"], str(sweep.directory), rows, workers))


def _compute(sweep: "Sweep", options: dict[str, Any]) -> int:
    from pemn_compress.cli.sweep_progress import watcher
    from pemn_compress.cli.sweep_tables import opening, summary
    from pemn_compress.sweeping.engines import Settings
    from pemn_compress.sweeping.runs import FINISHED

    grown = sweep.keep()
    before, count = sweep.states().count(FINISHED), len(sweep.runs)
    click.echo(opening(str(sweep.directory), sweep.states(), grown), err=True)
    epochs = {name: planned.epochs for name, planned in sweep.planned.items()}
    watch = watcher()(count, before, epochs)
    try:
        with watch:
            settings = Settings(options["workers"], options["address"])
            sweep.compute(options["engine"], settings, watch)
    except KeyboardInterrupt:
        done = before + sum(outcome.state == FINISHED for outcome in watch.outcomes)
        raise KeyboardInterrupt(
            f"with {done} of {count} runs finished in {sweep.directory}; the same command goes on "
            "from there"
        ) from None
    failed = [outcome for outcome in watch.outcomes if outcome.state != FINISHED]
    if options["as_json"]:
        sweep.look()
        say(_json(sweep, sweep.rows()))
    else:
        say(summary(str(sweep.directory), count, before, failed))
    return SOME_FAILED if failed else 0


def _json(sweep: "Sweep", rows: list[dict[str, Any]]) -> str:
    from pemn_compress.reporting.interchange import json_text

    return json_text({**sweep.told, "directory": str(sweep.directory), "rows": rows})


def _default_directory(grid: Path, profile: str | None) -> Path:
    return Path("runs") / (f"{grid.stem}-{profile}" if profile else grid.stem)
