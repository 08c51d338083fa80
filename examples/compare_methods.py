"""What the papers say of their methods, checked: three seeds each, expected beside found.

    python examples/compare_methods.py                      # digits, about two minutes on one core
    python examples/compare_methods.py conv2 --data npz:cifar10.npz -a width=0.25 --epochs 20

Every weight has its own random value (strategy mask), as in the papers. Accuracies are those of the
last epoch on the test samples, mean ± standard deviation over seeds. A claim counts as found where
the difference of the means is above the standard deviation of the difference, as not found where it
is as far below zero, and as open in between.
"""

import statistics
import sys
from typing import Any, NamedTuple

import click
import torch

import pemn_compress
from pemn_compress.cli.options import arguments_option
from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest, load_request
from pemn_compress.data.samples import Data
from pemn_compress.training import recipes


class Method(NamedTuple):
    """One way to find a subnetwork."""

    search: str = "edge-popup"
    renewal: str = "none"
    distribution: str = "signed-constant"
    density: float = 0.5

    def __str__(self) -> str:
        renewal = "" if self.renewal == "none" else f" + {self.renewal}"
        return f"{self.search}{renewal}, {self.distribution}, {self.density:g}"


class Claim(NamedTuple):
    """A paper's claim that one method reaches a higher accuracy than another."""

    source: str
    better: Method
    worse: Method


BIPROP = Method("biprop", distribution="kaiming-normal")
CLAIMS = [
    *(
        Claim(
            "IWR, Figure 1", base._replace(renewal="recycle", density=k), base._replace(density=k)
        )
        for base in (Method(), BIPROP)
        for k in (0.5, 0.2, 0.1)
    ),
    Claim("edge-popup, 4.5", Method(), Method(distribution="kaiming-normal")),
    Claim("edge-popup, 4.2", Method(), Method(density=0.1)),
    Claim("edge-popup, 4.2", Method(), Method(density=0.9)),
]


@click.command()
@click.argument("model", default="mlp")
@click.option("--data", "spec", default="digits")
@click.option("--recipe", default=recipes.DEFAULT)
@click.option("--epochs", type=int, default=40)
@click.option("--batch-size", type=int)
@click.option("--lr", type=float)
@click.option("--seeds", type=int, default=3)
@click.option("--threads", type=int, default=1)
@arguments_option
def main(model: str, spec: str, recipe: str, seeds: int, threads: int, **more: Any) -> None:
    torch.set_num_threads(threads)
    data = load_request(DataRequest(spec), None)
    changes = {key: more[key] for key in ("epochs", "batch_size", "lr") if more[key]}
    arguments = dict(more["arguments"]) or ({"width": 64} if model == "mlp" else {})
    print(f"model {model} {arguments or ''}, data {spec} ({len(data.train or ())} training and")
    print(f"{len(data.test)} test samples), recipe {recipe} {changes}, {seeds} seeds,")
    print(f"torch {torch.__version__}, pemn-compress {pemn_compress.__version__}\n")
    print("| method, distribution, density | test accuracy, % | archive, bytes | planes |")
    print("| --- | ---: | ---: | ---: |")
    found: dict[Method, list[float]] = {}
    for method in dict.fromkeys(m for claim in CLAIMS for m in (claim.better, claim.worse)):
        found[method] = run(method, model, data, recipe, seeds, arguments, changes)
    print("\n| source | expected | found, % | difference | verdict |")
    print("| --- | --- | ---: | ---: | --- |")
    for claim in CLAIMS:
        better, worse = found[claim.better], found[claim.worse]
        print(
            f"| {claim.source} | {claim.better} > {claim.worse} | {spread(better)} > "
            f"{spread(worse)} | {verdict(better, worse)} |"
        )


def run(
    method: Method,
    model: str,
    data: Data,
    recipe: str,
    seeds: int,
    arguments: dict[str, object],
    changes: dict[str, Any],
) -> list[float]:
    renewal: dict[str, Any] = {"renewal": method.renewal}
    if method.renewal == "recycle":  # the paper's ten times a run: 10 of 100 epochs
        renewal["renewal_every"] = max(1, changes["epochs"] // 10)
    accuracies, made = [], None
    for seed in range(seeds):
        made = compress(
            model, data=data, recipe=recipe, arguments=arguments, seed=seed, strategy="mask",
            search=method.search, distribution=method.distribution, density=method.density,
            **renewal, **changes,
        )  # fmt: skip
        accuracies.append(100 * made.accuracy)
    assert made is not None
    with pemn_compress.open_archive(made.archive) as archive:
        planes = sum(s.size for s in archive.manifest.sections if s.name == "planes")
    print(f"| {method} | {spread(accuracies)} | {len(made.archive):,} | {planes:,} |", flush=True)
    return accuracies


def spread(percent: list[float]) -> str:
    if len(percent) == 1:
        return f"{percent[0]:.1f}"
    return f"{statistics.mean(percent):.1f} ± {statistics.stdev(percent):.1f}"


def verdict(better: list[float], worse: list[float]) -> str:
    """Return the difference of the means, and what it says."""
    difference = statistics.mean(better) - statistics.mean(worse)
    if len(better) == 1:
        return f"{difference:+.1f} | one seed says nothing"
    noise = (statistics.variance(better) + statistics.variance(worse)) ** 0.5
    said = "open: within noise"
    if abs(difference) > noise:
        said = "as expected" if difference > 0 else "the other way round"
    return f"{difference:+.1f} ± {noise:.1f} | {said}"


if __name__ == "__main__":
    sys.exit(main())
