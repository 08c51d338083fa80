"""What is written kept apart from what is read: no input is ever replaced by an output.

A file is the same by whatever name: another path, a symbolic link, a hard link.
"""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress

from pemn_compress.errors import OutputError

STANDARD_INPUT = "-"
PathLike = str | os.PathLike[str]
_File = tuple[int, int]  # its device, and its number there


def check_apart(outputs: Iterable[PathLike], inputs: Iterable[PathLike] = ()) -> None:
    """Refuse an output that is also an input, or is another output; no force allows it.

    "-" among the inputs is standard input. `inputs` are looked at only where an output exists.
    Raises OutputError.
    """
    written: dict[_File | str, str] = {}
    there: dict[_File, str] = {}
    for output in [os.fspath(path) for path in outputs]:
        names: list[_File | str] = []
        with suppress(OSError, ValueError):  # told where the output is checked by itself
            names.append(os.path.realpath(output))
        found = _file(output)
        if found is not None:
            names.append(found)
            there[found] = output
        for name in names:
            if name in written:
                raise OutputError(
                    f"{output}: expected different files for all outputs, got one twice"
                    + (f" (as {written[name]})" if written[name] != output else "")
                )
        written |= dict.fromkeys(names, output)
    if not there:
        return
    for path in inputs:
        source = os.fspath(path)
        found = _file(source)
        if found in there:
            raise _refused(there[found], source)


def files_below(folder: PathLike) -> Iterator[str]:
    """Yield the files in and below a folder; nothing for what cannot be read."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(place))
        # a link may lead back to where it lies
        folders[:] = (n for n in folders if os.path.realpath(os.path.join(place, n)) not in seen)
        yield from (os.path.join(place, name) for name in names)


def _refused(output: str, source: str) -> OutputError:
    names = {STANDARD_INPUT: "what standard input reads", output: "an input as well"}
    return OutputError(
        f"{output}: is {names.get(source, f'the input {source}')}: expected another output; an "
        "input is never replaced, not even by force=True"
    )


def _file(path: str) -> _File | None:
    """Return which regular file a path leads to; None where there is none."""
    try:
        is_stream = path == STANDARD_INPUT
        found = os.fstat(sys.stdin.fileno()) if is_stream else os.stat(path)
    except (AttributeError, OSError, ValueError):  # no stream, no file, no such name
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None
