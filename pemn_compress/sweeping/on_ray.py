"""The engine of a ray cluster, or of ray on this machine: one remote task for each run. Torch-free.

Folders and data are reached by the same paths on every machine: a shared disk. A task starts the
same process as the local engine does, so the bytes are the same.
"""

import os
import time
import warnings
from collections.abc import Sequence
from typing import Any

from pemn_compress.errors import SettingError, install
from pemn_compress.sweeping.engines import Settings, Watch
from pemn_compress.sweeping.interrupting import told_to_end
from pemn_compress.sweeping.launching import ENDING_SECONDS, Job, Outcome, end, start
from pemn_compress.sweeping.queueing import Queue
from pemn_compress.sweeping.runs import fail

POLL_SECONDS = 0.2


def run(jobs: Sequence[Job], settings: Settings, watch: Watch) -> None:
    """Compute runs on ray, at most `settings.workers` at once; return when each has its outcome.

    `settings.address` joins a cluster ("auto": the one of this machine); None starts ray here, for
    as long as this takes. A run takes as many processors as it has threads, and one GPU where the
    cluster has any. Raises SettingError without ray or a cluster, KeyboardInterrupt once all
    processes have ended.
    """
    ray = _ray()
    _connect(ray, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ray's own, of things that are ours to change no more
        try:
            _compute(ray, jobs, settings, watch)
        finally:
            ray.shutdown()


def check() -> None:
    """Refuse to start without ray. Raises SettingError."""
    _ray()


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody has asked to tell anyone
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import ray
    except ImportError:
        raise SettingError(
            "--engine ray: expected ray to be installed, got none: "
            f"{install('ray')}, or --engine local"
        ) from None
    return ray


def _connect(ray: Any, settings: Settings) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if settings.address is None:
        # one processor for each run at once, however many there are
        count = {"num_cpus": settings.workers} if settings.workers else {}
        # else ray's workers, and so the runs, give way to everything else on this machine
        os.environ.setdefault("RAY_worker_niceness", "0")
        ray.init(include_dashboard=False, **count, **quiet)
        return
    try:
        ray.init(address=settings.address, **quiet)
    except Exception as error:  # ray raises several kinds
        reason = " ".join(str(error).split())
        raise SettingError(
            f"--address {settings.address}: expected a ray cluster, got none: {reason}; start one "
            "with 'ray start --head', or leave --address out"
        ) from None


def _compute(ray: Any, jobs: Sequence[Job], settings: Settings, watch: Watch) -> None:
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    local = settings.address is None and settings.workers is not None
    here = os.getcwd()
    remote = ray.remote(max_retries=0)(attempt)
    queue = Queue(jobs)
    running: dict[Any, Job] = {}
    most = settings.workers or max(
        1, int(ray.cluster_resources().get("CPU", 1)) // (jobs[0].threads if jobs else 1)
    )
    with told_to_end():
        try:
            while queue or running:
                while len(running) < most and (found := queue.next()) is not None:
                    if isinstance(found, Outcome):
                        watch.ended(found)
                        continue
                    task = remote.options(
                        num_cpus=1 if local else found.threads, num_gpus=gpus, name=found.id
                    )
                    running[task.remote(found, here)] = found
                    watch.started(found)
                if not running:
                    watch.waiting(len(queue))
                    time.sleep(POLL_SECONDS)
                else:
                    done, _ = ray.wait(list(running), num_returns=1, timeout=POLL_SECONDS)
                    for reference in done:
                        job = running.pop(reference)
                        outcome = _outcome(ray, reference, job)
                        if outcome.state == "taken":
                            queue.put_back(job)
                        else:
                            watch.ended(outcome)
                watch.look()
        except BaseException:
            for reference in running:
                ray.cancel(reference)
            ray.wait(list(running), num_returns=len(running), timeout=ENDING_SECONDS)
            raise


def attempt(job: Job, folder: str) -> Outcome:
    """Do one run, on whatever machine this is, from the folder that the sweep was started in."""
    try:
        os.chdir(folder)
    except OSError as error:
        reason = f"{folder}: expected the same folder on every machine: {error.strerror}"
        return Outcome(job.id, "failed", reason)
    started = start(job)
    if isinstance(started, Outcome):
        return started
    try:
        while (outcome := started.outcome()) is None:
            time.sleep(POLL_SECONDS)
        return outcome
    finally:
        end([started])


def _outcome(ray: Any, reference: Any, job: Job) -> Outcome:
    try:
        outcome: Outcome = ray.get(reference)
    except ray.exceptions.RayError as error:  # a worker was killed, or its machine is gone
        reason = f"its ray worker ended: {' '.join(str(error).split())[:200]}"
        fail(job.folder, reason)
        return Outcome(job.id, "failed", reason)
    return outcome
