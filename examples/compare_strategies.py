"""Every strategy on one model and one data set, a plain network beside them, as a Markdown table.

    python examples/compare_strategies.py convmixer --data npz:cifar10.npz \
        -a dim=64 -a depth=6 -a patch=4 --epochs 10 --seeds 3

The README's table is this command's. On a GPU, with CIFAR-10 in ./data, the paper's ResNet row:

    python examples/compare_strategies.py resnet32 --data cifar10 --recipe pemn-resnet --seeds 3

Accuracies are those of the last epoch on the test images; "plain" is the same network trained as
usual with the same recipe. Sizes are files that exist, by seed 0.
"""

import statistics
import sys
import time
from dataclasses import replace
from typing import Any

import click
import torch

import pemn_compress
from pemn_compress import recipes
from pemn_compress.cli.options import arguments_option
from pemn_compress.compressing import compress
from pemn_compress.preparing import DataRequest, Prepared, prepare
from pemn_compress.training import Run, fit

ROWS: list[tuple[str, dict[str, Any]]] = [
    ("mask", {"strategy": "mask"}),
    ("one-layer", {"strategy": "one-layer"}),
    ("mp", {"strategy": "mp"}),
    ("rp 1e-1", {"strategy": "rp", "ratio": 1e-1}),
    ("rp 1e-2", {"strategy": "rp", "ratio": 1e-2}),
    ("rp 1e-3", {"strategy": "rp", "ratio": 1e-3}),
]


@click.command()
@click.argument("model")
@click.option("--data", "spec", required=True)
@click.option("--recipe", default=recipes.DEFAULT)
@click.option("--epochs", type=int)
@click.option("--batch-size", type=int)
@click.option("--lr", type=float)
@click.option("--density", type=float)
@click.option("--scaling")
@click.option("--seeds", type=int, default=1)
@click.option("--threads", type=int, default=1)
@click.option("--amp", is_flag=True)
@click.option("--workers", type=int, default=0)
@arguments_option
def main(
    model: str,
    spec: str,
    recipe: str,
    seeds: int,
    threads: int,
    amp: bool,
    workers: int,
    **more: Any,
) -> None:
    torch.set_num_threads(threads)
    changes = {k: more[k] for k in ("epochs", "batch_size", "lr", "density", "scaling") if more[k]}
    chosen = recipes.load(recipe).override(**changes)
    arguments, run = dict(more["arguments"]), Run(amp=amp, workers=workers)
    first = prepare(model, DataRequest(spec), chosen, 0, arguments)
    print(f"model {model} {arguments or ''}, data {spec} ({len(first.data.train or ())} training")
    print(f"and {len(first.data.test)} test images), recipe {recipe}, {chosen.epochs} epochs,")
    print(f"{seeds} seeds, {threads} threads, torch {torch.__version__}, pemn-compress", end=" ")
    print(f"{pemn_compress.__version__}, {run.torch_device()}\n")
    print("| strategy | distinct values | test accuracy, % | archive, bytes | fp32 / archive |")
    print("| --- | ---: | ---: | ---: | ---: |")
    plain = [train_plain(first, model, spec, chosen, seed, arguments, run) for seed in range(seeds)]
    size = sum(4 * t.numel() for t in first.model.state_dict().values() if t.is_floating_point())
    print(f"| plain | {size // 4:,} | {spread(plain)} | {size:,} (no archive) | 1.0 |", flush=True)
    for name, row in ROWS:
        started, made = time.perf_counter(), []
        for seed in range(seeds):
            made.append(
                compress(
                    model,
                    data=first.data,
                    recipe=recipe,
                    arguments=arguments,
                    run=run,
                    seed=seed,
                    **changes,
                    **row,
                )
            )
        values = made[0].record["masked"]["prototype_length"]
        archive = len(made[0].archive)
        accuracies = [m.accuracy for m in made]
        print(
            f"| {name} | {values:,} | {spread(accuracies)} | {archive:,} | {size / archive:.1f} |",
            flush=True,
        )
        seconds = (time.perf_counter() - started) / seeds
        print(f"{name}: {seconds:.0f} s a run", file=sys.stderr)


def train_plain(
    first: Prepared,
    model: str,
    spec: str,
    recipe: recipes.Recipe,
    seed: int,
    arguments: dict[str, object],
    run: Run,
) -> float:
    prepared = replace(prepare(model, first.data, recipe, seed, arguments), data=first.data)
    return fit(prepared.model, prepared.data, recipe, seed=seed, run=run)[-1].test.accuracy


def spread(accuracies: list[float]) -> str:
    percent = [100 * accuracy for accuracy in accuracies]
    if len(percent) == 1:
        return f"{percent[0]:.1f}"
    return f"{statistics.mean(percent):.1f} ± {statistics.stdev(percent):.1f}"


if __name__ == "__main__":
    main()
