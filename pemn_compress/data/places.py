"""Which files data of a name is read from. Torch-free."""

import os
from collections.abc import Iterator
from pathlib import Path

from pemn_compress.apart import files_below

TRAIN_FOLDER = "train"
TEST_FOLDERS = ("test", "val", "valid", "validation")
_BY_SUFFIX = {".npz": "npz", ".txt": "text", ".text": "text", ".md": "text"}
_CIFAR = "cifar-*"  # the folders and files that torchvision keeps CIFAR in


def meant(path: str) -> str | None:
    """Return the specification that a plain path was surely meant as; None where nothing tells.

    >>> meant("small.npz"), meant("shakespeare.txt"), meant("didgits")
    ('npz:small.npz', 'text:shakespeare.txt', None)
    """
    place, suffix = os.path.expanduser(path), os.path.splitext(path)[1].lower()
    if suffix in _BY_SUFFIX:
        return f"{_BY_SUFFIX[suffix]}:{path}"
    if os.path.isdir(place) or path.endswith(("/", os.sep)):
        return f"folder:{path}"
    return f"text:{path}" if os.path.isfile(place) and suffix not in (".py", ".npy") else None


def files_read(spec: str, data_dir: str | Path = "data") -> Iterator[str]:
    """Yield the files that data of a specification may be read from; none for what is not there.

    >>> list(files_read("npz:small.npz"))
    ['small.npz']
    """
    name, colon, place = spec.partition(":")
    place = os.path.expanduser(place)
    if name == "folder":
        for part in (TRAIN_FOLDER, *TEST_FOLDERS):
            yield from files_below(Path(place, part))
    elif colon:
        yield place
    elif name.startswith("cifar"):
        for found in Path(data_dir).glob(_CIFAR):
            yield from files_below(found) if os.path.isdir(found) else (str(found),)
