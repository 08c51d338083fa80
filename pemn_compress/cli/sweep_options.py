"""What a grid may say: the options of `pemn compress`, as click knows them."""

from typing import Any

import click

from pemn_compress.cli.compress import command as compress_command
from pemn_compress.cli.compress import request
from pemn_compress.errors import SettingError
from pemn_compress.sweeping.grid import RunOf
from pemn_compress.sweeping.options import ARGUMENTS, Option, command_of

# options of `pemn compress` that are the sweep's own, and what to do instead
_FILES = "each run has a folder of its own; -o of pemn sweep names the one around them"
_PRINTS = "a run prints into its output.txt"
OWN = {
    "output": _FILES, "checkpoint": _FILES, "record": _FILES, "log": _FILES,
    "tensorboard": "its log.csv has each epoch of a run",
    "export": "pemn restore makes other files of the archives",
    "force": "what is finished is never repeated; remove its folder to have it again",
    "json": _PRINTS, "quiet": _PRINTS, "help": _PRINTS,
    "arg": f"it is the table {ARGUMENTS}, as in {ARGUMENTS} = {{dim = 64}}",
}  # fmt: skip
_KINDS = {"integer": "integer", "integer range": "integer", "float": "number", "pattern=k": "pair"}


def known_options() -> dict[str, Option]:
    """Return the options of `pemn compress` that a grid may name: train_limit, batch_size, ..."""
    known = {"model": Option("text", None)}
    for option in compress_command.params:
        if not isinstance(option, click.Option):
            continue
        flag = max(option.opts, key=len)
        name = flag.removeprefix("--").replace("-", "_")
        if name in OWN:
            continue
        kind = "flag" if option.is_flag else _KINDS.get(option.type.name, "text")
        negative = option.secondary_opts[0] if option.secondary_opts else None
        known[name] = Option(kind, flag, negative, option.multiple)
    return known


def asked(run: RunOf, known: dict[str, Option]) -> tuple[str, dict[str, Any]]:
    """Return what `compress` is called with for a run. Raises SettingError."""
    words = command_of(run.options, known)
    try:
        context = compress_command.make_context("compress", words)
        return context.params["model"], request(context.params)
    except click.UsageError as error:
        raise SettingError(error.format_message().rstrip(".")) from None
