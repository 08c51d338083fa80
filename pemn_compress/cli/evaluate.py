"""`pemn evaluate`: the restored model's accuracy beside the one recorded."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from pemn_compress.cli.options import (
    DATA_KEYS,
    builder_options,
    data_options,
    display_name,
    filled_model,
    limit_options,
    read_archive,
)
from pemn_compress.errors import ArchiveError, DataError
from pemn_compress.reporting import recorded_accuracy
from pemn_compress.reporting.words import clean


@click.command(short_help="Measure a restored model's accuracy on data.")
@click.argument("archive")
@data_options
@builder_options
@limit_options
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, ...")
@click.option("--batch-size", type=click.IntRange(1), default=256, show_default=True)
@click.option("--workers", type=click.IntRange(0), default=0, help="Processes that load images.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(archive: str, as_json: bool, **options: Any) -> None:
    """Measure the accuracy of the model in ARCHIVE on the test part of --data.

    Images are normalised with the mean and the deviation that the archive records.
    """
    from pemn_compress.compressing.preparing import DataRequest, load_request
    from pemn_compress.format.archive import Limits, open_archive
    from pemn_compress.models.building import source_file
    from pemn_compress.models.modelfile import load_model_file
    from pemn_compress.storing.loading import restore_module
    from pemn_compress.training.evaluation import check_fit, evaluate
    from pemn_compress.training.run import Run

    request = DataRequest(**{key: options[key] for key in DATA_KEYS})
    limits = Limits(options["max_weights"], options["max_bytes"])
    with open_archive(read_archive(archive), limits) as opened:
        opened.name = display_name(archive)
        about = opened.manifest.about
        file = load_model_file(options["model_file"]) if options["model_file"] else None
        module = restore_module(
            opened,
            model=filled_model(opened, file),
            trust_source=options["trust_source"],
        )
        if file is None and options["trust_source"] and opened.source() is not None:
            file = source_file(opened, trust_source=True)
    data = load_request(request, file)
    expected, mean, std = _recorded_input(about, display_name(archive))
    expected = expected or data.input_shape
    if expected != data.input_shape:
        raise DataError(
            f"data {data.name!r}: expected inputs of shape {expected}, which the model was "
            f"trained on, got {data.input_shape}"
        )
    if data.is_image and mean and std:
        data = replace(data, mean=mean, std=std)
    check_fit(module, data)
    module.to(Run(options["device"]).torch_device())
    score = evaluate(
        module, data.test, data, batch_size=options["batch_size"], workers=options["workers"]
    )
    if as_json:
        told = {
            "correct": score.correct,
            "total": score.total,
            "accuracy": score.accuracy,
            "loss": score.loss,
            "data": data.name,
            "recorded": about.get("accuracy"),
        }
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"{display_name(archive)} on {data.name}")
    click.echo(f"  measured  {100 * score.accuracy:.2f} % ({score.correct} of {score.total})")
    recorded = recorded_accuracy(about.get("accuracy"))
    if recorded:
        click.echo(
            f"  recorded  {100 * recorded.fraction:.2f} % ({recorded.correct} of "
            f"{recorded.total}, {clean(recorded.data)})"
        )
    else:
        click.echo("  recorded  none")


def _recorded_input(about: Mapping[str, Any], name: str) -> tuple[tuple[Any, ...], ...]:
    """Return the shape, mean and deviation of inputs that an archive claims, () for none.

    Raises ArchiveError where a claim makes no sense: whoever wrote the archive may have meant harm.
    """
    told = about.get("input", {})
    told = told if isinstance(told, Mapping) else {"shape": told}
    found = []
    for key, kind in (("shape", int), ("mean", int | float), ("std", int | float)):
        value = told.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, kind) for one in value):
            raise ArchiveError(
                f"{name}: about, input, {key}: expected a list of numbers, got {clean(value)}"
            )
        found.append(tuple(value))
    shape, mean, std = found
    channels = shape[:1]
    if mean and (len(mean) != len(std) or (channels and channels != (len(mean),)) or 0 in std):
        raise ArchiveError(
            f"{name}: about, input: expected a mean and a deviation above 0 for every channel, got "
            f"{clean(mean)} and {clean(std)}"
        )
    return shape, mean, std
