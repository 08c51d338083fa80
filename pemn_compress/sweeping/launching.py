"""One run in a process of its own: how it is started, and what it came to. Torch-free."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pemn_compress.errors import OutputError
from pemn_compress.printable import one_line
from pemn_compress.sweeping.runs import FINISHED, OUTPUT, fail, keep_run, look
from pemn_compress.sweeping.worker import TAKEN

MOST_OUTPUT = 1 << 16  # bytes at the end of a run's output in which its failure is looked for
ENDING_SECONDS = 15.0  # that an interrupted run has to end in, before it is killed


@dataclass(frozen=True)
class Job:
    """One run for an engine: its folder, what run.json says, and the machine's part of it.

    `environment` is added to that of this process.
    """

    id: str
    folder: Path
    told: dict[str, Any]
    threads: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def may_use_gpu(self) -> bool:
        """Whether the run takes a GPU where there is one."""
        return bool(self.told["options"].get("device", "auto") != "cpu")


@dataclass(frozen=True)
class Outcome:
    """What a run came to: "finished", "failed" (`reason` in one line), or "taken" by another."""

    id: str
    state: str
    reason: str = ""
    record: dict[str, Any] | None = None


class Started:
    """A run that has started, in a process of its own."""

    def __init__(self, job: Job) -> None:
        """Start it; what it prints goes to its output.txt, after what earlier starts printed.

        Raises OSError, OutputError.
        """
        self.job = job
        path = job.folder / OUTPUT
        with open(path, "ab") as output:
            self._before = output.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pemn_compress.sweeping.worker", str(job.folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "OMP_NUM_THREADS": str(job.threads), **job.environment},
            )

    def outcome(self) -> Outcome | None:
        """Return what it came to, None while it computes. A failure is left in its folder."""
        status = self.process.poll()
        if status is None:
            return None
        if status == TAKEN:
            return Outcome(self.job.id, "taken")
        found = look(self.job.folder)
        if status == 0 and found.state == FINISHED:
            return Outcome(self.job.id, "finished", record=found.record)
        reason = self._reason(status)
        fail(self.job.folder, reason)
        return Outcome(self.job.id, "failed", reason)

    def _reason(self, status: int) -> str:
        """Return in one line why it failed: its last words, or the signal that ended it."""
        if status < 0:
            name = signal.Signals(-status).name if -status in signal.valid_signals() else ""
            told = f"killed by signal {-status} {name}".strip()
            return f"{told}: is it out of memory?" if status == -signal.SIGKILL else told
        last = ""
        with suppress(OSError), open(self.job.folder / OUTPUT, "rb") as output:
            end = output.seek(0, os.SEEK_END)
            output.seek(max(self._before, end - MOST_OUTPUT))
            lines = output.read().decode("utf-8", "replace").split("\n")
            last = next((line for line in reversed(lines) if line.strip()), "")
        return one_line(last.strip().removeprefix("pemn: ")) or f"ended with status {status}"


def start(job: Job) -> Started | Outcome:
    """Start a run; return that it failed where it cannot be started, as on a full disk."""
    try:
        keep_run(job.folder, job.told)
        return Started(job)
    except OutputError as error:
        reason = str(error)
    except OSError as error:
        reason = f"{error.filename or job.folder}: {error.strerror or error}"
    fail(job.folder, reason)
    return Outcome(job.id, "failed", reason)


def end(started: Sequence[Started]) -> None:
    """End runs so that the next start goes on: interrupt those that have not ended, then kill."""
    left = [one.process for one in started]
    # a terminal interrupts them with this process; a second time could hit what ends the first,
    # and a process that was started in the background ignores SIGINT
    for wait, number in ((1.0, signal.SIGTERM), (ENDING_SECONDS, signal.SIGKILL)):
        for process in left:
            with suppress(subprocess.TimeoutExpired):
                process.wait(wait)
        left = [process for process in left if process.poll() is None]
        for process in left:
            process.send_signal(number)
    for process in left:
        process.wait()
