"""Labels of two sides that name their classes, paired by name.

A label is a position in a list of names, and no two lists need be in one order: a model's is that
of its training data, a folder's that of the alphabet.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import tensor
from torch.utils.data import Dataset

from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError

UNKNOWN = -1
SHOWN = 5


def pair(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Return for each name its position in `known`, or UNKNOWN.

    Names that are equal come first. What is left is paired where it differs by case, by blanks
    around it or by the way Unicode writes accents, if just one name on either side does.
    A name that `known` has twice is UNKNOWN, unless both lists are the same.

    >>> pair(["dog", "Cat", "cow"], ["cat", "dog"])
    [1, 0, -1]
    """
    if list(names) == list(known):
        return list(range(len(names)))
    found = [UNKNOWN] * len(names)
    for form in (str, _folded):
        left = [form(name) for at, name in enumerate(names) if found[at] == UNKNOWN]
        taken = set(found)
        places: dict[str, list[int]] = {}
        for place, name in enumerate(known):
            if place not in taken:
                places.setdefault(form(name), []).append(place)
        for at, name in enumerate(names):
            fitting = places.get(form(name), ())
            if found[at] == UNKNOWN and len(fitting) == 1 and left.count(form(name)) == 1:
                found[at] = fitting[0]
    return found


def paired(data: Data, known: Sequence[str] | None, whose: str) -> Data:
    """Return the data with the labels that `whose` classes have, told in its notes.

    Where one side has no names, labels stay as they are; that is told when the counts differ.

    Raises DataError, with its name, for a class that has samples and that `whose` lacks.
    """
    if known is None or data.class_names is None:
        if known is None or data.classes in (None, len(known)):
            return data
        note = (
            f"data {data.name!r} has {data.classes} classes without names, {whose} names "
            f"{len(known)}: labels are taken by position"
        )
        return replace(data, notes=(*data.notes, note))
    table = pair(data.class_names, known)
    notes = [*data.notes, *_notes(data, table, known, whose)]
    train = data.train and relabelled(data.train, table, data.class_names, whose, known)
    return replace(
        data,
        train=train,
        test=relabelled(data.test, table, data.class_names, whose, known),
        classes=len(known),
        class_names=tuple(known),
        notes=tuple(notes),
    )


def relabelled(
    split: Split, table: Sequence[int], names: Sequence[str], whose: str, known: Sequence[str]
) -> Split:
    """Return a split whose label i is `table[i]`, in memory or sample by sample.

    `names` are those of the labels before. Raises DataError for a label that is UNKNOWN there if it
    has samples, or may have: a Dataset does not tell before it is read.
    """
    if list(table) == list(range(len(table))):
        return split
    labels = split.known_labels()
    for label in range(len(table)) if labels is None else sorted(set(labels)):
        if not 0 <= label < len(table) or table[label] == UNKNOWN:
            found = 0 if labels is None else labels.count(label)
            count = "a sample" if found == 1 else f"{found} samples" if found else "samples"
            raise _unknown(split, label, names, whose, known, count)
    if split.stream is not None:
        raise DataError(
            f"{split.origin} gives batches of its own, whose labels are not those of {whose} "
            f"({_few([repr(name) for name in known])}, in that order): return the Dataset, whose "
            "labels are paired by name, or take labels by position"
        )
    if split.in_memory:
        return replace(split, targets=tensor(table)[split.targets])
    assert split.dataset is not None
    new = None if labels is None else tuple(table[label] for label in labels)
    dataset = _Relabelled(split, table, names, whose, known)
    return replace(split, dataset=dataset, labels=new)


class _Relabelled(Dataset[Any]):
    """A Dataset's samples with other labels."""

    def __init__(
        self,
        split: Split,
        table: Sequence[int],
        names: Sequence[str],
        whose: str,
        known: Sequence[str],
    ) -> None:
        assert split.dataset is not None
        self.dataset, self.table = split.dataset, list(table)
        self.told = (split, names, whose, known)  # for an error's message

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]  # Dataset does not declare __len__

    def __getitem__(self, index: int) -> Any:
        sample = self.dataset[index]
        try:
            inputs, target = sample
            label = int(target)
        except (TypeError, ValueError, RuntimeError):
            return sample  # whoever reads it says what it should have been
        if 0 <= label < len(self.table) and self.table[label] != UNKNOWN:
            return inputs, self.table[label]
        raise _unknown(self.told[0], label, *self.told[1:], "a sample")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _notes(data: Data, table: Sequence[int], known: Sequence[str], whose: str) -> list[str]:
    assert data.class_names is not None
    notes = []
    other = [
        f"{name!r} as {known[place]!r}"
        for name, place in zip(data.class_names, table, strict=True)
        if place != UNKNOWN and name != known[place]
    ]
    if other:
        notes.append(f"data {data.name!r}: classes that {whose} spells otherwise: {_few(other)}")
    absent = [repr(name) for place, name in enumerate(known) if place not in set(table)]
    if absent and len(absent) < len(known):
        notes.append(f"data {data.name!r}: no samples of classes that {whose} has: {_few(absent)}")
    return notes


def _unknown(
    split: Split,
    label: int,
    names: Sequence[str],
    whose: str,
    known: Sequence[str],
    count: str,
) -> DataError:
    named = f"class {names[label]!r}" if 0 <= label < len(names) else f"label {label}"
    return DataError(
        f"{split.origin}: {count} of {named}: expected one of the {len(known)} classes of "
        f"{whose} ({_few([repr(name) for name in known])}); rename it, leave it out, or take "
        "labels by position"
    )


def _few(items: Sequence[str]) -> str:
    rest = len(items) - SHOWN
    return ", ".join(items[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
