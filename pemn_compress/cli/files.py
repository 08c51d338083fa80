"""Which files a command reads and which it writes: told by its options, kept apart before it runs.

Every command of the program is a `PemnCommand`. What writes a file is an option of type `Output`;
each other text of the command line may name a file that is read: a new command need say nothing.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from pemn_compress.apart import check_apart
from pemn_compress.cli import optional

Values = Mapping[str, Any]


class Output(click.Path):
    """A file that is written, or a folder for files that are; "-" is standard output.

    `otherwise` returns the one that is taken where the option is not given, from the values of all
    options; None for none.
    """

    def __init__(
        self,
        *,
        otherwise: Callable[[Values], str | None] = lambda _: None,
        path_type: Any = None,
    ) -> None:
        super().__init__(path_type=path_type)
        self.name = "file"
        self.otherwise = otherwise

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the path; a usage error for an empty one, which names no file."""
        if not str(value):
            self.fail("expected a file name, got an empty text", param, ctx)
        return super().convert(value, param, ctx)


class Input(click.ParamType[str]):
    """A text that says what is read in a way of its own; `files` yields the files of it."""

    name = "text"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the text as it is."""
        return str(value)

    def files(self, text: str, values: Values) -> Iterator[str]:
        """Yield the files that are read for a text; `values` are those of all options."""
        return named_files(text)


class Model(Input):
    """An architecture's name, or a model file: model.py, model.py:build."""

    def files(self, text: str, values: Values) -> Iterator[str]:
        """Yield the file; a file that is called as an architecture is not read."""
        return named_files(text) if re.search(r"\.py|[/\\]", text) else iter(())


class DataName(Input):
    """What --data takes: digits, folder:PATH, npz:PATH, ..."""

    def files(self, text: str, values: Values) -> Iterator[str]:
        """Yield the files of the data, pictures of folders among them."""
        from pemn_compress.data.places import files_read

        return files_read(text, values["data_dir"])


class Folder(click.Path):
    """A folder that files are looked for in, which are told by another option."""


class PemnCommand(click.Command):
    """A command that writes over nothing that it reads, nor twice over one file."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words; those that may be numbers of options are joined to them first."""
        given = list(args)
        try:
            return super().parse_args(ctx, optional.joined(self.params, given))
        except click.UsageError as error:
            hint = optional.hint(self.params, given)
            if not hint or "unexpected extra" not in error.message:
                raise
            raise click.UsageError(error.message.rstrip(".") + hint, ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises OutputError for an output that is an input, or is another one."""
        outputs: list[str] = []
        for option, kind in self._typed(ctx):
            if isinstance(kind, Output):
                name = str(option.name)
                if ctx.params[name] is None:
                    ctx.params[name] = kind.otherwise(ctx.params)
                outputs += (path for path in _texts(ctx.params[name]) if path != "-")
        check_apart(outputs, self._inputs(ctx))
        return super().invoke(ctx)

    def _typed(self, ctx: click.Context) -> Iterator[tuple[click.Parameter, Any]]:
        for option in self.get_params(ctx):
            if option.name in ctx.params:
                yield option, option.type

    def _inputs(self, ctx: click.Context) -> Iterator[str]:
        for option, kind in self._typed(ctx):
            if isinstance(kind, Output | Folder | click.Choice):
                continue
            for text in _texts(ctx.params[str(option.name)]):
                told = isinstance(kind, Input)
                yield from kind.files(text, ctx.params) if told else named_files(text)


def named_files(text: str) -> Iterator[str]:
    """Yield what in a text may name a file: FILE, KIND:FILE, FILE:FUNCTION, NAME=FILE.

    >>> list(named_files("x=a:b.npy"))
    ['x=a:b.npy', 'a:b.npy', 'x', 'b.npy', 'x=a']
    """
    found = [text]
    for mark in "=:":
        if mark in text:
            found += [text.partition(mark)[2], *text.rpartition(mark)[::-2]]
    for name in dict.fromkeys(filter(None, found)):
        yield name
        if name.startswith("~"):
            yield os.path.expanduser(name)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts and paths in an option's value: one, several, or pairs."""
    if isinstance(value, str | Path):
        yield str(value)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _texts(one)
