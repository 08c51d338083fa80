"""From what a user names, a model and data, to a model that fits its data."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from pemn_compress import models
from pemn_compress.data import places
from pemn_compress.data.own import CALLERS
from pemn_compress.data.preprocessing import Preprocessing
from pemn_compress.data.samples import Data
from pemn_compress.data.sources import NAMES, from_model_file, load_data
from pemn_compress.data.tasks import CLASSIFY, NEXT_TOKEN, Task, own_task
from pemn_compress.data.trees import describe
from pemn_compress.errors import DataError, SettingError
from pemn_compress.kinds import check_kind
from pemn_compress.masking.copying import copied
from pemn_compress.models import building as architectures
from pemn_compress.models.modelfile import ModelFile, load_model_file, parse_reference
from pemn_compress.models.seeded import seeded
from pemn_compress.training.choosing import set_apart
from pemn_compress.training.recipes import Recipe


@dataclass(frozen=True)
class DataRequest:
    """Which data, from where, how much of it; `spec` None means the model file's own."""

    spec: str | None = None
    data_dir: Path = Path("data")
    download: bool = False
    train_limit: int | None = None
    test_limit: int | None = None
    image_size: int | None = None
    context: int | None = None


@dataclass(frozen=True)
class Functions:
    """A caller's `loss(outputs, targets)` and `metrics(outputs, targets)`; `where` names them."""

    loss: Any = None
    metrics: Any = None
    where: str = ""

    @property
    def given(self) -> bool:
        """Whether there is one of them."""
        return self.loss is not None or self.metrics is not None

    def of(self, file: ModelFile | None) -> "Functions":
        """Return these, or where there are none those of a model file."""
        if self.given or file is None:
            return self
        where = f"{file.path.name}: "
        return Functions(file.function("loss"), file.function("metrics"), where)

    def task(self, base: Task) -> Task:
        """Return the task with these functions in place of those of `base`."""
        return own_task(self.loss, self.metrics, self.where, base)


NONE = Functions()
AUTO = "auto"


@dataclass(frozen=True)
class Prepared:
    """A model ready to be masked, its data, and where it comes from.

    `file` is the model file, if it has one, `given` the module that a caller gave, left as it is.
    `pretrained` says that the weights were asked for as somebody trained them, `chosen` which value
    of an argument "auto" was taken, `hint` what would allow a larger one.
    """

    model: nn.Module
    data: Data
    file: ModelFile | None = None
    given: nn.Module | None = None
    pretrained: bool = False
    chosen: str | None = None
    hint: str = ""

    @property
    def source(self) -> str | None:
        """The text of the model file."""
        return self.file.source if self.file else None


# of an argument's name, its default and how a model is made with a value, to the widest that fits
Widen = Callable[[str, object, Callable[[float], Prepared]], Prepared]


def prepare(
    model: str | nn.Module,
    data: str | Data | tuple[Any, Any] | DataRequest | None,
    recipe: Recipe,
    seed: int,
    arguments: Mapping[str, object],
    task: Functions = NONE,
    widen: Widen | None = None,
) -> Prepared:
    """Load the data and build the model that fits it, its dense parameters seeded.

    `task` are a caller's own functions, before those of a model file. `widen` chooses the value of
    an argument "auto" among those that a model can be built with. Raises DataError and ModelError.
    """
    expected = "a model file, the name of an architecture or a torch.nn.Module"
    check_kind("model", model, (str, nn.Module), expected)
    check_kind("arguments", arguments, Mapping, "a mapping of names to values")
    file = None
    if isinstance(model, str) and is_model_file(model):
        file = load_model_file(model)
    loaded = _set_apart(load_request(data, file, task=task), recipe, seed)
    if isinstance(model, nn.Module):
        return Prepared(copied(model, {}), loaded, given=model)
    variant: dict[str, Any] = {"batchnorm": recipe.batchnorm, "bias": recipe.bias}
    implied = {} if file is not None else implied_arguments(model, loaded)

    def built(own: Mapping[str, object]) -> Prepared:
        if file is not None:
            made = architectures.build_from_file(file, build_seed=seed, **(variant | dict(own)))
            return Prepared(made, loaded, file)
        with seeded(seed):
            made = architectures.build(model, **(variant | implied | dict(own)))
        return Prepared(made, loaded, pretrained=own.get("weights") is not None)

    asked = [name for name, value in arguments.items() if value == AUTO]
    if not asked:
        return built(arguments)
    name = asked[0]
    if widen is None or len(asked) > 1:
        raise SettingError(
            f"{name}=auto takes the largest that a size of the archive allows: expected one such "
            "argument beside max_bytes, such as --max-bytes 16k"
        )
    known = models.parameters_of(model) if file is None else {}
    if file is None and not isinstance(known.get(name), int | float):
        fitting = [key for key, value in known.items() if isinstance(value, int | float)]
        raise SettingError(
            f"{name}=auto: expected an argument of {model} that is a number "
            f"({', '.join(fitting) or 'it has none'}), got {name}"
        )
    return widen(name, known.get(name), lambda value: built({**arguments, name: value}))


