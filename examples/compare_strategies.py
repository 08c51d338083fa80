"""Every strategy on one model and one data set, pruned and dense networks beside them.

    python examples/compare_strategies.py convmixer --data npz:cifar10.npz \
        -a dim=64 -a depth=6 -a patch=4 --epochs 10 --seeds 3

The README's table is this command's. On a GPU, with CIFAR-10 in ./data, the paper's ResNet row:

    python examples/compare_strategies.py resnet32 --data cifar10 --recipe pemn-resnet --seeds 3

All rows are trained on the same data for as many epochs, with the same batches and augmentation.
Networks whose weights are trained (dense, random, magnitude) may have an optimiser and a learning
rate of their own (--pruning-recipe, --pruning-lr): the best rate for weights need not be the best
one for scores. On the small ConvMixer above AdamW at 0.01 is good for both but for random pruning
at 0.96, where whole channels die: what their biases do then upsets batch-norm in evaluation, unless
the last learning rates are small (--pruning-lr 0.003, or more epochs). Each of these networks
appears twice: with its values in float32, and rounded to --value-dtype. Accuracies are those of the
last epoch on the test images. Sizes are those of whole archives, by seed 0; "stored numbers" are
the prototype's or the kept weights.
"""

import statistics
import sys
import time
from typing import Any

import click
import torch

import pemn_compress
from pemn_compress.cli.options import arguments_option
from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest, prepare
from pemn_compress.compressing.storage import Storage
from pemn_compress.masking.rules import pruning
from pemn_compress.training import recipes
from pemn_compress.training.run import Run

ROWS: dict[str, dict[str, Any]] = {
    "dense": {"strategy": "dense"},
    "random 0.90": {"strategy": "random", "sparsity": 0.90},
    "random 0.96": {"strategy": "random", "sparsity": 0.96},
    "magnitude 0.90": {"strategy": "magnitude", "sparsity": 0.90},
    "magnitude 0.96": {"strategy": "magnitude", "sparsity": 0.96},
    "mask": {"strategy": "mask"},
    "one-layer": {"strategy": "one-layer"},
    "mp": {"strategy": "mp"},
    "rp 1e-1": {"strategy": "rp", "ratio": 1e-1},
    "rp 1e-2": {"strategy": "rp", "ratio": 1e-2},
    "rp 1e-3": {"strategy": "rp", "ratio": 1e-3},
}
HEADS = (
    "strategy", "stored numbers", "test accuracy, %", "archive, bytes", "fp32 / archive",
)  # fmt: skip


@click.command()
@click.argument("model")
@click.option("--data", "spec", required=True)
@click.option("--recipe", default=recipes.DEFAULT)
@click.option("--epochs", type=int)
@click.option("--batch-size", type=int)
@click.option("--lr", type=float, help="of the rows that train masks")
@click.option("--density", type=float, help="of the rows that train masks")
@click.option("--scaling")
@click.option("--pruning-recipe", help="of the rows that train weights  [default: --recipe's]")
@click.option("--pruning-lr", type=float, help="of the rows that train weights")
@click.option("--pruning-schedule", type=click.Choice(pruning.PRUNING_SCHEDULES))
@click.option("--value-dtype", type=click.Choice(pruning.VALUE_DTYPES), default="int8-tensor")
@click.option("--row", "names", multiple=True, type=click.Choice(list(ROWS)), help="default: all")
@click.option("--seeds", type=int, default=1)
@click.option("--threads", type=int, default=1)
@click.option("--amp", is_flag=True)
@click.option("--workers", type=int, default=0)
@arguments_option
def main(
    model: str, spec: str, names: tuple[str, ...], seeds: int, threads: int, **more: Any
) -> None:  # fmt: skip
    torch.set_num_threads(threads)
    changes = {k: more[k] for k in ("epochs", "batch_size", "lr", "density", "scaling") if more[k]}
    for_masks = recipes.load(more["recipe"]).override(**changes)
    same = ("epochs", "batch_size", "augment", "batchnorm", "bias", "label_smoothing")
    for_weights = recipes.load(more["pruning_recipe"] or more["recipe"]).override(
        **{key: getattr(for_masks, key) for key in same}, lr=more["pruning_lr"]
    )
    arguments, run = dict(more["arguments"]), Run(amp=more["amp"], workers=more["workers"])
    data = prepare(model, DataRequest(spec), for_masks, 0, arguments).data
    print(f"model {model} {arguments or ''}, data {spec} ({len(data.train or ())} training")
    print(f"and {len(data.test)} test images), {for_masks.epochs} epochs, {seeds} seeds, {threads}")
    print(f"threads, torch {torch.__version__}, pemn-compress {pemn_compress.__version__},")
    print(f"{run.torch_device()}; masks: {described(for_masks)};")
    print(f"trained weights: {described(for_weights)}\n")
    print(f"| {' | '.join(HEADS)} |")
    print(f"| --- |{' ---: |' * (len(HEADS) - 1)}")
    for name in names or ROWS:
        started, made, row = time.perf_counter(), [], ROWS[name]
        is_trained = row["strategy"] in pruning.TRAINED_STRATEGIES
        if is_trained:
            own = {"recipe": for_weights, "storage": Storage(value_dtype=more["value_dtype"])}
            if row["strategy"] != "dense":
                own["pruning_schedule"] = more["pruning_schedule"]
        else:
            own = {"recipe": for_masks}
        for seed in range(seeds):
            made.append(
                compress(model, data=data, arguments=arguments, run=run, seed=seed, **row, **own)
            )
        record = made[0].record
        numbers = record["pruned"]["kept"] if is_trained else record["masked"]["prototype_length"]
        size = sum(
            4 * t.numel() for t in made[0].model.state_dict().values() if t.is_floating_point()
        )
        for number, step in enumerate(made[0].steps):
            label = f"{name}, float32" if is_trained and not number else name
            label += f", {more['value_dtype']}" if number else ""
            accuracies = spread([m.steps[number].score.accuracy for m in made])
            told = f"{numbers:,} | {accuracies} | {step.archive_bytes:,}"
            print(f"| {label} | {told} | {size / step.archive_bytes:.1f} |", flush=True)
        seconds = (time.perf_counter() - started) / seeds
        print(f"{name}: {seconds:.0f} s a run", file=sys.stderr)


def described(recipe: recipes.Recipe) -> str:
    return f"recipe {recipe.name}, {recipe.optimizer} at {recipe.lr:g}"


def spread(accuracies: list[float]) -> str:
    percent = [100 * accuracy for accuracy in accuracies]
    if len(percent) == 1:
        return f"{percent[0]:.1f}"
    return f"{statistics.mean(percent):.1f} ± {statistics.stdev(percent):.1f}"


if __name__ == "__main__":
    main()
