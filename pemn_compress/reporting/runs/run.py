"""One finished run, as its record or its archive tells of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pemn_compress.reporting import words
from pemn_compress.reporting.runs import before

_NO_EXPERIMENT = ("force",)  # of storage: what changes no byte of the archive


@dataclass(frozen=True)
class Metric:
    """What a run came to on the test part; `better` is "max" or "min"."""

    name: str
    better: str
    value: float


@dataclass(frozen=True)
class Run:
    """A run: where it is told of, its stored bytes, its headline metric, and what it was made by.

    `file` is the record, or the archive where there is no record; `archive` the file that `bytes`
    are those of, None where it is not known to exist. The mappings are the record's, perhaps empty.
    """

    file: str
    archive: str | None
    bytes: int
    sha256: str | None
    metric: Metric
    others: tuple[Metric, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    architecture: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    storage: Mapping[str, Any] = field(default_factory=dict)
    selection: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    finished: str | None = None
    command: str | None = None

    @property
    def seed(self) -> object:
        """The run's seed, None where it is not recorded."""
        return self.settings.get("seed")

    @property
    def strategy(self) -> str:
        """The strategy's name."""
        return words.clean(self.settings.get("strategy") or words.NOT_RECORDED)

    @property
    def dataset(self) -> str:
        """The name of the data."""
        return words.clean(self.data.get("name") or "unnamed data")

    @property
    def built(self) -> Mapping[str, Any]:
        """The architecture without the seed (hexadecimal) of its building, if it is the run's."""
        told, seed = self.architecture, self.seed
        if not isinstance(seed, int) or told.get("seed") != f"{seed:x}":
            return told
        return {key: value for key, value in told.items() if key != "seed"}

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """Everything that decides a run but its seed, flat: "settings.density" and so on."""
        return self._flat(self.settings, self.recipe, self.storage, self.selection)

    @cached_property
    def compared(self) -> Mapping[str, Any]:
        """The facts, and what a record of before does not tell, as it was then.

        Two runs that are equal in these are the same experiment.
        """
        recorded = "optimizer" in self.recipe  # an archive tells nothing of how it was stored
        facts = self._flat(
            before.whole_settings(self.settings),
            before.whole_recipe(self.recipe),
            {**before.STORAGE, **self.storage} if recorded else self.storage,
            {**before.SELECTION, **self.selection} if recorded else self.selection,
        )
        return {key: before.plain(value) for key, value in facts.items()}

    def _flat(
        self,
        settings: Mapping[str, Any],
        recipe: Mapping[str, Any],
        storage: Mapping[str, Any],
        selection: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        settings = {key: value for key, value in settings.items() if key != "seed"}
        if settings.get("score_seed") == self.seed:
            settings["score_seed"] = None
        if settings.get("strategy") != "rp":
            settings.pop("ratio", None)
        # where a setting is the recipe's, the settings say what was used
        told_better = {*settings, *before.undecided(settings)}
        arguments = self.architecture.get("arguments")
        rooms: dict[str, Mapping[str, Any]] = {
            "architecture": {k: v for k, v in self.built.items() if k != "arguments"},
            "arguments": arguments if isinstance(arguments, dict) else {"": arguments},
            "settings": settings,
            "data": self.data,
            "recipe": {key: value for key, value in recipe.items() if key not in told_better},
            "storage": {k: v for k, v in storage.items() if k not in _NO_EXPERIMENT},
            "selection": selection,
            # all that a machine's settings change: the rounding
            "run": {"amp": True} if self.machine.get("amp") is True else {},
        }
        return {
            f"{room}.{key}": value for room, told in rooms.items() for key, value in told.items()
        }

    @cached_property
    def experiment(self) -> str:
        """What is equal in runs that differ in their seed alone."""
        metric = [self.metric.name, self.metric.better]
        return json.dumps([metric, self.compared], sort_keys=True, default=str)
