"""Which run is next: those that other processes compute come last. Torch-free."""

import time
from collections import deque
from collections.abc import Sequence

from pemn_compress.sweeping.launching import Job, Outcome
from pemn_compress.sweeping.runs import FAILED, FINISHED, Found, is_taken, look

TAKEN_SECONDS = 2.0  # between two looks at a run that another process computes


class Queue:
    """The runs that are left, in order.

    What another process finishes meanwhile is its outcome here too; what it fails is not tried
    again, what it leaves unfinished is taken over. A failure from before this start is tried again.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._left = deque(jobs)
        self._failures = {job.id: look(job.folder).failure for job in jobs}
        self._seen: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._left)

    def next(self) -> Job | Outcome | None:
        """Return the next run, or what became of it; None where others have all of them."""
        for _ in range(len(self._left)):
            job = self._left.popleft()
            if time.monotonic() - self._seen.get(job.id, -TAKEN_SECONDS) >= TAKEN_SECONDS:
                found = look(job.folder)
                if found.state == FINISHED:
                    return Outcome(job.id, "finished", record=found.record)
                if self._has_failed_since(job, found):
                    return Outcome(job.id, "failed", found.reason)
                if not is_taken(job.folder):
                    return job
                self._seen[job.id] = time.monotonic()
            self._left.append(job)
        return None

    def put_back(self, job: Job) -> None:
        """Take back a run that another process took first."""
        self._seen[job.id] = time.monotonic()
        self._left.append(job)

    def _has_failed_since(self, job: Job, found: Found) -> bool:
        return found.state == FAILED and found.failure != self._failures[job.id]
