"""Import paths that public names had in version 0.1: they lead to where the modules are now."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "archive": "format.archive",
    "architecture": "models.building",
    "exporting": "storing.exporting",
    "loading": "storing.loading",
    "masked_model": "masking.masked",
    "packing": "storing.saving",
    "pruned_model": "masking.pruned",
}
RENAMED = {"open_archive": "open"}
_PACKAGE = f"{__package__}."


class _Paths(MetaPathFinder, Loader):
    """Finds a module under its earlier path, and gives the very module of today's."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if _today(fullname) else None

    def exec_module(self, module: ModuleType) -> None:
        now = _today(module.__name__)
        assert now is not None
        sys.modules[module.__name__] = import_module(now)  # what the import then returns


def _today(fullname: str) -> str | None:
    if not fullname.startswith(_PACKAGE):
        return None
    first, dot, rest = fullname.removeprefix(_PACKAGE).partition(".")
    return f"{_PACKAGE}{MOVED[first]}{dot}{rest}" if first in MOVED else None


def keep_paths() -> None:
    """Let `import pemn_compress.archive` and the like find what they found before."""
    if not any(isinstance(finder, _Paths) for finder in sys.meta_path):
        # first: below a module that moved, Python would find today's files and load them twice
        sys.meta_path.insert(0, _Paths())
