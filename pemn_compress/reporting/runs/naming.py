"""What rows are called, so that no two look alike: a method, and then what tells it from others."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from pemn_compress.printable import printable
from pemn_compress.reporting import words
from pemn_compress.reporting.runs.merging import Row
from pemn_compress.reporting.runs.run import Run

_USUAL = (("search", "edge-popup"), ("renewal", "none"))
# told wherever they differ, in this order; others only where rows would look alike
_TOLD = ("architecture.name", "settings.density", "recipe.epochs")
_NAMES = {
    "recipe.name": "recipe",
    "settings.value_dtype": "values",
    "storage.value_dtype": "values",
    "storage.dense_dtype": "dense values",
    "storage.codec": "codec",
    "data.train": "trained on",
}
_LONGEST = 60  # characters of one value


def method(run: Run) -> str:
    """Return strategy with its ratio, search and renewal where they are not the usual ones."""
    parts = [words.strategy(run.settings)]
    for key, usual in _USUAL:
        value = run.settings.get(key) or usual
        if value != usual:
            parts.append(printable(value, _LONGEST))
    return " ".join(parts)


def labels(rows: Sequence[Row]) -> list[str]:
    """Return a name for each row; rows that differ in nothing recorded are called by their files.

    >>> labels([])
    []
    """
    facts = [row.first.compared for row in rows]
    named = [[method(row.first)] for row in rows]
    told = [key for key in _TOLD if _differs(facts, key)]
    inside = _arguments_told(facts)
    for parts, fact in zip(named, facts, strict=True):
        first = [key for key in told if key == _TOLD[0]]
        keys = [*first, *inside[_architecture(fact)], *told[len(first) :]]
        dense = fact.get("settings.strategy") == "dense"  # which keeps all there is
        keys = [key for key in keys if key in fact and not (dense and key == "settings.density")]
        parts += [_fact(key, fact[key]) for key in keys]
    _tell_apart(named, facts)
    _tell_seeds_apart(named, rows)
    return [", ".join(name) for name in named]


def shared_facts(rows: Sequence[Row]) -> Mapping[str, Any]:
    """Return the facts that all rows have in common."""
    if not rows:
        return {}
    first, *others = [row.first.facts for row in rows]
    return {
        key: value
        for key, value in first.items()
        if all(key in other and other[key] == value for other in others)
    }


def _arguments_told(facts: Sequence[Mapping[str, Any]]) -> Mapping[str, list[str]]:
    """Return, for each architecture, the arguments in which its rows differ."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for fact in facts:
        groups.setdefault(_architecture(fact), []).append(fact)
    return {
        name: [
            key
            for key in dict.fromkeys(key for fact in group for key in fact)
            if key.startswith("arguments.") and _differs(group, key)
        ]
        for name, group in groups.items()
    }


def _architecture(fact: Mapping[str, Any]) -> str:
    return str(fact.get("architecture.name"))


def _differs(facts: Sequence[Mapping[str, Any]], key: str) -> bool:
    return any(fact.get(key) != facts[0].get(key) for fact in facts)


def _tell_apart(named: list[list[str]], facts: Sequence[Mapping[str, Any]]) -> None:
    """Add to the names of rows that look alike everything in which they differ."""
    for group in _alike(named):
        among = [facts[index] for index in group]
        for key in dict.fromkeys(key for fact in among for key in fact):
            if _differs(among, key):
                for index in group:
                    if key in facts[index]:
                        named[index].append(_fact(key, facts[index][key]))


def _tell_seeds_apart(named: list[list[str]], rows: Sequence[Row]) -> None:
    """Add seeds to what still looks alike, or files where the seeds are the same."""
    for group in _alike(named):
        seeds = [rows[index].seeds for index in group]
        apart = len(set(map(str, seeds))) == len(group)
        for index, told in zip(group, seeds, strict=True):
            seen = "seed " + " ".join(map(str, told)) if apart else rows[index].first.file
            named[index].append(words.file_name(seen))


def _alike(named: list[list[str]]) -> list[list[int]]:
    """Return the groups of two and more rows that have the same name."""
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(named):
        groups.setdefault(", ".join(name), []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def _fact(key: str, value: object) -> str:
    """Return a fact as one reads it: "density 0.3", "dim 512", "convmixer"."""
    room, _, name = key.partition(".")
    shown = printable(value, _LONGEST)  # floats whole: rounded ones may look alike
    if value is None:
        shown = "-"
    if key == "architecture.name":
        return shown
    if room in ("settings", "arguments"):
        return printable(f"{name} {shown}".strip(), 2 * _LONGEST)
    if key == "recipe.epochs":
        return f"{shown} epoch{'' if value == 1 else 's'}"
    if key in _NAMES:
        return f"{_NAMES[key]} {shown}"
    return printable(f"{room} {name} {shown}", 2 * _LONGEST)


def short_names(names: Sequence[str], longest: int) -> list[str]:
    """Return paths of at most `longest` characters where that is possible, all still different.

    What all have in common at their start goes first, then characters in the middle; never what
    tells two of them apart.

    >>> short_names(["runs/a/very/long/road/x.json", "runs/a/very/long/road/y.json"], 20)
    ['.../road/x.json', '.../road/y.json']
    >>> short_names(["a" * 30 + "1" + "a" * 30, "a" * 30 + "2" + "a" * 30], 20)[0].count("1")
    1
    """
    if len(set(names)) < 2 or max(map(len, names)) <= longest:
        return [_middle(name, longest) for name in names] if len(names) == 1 else list(names)
    folder = os.path.dirname(_common(names) + "x")
    kept = os.path.basename(folder)
    cut = len(folder) - len(kept)
    short = [f".../{name[cut:]}" if cut > 4 else name for name in names]
    if max(map(len, short)) <= longest:
        return short
    tried = [_middle(name, longest) for name in short]
    if len(set(tried)) == len(set(names)):
        return tried
    start = len(_common(short))
    end = len(_common([name[::-1] for name in short]))
    head, tail = max(0, start - 4), max(0, end - 4)
    return [
        f"{'...' if head > 3 else name[:head]}{name[head : len(name) - tail]}"
        f"{'...' if tail > 3 else name[len(name) - tail :]}"
        for name in short
    ]


def _middle(name: str, longest: int) -> str:
    if len(name) <= longest:
        return name
    kept = max(2, longest - 3)
    return f"{name[: kept // 2]}...{name[len(name) - (kept + 1) // 2 :]}"


def _common(names: Sequence[str]) -> str:
    """Return what all names start with."""
    first, last = min(names), max(names)
    length = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:length]
