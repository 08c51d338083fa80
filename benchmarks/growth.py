"""How cost grows with size: python benchmarks/growth.py, for growth.png and growth.svg.

CPU time and peak memory per weight, from 10^5 to 10^8 weights, of a training step's own part
(selection, masked weights and their gradients), of packing, and of restoring. Every figure is of a
process of its own, one thread.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click
import torch
from fresh import Growth, alone, rounds
from measuring import hardware, table
from torch import nn

import pemn_compress
from pemn_compress.format.archive import open_archive
from pemn_compress.storing import loading
from pemn_compress.storing import saving as packing

LAYERS = 8
EXPONENTS = (5, 5.5, 6, 6.5, 7, 7.5, 8)
STEP_SECONDS = 0.5


class Cost(NamedTuple):
    """What one call takes per weight: CPU time in ns, and bytes of memory at its peak."""

    time: float
    memory: float


def network(weights: float) -> nn.Module:
    """Return eight square matrices with so many weights in all, uninitialised."""
    side = round((weights / LAYERS) ** 0.5)
    linear = (nn.utils.skip_init(nn.Linear, side, side, bias=False) for _ in range(LAYERS))
    return nn.Sequential(*linear)


def masked(weights: float, strategy: str) -> pemn_compress.MaskedModel:
    return pemn_compress.MaskedModel(network(weights), strategy=strategy)


def clock(function: Callable[[], object], weights: float, calls: int = 1) -> Cost:
    grown, started = Growth(), time.process_time()
    for _ in range(calls):
        held = function()
    spent = time.process_time() - started
    cost = Cost(spent / calls / weights * 1e9, grown.peak() / weights)
    del held
    return cost


def clock_step(weights: float) -> Cost:
    """Measure changed scores to weights, and gradients of these back to gradients of scores.

    Its memory is the scores' own and all that a step needs besides.
    """
    step(masked(1e4, "rp"))
    grown = Growth()
    model = masked(weights, "rp")
    step(model)
    grown.forget_peak()
    step(model)
    memory = grown.peak() / weights
    started = time.process_time()
    step(model)
    calls = max(1, round(STEP_SECONDS / (time.process_time() - started)))
    return Cost(clock(lambda: step(model), weights, calls).time, memory)


def step(model: pemn_compress.MaskedModel) -> None:
    with torch.no_grad():
        for score in model.scores:
            score[:1].add_(0)  # counts as a change
    made = list(model.weights(every_name=False, training=True).values())
    gradient = torch.ones(made[0].shape)  # one, as the layers' own do not live at the same time
    torch.autograd.backward(made, [gradient] * LAYERS)
    model.zero_grad(set_to_none=True)


def clock_pack(weights: float) -> Cost:
    packing.pack(masked(1e4, "rp"))
    model = masked(weights, "rp")
    return clock(lambda: packing.pack(model), weights)


def clock_restore(small: Path, path: Path, weights: float) -> Cost:
    def restore(each: Path) -> object:
        with open_archive(each) as archive:
            return loading.state_dict(archive)

    restore(small)
    return clock(lambda: restore(path), weights)


def clock_load(small: Path, path: Path, weights: float) -> Cost:
    torch.load(small, weights_only=True)
    return clock(lambda: torch.load(path, weights_only=True), weights)


def write(folder: Path, weights: float, name: str) -> None:
    """Write the files of one size that the readers read."""
    for strategy in ("rp", "mask"):
        model = masked(weights, strategy)
        pemn_compress.save(model, folder / f"{name}-{strategy}.pemn", force=True)
    torch.save(model.to_plain().state_dict(), folder / f"{name}.pt")


WORK = ("step", "pack", "restore, rp", "restore, mask", "torch.load")


def measure(weights: float, runs: int, folder: Path) -> dict[str, Cost]:
    """Return each work's median cost at one size."""
    alone(write, folder, 1e4, "small")
    alone(write, folder, weights, "large")

    def reads(function: Callable[..., Cost], ending: str) -> Cost:
        return alone(function, folder / f"small{ending}", folder / f"large{ending}", weights)

    costs = rounds(
        {
            "step": lambda: alone(clock_step, weights),
            "pack": lambda: alone(clock_pack, weights),
            "restore, rp": lambda: reads(clock_restore, "-rp.pemn"),
            "restore, mask": lambda: reads(clock_restore, "-mask.pemn"),
            "torch.load": lambda: reads(clock_load, ".pt"),
        },
        runs,
    )
    return {
        work: Cost(*(statistics.median(column) for column in zip(*own, strict=True)))
        for work, own in costs.items()
    }


