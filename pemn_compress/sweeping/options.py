"""What a grid may say of a run: the options of `pemn compress`, as TOML holds them. Torch-free."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pemn_compress.errors import SettingError, did_you_mean

ARGUMENTS = "args"  # the table of what the architecture is called with


@dataclass(frozen=True)
class Option:
    """One option: how the command line spells it, and what kind of value it takes.

    `kind` is "flag", "integer", "number", "text" or "pair" (PATTERN=NUMBER). `flag` is the option
    itself ("--train-limit"; None for the model, which has none), `negative` the one that says no
    (`--no-bias`). `many` options are repeated on the command line and lists in a grid.
    """

    kind: str
    flag: str | None
    negative: str | None = None
    many: bool = False

    def checked(self, value: Any) -> Any:
        """Return the value as it is kept. Raises SettingError for one of another kind."""
        if not self.many:
            return self._one(value)
        if self.kind == "pair" and isinstance(value, Mapping):
            value = [f"{pattern}={number!r}" for pattern, number in value.items()]
        return [self._one(one) for one in (value if isinstance(value, list) else [value])]

    def words(self, value: Any) -> list[str]:
        """Return what a command line says for the value."""
        if self.flag is None:
            return [str(value)]
        if self.kind == "flag":
            return [self.flag] if value else [self.negative] if self.negative else []
        # in one word, so that what starts with a dash is still a value
        return [f"{self.flag}={one}" for one in (value if self.many else [value])]

    def _one(self, value: Any) -> Any:
        kinds: dict[str, tuple[type, ...]] = {
            "flag": (bool,), "integer": (int,), "number": (int, float), "text": (str,),
            "pair": (str,),
        }  # fmt: skip
        is_kind = isinstance(value, kinds[self.kind])
        if is_kind and (self.kind == "flag" or not isinstance(value, bool)) and _is_finite(value):
            return value
        raise SettingError(f"expected {_EXPECTED[self.kind]}, got {_shown(value)}")


_EXPECTED = {
    "flag": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "text": 'a text in quotes, such as "cifar10"',
    "pair": 'texts such as "head.*=0.9"',
}


def flattened(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table of options with `args` taken apart: {"args.dim": 64, "train_limit": 100}."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if key == ARGUMENTS and isinstance(value, Mapping):
            flat |= {f"{ARGUMENTS}.{name}": one for name, one in value.items()}
        else:
            flat[key] = value
    return flat


def regrouped(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table that `flattened` has taken apart."""
    table: dict[str, Any] = {}
    for key, value in flat.items():
        group, dot, name = key.partition(".")
        if dot:
            table.setdefault(group, {})[name] = value
        else:
            table[key] = value
    return table


def name_of(key: str, known: Mapping[str, Option], own: Mapping[str, str]) -> str:
    """Return the name of an option that a grid calls `key`, with - or _.

    `own` are options of the command that a grid cannot set, and who does. Raises SettingError.
    """
    name = key.replace("-", "_")
    if name in own:
        raise SettingError(f"{key}: a grid cannot set it: {own[name]}")
    if name == ARGUMENTS:
        raise SettingError(f"{key}: expected a table, as in args = {{dim = 64}}")
    group, dot, argument = key.partition(".")
    if dot and group == ARGUMENTS and argument:
        return key
    if name not in known:
        near = did_you_mean(name, [*known, ARGUMENTS])
        raise SettingError(f"{key}: expected an option of 'pemn compress', got no such one{near}")
    return name


def checked(name: str, value: Any, known: Mapping[str, Option]) -> Any:
    """Return an option's value as it is kept. Raises SettingError."""
    if name in known:
        return known[name].checked(value)
    # an argument of the architecture
    if isinstance(value, bool | int | float | str) and _is_finite(value):
        return value
    raise SettingError(f"expected a number, a text, true or false, got {_shown(value)}")


def is_list_of_values(name: str, value: Any, known: Mapping[str, Option]) -> bool:
    """Tell whether a value is several to try in turn; for options that are lists, lists of them."""
    if not isinstance(value, list):
        return False
    if name in known and known[name].many:
        return any(isinstance(one, list | Mapping) for one in value)
    return True


def command_of(options: Mapping[str, Any], known: Mapping[str, Option]) -> list[str]:
    """Return what follows `pemn compress` for a run's (flat) options, the model first."""
    words = known["model"].words(options["model"])
    for name, value in options.items():
        if name == "model":
            continue
        if name in known:
            words += known[name].words(value)
        else:
            words.append(f"--arg={name.partition('.')[2]}={_plain(value)}")
    return words


def _is_finite(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
