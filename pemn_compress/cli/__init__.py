"""The command line: parse, call, print. One file per command, loaded when it is run."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from keyword import iskeyword
from typing import Any

import click

from pemn_compress.cli.flags import as_flags
from pemn_compress.cli.holding import Held
from pemn_compress.cli.wording import BAD_INPUT, error_line, is_out_of_memory, out_of_memory
from pemn_compress.errors import NEEDS_TORCH, PemnError, PemnWarning, needs_torch
from pemn_compress.printable import one_line
from pemn_compress.version import __version__

INTERRUPTED, UNREAD = 130, 141  # as shells tell of processes that a signal ended

# command -> what `pemn --help` says of it; the module is pemn_compress.cli.<command>, with a _ at
# its end where that is a word of Python
COMMANDS = {
    "compress": "Train masks, or a pruned network, and write a .pemn archive.",
    "sweep": "Run a grid of pemn compress; what is finished is never repeated.",
    "restore": "Rebuild the model of an archive: .pt2 .onnx .safetensors .pt .npz.",
    "run": "What an archive's model makes of .npy inputs, without torch.",
    "report": "What an archive or an architecture costs, beside pruning.",
    "inspect": "What is inside an archive, section by section.",
    "view": "A page that shows what is inside an archive, and classifies pictures.",
    "verify": "Check every promise that an archive makes.",
    "evaluate": "Measure a restored model's accuracy on data.",
    "import": "Turn a checkpoint of the papers' own projects into an archive.",
    "diff": "How much the masks of archives agree, beside chance.",
}


class _Unread(Exception):
    """Whoever read standard output has stopped reading."""


@contextmanager
def _told_apart() -> Iterator[None]:
    """Let a broken pipe pass click, which would end the process itself."""
    try:
        yield
    except BrokenPipeError:
        raise _Unread from None


class _Commands(click.Group):
    """Commands that are imported when they run: `pemn --help` need not load torch."""

    def make_context(self, *arguments: Any, **further: Any) -> click.Context:
        with _told_apart():
            return super().make_context(*arguments, **further)

    def invoke(self, ctx: click.Context) -> Any:
        with _told_apart():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(_module(cmd_name)).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = get_close_matches(name.lower(), COMMANDS)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise click.UsageError(
                f"no such command {name!r}; {hint}expected one of: {', '.join(COMMANDS)}", ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _described(name)) for name in COMMANDS])


def _module(command: str) -> str:
    return f"pemn_compress.cli.{command}{'_' if iskeyword(command) else ''}"


def _described(command: str) -> str:
    """Return what the help says of a command: what it does, or how to have it."""
    return COMMANDS[command] if find_spec(_module(command)) else NEEDS_TORCH.capitalize()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="pemn")
def pemn() -> None:
    """Networks stored as a seed and masks: compress, restore, and account for every byte.

    \b
    Example:
      pemn compress mlp --data digits --strategy rp --ratio 1e-2 -o digits.pemn
      pemn report digits.pemn
      pemn restore digits.pemn -o digits.pt2
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    0: done. 2: bad input, one line on standard error. 130: interrupted. 141: whoever read standard
    output stopped reading, and the command with it.
    """
    _open_closed_streams()
    _accept_any_text()
    try:
        status = _run(arguments)
        sys.stdout.flush()  # what fails here would be told by Python itself, in many lines
    except (_Unread, BrokenPipeError):
        status = UNREAD
        _silence(sys.stdout)
    except OSError as error:  # a full disk behind standard output, a terminal that went away
        status = BAD_INPUT
        _silence(sys.stdout)
        where = error.filename or "standard output"
        _tell(f"{where}: {error.strerror or error}")
    sys.exit(status)


def _run(arguments: list[str] | None) -> int:
    """Run a command and return the exit status; what goes wrong is one line on standard error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", PemnWarning)
            others = Held(warnings.showwarning)
            warnings.showwarning = partial(_warn, others)
            result: Any = pemn.main(arguments, prog_name="pemn", standalone_mode=False, obj=others)
            others.release()
        return result if isinstance(result, int) else 0
    except click.Abort as error:  # click's word for KeyboardInterrupt
        told = one_line(error.__cause__ or "")
        click.echo(f"pemn: interrupted{' ' if told else ''}{told}", err=True)
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else str(error))
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "pemn"
        _tell(f"{error.format_message().rstrip('.')}; see '{path} --help'")
    except click.ClickException as error:
        _tell(error.format_message())
    except PemnError as error:
        _tell(error)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        _tell(out_of_memory(error))
    except ImportError as error:
        if _is_own(error) and not needs_torch(error):
            raise
        _tell(_missing(error))
    return BAD_INPUT


def _warn(others: Held, message: Warning | str, category: type[Warning], *place: Any) -> None:
    """Print a warning of ours as a line, from one of many ranks; others wait, as they are."""
    if not issubclass(category, PemnWarning):
        others.take(message, category, *place)
    elif os.environ.get("RANK", "0") == "0":
        click.echo(f"warning: {as_flags(one_line(message))}", err=True)


def _tell(message: object) -> None:
    with suppress(OSError):  # standard error may be as full as standard output
        click.echo(error_line(message), err=True)


def _is_own(error: ImportError) -> bool:
    return (error.name or "").partition(".")[0] == "pemn_compress"


def _missing(error: ImportError) -> str:
    """Return what to install for a module that cannot be imported."""
    if needs_torch(error):
        return f"this command {NEEDS_TORCH}"
    package = what = (error.name or "a module").partition(".")[0]
    if isinstance(error, ModuleNotFoundError):
        return f"this command needs {package}, which is not installed: pip install {what}"
    return f"this command needs {package}, which cannot be imported: {error}"


def _open_closed_streams() -> None:
    """Give a process that was started without some standard stream one that leads nowhere.

    Else what is opened next would take its number, and get what others write to it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _accept_any_text() -> None:
    """Let names in any letters be printed, whatever the locale: as escapes where need be."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _silence(stream: Any) -> None:
    """Send what is still to be written to nowhere: Python writes it when it ends."""
    try:
        handle = os.open(os.devnull, os.O_WRONLY)
        os.dup2(handle, stream.fileno())
        os.close(handle)
    except (AttributeError, OSError, ValueError):  # no stream, or none of the system's
        pass
