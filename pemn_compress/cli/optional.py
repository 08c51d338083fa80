"""Options whose number may be left out: what follows one is its number only where it is one."""

from collections.abc import Iterable, Sequence
from typing import Any

import click


class OptionalNumber(click.Option):
    """An option with a number, which is `otherwise` where none stands behind it.

    click's own (flag_value) takes any next word for the number, a MODEL for one, and none that is
    negative.
    """

    def __init__(self, *arguments: Any, otherwise: int, **further: Any) -> None:
        super().__init__(*arguments, **further)
        self.otherwise = otherwise

    def joined(self, words: Sequence[str]) -> list[str]:
        """Return the words of a command line with the number, or the one that is taken, joined.

        >>> option = OptionalNumber(["--n"], otherwise=7)
        >>> option.joined(["--n", "a.py", "--n", "-3", "--n"])
        ['--n=7', 'a.py', '--n=-3', '--n=7']
        """
        made: list[str] = []
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word == "--":
                return [*made, word, *rest]
            if word in self.opts:
                number = rest.pop(0) if rest and _is_number(rest[0]) else self.otherwise
                word = f"{word}={number}"
            made.append(word)
        return made


def joined(options: Iterable[click.Parameter], words: list[str]) -> list[str]:
    """Return a command's words with every number that may be left out joined to its option."""
    for option in options:
        if isinstance(option, OptionalNumber):
            words = option.joined(words)
    return words


def hint(options: Iterable[click.Parameter], words: Sequence[str]) -> str:
    """Return how to give a number that may be left out, where the words name such an option."""
    for option in options:
        if isinstance(option, OptionalNumber) and set(option.opts) & set(words):
            return f"; {option.opts[0]} takes a number, as in {option.opts[0]}=3"
    return ""


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
