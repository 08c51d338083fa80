"""`pemn report`: what archives cost, and what an architecture would."""

import os
import warnings
from pathlib import Path
from typing import Any

import click

from pemn_compress.apart import check_apart
from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.cli.comparing import (
    BY_EXTENSION,
    UNFOLDED,
    compare_runs,
    compares,
    comparing_options,
    form_of,
)
from pemn_compress.cli.files import Output, PemnCommand
from pemn_compress.cli.options import (
    arguments_option,
    check_streams,
    say,
    selection_options,
    tell_broken,
    variant_options,
)
from pemn_compress.cli.view import check_page, write_page
from pemn_compress.cli.wording import BAD_INPUT
from pemn_compress.errors import PemnWarning, SettingError
from pemn_compress.masking.rules.strategies import SCALINGS, STRATEGIES, Settings
from pemn_compress.reporting import PlanReport, Report, plan_report, render, survey
from pemn_compress.reporting.collect import search
from pemn_compress.reporting.terminal import has_colors
from pemn_compress.reporting.words import file_name


@click.command(
    cls=PemnCommand, short_help="What an archive or an architecture costs, beside pruning."
)
@click.argument("paths", nargs=-1, metavar="[PATH|ARCHITECTURE]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(dict.fromkeys(BY_EXTENSION.values()))),
    help="[default: by -o's extension, else table]",
)
@click.option(
    "--html",
    "view",
    type=Output(),
    metavar="FILE",
    help="Write one page with the archives inside: pemn view -o.",
)
@click.option("--details", is_flag=True, help="Show of several what each is made of, or made by.")
@comparing_options
@click.option("--strategy", type=click.Choice(list(STRATEGIES)), help="ARCHITECTURE only.")
@click.option("--ratio", type=float, help="ARCHITECTURE only: rp's ratio.")
@click.option("--density", type=float, help="ARCHITECTURE only: fraction of weights kept.")
@click.option("--scaling", type=click.Choice(SCALINGS), help="ARCHITECTURE only.")
@arguments_option
@variant_options("default: the model's own")
@selection_options
def command(
    paths: tuple[str, ...], form: str | None, view: str | None, details: bool, **options: Any
) -> int:
    """Print what archives cost, or compare runs: stored bytes and metric, beside the papers.

    PATH is an archive, a folder that is searched for archives, or - for standard input; with no
    PATH, every archive below the current folder. Reads headers only. Several archives get one line
    each, which --details follows up. A file that is no archive is told, the others are reported,
    and the exit status is 2. For an ARCHITECTURE (a name
    or a model file, as in pemn compress) it prints what each strategy would cost, without training;
    that is the one use that loads torch.

    Runs are compared with --front, --summary, --against or --plot, as a page with --format html,
    and where PATH is a record (FILE.json, which pemn compress --record writes). PATH may then also
    be a record, and folders are searched for both; an archive of a record counts once. Each data
    set and metric has a front of its own.

    \b
    Example:
      pemn report runs/ --format markdown
      pemn report convmixer -a dim=512 --density 0.3
      pemn report runs/ --front --plot front.svg
      pemn report runs/ --against papers --format html -o runs.html
      pemn report --html inside.html model.pemn
    """
    if view is not None:
        return _view(paths, view, [form, details, *_others(options)], options["force"])
    form = form_of(form, options["output"])
    if compares(paths, form, options):
        _refuse(options, "runs")
        return compare_runs(paths, form, options, details)
    output = None if options["output"] == "-" else options["output"]
    if len(paths) == 1 and _is_architecture(paths[0]):
        found: Report | PlanReport = _plan_report(paths[0], options)
    else:
        check_streams(paths)
        _refuse(options, "archives")
        found = survey(paths)
    broken = found.broken if isinstance(found, Report) else ()
    tell_broken([one.error for one in broken])
    if not isinstance(found, Report) or found.archives:
        if output:
            read = [one.file for one in found.archives] if isinstance(found, Report) else []
            check_apart([output], [*read, *(one.file for one in broken)])
            check_output(Path(output), force=options["force"])
        color = output is None and has_colors()
        width = UNFOLDED if output else None
        text = render(found, form, width=width, color=color, details=details or None)
        text = text.replace("details=True shows", "--details shows")
        if output:
            write_bytes(
                Path(output), text.encode("utf-8", "backslashreplace"), force=options["force"]
            )
            say(f"{file_name(output)}: report")
        else:
            say(text, nl=False)
    return BAD_INPUT if broken else 0


def _others(options: dict[str, Any]) -> list[Any]:
    return [value for name, value in options.items() if name != "force"]


def _view(paths: tuple[str, ...], view: str, others: list[Any], force: bool) -> int:
    """Write the page of pemn view with the archives below the paths. Raises PemnError."""
    if any(others):
        raise SettingError(
            "--html writes the page of pemn view, which has no other options; for a page that "
            "compares runs: --format html"
        )
    check_page(view)
    files, broken = search(paths)
    return write_page(
        [str(path) for path, _ in files], view, force=force, told=[one.error for one in broken]
    )


def _refuse(options: dict[str, Any], what: str) -> None:
    """Refuse the options of an architecture where there is none. Raises SettingError."""
    given = [key for key in ("strategy", "ratio", "density", "scaling") if options[key]]
    if given or options["arguments"]:
        flag = f"--{given[0]}" if given else "--arg"
        raise SettingError(
            f"{flag} is for an architecture; expected one, as in 'pemn report convmixer "
            f"{flag} ...', got {what}, which say themselves how they were made"
        )


def _is_architecture(path: str) -> bool:
    exists = path == "-" or os.path.exists(path)
    if path.partition(":")[0].endswith(".py"):
        return True
    return not exists and not path.endswith(".pemn") and "/" not in path


def _plan_report(name: str, options: dict[str, Any]) -> PlanReport:
    from torch import nn

    from pemn_compress.compressing.preparing import is_model_file
    from pemn_compress.masking.selection import Selection, plan_model
    from pemn_compress.masking.staying_dense import told_of_dense
    from pemn_compress.models.bounds import without_memory
    from pemn_compress.models.building import build, build_from_file
    from pemn_compress.models.modelfile import load_model_file

    arguments = dict(options["arguments"])
    variant = {key: options[key] for key in ("batchnorm", "bias") if options[key] is not None}
    file = load_model_file(name) if is_model_file(name) else None

    def make() -> nn.Module:
        if file is not None:
            return build_from_file(file, **(arguments | variant))
        return build(name, **(arguments | variant))

    try:
        model = without_memory(make)
    except NotImplementedError:  # an initialisation that needs real numbers
        model = make()
    keys = ("include", "exclude", "first_layer_dense", "last_layer_dense")
    selection = Selection(**{key: options[key] for key in keys})
    plan = plan_model(model, selection)
    for line in told_of_dense(model, selection):
        warnings.warn(line, PemnWarning, stacklevel=1)
    masked = {alias for tensor in plan for alias in (tensor.name, *tensor.aliases)}
    dense = {id(t): t for key, t in model.state_dict(keep_vars=True).items() if key not in masked}
    dense_bytes = sum(
        t.numel() * (4 if t.is_floating_point() else t.element_size()) for t in dense.values()
    )
    keys = ("strategy", "ratio", "density", "scaling")
    settings = Settings(**{key: options[key] for key in keys if options[key] is not None})
    shown = ", ".join(f"{key}={value}" for key, value in arguments.items())
    return plan_report(f"{name}({shown})" if shown else name, plan, dense_bytes, settings)
