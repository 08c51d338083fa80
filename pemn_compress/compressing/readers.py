"""How whoever reads an archive comes by its model: built anew, never a copy of the trained one."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from pemn_compress.errors import ModelError
from pemn_compress.models.building import build_from_file, seed_of
from pemn_compress.models.modelfile import ModelFile, load_model_file, module_from_source

# a seed -> the model as it is built under it, not filled yet
Builder = Callable[[int], nn.Module]


def builder_of(
    architecture: Mapping[str, Any], file: ModelFile | None, *, travels: bool
) -> tuple[Builder | None, list[str]]:
    """Return how a reader builds a model file's model, and what has to be said of it.

    From its text alone where that travels in the archive, run once more in a fresh module that
    finds no file beside it; else, and where that fails, from the file. None for an `architecture`
    of another kind: `load` builds a registered one, and any other only its owner.

    Raises ModelError.
    """
    variant = {key: architecture[key] for key in ("batchnorm", "bias") if key in architecture}
    arguments = dict(architecture.get("arguments", {}))
    if architecture["kind"] != "source" or file is None:
        return None, []
    if travels:
        seed = seed_of(architecture)
        try:
            text = _from_text(file)
            with _nothing_beside(file.path):
                ready = {seed: build_from_file(text, build_seed=seed, **variant, **arguments)}
        except ModelError as error:
            told = (
                f"{file.path.name} cannot be built from its text alone, which is all that travels "
                f"in the archive ({_reason(error)}): whoever restores it, but by its graph, needs "
                f"the file and what lies beside it: --model {file.path.name}, or "
                "load(..., model=...)"
            )
            return _of_file(file, variant, arguments), [told]

        def alone(seed: int) -> nn.Module:
            if seed in ready:  # built already, and nobody has it yet
                return ready.pop(seed)
            with _nothing_beside(file.path):
                return build_from_file(text, build_seed=seed, **variant, **arguments)

        return alone, []
    return _of_file(file, variant, arguments), []


def _of_file(file: ModelFile, variant: dict[str, Any], arguments: dict[str, Any]) -> Builder:
    anew = load_model_file(f"{file.path}:{file.entry}")
    return lambda seed: build_from_file(anew, build_seed=seed, **variant, **arguments)


def _from_text(file: ModelFile) -> ModelFile:
    place = f"archive/{file.path.name}"  # where nothing is, as for a reader
    with _nothing_beside(file.path):
        module = module_from_source(file.source, place)
    return ModelFile(Path(place), file.entry, file.source, module)


@contextmanager
def _nothing_beside(path: Path) -> Iterator[None]:
    """Hide what lies in a file's folder: from imports, and by way of the working directory."""
    folder, paths, working = path.resolve().parent, list(sys.path), Path.cwd()
    sys.path[:] = [entry for entry in paths if Path(entry or ".").resolve() != folder]
    hidden: dict[str, ModuleType] = {}
    known: dict[str, bool] = {}
    for name, module in sys.modules.copy().items():
        if _lies_in(name, module, folder, known):
            hidden[name] = sys.modules.pop(name)
    for name in [name for name in hidden if "." not in name and _is_installed(name)]:
        for inner in [n for n in hidden if n.partition(".")[0] == name]:
            sys.modules[inner] = hidden.pop(inner)
    before = set(sys.modules.copy())
    try:
        with tempfile.TemporaryDirectory() as empty:
            os.chdir(empty)
            try:
                yield
            finally:
                os.chdir(working)
    finally:
        sys.path[:] = paths
        for name in set(sys.modules.copy()) - before:
            if name in hidden:
                del sys.modules[name]
        sys.modules.update(hidden)


def _lies_in(name: str, module: ModuleType | None, folder: Path, known: dict[str, bool]) -> bool:
    """Tell whether a module, or the package that it is in, lies in a folder.

    `known` is what was found of a package's file: thousands of modules are in a few packages.
    """
    top = name.partition(".")[0]
    if top in ("__main__", __name__.partition(".")[0]) or top.startswith("pemn_model_"):
        return False
    origin = getattr(sys.modules.get(top, module), "__file__", None)
    if not isinstance(origin, str):
        return False
    if origin not in known:
        place = Path(origin)
        home = place.parent.parent if place.name == "__init__.py" else place.parent
        known[origin] = home == folder or home.resolve() == folder
    return known[origin]


def _is_installed(name: str) -> bool:
    """Tell whether a module is found without its folder too: one that is installed from there."""
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _reason(error: ModelError) -> str:
    cause = error.__cause__
    text = str(error) if cause is None else f"{type(cause).__name__}: {cause}"
    return " ".join(text.split())[:200]
