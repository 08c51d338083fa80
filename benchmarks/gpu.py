"""A masked training step beside a plain one on a GPU: python benchmarks/gpu.py

Eager and compiled, fp32 and bf16 with channels-last; medians of interleaved turns of several steps
each, between two synchronisations. Writes benchmarks/RESULTS-GPU.md. `--device cpu --quick` only
shows that it runs.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import torch
from measuring import hardware, table
from variants import Trainer

MODELS = ("ResNet-32", "ResNet-18")


@click.command()
@click.option("--device", default="cuda", show_default=True)
@click.option("--batch", default=256, show_default=True)
@click.option("--turns", default=20, show_default=True)
@click.option("--quick", is_flag=True, help="One model, two turns, no compiler; writes nothing.")
def main(device: str, batch: int, turns: int, quick: bool) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        raise click.ClickException("no GPU: expected one that torch can use, got none")
    name = torch.cuda.get_device_name() if device == "cuda" else device
    rows = []
    for model in MODELS[:1] if quick else MODELS:
        for compiled in (False,) if quick else (False, True):
            for half in (False, True):
                steps = {
                    variant: Trainer(
                        model, variant, batch, amp=half, channels_last=half, device=device,
                        compiled=compiled,
                    ).step
                    for variant in ("plain", "masked")
                }  # fmt: skip
                ratios = interleaved(steps, 2 if quick else turns, device)
                low, middle, high = statistics.quantiles(ratios, n=4)
                rows.append(
                    [
                        model,
                        "compiled" if compiled else "eager",
                        "bf16, channels-last" if half else "fp32",
                        f"{middle:.2f} ({low:.2f}-{high:.2f})",
                    ]
                )
                print(rows[-1], flush=True)
    text = f"# A masked step / a plain one, batch {batch}\n\n{name}; {hardware()}.\n\n" + table(
        ["model", "mode", "precision", "ratio (quartiles)"], rows
    )
    print(text)
    if not quick:
        Path(__file__).with_name("RESULTS-GPU.md").write_text(text + "\n")


def interleaved(steps: dict[str, Callable[[], None]], turns: int, device: str) -> list[float]:
    """Return masked / plain wall time of every turn, after two to warm up and compile in."""
    ratios = []
    for turn in range(-2, turns):
        seconds = {}
        for variant, step in steps.items():
            _wait(device)
            started = time.perf_counter()
            for _ in range(2 if turn < 0 or device == "cpu" else 10):
                step()
            _wait(device)
            seconds[variant] = time.perf_counter() - started
        if turn >= 0:
            ratios.append(seconds["masked"] / seconds["plain"])
    return ratios


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
