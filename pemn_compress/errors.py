"""What this package raises when it refuses: one family, so that a caller can catch it whole."""

from collections.abc import Iterable
from difflib import get_close_matches

from pemn_compress.printable import one_line


class PemnError(ValueError):
    """Anything that was asked for and cannot be done.

    The message is one line that can be printed anywhere, whatever the names in it are.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(message))


class PemnWarning(UserWarning):
    """Something that works, and that is probably not what was meant; the message is one line."""


class SettingError(PemnError):
    """A setting outside its range, or two settings that contradict each other."""


class UnknownNameError(SettingError):
    """A name that no registry has; the message lists the names that exist."""

    def __init__(self, kind: str, name: str, choices: Iterable[str]) -> None:
        known = sorted(choices)
        super().__init__(
            f"unknown {kind} {name!r}; expected one of: {', '.join(known)}"
            + did_you_mean(name, known)
        )


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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" with the known name that is closest, or nothing.

    >>> did_you_mean("densty", ["density", "seed"])
    '; did you mean density?'
    """
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