class Described(Protocol):
    """What of data an architecture's arguments follow from; `Data` has it."""

    @property
    def name(self) -> str:
        """The specification."""

    @property
    def classes(self) -> int | None:
        """How many there are, or how many tokens."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""

    @property
    def is_image(self) -> bool:
        """Whether a sample is an image."""

    @property
    def task(self) -> Task:
        """What is learned."""


def implied_arguments(model: str, data: Described) -> dict[str, object]:
    """Return the arguments of an architecture that follow from its data. Raises DataError."""
    takes_tokens = model in models.OF_TOKENS
    if takes_tokens != (data.task.name == NEXT_TOKEN):
        what = "tokens, as text:PATH gives" if takes_tokens else "images"
        raise DataError(
            f"architecture {model!r} takes {what}, data {data.name!r} has others: expected "
            + ("text:PATH or chars:PATH" if takes_tokens else "inputs (channels, height, width)")
        )
    if takes_tokens:
        return {"tokens": data.classes, "context": data.input_shape[0]}
    if not data.is_image:
        raise DataError(
            f"architecture {model!r} takes images, data {data.name!r} is none: expected "
            "inputs of shape (channels, height, width)"
        )
    return models.data_arguments(
        model,
        channels=data.input_shape[0],
        image_size=data.input_shape[1:],
        classes=data.classes or 0,
    )


def _set_apart(data: Data, recipe: Recipe, seed: int) -> Data:
    if data.validation is not None and recipe.validation:
        raise SettingError(
            f"validation {recipe.validation:g}: expected none beside data {data.name!r}, which "
            f"have a validation part of their own ({len(data.validation)} samples)"
        )
    return set_apart(data, recipe, seed)


def is_model_file(reference: str) -> bool:
    """Tell whether a MODEL is a file ("dir/model.py", "model.py:build") rather than a name."""
    return reference.partition(":")[0].endswith(".py") or "/" in reference or "\\" in reference


def files_read(model: object, data: object, teacher: object = None) -> Iterator[str]:
    """Yield the files that what `compress` is called with names, those that are there or not."""
    if isinstance(model, str) and is_model_file(model):
        yield str(parse_reference(model)[0])
    request = DataRequest(data) if isinstance(data, str) else data
    if isinstance(request, DataRequest) and isinstance(request.spec, str):
        yield from places.files_read(request.spec, request.data_dir)
    if isinstance(teacher, str | Path):
        yield str(teacher)


def load_request(
    data: str | Data | tuple[Any, Any] | DataRequest | None,
    file: ModelFile | None,
    *,
    preprocessing: Preprocessing | None = None,
    need_train: bool = True,
    task: Functions = NONE,
) -> Data:
    """Return the data that a caller or a user named; `file` is the model file, if there is one.

    What is learned of them is what `task`, else the file, has functions for. Without `need_train`
    only the test part will be used, and the training part may be missing.

    Raises DataError, UnknownNameError for data that no loader has.
    """
    loaded = _loaded(data, file, preprocessing, need_train, task.of(file))
    own = task.of(file)
    return replace(loaded, task=own.task(loaded.task)) if own.given else loaded


def _loaded(
    data: str | Data | tuple[Any, Any] | DataRequest | None,
    file: ModelFile | None,
    preprocessing: Preprocessing | None,
    need_train: bool,
    own: Functions,
) -> Data:
    if isinstance(data, Data):
        return data
    task = own.task(CLASSIFY)
    if isinstance(data, tuple | list):
        if len(data) != 2:
            raise DataError(
                f"data: expected a pair of training and test data, got {len(data)} items"
            )
        return from_model_file(*data, "data", parts=CALLERS, task=task)
    if data is not None and not isinstance(data, str | DataRequest):
        raise DataError(
            f"data: expected a name ({NAMES}), a Data or a "
            f"pair of training and test data, got {describe(data)}"
        )
    request = data if isinstance(data, DataRequest) else DataRequest(data)
    if request.spec is not None:
        return load_data(
            request.spec,
            data_dir=request.data_dir,
            download=request.download,
            train_limit=request.train_limit,
            test_limit=request.test_limit,
            image_size=request.image_size,
            preprocessing=preprocessing,
            need_train=need_train,
            context=request.context,
        )
    if file is None:
        raise DataError(
            f"no data: expected --data ({NAMES}), or a model file with train_data() and eval_data()"
        )
    for setting, value in (("image size", request.image_size), ("context", request.context)):
        if value is not None:
            raise SettingError(f"{setting}: expected none for a model file's own data")
    train, test = file.train_data() if need_train else None, file.eval_data()
    missing = "train_data()" if need_train and train is None else "eval_data()"
    if test is None or (need_train and train is None):
        raise DataError(
            f"{file.path}: no --data, and the file lacks {missing}; give one or the other"
        )
    made = from_model_file(train, test, name=file.path.name, task=task)
    return made.limited(request.train_limit, request.test_limit)
