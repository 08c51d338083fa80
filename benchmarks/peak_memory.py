"""One variant's peak memory, in a process of its own: python benchmarks/peak_memory.py ...

Prints by how many bytes the process's peak resident memory grew, from before the model was built
to after three training steps.
"""

import resource
import subprocess
import sys
from pathlib import Path

import click
import torch
from variants import MODELS, VARIANTS, Trainer


@click.command()
@click.argument("model", type=click.Choice(list(MODELS)))
@click.argument("variant", type=click.Choice(list(VARIANTS)))
@click.argument("batch", type=int)
def main(model: str, variant: str, batch: int) -> None:
    torch.set_num_threads(1)
    warm_up = Trainer("ResNet-32", "plain", 1)  # the libraries' own memory, whatever the model
    warm_up.step()
    del warm_up
    before = _peak()
    trainer = Trainer(model, variant, batch)
    for _ in range(3):
        trainer.step()
    print(_peak() - before)


def _peak() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the process that started this one had
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return 1024 * int(lines["VmHWM"].split()[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


def peak_memory(model: str, variant: str, batch: int) -> int:
    """Run this file in a process of its own and return what it prints."""
    command = [sys.executable, str(Path(__file__)), model, variant, str(batch)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
