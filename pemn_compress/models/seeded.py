"""Random numbers that a seed decides, for code of a user's own that draws some."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of torch, numpy and Python; afterwards all are as before.

    Those of GPUs too, where there is one in use: a GPU that nobody has used is left alone.
    """
    ours, theirs = random.getstate(), np.random.get_state()
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices=list(gpus)):
        torch.default_generator.manual_seed(seed % 2**63)
        if gpus:
            torch.cuda.manual_seed_all(seed % 2**63)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(ours)
            np.random.set_state(theirs)
