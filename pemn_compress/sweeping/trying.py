"""A short trial of a run: how long its steps take on this machine."""

import time
from dataclasses import replace
from typing import Any

import torch

from pemn_compress.compressing.verb import compress
from pemn_compress.errors import PemnError, SettingError
from pemn_compress.sweeping.checking import Ask, Planned
from pemn_compress.sweeping.grid import RunOf

_STEPS = 4
_UNLIMITED = ("ramp_epochs", "warmup_epochs", "renewal_every")


def trial_seconds(run: RunOf, planned: Planned, ask: Ask) -> float:
    """Return the seconds that a run will take, from the second of two epochs of a few of its steps.

    The first one is slower; what comes before and after training is counted once. In this process,
    with the run's threads. Raises SettingError, naming the run, where it cannot be trained.
    """
    model, keywords = ask(run)
    batch = _batch_size(keywords)
    few = min(planned.train, _STEPS * batch)
    keywords = _short(keywords, few, min(planned.test, _STEPS * batch))
    threads = torch.get_num_threads()
    torch.set_num_threads(int(run.options.get("threads", threads)))
    begun = time.perf_counter()
    try:
        made = compress(model, **keywords)
    except PemnError as error:
        raise SettingError(f"{run.place}: {run.id}: {error}") from None
    finally:
        torch.set_num_threads(threads)
    whole = time.perf_counter() - begun
    seconds = [float(epoch["seconds"]) for epoch in made.record["epochs"]]
    around = max(0.0, whole - sum(seconds))
    of_a_sample = seconds[-1] / (few + min(planned.test, _STEPS * batch) / 3)
    return around + planned.epochs * of_a_sample * (planned.train + planned.test / 3)


def _batch_size(keywords: dict[str, Any]) -> int:
    from pemn_compress.training import recipes

    return int(keywords.get("batch_size") or recipes.load(keywords["recipe"]).batch_size)


def _short(keywords: dict[str, Any], train: int, test: int) -> dict[str, Any]:
    """Return the keywords of two epochs over a few samples: nothing else of it differs."""
    short = {key: value for key, value in keywords.items() if key not in _UNLIMITED}
    data = replace(keywords["data"], train_limit=train, test_limit=test)
    if short.get("density_schedule"):  # a ramp is longer than this
        short["density_schedule"] = "constant"
    return short | {"data": data, "epochs": 2}
