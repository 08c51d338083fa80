"""What real checkpoints hold besides tensors and plain values, read without running anything.

Training scripts leave more in a file than they know: a cosine schedule a numpy number in the
optimizer's state, argparse its namespace, pathlib a path. torch's restricted unpickler refuses such
files whole. STAND_INS gives it functions and classes of our own to call where the file names those:
they build a plain value from what the file says, or nothing, and never the object itself.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

_SIZES = {"f": (2, 4, 8), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "b": (1,), "c": (8, 16)}


class Settings:
    """What an argparse.Namespace holds, by name, in `values`."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        self.values = dict(state) if isinstance(state, dict) else {}

    def __new__(cls, *_: object) -> "Settings":
        """Take whatever a pickle passes."""
        made = object.__new__(cls)
        made.values = {}
        return made


class Ignored:
    """Anything that means nothing to an import: an array, a date."""

    def __new__(cls, *_: object) -> "Ignored":
        """Take whatever a pickle passes."""
        return object.__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class NumpyType:
    """What a numpy.dtype says of one number: its code, such as f8, and its byte order."""

    def __init__(self, code: object = "", *_: object) -> None:
        self.code, self.order = str(code), "<"

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|"):
            self.order = str(state[1])


class Text(str):
    """A string of a class of its own, such as torch.__version__."""


def number(dtype: object = None, raw: object = b"", *_: object) -> object:
    """Return the Python number (or text) that numpy's scalar(dtype, raw) is, None for another."""
    if not isinstance(dtype, NumpyType) or not isinstance(raw, bytes):
        return None
    kind, size = dtype.code[:1], dtype.code[1:]
    if kind == "U":
        order = "be" if dtype.order == ">" else "le"
        return raw.decode(f"utf-32-{order}", errors="replace").rstrip("\0")
    if not size.isascii() or not size.isdecimal() or int(size) not in _SIZES.get(kind, ()):
        return None
    if len(raw) != int(size):
        return None
    return np.frombuffer(raw, f"{dtype.order}{kind}{size}")[0].item()


def nothing(*_: object) -> None:
    """Stand for a function whose result is not wanted."""


def array(*_: object) -> Ignored:
    """Stand for the function that makes an array, which the file then fills."""
    return Ignored()


def plain_dict(*_: object) -> dict[Any, Any]:
    """Stand for collections.defaultdict, whatever makes its values."""
    return {}


def plain_list(items: object = (), *_: object) -> list[Any]:
    """Stand for collections.deque."""
    return list(items) if isinstance(items, list | tuple) else []


def plain_set(items: object = (), *_: object) -> set[Any]:
    """Stand for a set."""
    return set(items) if isinstance(items, list | tuple) else set()


def path(*parts: object) -> str:
    """Stand for a path: its text."""
    return "/".join(map(str, parts))


# What a file names -> what is called in its place. numpy 1 and 2 name the same things differently.
STAND_INS: dict[str, Callable[..., Any]] = {
    **{
        f"{module}.scalar": number for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    },
    **{
        f"{module}._reconstruct": array
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    },
    "numpy.ndarray": Ignored,
    "numpy.dtype": NumpyType,
    "argparse.Namespace": Settings,
    "types.SimpleNamespace": Settings,
    "collections.defaultdict": plain_dict,
    "collections.deque": plain_list,
    "builtins.set": plain_set,
    "builtins.frozenset": plain_set,
    **{
        f"builtins.{name}": nothing  # what defaultdict makes its values with
        for name in ("int", "float", "bool", "str", "list", "dict", "tuple")
    },
    **{
        f"{module}.{name}": path
        for module in ("pathlib", "pathlib._local")  # Python 3.13 names the second
        for name in ("Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
    },
    **{
        f"datetime.{name}": Ignored
        for name in ("datetime", "date", "time", "timedelta", "timezone")
    },
    "torch.torch_version.TorchVersion": Text,
}
