"""`python -m pemn_compress.sweeping.worker FOLDER`: one run, in a process of its own. Torch-free.

It holds the run's lock for as long as it computes, so that no two processes ever write to one
folder, whatever becomes of whoever started them.
"""

import json
import os
import runpy
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from filelock import Timeout

from pemn_compress.sweeping.interrupting import told_to_end
from pemn_compress.sweeping.runs import CHECKPOINT, FAILURE, FINISHED, RUN, lock_of, look

TAKEN = 75  # exit status: another process is at it; EX_TEMPFAIL of sysexits.h
PARENT_SECONDS = 1.0  # between two looks whether whoever started this is still there


def main(folder: Path) -> int:
    """Do what a run's run.json says, and return the exit status of `pemn compress`."""
    try:
        lock = lock_of(folder).acquire(timeout=0)
    except Timeout:
        return TAKEN
    with lock:
        if look(folder).state == FINISHED:
            return 0
        for left in (*folder.glob(".*.part"), folder / FAILURE):
            left.unlink(missing_ok=True)  # of a start that was killed while it wrote
        command = json.loads((folder / RUN).read_bytes())["command"]
        _end_with_parent()
        with told_to_end():
            status = _run(command)
        if status == 0:
            with suppress(OSError):
                (folder / CHECKPOINT).unlink(missing_ok=True)
        return status


def _run(command: list[str]) -> int:
    sys.argv = command
    try:
        runpy.run_module("pemn_compress", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _end_with_parent() -> None:
    """Interrupt this process once the one that started it is gone: nobody would read the result."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    if os.name == "posix":
        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
