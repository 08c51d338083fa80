"""A model that its user wrote: model.py with build_model() and, if it likes, data functions.

Whatever the user's code does, what comes out of here is its result or a `ModelError` of one line.
"""

import importlib.util
import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast

from torch import nn

from pemn_compress.errors import ModelError
from pemn_compress.models.usercode import (
    call_user_code,
    check_arguments,
    describe,
    functions_of,
    importable,
)

DEFAULT_ENTRY = "build_model"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class ModelFile:
    """A model file that has been read and run: its source travels with the archive."""

    path: Path
    entry: str
    source: str
    module: ModuleType

    def build(self, **arguments: object) -> nn.Module:
        """Call the file's entry with the arguments and return the module that it builds."""
        entry = self._entry()
        where = f"{self.path}: {self.entry}()"
        check_arguments(where, entry, arguments)
        with importable(self.path):
            model = call_user_code(lambda: entry(**arguments), self.path, where)
        if isinstance(model, nn.Module):
            return model
        raise ModelError(
            f"{where} must return a torch.nn.Module; got {describe(model)}; return the built model"
        )

    def train_data(self) -> object | None:
        """Return what the file's train_data() returns, or None if it has no such function."""
        return self._data("train_data")

    def eval_data(self) -> object | None:
        """Return what the file's eval_data() returns, or None if it has no such function."""
        return self._data("eval_data")

    def function(self, name: str) -> Callable[..., object] | None:
        """Return a function of the file, or None if it has none of that name. Raises ModelError."""
        function = self.module.__dict__.get(name)
        if function is not None and not callable(function):
            raise ModelError(
                f"{self.path}: expected {name} to be a function; got {describe(function)}"
            )
        return cast("Callable[..., object] | None", function)

    def _entry(self) -> Callable[..., object]:
        entry = self.module.__dict__.get(self.entry)
        if callable(entry) and not isinstance(entry, nn.Module):
            return cast(Callable[..., object], entry)
        got = f"{self.entry} is {describe(entry)}"
        if entry is None:
            got = f"it defines {', '.join(functions_of(self.module)) or 'no functions'}"
        raise ModelError(
            f"{self.path}: expected a function {self.entry}() that builds the model; got: {got}; "
            f"define it, or name another as {self.path.name}:FUNCTION"
        )

    def _data(self, name: str) -> object | None:
        function = self.module.__dict__.get(name)
        if function is None:
            return None
        if not callable(function):
            raise ModelError(
                f"{self.path}: expected {name} to be a function without arguments; "
                f"got {describe(function)}"
            )
        with importable(self.path):
            return call_user_code(function, self.path, f"{self.path}: {name}()")


def parse_reference(reference: str) -> tuple[Path, str]:
    """Split FILE.py or FILE.py:FUNCTION into the file and the function's name.

    >>> parse_reference("nets/model.py:build_small")[1]
    'build_small'
    >>> parse_reference("model.py")[1]
    'build_model'
    """
    path, separator, entry = reference.rpartition(":")
    if not separator or not path.endswith(".py"):
        # A colon anywhere else belongs to the path: C:\nets\model.py.
        return Path(reference), DEFAULT_ENTRY
    if not entry.isidentifier():
        raise ModelError(f"{reference}: expected FILE.py:FUNCTION; got {entry!r} for the function")
    return Path(path), entry


def load_model_file(reference: str) -> ModelFile:
    """Read and run FILE.py or FILE.py:FUNCTION; the function must exist but is not called yet."""
    path, entry = parse_reference(reference)
    if os.path.isdir(path):  # unlike Path.is_dir, no error where it may not look
        raise ModelError(f"{path}: expected a Python file, got a folder; name the file in it")
    if path.suffix != ".py":
        raise ModelError(f"{path}: expected a Python file named *.py or *.py:FUNCTION")
    try:
        source = importlib.util.decode_source(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"{path}: expected a Python file; there is no such file") from None
    except OSError as error:
        raise ModelError(f"{path}: expected a readable file; got: {error.strerror}") from error
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: expected Python source text; got: {error}") from error
    loaded = ModelFile(path, entry, source, module_from_source(source, str(path)))
    loaded._entry()
    return loaded


def module_from_source(source: str, filename: str) -> ModuleType:
    """Run Python source in a fresh module and return the module.

    If `filename` exists, the source may import its neighbours. This runs code: a source that came
    with an archive must be trusted first.
    """
    # Dataclasses and pickle look a class's module up by name, so the module has to be known to
    # Python; the number keeps two loads of one file apart.
    module = ModuleType(f"pemn_model_{next(_numbers)}")
    module.__file__ = filename
    sys.modules[module.__name__] = module

    def run() -> None:
        # The code is the user's own file, or one the caller has been told to trust.
        exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)

    try:
        with importable(Path(filename)):
            call_user_code(run, Path(filename), f"{filename}: running the file")
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module
