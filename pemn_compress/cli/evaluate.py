"""`pemn evaluate`: the restored model's accuracy beside the one recorded."""

from typing import Any

import click

from pemn_compress.cli.files import PemnCommand
from pemn_compress.cli.machine import workers_option
from pemn_compress.cli.options import (
    DATA_KEYS,
    builder_options,
    data_options,
    display_name,
    limit_options,
    read_archive,
)
from pemn_compress.cli.working import working
from pemn_compress.reporting.interchange import json_text
from pemn_compress.reporting.words import clean


class Numbers(click.ParamType[tuple[float, ...]]):
    """Numbers with commas between them."""

    name = "numbers"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        """Return the numbers; a usage error where one is none."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"expected numbers such as 0.485,0.456,0.406, got {value!r}", param, ctx)


@click.command(cls=PemnCommand, short_help="Measure a restored model's accuracy on data.")
@click.argument("archive")
@data_options
@click.option(
    "--preprocessing",
    metavar="NAME",
    help="imagenet: --resize 256 --center-crop 224 and ImageNet's mean and std; cifar10, cifar100: "
    "their mean and std. What the options below say goes before it.",
)
@click.option(
    "--resize", type=int, help="Pixels that images' shorter side is resized to. [--image-size]"
)
@click.option(
    "--center-crop", type=int, help="Pixels of the square cut out of the middle. [--image-size]"
)
@click.option(
    "--interpolation",
    metavar="NAME",
    help="How --resize fills in: bilinear, bicubic or nearest. [bilinear]",
)
@click.option(
    "--mean",
    type=Numbers(),
    metavar="M,M,M",
    help="Subtracted from pixels of 0 to 1, channel by channel. [the archive's, else the data's]",
)
@click.option(
    "--std",
    type=Numbers(),
    metavar="S,S,S",
    help="What that is divided by. [the archive's, else the data's]",
)
@click.option(
    "--labels",
    type=click.Choice(["name", "position"]),
    default="name",
    show_default=True,
    help="Pair the data's classes with the archive's by name, where both have names, or take "
    "labels as they are.",
)
@builder_options
@limit_options
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, ...")
@click.option("--batch-size", type=click.IntRange(1), default=256, show_default=True)
@workers_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(archive: str, as_json: bool, **options: Any) -> None:
    """Measure the accuracy of the model in ARCHIVE on the test part of --data.

    Images are resized and normalised as the archive records it. One that was imported records
    nothing: say what the original was trained with.

    \b
    Example:
      pemn evaluate digits.pemn --data digits
      pemn evaluate resnet50.pemn --data folder:imagenet --preprocessing imagenet
    """
    with working(f"evaluating {display_name(archive)}"):
        measured = _measured(archive, options)
    for note in measured.notes:
        click.echo(f"warning: {clean(note)}", err=True)
    click.echo(_as_json(measured) if as_json else _as_text(measured))


def _measured(archive: str, options: dict[str, Any]) -> Any:
    from pemn_compress.compressing import evaluate
    from pemn_compress.compressing.preparing import DataRequest
    from pemn_compress.data.preprocessing import preprocessing_of
    from pemn_compress.format.archive import Limits
    from pemn_compress.models.modelfile import load_model_file

    steps = ("mean", "std", "resize", "center_crop", "interpolation")
    return evaluate(
        read_archive(archive),
        DataRequest(**{key: options[key] for key in DATA_KEYS}),
        model=load_model_file(options["model_file"]) if options["model_file"] else None,
        trust_source=options["trust_source"],
        preprocessing=preprocessing_of(
            options["preprocessing"], **{key: options[key] for key in steps}
        ),
        labels=options["labels"],
        batch_size=options["batch_size"],
        workers=options["workers"],
        device=options["device"],
        limits=Limits(options["max_weights"], options["max_bytes"]),
        name=display_name(archive),
    )


def _as_json(measured: Any) -> str:
    score, recorded = measured.score, measured.recorded
    told = {
        **score.to_dict(),
        "data": measured.data,
        "recorded": None,
    }
    for metric in score.metrics:
        if metric.correct is not None:
            told |= {metric.name: metric.value, "correct": metric.correct}
    if recorded:
        told["recorded"] = recorded.metric.to_dict() | {
            "total": recorded.total,
            "data": recorded.data,
        }
    if measured.normalize:
        told["mean"], told["std"] = map(list, measured.normalize)
    return json_text(told)


def _as_text(measured: Any) -> str:
    score, recorded = measured.score, measured.recorded
    lines = [f"{clean(measured.name)} on {clean(measured.data)}"]
    lines += [f"  measured  {_told(metric, score.total)})" for metric in score.metrics]
    old = (
        f"{_told(recorded.metric, recorded.total)}, {clean(recorded.data)})" if recorded else "none"
    )
    return "\n".join([*lines, f"  recorded  {old}"])


def _told(metric: Any, total: int | None) -> str:
    """Return a metric for reading; an accuracy's name goes without saying."""
    if metric.correct is not None:
        return f"{metric.shown()} ({metric.correct} of {metric.of}"
    return f"{clean(metric.name)} {metric.shown()} ({'?' if total is None else total} samples"
