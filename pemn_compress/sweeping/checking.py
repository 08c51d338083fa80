"""Is every run of a grid possible, and how large will its archive be? Asked before the first one.

By the same code as `compress` itself: settings are settled, data is looked at once, and each model
is built, without memory where that can be.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

from torch import nn

from pemn_compress import models
from pemn_compress.compressing.forecast import CONTAINER_BYTES, dense_bytes, planned_bytes
from pemn_compress.compressing.preparing import (
    AUTO,
    DataRequest,
    implied_arguments,
    is_model_file,
    load_request,
)
from pemn_compress.compressing.settling import settle
from pemn_compress.compressing.storage import Storage
from pemn_compress.compressing.verb import compress
from pemn_compress.data.samples import Data
from pemn_compress.data.tasks import CLASSIFY, Task
from pemn_compress.errors import PemnError, SettingError
from pemn_compress.masking.rules.plan import Plan
from pemn_compress.masking.rules.pruning import PruningSettings
from pemn_compress.masking.rules.strategies import Settings, fill
from pemn_compress.masking.selection import Selection, owner_of, plan_model
from pemn_compress.models import building
from pemn_compress.models.bounds import without_memory
from pemn_compress.models.modelfile import ModelFile, load_model_file
from pemn_compress.models.seeded import seeded
from pemn_compress.storing.saving import check_ways
from pemn_compress.sweeping.grid import RunOf
from pemn_compress.training import recipes
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.statistics import check_statistics

# what `compress` is called with for a run: its model, and the rest by keyword
Ask = Callable[[RunOf], tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class DataFacts:
    """What a run's checks need to know of its data: (channels, height, width) for images."""

    name: str
    input_shape: tuple[int, ...]
    is_image: bool
    classes: int | None
    train: int
    test: int
    task: Task = CLASSIFY


@dataclass(frozen=True)
class Planned:
    """What is known of a run before it starts: its archive's bytes, and how much it computes."""

    bytes: int
    epochs: int
    train: int
    test: int


class Checker:
    """Checks runs one by one, and remembers what they share.

    `ask` turns a run into what `compress` is called with. `facts` says what data is like; by
    default the data is loaded. `local` says that the runs use this machine's devices.
    """

    def __init__(
        self,
        ask: Ask,
        facts: Callable[[DataRequest, ModelFile | None], DataFacts] | None = None,
        *,
        local: bool = True,
    ) -> None:
        self._ask, self._load, self._local = ask, facts or load_facts, local
        self._files: dict[str, ModelFile] = {}
        self._facts: dict[str, DataFacts] = {}
        self._models: dict[str, tuple[Plan, nn.Module]] = {}
        self._sizes: dict[str, int] = {}
        self._devices: set[str] = set()

    def check(self, runs: Sequence[RunOf]) -> list[Planned]:
        """Return what is known of each run. Raises SettingError for the first impossible one.

        The message starts with where the grid says what cannot be.
        """
        return [self.check_one(run) for run in runs]

    def check_one(self, run: RunOf) -> Planned:
        """Return what is known of one run. Raises SettingError, as `check` does."""
        try:
            return self._checked(*self._ask(run))
        except PemnError as error:
            raise SettingError(f"{blamed(run, str(error))}: {error}") from None

    def source_digest(self, run: RunOf) -> str | None:
        """Return the SHA-256 of a run's model file; None for an architecture's name."""
        model = run.options["model"]
        if not is_model_file(model):
            return None
        return sha256(self._file(model).source.encode("utf-8", "surrogatepass")).hexdigest()

    def _checked(self, model: str, keywords: dict[str, Any]) -> Planned:
        named = set(inspect.signature(compress).parameters)
        changes = {key: value for key, value in keywords.items() if key not in named}
        recipe, settings = settle(keywords.get("recipe", recipes.DEFAULT), None, changes)
        storage: Storage = keywords["storage"]
        if self._local and keywords["run"].device not in self._devices:
            keywords["run"].torch_device()
            self._devices.add(keywords["run"].device)
        check_ways(settings, **storage.writing(), **storage.shrinking())
        file = self._file(model) if is_model_file(model) else None
        facts = self._facts_of(keywords["data"], model, file)
        # a value that is chosen by the limit of bytes is not known yet: the default stands in
        asked: Mapping[str, Any] = keywords["arguments"]
        arguments = {name: value for name, value in asked.items() if value != AUTO}
        key = repr((model, arguments, recipe.batchnorm, recipe.bias, keywords["selection"],
                    isinstance(settings, PruningSettings) and settings.strategy == "dense",
                    facts))  # fmt: skip
        if key not in self._models:
            self._models[key] = _planned(
                model, file, facts, recipe, settings, arguments, keywords["selection"]
            )
        if recipe.recompute_batchnorm:
            check_statistics(self._models[key][1])
        size_key = repr((key, replace(settings, seed=0), storage, recipe.target_bits))
        if size_key not in self._sizes:
            size = _bytes(*self._models[key], settings, storage, recipe.target_bits)
            if storage.max_bytes is not None:
                known = len(arguments) == len(asked)
                size = min(size, storage.max_bytes) if known else storage.max_bytes
            self._sizes[size_key] = size
        return Planned(self._sizes[size_key], recipe.epochs, facts.train, facts.test)

    def _file(self, model: str) -> ModelFile:
        if model not in self._files:
            self._files[model] = load_model_file(model)
        return self._files[model]

    def _facts_of(self, data: DataRequest, model: str, file: ModelFile | None) -> DataFacts:
        key = repr((asdict(data), model if data.spec is None else ""))
        if key not in self._facts:
            self._facts[key] = self._load(data, file)
        return self._facts[key]


