"""What a model returned, in a line or a few for people: numbers, and the classes they speak for."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pemn_compress.reporting.words import clean

Array = npt.NDArray[Any]

NUMBERS = 8  # of an output that are shown
ROWS = 8  # of a batch for which classes are told
LIKELY = 3


def shown_output(name: str, array: Array, classes: Sequence[str]) -> Iterator[str]:
    """Yield an output's name, dtype, shape and range, and its first numbers.

    Where it has a column for each of `classes`, yield the likeliest of each of the first samples
    with what a softmax makes of them, instead of numbers.
    """
    shape = ", ".join(map(str, array.shape))
    yield f"{clean(name)}: {array.dtype} ({shape}){_range(array)}"
    if not array.size or array.dtype.kind not in "fiub":
        return
    if len(classes) > 1 and array.ndim == 2 and array.shape[1] == len(classes):
        for row, numbers in enumerate(array[:ROWS]):
            yield f"  {row}: {_likeliest(numbers, classes)}"
        if len(array) > ROWS:
            yield f"  and {len(array) - ROWS:,} more"
        return
    first = ", ".join(f"{number:.6g}" for number in array.flat[:NUMBERS])
    yield f"  {first}{', ...' if array.size > NUMBERS else ''}"


def _range(array: Array) -> str:
    """Return the least and greatest of an array's numbers."""
    if not array.size or array.dtype.kind not in "fiu":
        return ""
    with np.errstate(all="ignore"):
        return f", {array.min():.6g} to {array.max():.6g}"


def _likeliest(numbers: Array, classes: Sequence[str]) -> str:
    wide = numbers.astype(np.float64)
    if not np.isfinite(wide).all():
        return "not all numbers are finite"
    shares = np.exp(wide - wide.max())
    shares /= shares.sum()
    best = np.argsort(-shares, kind="stable")[:LIKELY]
    return ", ".join(f"{clean(classes[index])} {shares[index]:.1%}" for index in best)
