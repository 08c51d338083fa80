"""Numbers and records in words. What an archive says about itself is not trusted to be printable.

Sizes are decimal: 1 KB = 1,000 B, 1 MB = 1,000,000 B.
"""

import math
from collections.abc import Mapping
from typing import Any

from pemn_compress.printable import printable
from pemn_compress.reporting.recorded import Accuracy

NOT_RECORDED = "not recorded"
NOT_COUNTED = "-"

_UNITS = ("B", "KB", "MB", "GB", "TB")


LONGEST_PATH = 4096  # as long as systems allow

clean = printable


def file_name(path: object) -> str:
    """Return a file's path in characters that can be seen, and whole."""
    return printable(path, LONGEST_PATH)


def count(number: float | None) -> str:
    """Return a number of bytes or weights, rounded to a whole one, halves up.

    >>> count(13423.5), count(None)
    ('13,424', '-')
    """
    return NOT_COUNTED if number is None else f"{math.floor(number + 0.5):,}"


def size(number: float) -> str:
    """Return bytes for reading, in decimal units.

    >>> size(13423), size(8), size(999_960)
    ('13.4 KB', '8 B', '1.00 MB')
    """
    unit = 0
    while number >= (999.5 if unit == 0 else 999.95) and unit + 1 < len(_UNITS):
        number /= 1000
        unit += 1
    digits = 0 if unit == 0 else 2 if number < 9.995 else 1
    return f"{number:.{digits}f} {_UNITS[unit]}"


def both(number: float) -> str:
    """Return bytes for reading and in full.

    >>> both(13423)
    '13.4 KB (13,423 B)'
    """
    return size(number) if number < 1000 else f"{size(number)} ({count(number)} B)"


def ratio(value: float) -> str:
    """Return a compression ratio.

    >>> ratio(17.52), ratio(0.714)
    ('17.5x', '0.71x')
    """
    return f"{value:.1f}x" if value >= 1 else f"{value:.2f}x"


def sparsity(value: float | None) -> str:
    """Return the fraction of weights removed as a percentage."""
    return "none" if value is None else f"{100 * value:.1f} %"


def percent(accuracy: Accuracy | None) -> str:
    """Return an accuracy as a percentage with two decimals."""
    return NOT_RECORDED if accuracy is None else f"{100 * accuracy.fraction:.2f} %"


def architecture(record: Mapping[str, Any]) -> str:
    """Return an architecture as one reads a call.

    >>> architecture({"kind": "registered", "name": "mlp", "arguments": {"classes": 10}})
    'mlp(classes=10)'
    """
    name = record.get("name")
    if not name:
        return NOT_RECORDED
    arguments = record.get("arguments") or ""
    if isinstance(arguments, dict):
        arguments = ", ".join(f"{key}={value}" for key, value in arguments.items())
    call = f"{name}({arguments})" if arguments else f"{name}"
    return clean(f"{call}, built by a model file" if record.get("kind") == "source" else call)


def strategy(settings: Mapping[str, Any]) -> str:
    """Return a strategy with its ratio, where it has one.

    >>> strategy({"strategy": "rp", "ratio": 0.01}), strategy({"strategy": "mp", "ratio": 0.01})
    ('rp 0.01', 'mp')
    """
    name, of_rp = settings.get("strategy"), settings.get("ratio")
    if not name:
        return NOT_RECORDED
    return clean(f"{name} {of_rp:g}" if name == "rp" and isinstance(of_rp, int | float) else name)
