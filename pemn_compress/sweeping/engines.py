"""Where runs are computed, by name. Torch-free; each engine is loaded when it is used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from pemn_compress.sweeping.launching import Job, Outcome


class Watch(Protocol):
    """Who is told what happens to runs."""

    def started(self, job: Job) -> None:
        """Say that a run has started."""

    def waiting(self, count: int) -> None:
        """Say that `count` runs are left, all of them in the hands of other processes."""

    def ended(self, outcome: Outcome) -> None:
        """Say what a run came to."""

    def look(self) -> None:
        """Be called several times a second."""


@dataclass(frozen=True)
class Settings:
    """How an engine computes: `workers` runs at once (None: as many as fit), the ray cluster."""

    workers: int | None = None
    address: str | None = None


Engine = Callable[[Sequence[Job], Settings, Watch], None]


def _engine(module: str) -> Engine:
    def run(jobs: Sequence[Job], settings: Settings, watch: Watch) -> None:
        engine: Any = import_module(f"pemn_compress.sweeping.{module}")
        engine.run(jobs, settings, watch)

    return run


ENGINES: dict[str, Engine] = {"local": _engine("local"), "ray": _engine("on_ray")}
