"""CPU time of `pemn report --front` over many records: python benchmarks/front.py [--records 1000]

Records are made up, each with the log of 100 epochs; every run of the command is a process of its
own, and its user and system time is what is told: median, and the least and the most. `--archives`
measures as many archives without records.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np

from pemn_compress.format import prng
from pemn_compress.format.archive import MaskedTensor, Prototype, encode

EPOCHS = 100
STRATEGIES = ("mask", "one-layer", "mp", "rp", "magnitude", "random")


def settings(number: int) -> dict[str, Any]:
    grid = list(product(STRATEGIES, (0.5, 0.3, 0.2, 0.1, 0.05)))
    strategy, density = grid[number // 5 % len(grid)]
    return {"strategy": strategy, "density": density, "seed": number % 5, "ratio": 0.01,
            "search": "edge-popup", "renewal": "none", "floor": number // 150 / 100}  # fmt: skip


def record(number: int) -> dict[str, Any]:
    value = (number * 7919 % 1000) / 1000
    score = {"total": 10_000, "correct": int(10_000 * value), "loss": 1.2345678901234567,
             "metrics": [{"name": "accuracy", "value": value, "better": "max"}]}  # fmt: skip
    epoch = {"lr": 0.01, "train_loss": 1.3887351958648018, "test": score, "validation": score,
             "images_per_second": 37819.90796235275, "seconds": 0.04044391299976269}  # fmt: skip
    return {
        "archive": {"path": "model.pemn", "bytes": 4000 + number * 31 % 9000,
                    "sha256": sha256(str(number).encode()).hexdigest()},
        "architecture": {"kind": "registered", "name": "mlp", "arguments": {"width": 128}},
        "data": {"name": "cifar10", "train": 50_000, "test": 10_000, "classes": 10},
        "settings": settings(number),
        "recipe": {"name": "default", "epochs": EPOCHS},
        "run": {"device": "cpu", "device_name": "x86_64", "threads": 1, "ranks": 1},
        "storage": {"codec": "auto", "value_dtype": "float32"},
        "metric": {"name": "accuracy", "better": "max", "value": value},
        "epochs": [{"epoch": n + 1, **epoch} for n in range(EPOCHS)],
        "versions": {"pemn-compress": "0.1.0", "torch": "2.14.1"},
        "finished": "2026-11-26T17:37:39+00:00",
    }  # fmt: skip


def archive(number: int) -> bytes:
    random = np.random.default_rng(number)
    mask = random.random((64, 64)) < 0.5
    about = {"settings": settings(number), "training": {"recipe": "default", "epochs": EPOCHS},
             "accuracy": {"correct": number % 1000, "total": 1000, "data": "cifar10"}}  # fmt: skip
    prototype = Prototype("normal16", prng.normal16(number, 0, 64), number)
    return encode([MaskedTensor("w", "f32", mask, 0, 0.5)], prototype, about=about)


def measured(folder: str) -> float:
    """Run the command and return its CPU time in seconds."""
    before = os.times()
    command = [sys.executable, "-m", "pemn_compress", "report", folder, "--front"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


@click.command()
@click.option("--records", "count", default=1000, show_default=True)
@click.option("--rounds", default=7, show_default=True)
@click.option("--archives", is_flag=True, help="Archives without records.")
def main(count: int, rounds: int, archives: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            place = Path(folder, f"{number:05}")
            place.mkdir()
            if archives:
                (place / "model.pemn").write_bytes(archive(number))
            else:
                (place / "record.json").write_text(json.dumps(record(number), indent=2))
        times = sorted(measured(folder) for _ in range(rounds))
    what = "archives" if archives else "records"
    print(f"{count:,} {what}: {statistics.median(times):.2f} s of CPU "
          f"({times[0]:.2f} to {times[-1]:.2f} in {rounds} runs)")  # fmt: skip


if __name__ == "__main__":
    main()
