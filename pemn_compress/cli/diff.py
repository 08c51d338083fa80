"""`pemn diff`: how much the masks of archives agree."""

from pathlib import Path

import click

from pemn_compress.cli.files import Output, PemnCommand
from pemn_compress.cli.options import check_streams, limit_options, say
from pemn_compress.errors import SettingError
from pemn_compress.format.archive import Limits


@click.command(cls=PemnCommand, short_help="How much the masks of two or more archives agree.")
@click.argument("archives", nargs=-1, metavar="ARCHIVE...")
@click.option("--common", is_flag=True, help="Compare only the tensors that all have a mask for.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: a row for each pair and tensor.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option(
    "--plot",
    type=Output(),
    metavar="FILE",
    help="Draw a heat map as well; FILE ends in .png or .svg.",
)
@click.option("--force", is_flag=True, help="Replace an existing plot.")
@limit_options
def command(
    archives: tuple[str, ...],
    common: bool,
    as_csv: bool,
    as_json: bool,
    plot: str | None,
    force: bool,
    max_weights: int,
    max_bytes: int,
) -> None:
    """Compare the masks of two or more archives, tensor by tensor.

    SMC is the fraction of weights on which two masks agree; the Jaccard index is, of the weights
    that any of the two keeps, the fraction that both keep. Beside each stands what masks drawn at
    random with the same numbers of kept weights would give. One ARCHIVE may be - for standard
    input.

    \b
    Example:
      pemn diff seed0.pemn seed1.pemn
      pemn diff seed*.pemn --plot masks.svg
    """
    if as_csv and as_json:
        raise SettingError("expected --csv or --json, got both")
    check_streams(archives)
    from pemn_compress.analysis.comparing import compare
    from pemn_compress.analysis.heatmap import heat_map
    from pemn_compress.analysis.rendering import to_csv, to_json, to_text
    from pemn_compress.atomic import check_output, write_bytes
    from pemn_compress.reporting.drawing import check_plot
    from pemn_compress.reporting.terminal import has_colors
    from pemn_compress.reporting.words import file_name

    suffix = ""
    if plot:
        suffix = check_plot(plot)
    found = compare(archives, common=common, limits=Limits(max_weights, max_bytes))
    if plot:
        check_output(Path(plot), force=force)  # before it is drawn
        write_bytes(Path(plot), heat_map(found, suffix), force=force)
    if as_csv or as_json:
        say((to_csv if as_csv else to_json)(found), nl=False)
        return
    say(to_text(found, color=has_colors()), nl=False)
    if plot:
        say(f"{file_name(plot)}: heat map")
