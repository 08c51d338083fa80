"""Every table of benchmarks/RESULTS.md: python benchmarks/bench.py, or make bench.

One thread and CPU time; what is compared runs in turns within one process, and what is printed are
medians of the turns' ratios, quartiles in brackets. `--quick` takes few turns, to see that it runs.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import archives
import click
import growth
import torch
from measuring import hardware, interleaved, ratio, table
from peak_memory import peak_memory
from torch import Tensor
from variants import DENSITY, VARIANTS, Trainer

from pemn_compress.masking.top import top_mask

STEPS = (  # model, batch, turns
    ("ResNet-32", 64, 20),
    ("ResNet-32", 128, 12),
    ("ConvMixer-256/8", 32, 12),
    ("ViT-256/6", 32, 12),
    ("ResNet-18", 8, 20),
    ("ResNet-18", 32, 12),
)
OTHERS = [name for name in VARIANTS if name != "plain"]


@click.command()
@click.option("--quick", is_flag=True, help="Few turns and the small sizes; writes nothing.")
def main(quick: bool) -> None:
    torch.set_num_threads(1)
    started = time.perf_counter()
    parts = [
        "# Results\n\nMade by `make bench`; do not edit. "
        f"{datetime.now(UTC):%Y-%m-%d}; {hardware()}.\nOne thread, CPU time, runs interleaved: "
        "medians of ratios, quartiles in brackets."
    ]
    print(parts[0], flush=True)
    own = (training_step, half_precision, memory, selection)
    for section in (*own, *archives.SECTIONS, with_plot):
        text = section(quick)
        parts.append(text)
        print(f"\n{text}", flush=True)
    seconds = time.perf_counter() - started
    print(f"\n{seconds / 60:.1f} minutes", file=sys.stderr)
    if not quick:
        path = Path(__file__).with_name("RESULTS.md")
        path.write_text("\n\n".join(parts) + "\n")


def with_plot(quick: bool) -> str:
    """Return the cost against the size, and draw it."""
    text, costs = growth.growth(quick)
    if not quick:
        growth.plot(costs, Path(__file__).with_name("growth.png"))
    return text


def training_step(quick: bool) -> str:
    """Return one training step's time over that of plain training of the same network."""
    rows = []
    for model, batch, turns in STEPS[:1] if quick else STEPS:
        trainers = {name: Trainer(model, name, batch).step for name in VARIANTS}
        seconds = interleaved(trainers, 3 if quick else turns)
        told = [ratio(seconds[name], seconds["plain"]) for name in OTHERS]
        rows.append([model, str(batch), *told])
    return (
        "## Training step / plain training step\n\nForward, backward and SGD with momentum, "
        f"density {DENSITY:g}, rp with ratio 0.01.\n`fixed mask` multiplies trained weights by a "
        "mask that never changes; `full sort` is edge-popup as\npublished.\n\n"
        + table(["model", "batch", *OTHERS], rows)
    )


def half_precision(quick: bool) -> str:
    """Return what bfloat16 and channels-last make of ResNet-32's step."""
    steps: dict[str, Callable[[], object]] = {
        f"{variant}{kind}": Trainer(
            "ResNet-32", variant, 64, amp=bool(kind), channels_last=bool(kind)
        ).step
        for variant in ("plain", "masked")
        for kind in ("", " bf16")
    }
    seconds = interleaved(steps, 3 if quick else 16)
    rows = [[v, ratio(seconds[f"{v} bf16"], seconds[v])] for v in ("plain", "masked")]
    return (
        "## bfloat16 autocast with channels-last / float32\n\nResNet-32, batch 64, one training "
        "step.\n\n" + table(["variant", "time ratio"], rows)
    )


def memory(quick: bool) -> str:
    """Return the growth of a process's peak memory over that of plain training."""
    runs = 1 if quick else 5
    rows = []
    for batch in (1,) if quick else (1, 64):
        peaks = {
            name: sorted(peak_memory("ResNet-18", name, batch) for _ in range(runs))
            for name in VARIANTS
        }
        plain = peaks["plain"][runs // 2]
        told = [f"{p[runs // 2] / plain:.2f} ({p[0] / plain:.2f}-{p[-1] / plain:.2f})"
                for p in (peaks[name] for name in OTHERS)]  # fmt: skip
        rows.append(["ResNet-18", str(batch), *told])
    return (
        "## Peak memory / plain training's\n\nGrowth of the resident memory's peak over three "
        f"steps, each run in a process of its own; median of {runs}, lowest\nand highest in "
        "brackets.\n\n" + table(["model", "batch", *OTHERS], rows)
    )


def selection(quick: bool) -> str:
    """Return the time of choosing a mask per weight, and a full sort's over it."""
    rows = []
    for power in (4, 5) if quick else (4, 5, 6, 7):
        numel = 10**power
        scores = torch.randn(numel, generator=torch.Generator().manual_seed(0))
        repeats = max(1, 10**6 // numel)
        work: dict[str, Callable[[], object]] = {
            "fresh": lambda s=scores, n=repeats: _repeat(_fresh, s, n),
            "unchanged": lambda s=scores, n=repeats: _repeat(_choose, s, n),
            "full sort": lambda s=scores: _sort(s),
        }
        seconds = interleaved(work, 5 if quick else 11)
        sorts = [s * repeats for s in seconds["full sort"]]
        each = sorted(seconds["fresh"])[len(sorts) // 2] / repeats / numel * 1e9
        rows.append(
            [
                f"10^{power}",
                f"{each:.1f}",
                ratio(sorts, seconds["fresh"]),
                ratio(seconds["unchanged"], seconds["fresh"]),
            ]
        )
    head = ["scores", "ns per weight", "full sort / selection", "unchanged scores / selection"]
    return "## Selection alone\n\nThe mask of the top half of one tensor's |scores|.\n\n" + table(
        head, rows
    )


def _repeat(function: Callable[[Tensor], object], scores: Tensor, count: int) -> None:
    for _ in range(count):
        function(scores)


def _choose(scores: Tensor) -> None:
    top_mask(scores, scores.numel() // 2)


def _fresh(scores: Tensor) -> None:
    scores[:1].add_(0)  # counts as a change
    _choose(scores)


def _sort(scores: Tensor) -> None:
    order = scores.abs().sort().indices
    mask = torch.ones_like(scores)
    mask[order[: scores.numel() // 2]] = 0


if __name__ == "__main__":
    main()
