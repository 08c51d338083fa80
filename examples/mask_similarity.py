r"""How alike are masks that differ only in the seed of their scores? Beside the paper's table.

    python examples/mask_similarity.py
    python examples/mask_similarity.py --model conv6 -a width=0.25 --data npz:cifar10.npz \
        --recipe edge-popup --epochs 20 --seeds 3

Edge-popup, one network with the same fixed weights and the same order of samples, masks trained
from different initial scores, compared pair by pair; the experiment of section 4 of "Randomly
Initialized Subnetworks with Iterative Weight Recycling" [IWR], there with Conv-6 on CIFAR-10.

The archives are left in --folder: `pemn diff FOLDER/0.5-*.pemn --plot masks.png` draws them.
"""

import statistics
from pathlib import Path

import click
import torch

import pemn_compress
from pemn_compress.analysis import compare, implied_jaccard
from pemn_compress.cli.options import arguments_option
from pemn_compress.compressing.preparing import DataRequest, prepare
from pemn_compress.training import recipes
from pemn_compress.training.fitting import fit

# density -> SMC and Jaccard index as [IWR] Table 2 prints them for edge-popup
IWR = {0.5: (0.51, 0.25), 0.25: (0.63, 0.13), 0.1: (0.82, 0.05)}
HEADS = ("density", "accuracy, %", "SMC", "chance", "IWR")
HEADS += ("Jaccard", "chance", "implied", "IWR", "J/(1+J)")


@click.command()
@click.option("--model", default="mlp")
@click.option("--data", "spec", default="digits")
@click.option("--seeds", type=int, default=5)
@click.option("--recipe", "recipe_name", default="default")
@click.option("--epochs", type=int, default=30)
@arguments_option
@click.option("--folder", type=click.Path(path_type=Path), default="mask_similarity")
def main(
    model: str,
    spec: str,
    seeds: int,
    recipe_name: str,
    epochs: int,
    arguments: tuple[tuple[str, object], ...],
    folder: Path,
) -> None:
    torch.set_num_threads(1)
    folder.mkdir(exist_ok=True)
    recipe = recipes.load(recipe_name).override(epochs=epochs)
    print(f"{model}, arguments {dict(arguments)}, on {spec}; edge-popup, recipe {recipe_name},")
    print(
        f"{epochs} epochs, {seeds} score seeds, {recipe.distribution} weights of seed 0,", end=" "
    )
    print(f"pemn-compress {pemn_compress.__version__}\n")
    print(f"| {' | '.join(HEADS)} |\n|{' ---: |' * len(HEADS)}")
    for density, (paper_smc, paper_jaccard) in IWR.items():
        paths, accuracies = [], []
        for seed in range(seeds):
            prepared = prepare(model, DataRequest(spec), recipe, 0, dict(arguments))
            masked = pemn_compress.MaskedModel(
                prepared.model,
                strategy="mask",
                density=density,
                distribution=recipe.distribution,
                score_seed=seed,
            )
            history = fit(masked, prepared.data, recipe, seed=0)
            accuracies.append(100 * history[-1].test.accuracy)
            path = folder / f"{density}-{seed}.pemn"
            paths.append(pemn_compress.save(masked, path, force=True))
        found = compare(paths)
        pairs = [found.overall(*pair) for pair in found.overlaps]
        implied = implied_jaccard(paper_smc, density)
        cells = [
            f"{density:g}",
            spread(accuracies, 1),
            spread([pair.smc for pair in pairs], 3),
            f"{pairs[0].chance_smc:.3f}",
            f"{paper_smc:.2f}",
            spread([pair.jaccard for pair in pairs], 3),
            f"{pairs[0].chance_jaccard:.3f}",
            f"{implied:.2f}",
            f"{paper_jaccard:.2f}",
            f"{implied / (1 + implied):.2f}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"""
mean ± std over {seeds * (seeds - 1) // 2} pairs; chance: masks drawn at random at these densities.
implied: the Jaccard index M11 / (M11 + M10 + M01) that IWR's SMC means at that density. An SMC of
0.51 at density 0.5 means {implied_jaccard(0.51, 0.5):.2f}, not the 0.25 that the paper prints: its
figures are M11 / (kept + kept) = J / (1 + J), the last column, up to the rounding of the SMC.""")


def spread(values: list[float], digits: int) -> str:
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


if __name__ == "__main__":
    main()
