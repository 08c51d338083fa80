"""Warnings of other packages, held back until it is known that nothing is refused."""

from collections.abc import Callable
from typing import Any

import click

Show = Callable[..., None]


class Held:
    """Warnings as Python shows them, in their order; after a refusal nobody needs to see them."""

    def __init__(self, show: Show) -> None:
        """Keep how Python shows one."""
        self._show = show
        self._held: list[tuple[Any, ...]] | None = []

    def take(self, *warning: Any) -> None:
        """Hold a warning (what `warnings.showwarning` is called with), or show it."""
        if self._held is None:
            self._show(*warning)
        else:
            self._held.append(warning)

    def release(self) -> None:
        """Show all that are held, and those to come as they come."""
        held, self._held = self._held or [], None
        for warning in held:
            self._show(*warning)


def release_warnings() -> None:
    """Show the warnings that the running command holds: nothing is refused from now on."""
    context = click.get_current_context(silent=True)
    if context is not None and isinstance(context.obj, Held):
        context.obj.release()
