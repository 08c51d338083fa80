"""Values of options that are more than a number or a text."""

from typing import Any

import click


class Assignment(click.ParamType[tuple[str, object]]):
    """NAME=VALUE; the value becomes an integer, a float, true or false, or stays a string."""

    name = "name=value"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, object]:
        """Return the pair; a usage error where there is no '='."""
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not equals or not key.isidentifier():
            self.fail(f"expected NAME=VALUE (for example dim=64), got {value!r}", param, ctx)
        return key, literal(text)


class PatternDensity(click.ParamType[tuple[str, float]]):
    """PATTERN=K: a name pattern and a density."""

    name = "pattern=k"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        """Return the pair; a usage error where there is no '=' or no number after the last one."""
        if isinstance(value, tuple):
            return value
        pattern, equals, text = str(value).rpartition("=")
        try:
            number = float(text)
        except ValueError:
            number = None
        if not equals or not pattern or number is None:
            self.fail(f"expected PATTERN=K (for example 'head.*=0.9'), got {value!r}", param, ctx)
        return pattern, number


def literal(text: str) -> object:
    """Return the number or boolean that a text spells, or the text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
