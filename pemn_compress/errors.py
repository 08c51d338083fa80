"""What this package raises when it refuses: one family, so that a caller can catch it whole."""

from collections.abc import Iterable
from difflib import get_close_matches
from importlib.util import find_spec

from pemn_compress.printable import one_line

# where the package is had from: it is on no index yet, and pip takes it from the source
_SOURCE, _WHERE = ".", "in a checkout of pemn-compress"
LONGEST_NAME = 100  # a name may be a stranger's; a longer one is cut, and nothing resembles it


def install(extra: str = "") -> str:
    """Return how the package, or it with an extra, is installed: the one place that says so.

    >>> install("hub")
    'pip install ".[hub]" in a checkout of pemn-compress'
    """
    return (
        f'pip install "{_SOURCE}[{extra}]" {_WHERE}' if extra else f"pip install {_SOURCE} {_WHERE}"
    )


NEEDS_TORCH = f"needs torch: {install()}"


class PemnError(ValueError):
    """Anything that was asked for and cannot be done.

    The message is one line that can be printed anywhere, whatever the names in it are.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(message))


class PemnWarning(UserWarning):
    """Something that works, and that is probably not what was meant.

    The message is one line that can be printed anywhere, as that of a PemnError.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(message))


class SettingError(PemnError):
    """A setting outside its range, or two settings that contradict each other."""


class UnknownNameError(SettingError):
    """A name that no registry has; the message lists the names that exist.

    `also` are names that are not listed and were surely meant.
    """

    def __init__(
        self, kind: str, name: object, choices: Iterable[object], *, also: Iterable[str] = ()
    ) -> None:
        self.kind, self.name = kind, name
        self.choices, self.also = tuple(sorted(map(str, choices))), tuple(also)
        expected = ", ".join(self.choices) or "none, as there are none"
        super().__init__(
            f"unknown {kind} {cut(repr(name))}; expected one of: {expected}"
            + did_you_mean(name, self.choices, surely=self.also)
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by what it was made of, so that it survives the way out of a worker process."""
        return _unknown_name, (self.kind, self.name, self.choices, self.also)


class ArchiveError(PemnError):
    """Bytes that are not a valid archive; the message says where and which rule they break."""


class ModelError(PemnError):
    """A model, or the file that builds it, that cannot be used."""


class DataError(PemnError):
    """Data that is missing, malformed, or does not fit the model."""


class TrainingError(PemnError):
    """Training that cannot go on, a loss that is not finite for one."""


class OutputError(PemnError):
    """A file that cannot be written: it exists, its folder does not, or the disk is full."""


def unreadable(what: object, error: Exception) -> str:
    """Return in one line that something cannot be read, and why."""
    return f"{what}: cannot be read: {getattr(error, 'strerror', None) or error}"


def needs_torch(error: ImportError) -> bool:
    """Tell whether an import failed because torch, or the half of the package on it, is missing."""
    first, dot, _ = (error.name or "").partition(".")
    if not isinstance(error, ModuleNotFoundError):
        return False
    if first in ("torch", "torchvision"):
        return True
    # the distribution pemn-format brings the rooms that need no torch
    return first == "pemn_compress" and bool(dot) and find_spec("pemn_compress.storing") is None


def did_you_mean(
    name: object, known: Iterable[str], *, surely: Iterable[str] = (), most: int = 1
) -> str:
    """Return "; did you mean ...?" with the `most` known names that are closest, or nothing.

    Upper and lower case are one. `surely` are named before them.

    >>> did_you_mean("densty", ["density", "seed"])
    '; did you mean density?'
    >>> did_you_mean("ResNet-32", ["resnet20", "resnet32", "vit"], most=2)
    '; did you mean resnet32 or resnet20?'
    >>> did_you_mean("xyzzy", ["resnet20", "vit"])
    ''
    """
    near = list(surely)
    if isinstance(name, str) and len(name) <= LONGEST_NAME:
        lowered = {one.lower(): one for one in known}
        close = get_close_matches(name.lower(), lowered, n=most, cutoff=0.6)
        near += [lowered[one] for one in close]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def meant_or_all(name: object, known: Iterable[str]) -> str:
    """Return what `did_you_mean` says, or else all known names, as "; expected one of: ...".

    >>> meant_or_all("densty", ["density", "seed"]), meant_or_all("xyzzy", ["density", "seed"])
    ('; did you mean density?', '; expected one of: density, seed')
    """
    known = list(known)
    return did_you_mean(name, known) or f"; expected one of: {', '.join(known)}"


def cut(text: str, length: int = LONGEST_NAME) -> str:
    """Return a text, or the start of one that is too long for a message."""
    return text if len(text) <= length else f"{text[:length]}..."


def _unknown_name(
    kind: str, name: object, choices: tuple[str, ...], also: tuple[str, ...]
) -> UnknownNameError:
    return UnknownNameError(kind, name, choices, also=also)