def load_facts(request: DataRequest, file: ModelFile | None) -> DataFacts:
    """Load data, and return what the checks need to know of it. Raises DataError."""
    return facts_of(load_request(request, file))


def facts_of(data: Data) -> DataFacts:
    """Return what the checks need to know of data."""
    return DataFacts(
        data.name,
        tuple(data.input_shape),
        data.is_image,
        data.classes,
        len(data.train or ()),
        len(data.test),
        data.task,
    )


def blamed(run: RunOf, message: str) -> str:
    """Return the place in the grid that a message is about.

    That of the first option that it names, else of one whose value it quotes.
    """
    named = [
        (place.start(), -len(key), where)
        for key, where in run.places.items()
        if (place := re.search(_words(key.rpartition(".")[2]), message))
    ]
    if named:
        return min(named)[2]
    for key, value in run.options.items():
        told = str(value).rpartition(":")[2]
        if message.endswith(f"got {value}") or told in message.split(": "):
            return run.places[key]
    chosen = [key for key in ("include", "exclude") if key in run.places]
    return run.places[chosen[0]] if chosen and "mask" in message else run.place


def _words(key: str) -> str:
    return rf"(?<![\w.]){re.escape(key).replace('_', '[-_ ]')}(?!\w)"


def _planned(
    model: str,
    file: ModelFile | None,
    facts: DataFacts,
    recipe: Recipe,
    settings: Settings | PruningSettings,
    arguments: Mapping[str, Any],
    selection: Selection,
) -> tuple[Plan, nn.Module]:
    """Return a model's plan, and what is left of the model without what is planned."""
    variant: dict[str, Any] = {"batchnorm": recipe.batchnorm, "bias": recipe.bias}

    def make() -> nn.Module:
        if file is not None:
            return building.build_from_file(file, **(variant | dict(arguments)))
        with seeded(0):
            return building.build(model, **(variant | implied | dict(arguments)))

    implied: dict[str, Any] = {}
    if file is None:
        models.parameters_of(model)  # an unknown name is told before what its data lacks
        implied = implied_arguments(model, facts)
    try:
        built = make() if arguments.get("weights") is not None else without_memory(make)
    except (NotImplementedError, RuntimeError):  # an initialisation that needs real numbers
        built = make()
    dense = isinstance(settings, PruningSettings) and settings.strategy == "dense"
    plan = plan_model(built, selection, may_be_empty=dense)
    rest = deepcopy(built)
    for name in [name for tensor in plan for name in (tensor.name, *tensor.aliases)]:
        owner, leaf = owner_of(rest, name)
        if hasattr(owner, leaf):
            delattr(owner, leaf)
    return plan, rest


def _bytes(
    plan: Plan,
    rest: nn.Module,
    settings: Settings | PruningSettings,
    storage: Storage,
    target_bits: float | None,
) -> int:
    length = 0 if isinstance(settings, PruningSettings) else fill(plan, settings).length
    planned = planned_bytes(plan, settings, length, storage, target_bits)
    return planned + dense_bytes(rest, storage) + CONTAINER_BYTES
