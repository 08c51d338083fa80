"""`pemn compress`: from a model and data to an archive."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from pemn_compress.cli.chosen import CHOSEN_SETTINGS
from pemn_compress.cli.few_bytes import few_bytes_options
from pemn_compress.cli.files import Model, Output, PemnCommand
from pemn_compress.cli.following import choosing_options, log_options
from pemn_compress.cli.machine import machine_options
from pemn_compress.cli.options import (
    DATA_KEYS,
    arguments_option,
    data_options,
    method_options,
    selection_options,
    variant_options,
    write_stdout,
)
from pemn_compress.cli.rounding import rounding_options
from pemn_compress.cli.summary import summary
from pemn_compress.format import codecs
from pemn_compress.masking.rules.pruning import (
    CUBIC_END,
    PRUNING_SCHEDULES,
    TRAINED_STRATEGIES,
    VALUE_DTYPES,
    PruningSettings,
)
from pemn_compress.masking.rules.strategies import DISTRIBUTIONS, SCALINGS, STRATEGIES, Settings
from pemn_compress.reporting.interchange import json_text
from pemn_compress.training import recipes


@click.command(
    cls=PemnCommand, short_help="Train masks, or a pruned network, and write a .pemn archive."
)
@click.argument("model", type=Model())
@data_options
@click.option("--train-limit", type=int, help="Use only the first N training samples.")
@arguments_option
@variant_options("recipe's")
@click.option(
    "--strategy",
    type=click.Choice([*STRATEGIES, *TRAINED_STRATEGIES]),
    help="How one prototype fills all tensors; or, with trained weights, which of them are "
    "removed (magnitude, random) or none (dense), or that each is a sign (binary), or a sign or 0 "
    f"(ternary), times a scale. [default: {Settings.strategy}]",
)
@click.option(
    "--ratio",
    type=float,
    help="rp: prototype length / largest tensor's length, in "
    f"(0, 1]. [default: {Settings.ratio:g}]",
)
@click.option(
    "--density",
    type=float,
    help="Fraction of weights kept, in (0, 1]: PEMN's "
    "--sparsity, hidden-networks' k, 1 - other papers' prune rate. [recipe's]",
)
@click.option(
    "--sparsity",
    type=float,
    help="magnitude, random: fraction of weights removed, 1 - density. [default: 0.9]",
)
@click.option(
    "--pruning-schedule",
    type=click.Choice(PRUNING_SCHEDULES),
    help="magnitude, random: remove weights step by step, or all at once. "
    f"[default: {PruningSettings.pruning_schedule}]",
)
@click.option(
    "--pruning-start",
    type=float,
    help="Fraction of the training done when removing starts. "
    f"[default: {PruningSettings.pruning_start:g}]",
)
@click.option(
    "--pruning-end",
    type=float,
    help=f"cubic: fraction done when removing ends. [default: {CUBIC_END:g}]",
)
@rounding_options
@click.option("--seed", type=int, help="Seed of everything random. [default: 0]")
@click.option(
    "--distribution",
    type=click.Choice(list(DISTRIBUTIONS)),
    help="Distribution of the fixed weights. [recipe's]",
)
@click.option(
    "--scaling",
    type=click.Choice(SCALINGS),
    help="Scale weights by each tensor's own "
    "fan, or copy the prototype unscaled as PEMN does. [recipe's]",
)
@click.option(
    "--scale-by-density/--no-scale-by-density",
    default=None,
    help="Multiply the scale by 1/sqrt(density). [recipe's]",
)
@method_options
@selection_options
@click.option(
    "--recipe",
    type=click.Choice(recipes.names()),
    default=recipes.DEFAULT,
    show_default=True,
    help="Training settings by name; the options below override them.",
)
@click.option("--epochs", type=int)
@click.option("--batch-size", type=int)
@click.option("--optimizer", type=click.Choice(recipes.OPTIMIZERS))
@click.option("--lr", type=float, help="Highest learning rate.")
@click.option("--dense-lr", type=float, help="Highest learning rate of what is not masked. [--lr]")
@few_bytes_options
@click.option("--schedule", type=click.Choice(recipes.SCHEDULES))
@click.option("--warmup-epochs", type=int)
@click.option("--momentum", type=float, help="sgd only.")
@click.option("--weight-decay", type=float)
@click.option("--decay", type=click.Choice(recipes.DECAYS), help="What weight decay acts on.")
@click.option("--clip-norm", type=float, help="Largest norm of the gradient; 0: no limit.")
@click.option("--label-smoothing", type=float)
@click.option("--augment", help="Comma-separated, such as crop:4,flip; or none.")
@choosing_options
@machine_options
@click.option(
    "--codec",
    type=click.Choice([*codecs.CODECS, codecs.AUTO]),
    default=codecs.AUTO,
    show_default=True,
    help="Mask codec; auto takes the smallest, tensor by tensor.",
)
@click.option(
    "--dense-dtype",
    type=click.Choice(["float32", "float16", "bfloat16", "int8"]),
    default="float32",
    show_default=True,
    help="Store what is not masked in this precision, int8 with a scale per tensor; what it costs "
    "is printed.",
)
@click.option(
    "--fold-batchnorm",
    is_flag=True,
    help="Store batch-norm as a scale and a shift; the model means the same up to rounding.",
)
@click.option(
    "--value-dtype",
    type=click.Choice(VALUE_DTYPES),
    default="float32",
    show_default=True,
    help="magnitude, random, dense: store the weights in this precision; int8 and int4 have one "
    "scale per output channel, int8-tensor and int4-tensor one per tensor. What it costs is "
    "printed; with --qat nothing, for weights are stored as they were trained.",
)
@click.option("--store-prototype", is_flag=True, help="Store the prototype's values, not its seed.")
@click.option(
    "--no-zstd",
    is_flag=True,
    help="Compress nothing but the source: large tensors can be mapped into memory, and the bytes "
    "depend on no compressor's version.",
)
@click.option(
    "--tensor-digests",
    is_flag=True,
    help="A digest for every tensor (32 bytes each), so that one can be read without the others.",
)
@click.option(
    "--format-version",
    type=click.Choice(["auto", "1.0"]),
    default="auto",
    show_default=True,
    help="1.0: for readers that know no later one; auto: the lowest that makes the file smallest.",
)
@click.option("--no-source", is_flag=True, help="Leave the model file out of the archive.")
@click.option(
    "--graph/--no-graph",
    default=None,
    help="Store what the model computes, so that it restores without its code, or not. "
    "[default: unless a registered name builds it]",
)
@click.option(
    "--dynamic",
    multiple=True,
    metavar="DIM",
    help="A dimension beside the batch that may vary in the graph: 1, or ids.1; repeatable.",
)
@click.option(
    "-o",
    "--output",
    type=Output(otherwise=lambda given: default_output(given["model"])),
    help="The archive; - is standard output. [default: MODEL.pemn]",
)
@click.option("--force", is_flag=True, help="Replace existing output files.")
@click.option(
    "--checkpoint",
    type=Output(path_type=Path),
    help="Written after every epoch; training goes on from it when it exists.",
)
@click.option(
    "--record",
    type=Output(path_type=Path),
    help="Write everything about the run to this JSON file.",
)
@click.option(
    "--export",
    type=Output(),
    multiple=True,
    metavar="FILE",
    help="Make this file of the restored model, too, as pemn restore does: .pt2, .onnx, "
    ".safetensors, .pt or .npz; tried before training; repeatable.",
)
@log_options
@click.option("--json", "as_json", is_flag=True, help="Print the run's record, not a summary.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(model: str, **options: Any) -> None:  # fmt: skip
    """Train masks over fixed random weights, or a pruned network, and write a .pemn archive.

    MODEL is a Python file with a build_model() function (model.py, model.py:my_builder) or an
    architecture: mlp, conv2, conv4, conv6, conv8, resnet9, resnet18, resnet20, resnet32, resnet34,
    resnet56, convmixer, vit, gpt, or torchvision:NAME. With a file, train_data() and eval_data() in
    it can stand in for --data.

    \b
    Example:
      pemn compress model.py --strategy rp --ratio 1e-2
      pemn compress convmixer --data cifar10 --recipe pemn-convmixer --amp
      pemn compress model.py --strategy magnitude --sparsity 0.95 --value-dtype int8
      pemn compress model.py --export model.pt2 --export model.safetensors
      torchrun --nproc-per-node=8 -m pemn_compress compress vit --data cifar10
    """
    output = options["output"]
    if output == "-":
        write_stdout(b"")  # refuses where nothing could be written, before any work
    from pemn_compress.cli.progress import observer
    from pemn_compress.data.ranks import world

    first = world().rank == 0  # of the ranks that torchrun started, one prints
    watcher = observer(quiet=options["quiet"] or not first, checkpoint=options["checkpoint"])
    with watcher:
        watcher.before("loading torch")
        import torch

        from pemn_compress.compressing import compress

        if options["threads"]:
            torch.set_num_threads(options["threads"])
        made = compress(
            model,
            output=None if output == "-" else output,
            checkpoint=options["checkpoint"],
            record=options["record"],
            export=options["export"],
            log=options["log"],
            tensorboard=options["tensorboard"],
            observer=watcher,
            **request(options),
        )
    if not first:
        return
    if output == "-":
        write_stdout(made.archive)
    text = json_text(made.record) if options["as_json"] else summary(made)
    click.echo(text, err=output == "-", file=sys.stderr if output == "-" else None)


def request(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `compress` is called with for the command's options, but for files and model."""
    from pemn_compress.compressing.preparing import DataRequest
    from pemn_compress.compressing.storage import Storage
    from pemn_compress.masking.selection import Selection
    from pemn_compress.training.run import Run

    changes = {key: options[key] for key in CHOSEN_SETTINGS}
    if changes["augment"] is not None:
        names = changes["augment"].split(",")
        changes["augment"] = () if names in (["none"], [""]) else tuple(names)
    changes["layer_density"] = changes["layer_density"] or None
    keep = (*DATA_KEYS, "train_limit")
    select = ("include", "exclude", "first_layer_dense", "last_layer_dense")
    return changes | {
        "data": DataRequest(**{key: options[key] for key in keep}),
        "recipe": options["recipe"],
        "selection": Selection(**{key: options[key] for key in select}),
        "arguments": dict(options["arguments"]),
        "run": Run(
            options["device"],
            options["amp"],
            options["compiled"],
            options["channels_last"],
            options["workers"],
        ),
        "storage": Storage(
            options["codec"],
            options["store_prototype"],
            not options["no_source"],
            options["force"],
            options["dense_dtype"],
            options["fold_batchnorm"],
            options["value_dtype"],
            not options["no_zstd"],
            options["tensor_digests"],
            options["format_version"],
            options["max_bytes"],
            options["bits_per_weight"],
            graph={None: "auto", True: "always", False: "never"}[options["graph"]],
            dynamic=options["dynamic"],
        ),
        "teacher": options["teacher"],
    }


def default_output(model: str) -> str:
    """Return the archive's name for a MODEL: model.py, torchvision:resnet18 -> NAME.pemn."""
    from pemn_compress.compressing.preparing import is_model_file

    name = model.partition(":")[0] if is_model_file(model) else model.rpartition(":")[2]
    return f"{Path(name).stem}.pemn"
