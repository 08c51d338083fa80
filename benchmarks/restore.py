"""Restoring ResNet-50's 25 million weights beside loading them: python benchmarks/restore.py

Prints, per strategy, the CPU time of restoring an archive's state dict, digests checked, divided by
that of `torch.load` of the dense state dict from a warm cache: interleaved, one thread, medians of
the runs. No training: the masks are those of the initial scores.

A program loads a model once, into memory that it first has to get from the system. So every call
has a process of its own, which has imported everything and read a tiny file of the same kind. In a
process that has done it before, either side may take half the time, as its heap happens to lie.

With `--c-reader format_spec/c/build/pemn-time` (make -C format_spec/c time) the reader in C does
the same: its own clock, from opening the file to the last buffer freed.
"""

import json
import multiprocessing
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch

import pemn_compress
from pemn_compress.format.archive import open_archive
from pemn_compress.storing import loading

SMALL = Path(__file__).parent.parent / "format_spec" / "examples" / "small.pemn"


@click.command()
@click.option("--runs", default=5, show_default=True)
@click.option("--density", default=0.5, show_default=True)
@click.option("--c-reader", type=click.Path(exists=True, path_type=Path), help="pemn-time")
def main(runs: int, density: float, c_reader: Path | None) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        print(f"torch {torch.__version__}, numpy {np.__version__}, {runs} runs, 1 thread")
        print(
            f"{'strategy':10} {'reader':6} {'archive, MB':>12} {'CPU, s':>7} "
            f"{'restore / torch.load':>21} {'spread':>12}"
        )
        for strategy in ("mask", "one-layer", "mp", "rp"):
            seconds, size = measure(Path(folder), strategy, density, runs, c_reader)
            loads = seconds.pop("load")
            for reader, spent in seconds.items():
                ratios = [one / load for one, load in zip(spent, loads, strict=True)]
                print(
                    f"{strategy:10} {reader:6} {size / 1e6:12.2f} {statistics.median(spent):7.3f} "
                    f"{statistics.median(ratios):21.2f} {min(ratios):6.2f}{max(ratios):6.2f}",
                    flush=True,
                )


def measure(
    folder: Path, strategy: str, density: float, runs: int, c_reader: Path | None
) -> tuple[dict[str, list[float]], int]:
    model = pemn_compress.build("torchvision:resnet50")
    masked = pemn_compress.MaskedModel(model, strategy=strategy, density=density)
    archive, dense = folder / f"{strategy}.pemn", folder / "dense.pt"
    pemn_compress.save(masked, archive, force=True)
    torch.save(masked.to_plain().state_dict(), dense)
    torch.save({"w": torch.zeros(1)}, folder / "small.pt")
    timed: dict[str, Callable[[], float]] = {
        "load": lambda: alone(clock_load, folder / "small.pt", dense),
        "Python": lambda: alone(clock_restore, SMALL, archive),
    }
    if c_reader is not None:
        timed["C"] = lambda: clock_c(c_reader, archive)
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(runs):
        for name, function in timed.items():
            seconds[name].append(function())
    return seconds, archive.stat().st_size


def alone(function: Callable[[Path, Path], float], *paths: Path) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, paths)


def clock_load(small: Path, path: Path) -> float:
    torch.set_num_threads(1)
    torch.load(small, weights_only=True)
    started = time.process_time()
    torch.load(path, weights_only=True)
    return time.process_time() - started


def clock_restore(small: Path, path: Path) -> float:
    torch.set_num_threads(1)
    for each in (small, path):
        started = time.process_time()
        with open_archive(each) as opened:
            loading.state_dict(opened)
    return time.process_time() - started


def clock_c(program: Path, archive: Path) -> float:
    done = subprocess.run([program, "1", archive], check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout)["cpu"])


if __name__ == "__main__":
    main()
