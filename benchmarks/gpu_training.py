"""PEMN's ResNet-32 rows on one GPU, side by side: python benchmarks/gpu_training.py DATA.npz

Every row is one `pemn compress` process; all run at once, since small networks leave a large GPU
waiting for Python. Prints accuracy, archive bytes and seconds of each as a Markdown table, and
keeps archives and records in the folder that --output names.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import click
from measuring import hardware, table

ROWS = {
    "dense": ["--strategy", "dense"],
    "mask": ["--strategy", "mask"],
    "mp": ["--strategy", "mp"],
    "rp 1e-2": ["--strategy", "rp", "--ratio", "1e-2"],
    "rp 1e-3": ["--strategy", "rp", "--ratio", "1e-3"],
    "rp 1e-5": ["--strategy", "rp", "--ratio", "1e-5"],
    "magnitude 0.95": ["--strategy", "magnitude", "--sparsity", "0.95", "--value-dtype", "int8"],
    "random 0.95": ["--strategy", "random", "--sparsity", "0.95", "--value-dtype", "int8"],
}
COMMON = ["--recipe", "pemn-resnet", "--amp", "--channels-last", "--force", "--threads", "2"]


@click.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False))
@click.option("--model", default="resnet32", show_default=True)
@click.option("--epochs", default=60, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--rows", default=",".join(ROWS), show_default=True, help="Names, comma-separated.")
@click.option("--output", type=click.Path(path_type=Path), default="runs/gpu", show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(
    data: str, model: str, epochs: int, seed: int, rows: str, output: Path, device: str
) -> None:
    output.mkdir(parents=True, exist_ok=True)
    started, running = time.perf_counter(), {}
    for name in rows.split(","):
        stem = output / name.replace(" ", "-")
        command = [
            sys.executable, "-m", "pemn_compress", "compress", model, "--data", f"npz:{data}",
            "--epochs", str(epochs), "--seed", str(seed), "--device", device, *COMMON, *ROWS[name],
            "-o", f"{stem}.pemn", "--record", f"{stem}.json", "--checkpoint", f"{stem}.ckpt",
        ]  # fmt: skip
        with Path(f"{stem}.log").open("w") as log:
            running[name] = stem, subprocess.Popen(command, stdout=log, stderr=log)
    lines = []
    for name, (stem, process) in running.items():
        if process.wait():
            lines.append([name, "failed", Path(f"{stem}.log").read_text().splitlines()[-1], ""])
            continue
        told = json.loads(Path(f"{stem}.json").read_text())
        lines.append(
            [
                name,
                f"{100 * told['accuracy']:.2f}",
                f"{told['archive']['bytes']:,}",
                f"{told['seconds']:.0f}",
            ]
        )
        device_name = told["run"]["device_name"]
    print(f"{model}, {epochs} epochs, seed {seed}, {len(lines)} at once on {device_name}; "
          f"{hardware()}; {time.perf_counter() - started:.0f} s in all.\n")  # fmt: skip
    print(table(["strategy", "test accuracy, %", "archive, bytes", "seconds"], lines))


if __name__ == "__main__":
    main()
