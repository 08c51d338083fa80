"""Where runs are told of: records and archives, as files or in folders, each once."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pemn_compress.apart import STANDARD_INPUT, PathLike
from pemn_compress.errors import ArchiveError, unreadable
from pemn_compress.reporting.collect import SUFFIX, Broken

RECORD = ".json"
OF_SWEEPS = ("run.json", "grid.json")  # what a sweep keeps beside its records
FAILED = "failed.txt"


@dataclass
class Found:
    """Files to read, in order: a path, and whether it was named; failed runs; what is broken."""

    records: dict[str, tuple[str, bool]] = field(default_factory=dict)
    archives: dict[str, tuple[str, bool]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)


def find(paths: Iterable[PathLike]) -> Found:
    """Return the records and archives at `paths`; no path means the current folder.

    A file is an archive unless its name ends in .json; a folder is searched for both, in order of
    name, but for hidden folders; links to folders are not followed. A path that is missing is told
    in `broken`. Raises ArchiveError where there is nothing at all.
    """
    places = [os.fspath(path) for path in paths] or ["."]
    found = Found()
    for place in places:
        try:
            os.stat(place)
        except (OSError, ValueError) as error:  # ValueError: a zero byte in a name
            if place == STANDARD_INPUT:
                found.archives.setdefault(place, (place, True))
                continue
            told = "no such file or folder"
            if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                told = f"cannot be read: {error.strerror}"
            found.broken.append(Broken(place, f"{place}: {told}", named=True))
            continue
        if os.path.isdir(place):
            _search(place, found)
        else:
            _add(place, found, named=True)
    if not (found.records or found.archives or found.failed or found.broken):
        names = ", ".join("the current folder" if place == "." else place for place in places)
        raise ArchiveError(
            f"no record (*{RECORD}) and no archive (*{SUFFIX}) in or below {names}; make both with "
            f"pemn compress MODEL --record FILE{RECORD}, or name another path"
        )
    return found


def _search(place: str, found: Found) -> None:
    def note(error: OSError) -> None:
        where = str(error.filename)
        found.broken.append(Broken(where, unreadable(where, error), named=False))

    for path, name in sorted(_walked(place, note)):
        if name == FAILED:
            found.failed.append(path)
        else:
            _add(path, found, named=False)


def _walked(place: str, note: Callable[[OSError], None]) -> Iterator[tuple[str, str]]:
    top = "" if place == "." else place
    for folder, folders, names in os.walk(place, onerror=note):
        folders[:] = (name for name in folders if not name.startswith("."))
        shown = os.path.join(top, os.path.relpath(folder, place)) if folder != place else top
        shown = os.path.normpath(shown) if shown else ""
        for name in names:
            told = name.endswith((RECORD, SUFFIX)) or name == FAILED
            if told and name not in OF_SWEEPS:
                yield os.path.join(shown, name), name


def _add(path: str, found: Found, *, named: bool) -> None:
    kind = found.records if path.endswith(RECORD) else found.archives
    real = os.path.realpath(path)
    before = kind.get(real)
    # a file that was found and is also named is a named one
    if before is None or (named and not before[1]):
        kind[real] = (path, named)
