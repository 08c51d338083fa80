"""How this folder measures: interleaved, one thread, CPU time, ratios with their spread."""

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch


def interleaved(
    functions: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 2
) -> dict[str, list[float]]:
    """Return CPU seconds per call: every round calls each function once, the order rotating.

    What slows the machine for a while slows all of a round alike, so that a round's ratios stand.
    """
    names = list(functions)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-warm_up, rounds):
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            started = time.process_time()
            functions[name]()
            if turn >= 0:
                seconds[name].append(time.process_time() - started)
    return seconds


def ratio(over: list[float], under: list[float]) -> str:
    """Return the median of the rounds' ratios, and their quartiles: "1.02 (1.01-1.04)"."""
    ratios = [a / b for a, b in zip(over, under, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    digits = 2 if middle < 10 else 1
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table that also reads well as text; all but the first column are right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(row: list[str]) -> str:
        cells = [
            row[0].ljust(widths[0]),
            *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
        ]
        return f"| {' | '.join(cells)} |"

    rule = "|".join(["-" * (widths[0] + 2), *("-" * (w + 1) + ":" for w in widths[1:])])
    return "\n".join([line(head), f"|{rule}|", *map(line, rows)])


def hardware() -> str:
    """Return one line: the processor, its cores, and the versions that matter."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    names, cores = [], 0
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
        cores = len(names)
    capability = torch.backends.cpu.get_cpu_capability()
    return (
        f"{names[0] if names else model}, {cores or '?'} cores ({capability}), "
        f"{platform.system()}; Python {platform.python_version()}, torch {torch.__version__}, "
        f"numpy {np.__version__}"
    )
