"""Processes that load data, and an interrupt that comes while they start."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from pemn_compress.data.workers import loaded


class Interrupting:
    """A batch sampler during whose start the whole process is interrupted."""

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[list[int]]:
        os.kill(os.getpid(), signal.SIGINT)
        return iter([[0, 1], [2, 3]])


@pytest.fixture
def another_thread() -> Iterator[None]:
    """As torch has some: one that blocks no signal, so that a process's signal finds it."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    yield
    done.set()
    thread.join()


@pytest.mark.usefixtures("another_thread")
def test_an_interrupt_while_workers_start_counts_when_they_have_started(
    capfd: pytest.CaptureFixture[str],
) -> None:
    loader = DataLoader(TensorDataset(torch.arange(4)), num_workers=2, batch_sampler=Interrupting())
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        list(loaded(loader))
    assert signal.getsignal(signal.SIGINT) is before
    assert capfd.readouterr().err == "", "neither a worker nor the loader has a traceback to print"


def test_a_thread_that_is_not_the_main_one_loads_too() -> None:
    loader = DataLoader(TensorDataset(torch.arange(4)), num_workers=1, batch_size=2)
    found: list[list[int]] = []
    thread = threading.Thread(
        target=lambda: found.extend(batch[0].tolist() for batch in loaded(loader))
    )
    thread.start()
    thread.join()
    assert found == [[0, 1], [2, 3]]
