"""Every table of benchmarks/RESULTS.md: python benchmarks/bench.py, or make bench.

One thread and CPU time; what is compared runs in turns within one process, and what is printed are
medians of the turns' ratios, quartiles in brackets. `--quick` takes few turns, to see that it runs.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import archives
import click
import growth
import torch
from measuring import hardware, interleaved, ratio, table
from peak_memory import peak_memory
from torch import Tensor
from variants import DENSITY, VARIANTS, Trainer

from pemn_compress.masking.top import ranked, top_mask

STEPS = (  # model, batch, turns
    ("ResNet-32", 64, 20),
    ("ResNet-32", 128, 12),
    ("ConvMixer-256/8", 32, 12),
    ("ViT-256/6", 32, 12),
    ("ResNet-18", 8, 20),
    ("ResNet-18", 32, 12),
    ("resnet9", 128, 12),
)
OTHERS = [name for name in VARIANTS if name != "plain"]


@click.command()
@click.option("--quick", is_flag=True, help="Few turns and the small sizes; writes nothing.")
@click.option("--only", default="", help="One table, by its function's name; writes nothing.")
def main(quick: bool, only: str) -> None:
    torch.set_num_threads(1)
    started = time.perf_counter()
    parts = [
        "# Results\n\nMade by `make bench`; do not edit. "
        f"{datetime.now(UTC):%Y-%m-%d}; {hardware()}.\nOne thread, CPU time, runs interleaved: "
        "medians of ratios, quartiles in brackets."
    ]
    print(parts[0], flush=True)
    own = (training_step, half_precision, memory, selection)
    every = (*own, *archives.SECTIONS, with_plot)
    for section in [section for section in every if only in ("", section.__name__)]:
        text = section(quick)
        parts.append(text)
        print(f"\n{text}", flush=True)
    seconds = time.perf_counter() - started
    print(f"\n{seconds / 60:.1f} minutes", file=sys.stderr)
    if not quick and not only:
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
        f"density {DENSITY:g}, rp with ratio 0.01.\n`sign` learns signs at density 1, which needs "
        "no selection;\n`fixed mask` multiplies trained weights by a mask that never changes; "
        "`full sort` is edge-popup as\npublished. resnet9 is of width 16.\n\n"
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
        generator = torch.Generator().manual_seed(0)
        scores, step = torch.randn(2, numel, generator=generator)
        repeats = max(4, 10**6 // numel)
        work: dict[str, Callable[[], object]] = {
            "step": partial(_repeat, repeats, _move, scores, step),
            "after a step": partial(_repeat, repeats, _move, scores, step, _choose),
            "first": partial(_repeat, repeats, _first, scores),
            "unchanged": partial(_repeat, repeats, _choose, scores),
            "full sort": partial(_sort, scores),
        }
        seconds = interleaved(work, 5 if quick else 11)
        pairs = zip(seconds.pop("after a step"), seconds.pop("step"), strict=True)
        seconds = {"after a step": [moved - move for moved, move in pairs], **seconds}
        sorts = [s * repeats for s in seconds.pop("full sort")]
        each = [f"{sorted(s)[len(s) // 2] / repeats / numel * 1e9:.1f}" for s in seconds.values()]
        rows.append([f"10^{power}", *each, ratio(sorts, seconds["after a step"])])
    head = ["scores", "ns after a step", "ns at first", "ns unchanged", "full sort / after a step"]
    return (
        "## Selection alone\n\nThe mask of the top half of one tensor's |scores|, CPU time per "
        "weight. A step moves every score by a\nthousandth of the scores' deviation; at first "
        "nothing is known of the tensor.\n\n" + table(head, rows)
    )


def _repeat(count: int, function: Callable[..., object], *arguments: object) -> None:
    for _ in range(count):
        function(*arguments)


def _choose(scores: Tensor) -> None:
    top_mask(scores, scores.numel() // 2)


def _first(scores: Tensor) -> None:
    ranked._remembered.clear()
    _choose(scores)


def _move(scores: Tensor, step: Tensor, then: Callable[[Tensor], object] | None = None) -> None:
    scores.add_(step, alpha=1e-3)
    if then is not None:
        then(scores)


def _sort(scores: Tensor) -> None:
    order = scores.abs().sort().indices
    mask = torch.ones_like(scores)
    mask[order[: scores.numel() // 2]] = 0


if __name__ == "__main__":
    main()