@click.command()
@click.option("--quick", is_flag=True, help="Two small sizes, one run; writes nothing.")
@click.option("--runs", default=3, show_default=True)
@click.option("--largest", default=8.0, show_default=True, help="Exponent of the most weights.")
def main(quick: bool, runs: int, largest: float) -> None:
    print(f"{hardware()}.\n")
    text, costs = growth(quick, runs, largest)
    print(text)
    if not quick:
        plot(costs, Path(__file__).with_name("growth"))


TEXT = """## Cost against size

Eight square matrices, density 0.5; CPU time in ns and peak memory in bytes, per weight; medians.
`step`: changed scores to masks and weights, and gradients back to scores (rp); its memory has the
scores in it. `pack`: rp, besides the model. `rp`, `mask`: restoring a state dict, digests checked,
beside `load`, torch.load of the dense one. Dotted lines: where 4 bytes a weight fill a cache.

Memory per weight is flat, but for the restore of `mask`, where threads that work at the same time
hold a part of the prototype each. Below 10^6 weights a call's fixed cost shows in the time (some
ms for packing, some 2 ms for restoring). The caches make no step: all work streams through memory
or in parts that fit. Seen on an AMD EPYC with 2 cores and 32 MB of L3: at 10^8 packing takes more
system time (19 to 25 ns a weight, 2 to 7 at 3 x 10^7; 20 to 22 of the program's own at both), as a
tensor's 50 MB are more than the 32 MB up to which glibc hands out memory again, and the system
clears every page anew.

![Time and memory per weight](growth.png)

"""
SHORT = ("step", "pack", "rp", "mask", "load")


def growth(
    quick: bool, runs: int = 3, largest: float = 8
) -> tuple[str, dict[float, dict[str, Cost]]]:
    """Return the table as text, and the costs by size."""
    exponents = EXPONENTS[:2] if quick else [e for e in EXPONENTS if e <= largest]
    costs: dict[float, dict[str, Cost]] = {}
    rows = []
    for exponent in exponents:
        with tempfile.TemporaryDirectory() as folder:
            costs[exponent] = measure(10**exponent, 1 if quick else runs, Path(folder))
        print(f"10^{exponent:g}", costs[exponent], file=sys.stderr, flush=True)
        own = costs[exponent].values()
        rows.append(
            [
                f"10^{exponent:g}",
                *(f"{cost.time:.1f}" for cost in own),
                *(f"{cost.memory:.1f}" for cost in own),
            ]
        )
    head = ["weights", *(f"{unit} {w}" for unit in ("ns", "B") for w in SHORT)]
    return TEXT + table(head, rows), costs


def plot(costs: dict[float, dict[str, Cost]], path: Path) -> None:
    """Draw time and memory per weight against weights, as PNG and SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "growth"  # the same figures give the same file
    matplotlib.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.6))
    figure.subplots_adjust(left=0.05, right=0.985, top=0.86, bottom=0.22, wspace=0.12)
    sizes = [10**exponent for exponent in costs]
    for axis, field, unit in zip(
        axes, Cost._fields, ("CPU time, ns", "memory, bytes"), strict=True
    ):
        for work in WORK:
            told = [getattr(own[work], field) for own in costs.values()]
            style = {"color": "grey", "linestyle": "--"} if work == "torch.load" else {}
            axis.plot(sizes, told, marker="o", markersize=4, label=work, **style)
        axis.set(xscale="log", xlabel="weights")
        axis.set_title(f"{unit} per weight", pad=18)
        axis.grid(alpha=0.3)
        for name, kept in caches().items():
            if sizes[0] < kept / 4 < sizes[-1]:
                axis.axvline(kept / 4, color="black", linewidth=0.8, linestyle=":")
                axis.text(
                    kept / 4, 1.01, f"{name}", transform=axis.get_xaxis_transform(), ha="center"
                )
    axes[0].set_yscale("log")
    axes[0].set_yticks([1, 2, 5, 10, 20, 50, 100], [1, 2, 5, 10, 20, 50, 100])
    axes[0].minorticks_off()
    axes[1].set_ylim(bottom=0)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="lower center", ncols=len(WORK))
    figure.savefig(path.with_suffix(".png"), dpi=110)
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})


def caches() -> dict[str, int]:
    """Return the sizes in bytes of the caches that Linux tells of: {"L2": 1048576, ...}."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, size = ((index / field).read_text().strip() for field in ("level", "size"))
        if level in ("2", "3"):
            found[f"L{level}"] = int(size.removesuffix("K")) * 1024
    return found


if __name__ == "__main__":
    main()
