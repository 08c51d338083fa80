"""How long runs will take: as finished ones of the same options did. Torch-free."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pemn_compress.sweeping.grid import RunOf

_OF_CHANCE = ("seed", "score_seed")  # what changes a run and not how long it takes


def kind_of(run: RunOf) -> str:
    """Return what runs have in common that take equally long: all options but the seeds."""
    return json.dumps({k: v for k, v in run.options.items() if k not in _OF_CHANCE})


def seconds_of(record: Mapping[str, Any]) -> float:
    """Return how long a finished run took, over all its starts: its epochs, or more."""
    epochs = sum(float(epoch.get("seconds") or 0) for epoch in record.get("epochs") or ())
    return max(epochs, float(record.get("seconds") or 0))


def known_seconds(finished: Iterable[tuple[RunOf, Mapping[str, Any]]]) -> dict[str, float]:
    """Return the mean time of finished runs, kind by kind."""
    times: dict[str, list[float]] = {}
    for run, record in finished:
        times.setdefault(kind_of(run), []).append(seconds_of(record))
    return {kind: sum(some) / len(some) for kind, some in times.items()}


def estimates(
    runs: Sequence[RunOf],
    known: Mapping[str, float],
    trial: Callable[[RunOf], float] | None = None,
) -> list[tuple[float | None, str]]:
    """Return for each run the seconds that it will take, and what that is made of.

    Made of "finished runs", of a "trial" where there is one to ask, or None and "unknown".
    """
    tried: dict[str, float] = {}
    found: list[tuple[float | None, str]] = []
    for run in runs:
        kind = kind_of(run)
        if kind in known:
            found.append((known[kind], "finished runs"))
        elif trial is not None:
            if kind not in tried:
                tried[kind] = trial(run)
            found.append((tried[kind], "trial"))
        else:
            found.append((None, "unknown"))
    return found
