"""Options that belong together, added to a command in one go."""

from collections.abc import Callable
from typing import Any, TypeVar

Command = TypeVar("Command", bound=Callable[..., Any])


def with_options(command: Command, *options: Callable[[Command], Command]) -> Command:
    """Return a command with options added in turn: help shows the last one first."""
    for option in options:
        command = option(command)
    return command
