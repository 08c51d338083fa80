"""A grid's text to its layers: common options, axes, rows; a profile and --set over them.

Torch-free. Every error names the file and the line.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pemn_compress.errors import PemnError, SettingError, UnknownNameError, did_you_mean, unreadable
from pemn_compress.sweeping import options
from pemn_compress.sweeping.lines import line_at, lines_of
from pemn_compress.sweeping.options import Option

_TEXTS = ("title", "source")
_LAYERS = ("common", "axes", "rows")


@dataclass(frozen=True)
class Given:
    """An option's value, or the values of an axis, and where it was said ("grid.toml:12")."""

    value: Any
    place: str


@dataclass
class Row:
    """A named variant: its own options, each with one value or several to try in turn."""

    name: str | None
    place: str
    fixed: dict[str, Given] = field(default_factory=dict)
    axes: dict[str, Given] = field(default_factory=dict)


@dataclass
class Layers:
    """What a grid says once its profile and --set have been laid over it."""

    place: str
    title: str
    profile: str | None
    common: dict[str, Given]
    axes: dict[str, Given]
    rows: list[Row]


def read(
    path: Path,
    known: Mapping[str, Option],
    own: Mapping[str, str],
    *,
    profile: str | None = None,
    changes: Sequence[str] = (),
) -> Layers:
    """Return the layers of a grid. Raises SettingError, which names the file and the line.

    `known` are the options that a grid may name, `own` those that it may not and who sets them;
    `changes` are KEY=VALUE, as of --set.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise SettingError(unreadable(path, error)) from None
    except UnicodeDecodeError:
        raise SettingError(f"{path}: expected a text in UTF-8, got other bytes") from None
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path}: expected TOML: {error}") from None
    return _Reader(path, table, lines_of(text), known, own).layers(profile, changes)


class _Reader:
    """The tables of one grid, and the places of what stands in them."""

    def __init__(
        self,
        path: Path,
        table: Mapping[str, Any],
        lines: Mapping[tuple[str | int, ...], int],
        known: Mapping[str, Option],
        own: Mapping[str, str],
    ) -> None:
        self._path, self._table, self._lines = path, table, lines
        self._known, self._own = known, own

    def layers(self, profile: str | None, changes: Sequence[str]) -> Layers:
        self._check_keys((), (*_TEXTS, *_LAYERS, "profiles"))
        for key in _TEXTS:
            if not isinstance(self._table.get(key, ""), str):
                raise SettingError(f"{self._place((key,))}: {key}: expected a text")
        found = Layers(
            str(self._path), self._table.get("title", self._path.stem), profile, {}, {}, []
        )
        self._lay(found, self._table, ())
        chosen = replace(found, common=dict(found.common), axes=dict(found.axes))
        profiles = self._table.get("profiles", {})
        self._expect(profiles, Mapping, ("profiles",), "a table")
        for name in profiles:  # all of them: what nobody runs today is not to be found out later
            path = ("profiles", name)
            self._expect(profiles[name], Mapping, path, "a table")
            self._check_keys(path, (*_LAYERS, "drop"))
            over = replace(found, common=dict(found.common), axes=dict(found.axes))
            self._lay(over if name != profile else chosen, profiles[name], path)
        if profile is not None and profile not in profiles:
            raise UnknownNameError(f"profile of {self._path}", profile, profiles)
        for change in changes:
            self._set(chosen, change)
        return chosen

    def _lay(self, found: Layers, table: Mapping[str, Any], path: tuple[str | int, ...]) -> None:
        """Lay common, axes and rows of a table over what was found so far, less what it drops."""
        self._drop(found, table.get("drop", []), (*path, "drop"))
        commons = self._options(table.get("common", {}), (*path, "common"))
        axes = self._options(table.get("axes", {}), (*path, "axes"))
        for key, given in commons.items():
            if key in axes:
                raise SettingError(
                    f"{axes[key].place}: {key}: expected it in [common] or in [axes], got both"
                )
            if options.is_list_of_values(key, given.value, self._known):
                raise SettingError(
                    f"{given.place}: {key}: expected one value in [common], got a list; several "
                    "to try go into [axes]"
                )
            self._fix(found, key, self._checked(key, given))
        for key, given in axes.items():
            self._vary(found, key, self._values(key, given))
        if "rows" in table:
            rows = table["rows"]
            self._expect(rows, list, (*path, "rows"), "tables, as in [[rows]]")
            found.rows = [self._row(row, (*path, "rows", i)) for i, row in enumerate(rows)]

    def _drop(self, found: Layers, names: Any, path: tuple[str | int, ...]) -> None:
        """Take options back that the grid has given: TOML has no word for nothing."""
        self._expect(names, list, path, "a list of options")
        place = self._place(path)
        for key in names:
            name = self._name(str(key), place)
            if found.common.pop(name, None) is None and found.axes.pop(name, None) is None:
                raise SettingError(
                    f"{place}: {key}: expected an option of [common] or [axes], got one that is in "
                    "neither"
                )

    def _row(self, table: Any, path: tuple[str | int, ...]) -> Row:
        self._expect(table, Mapping, path, "a table")
        name = table.get("name")
        self._expect(name, str | None, (*path, "name"), "a text")
        row = Row(name, self._place(path))
        others = {key: value for key, value in table.items() if key != "name"}
        for key, given in self._options(others, path).items():
            if options.is_list_of_values(key, given.value, self._known):
                row.axes[key] = self._values(key, given)
            else:
                row.fixed[key] = self._checked(key, given)
        if not others and name is None:
            raise SettingError(f"{row.place}: expected a row of options, got an empty one")
        return row

    def _set(self, found: Layers, change: str) -> None:
        key, equals, text = change.partition("=")
        key, place = key.strip(), f"--set {change}"
        if not equals or not key:
            raise SettingError(f"{place}: expected KEY=VALUE, as in --set epochs=3")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text  # no need for quotes within quotes
        name = self._name(key, place)
        for row in found.rows:
            for given in (row.fixed.get(name), row.axes.get(name)):
                if given is not None:
                    raise SettingError(
                        f"{place}: expected an option that no row names, got one that "
                        f"{given.place} sets; change it there"
                    )
        if isinstance(value, str) and self._is_text(name):
            value = text.strip("\"'")
        given = Given(value, place)
        if options.is_list_of_values(name, value, self._known):
            self._vary(found, name, self._values(name, given))
        else:
            self._fix(found, name, self._checked(name, given))

    def _is_text(self, name: str) -> bool:
        return name in self._known and self._known[name].kind == "text"

    def _fix(self, found: Layers, key: str, given: Given) -> None:
        found.axes.pop(key, None)
        found.common[key] = given

    def _vary(self, found: Layers, key: str, given: Given) -> None:
        found.common.pop(key, None)
        found.axes[key] = given

    def _options(self, table: Any, path: tuple[str | int, ...]) -> dict[str, Given]:
        """Return a table's options by their names, `args` taken apart, with their places."""
        self._expect(table, Mapping, path, "a table of options")
        found: dict[str, Given] = {}
        for key, value in options.flattened(table).items():
            parts = key.split(".", 1) if key not in table else [key]
            place = self._place((*path, *parts))
            name = self._name(key, place)
            if name in found:
                raise SettingError(f"{place}: {key}: expected it once, got it with - and with _")
            found[name] = Given(value, place)
        return found

    def _name(self, key: str, place: str) -> str:
        try:
            return options.name_of(key, self._known, self._own)
        except PemnError as error:
            raise SettingError(f"{place}: {error}") from None

    def _values(self, key: str, given: Given) -> Given:
        values = given.value
        if not options.is_list_of_values(key, values, self._known):
            raise SettingError(f"{given.place}: {key}: expected a list of values to try in turn")
        if not values:
            raise SettingError(f"{given.place}: {key}: expected at least one value, got none")
        kept = [self._checked(key, Given(value, given.place)).value for value in values]
        for index, value in enumerate(kept):
            if value in kept[:index]:
                raise SettingError(f"{given.place}: {key}: expected each value once, got {value!r}")
        return Given(kept, given.place)

    def _checked(self, key: str, given: Given) -> Given:
        try:
            return Given(options.checked(key, given.value, self._known), given.place)
        except PemnError as error:
            raise SettingError(f"{given.place}: {key}: {error}") from None

    def _check_keys(self, path: tuple[str, ...], known: Sequence[str]) -> None:
        table: Any = self._table
        for key in path:
            table = table[key]
        for key in table:
            if key not in known:
                hint = did_you_mean(key, known)
                if not hint and (key in self._known or key.replace("-", "_") in self._known):
                    hint = "; options go into [common], [axes] or [[rows]]"
                raise SettingError(
                    f"{self._place((*path, key))}: unknown key {key!r}; expected "
                    f"{', '.join(known)}{hint}"
                )

    def _expect(self, value: Any, kind: Any, path: tuple[str | int, ...], expected: str) -> None:
        if not isinstance(value, kind):
            got = type(value).__name__
            raise SettingError(f"{self._place(path)}: {path[-1]}: expected {expected}, got {got}")

    def _place(self, path: tuple[str | int, ...]) -> str:
        return f"{self._path}:{line_at(self._lines, path)}"
