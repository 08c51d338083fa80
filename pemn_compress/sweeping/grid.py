"""A grid to its runs: the product of axes, for every row. Torch-free."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

from pemn_compress.errors import SettingError
from pemn_compress.sweeping.options import Option, regrouped
from pemn_compress.sweeping.reading import Given, Layers, Row, read

MOST_RUNS = 100_000
LONGEST_ID = 120  # characters; file systems take 255 bytes


@dataclass(frozen=True, eq=False)
class RunOf:
    """One run of a grid.

    `id` names its folder; `row` the variant ("" without rows); `options` are those of
    `pemn compress`, flat ("args.dim"); `places` say where each was given ("grid.toml:12"), `place`
    where the run as a whole was.
    """

    id: str
    row: str
    options: dict[str, Any]
    places: dict[str, str]
    place: str

    def told(self) -> dict[str, Any]:
        """Return what a directory keeps of it, as plain values."""
        return {"id": self.id, "row": self.row, "options": regrouped(self.options)}


@dataclass(frozen=True)
class Grid:
    """All runs of a grid, in the order of its text; `profile` None is the grid as it stands."""

    place: str
    title: str
    profile: str | None
    runs: tuple[RunOf, ...]

    def told(self, source: Callable[[RunOf], str | None] = lambda run: None) -> dict[str, Any]:
        """Return what a directory keeps of it, as plain values, with a digest of its runs.

        `source` returns the digest of a run's model file, where it has one.
        """
        rows = []
        for run in self.runs:
            digest = source(run)
            rows.append(run.told() | ({"source": digest} if digest else {}))
        text = json.dumps(rows, sort_keys=True, ensure_ascii=True)
        return {
            "sha256": sha256(text.encode()).hexdigest(),
            "title": self.title,
            "profile": self.profile,
            "rows": rows,
        }


def load_grid(
    path: Path,
    known: Mapping[str, Option],
    own: Mapping[str, str],
    *,
    profile: str | None = None,
    changes: Sequence[str] = (),
    defaults: Mapping[str, Any] | None = None,
) -> Grid:
    """Return the runs of a grid file; see `reading.read`.

    `defaults` are options that hold where the grid says nothing. Raises SettingError, which names
    the file and the line.
    """
    layers = read(path, known, own, profile=profile, changes=changes)
    for key, value in (defaults or {}).items():
        if key not in layers.axes:
            layers.common.setdefault(key, Given(value, f"{path}:1"))
    runs = list(_runs(layers))
    _check_apart(runs)
    return Grid(layers.place, layers.title, layers.profile, tuple(runs))


def _runs(layers: Layers) -> Iterator[RunOf]:
    rows = layers.rows or [Row("", f"{layers.place}:1")]
    count = sum(math.prod(len(g.value) for g in _axes(layers, row).values()) for row in rows)
    if count > MOST_RUNS:
        raise SettingError(f"{layers.place}: expected at most {MOST_RUNS:,} runs, got {count:,}")
    for row in rows:
        axes = _axes(layers, row)
        name = row.name if row.name is not None else _name(row)
        for values in product(*(given.value for given in axes.values())):
            chosen = {
                key: Given(value, axes[key].place) for key, value in zip(axes, values, strict=True)
            }
            given = layers.common | row.fixed | chosen
            if "model" not in given:
                raise SettingError(
                    f"{row.place}: expected a model, got none; say it in [common], as in "
                    'model = "resnet20"'
                )
            parts = [slug(name)] if name else []
            parts += [f"{slug(_short(key))}-{slug(one.value)}" for key, one in chosen.items()]
            yield RunOf(
                _fitting("_".join(parts) or "run"),
                name,
                {key: one.value for key, one in sorted(given.items())},
                {key: one.place for key, one in given.items()},
                row.place,
            )


def _axes(layers: Layers, row: Row) -> dict[str, Given]:
    """Return what varies within a row: its own axes, and those that it does not name itself."""
    named = row.fixed.keys() | row.axes.keys()
    return row.axes | {key: given for key, given in layers.axes.items() if key not in named}


def _name(row: Row) -> str:
    """Return a name for a row that has none: the values that it fixes, numbers with their key."""
    parts = []
    for key, given in row.fixed.items():
        value = given.value
        is_name = isinstance(value, str)
        parts.append(slug(value) if is_name else f"{slug(_short(key))}-{slug(value)}")
    return "-".join(parts)


def _short(key: str) -> str:
    return key.rpartition(".")[2].replace("_", "-")


def slug(value: object) -> str:
    """Return a value as a part of a file's name.

    >>> slug(0.01), slug(True), slug("npz:data/c.npz"), slug(["head.*", "x"])
    ('0.01', 'true', 'npz-data-c.npz', 'head.-x')
    """
    if isinstance(value, list):
        return slug(" ".join(map(str, value)))
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9.+=]+", "-", text).strip("-") or "-"


def _fitting(name: str) -> str:
    if len(name) <= LONGEST_ID and not name.startswith("."):
        return name
    return f"{name[: LONGEST_ID - 9].lstrip('.')}-{sha256(name.encode()).hexdigest()[:8]}"


def _check_apart(runs: Sequence[RunOf]) -> None:
    """Refuse two runs of one name, and two that would train the same. Raises SettingError."""
    names: dict[str, RunOf] = {}
    contents: dict[str, RunOf] = {}
    for run in runs:
        other = names.setdefault(run.id.lower(), run)  # some file systems know no case
        if other is not run:
            raise SettingError(
                f"{run.place}: two runs are called {run.id} (the other is of {other.place}); give "
                "their rows names that differ"
            )
        text = json.dumps(run.options, sort_keys=True)
        other = contents.setdefault(text, run)
        if other is not run:
            raise SettingError(
                f"{run.place}: run {run.id} is {other.id} of {other.place} once more, with the "
                "same options; leave one out"
            )
