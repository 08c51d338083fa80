"""The engine of this machine: a few runs at once, each in a process of its own. Torch-free."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from pemn_compress.sweeping.engines import Settings, Watch
from pemn_compress.sweeping.interrupting import told_to_end
from pemn_compress.sweeping.launching import Job, Outcome, Started, end, start
from pemn_compress.sweeping.queueing import Queue

POLL_SECONDS = 0.1


def run(jobs: Sequence[Job], settings: Settings, watch: Watch) -> None:
    """Compute runs, `settings.workers` at once; return when each has its outcome.

    Raises KeyboardInterrupt, once all processes have ended, where this one is interrupted or told
    to end.
    """
    gpus = visible_gpus() if any(job.may_use_gpu for job in jobs) else []
    workers = settings.workers or default_workers(jobs[0].threads if jobs else 1, len(gpus))
    queue = Queue(jobs)
    running: dict[int, Started] = {}
    with told_to_end(), _all_ended(running):
        while queue or running:
            for slot in range(workers):
                if slot not in running and not _fill(slot, queue, running, gpus, watch):
                    break
            if queue and not running:
                watch.waiting(len(queue))
            time.sleep(POLL_SECONDS)
            for slot, started in list(running.items()):
                outcome = started.outcome()
                if outcome is None:
                    continue
                del running[slot]
                if outcome.state == "taken":
                    queue.put_back(started.job)
                else:
                    watch.ended(outcome)
            watch.look()


def _fill(
    slot: int, queue: Queue, running: dict[int, Started], gpus: Sequence[str], watch: Watch
) -> bool:
    """Start the next run in a slot; False where there is none to start."""
    while (found := queue.next()) is not None:
        if isinstance(found, Outcome):
            watch.ended(found)
            continue
        job = found
        if len(gpus) > 1:  # each slot has its own; one GPU is everybody's
            one = {"CUDA_VISIBLE_DEVICES": gpus[slot % len(gpus)]}
            job = replace(job, environment={**job.environment, **one})
        started = start(job)
        if isinstance(started, Outcome):
            watch.ended(started)
            continue
        running[slot] = started
        watch.started(job)
        return True
    return False


def default_workers(threads: int, gpus: int) -> int:
    """Return how many runs fit on this machine: one for each GPU, else by its processors."""
    return gpus or max(1, processors() // threads)


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """Return the names of the GPUs that a run may be given, as CUDA_VISIBLE_DEVICES says them.

    Asked of torch only where it is loaded already, as it is once a grid has been checked.
    """
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        return [name for name in said.split(",") if name.strip() not in ("", "-1")]
    torch = sys.modules.get("torch")
    return [str(index) for index in range(torch.cuda.device_count())] if torch else []


@contextmanager
def _all_ended(running: dict[int, Started]) -> Iterator[None]:
    """Leave no process behind, however this one goes on."""
    try:
        yield
    finally:
        end(list(running.values()))
