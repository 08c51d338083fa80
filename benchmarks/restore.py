"""Restoring ResNet-50's 25 million weights beside loading them: python benchmarks/restore.py

Prints, per strategy, the CPU time of restoring an archive's state dict, digests checked, divided by
that of `torch.load` of the dense state dict from a warm cache: interleaved in one process, one
thread, medians of the runs. No training: the masks are those of the initial scores.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch

import pemn_compress
from pemn_compress import loading
from pemn_compress.archive import open_archive


@click.command()
@click.option("--runs", default=5, show_default=True)
@click.option("--density", default=0.5, show_default=True)
def main(runs: int, density: float) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        print(f"torch {torch.__version__}, numpy {np.__version__}, {runs} runs, 1 thread")
        print(f"{'strategy':10} {'archive, MB':>12} {'restore / torch.load':>21} {'spread':>13}")
        for strategy in ("mask", "one-layer", "mp", "rp"):
            ratios, size = measure(Path(folder), strategy, density, runs)
            low, high = min(ratios), max(ratios)
            print(
                f"{strategy:10} {size / 1e6:12.2f} {statistics.median(ratios):21.2f} "
                f"{low:6.2f} {high:6.2f}",
                flush=True,
            )


def measure(folder: Path, strategy: str, density: float, runs: int) -> tuple[list[float], int]:
    model = pemn_compress.build("torchvision:resnet50")
    masked = pemn_compress.MaskedModel(model, strategy=strategy, density=density)
    archive, dense = folder / f"{strategy}.pemn", folder / "dense.pt"
    pemn_compress.save(masked, archive, force=True)
    torch.save(masked.to_plain().state_dict(), dense)

    def restore() -> None:
        with open_archive(archive) as opened:
            loading.state_dict(opened)

    def load() -> None:
        torch.load(dense, weights_only=True)

    ratios = [clock(restore) / clock(load) for _ in range(runs + 1)][1:]
    return ratios, archive.stat().st_size


def clock(function: Callable[[], None]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started


if __name__ == "__main__":
    main()
