"""The command line: parse, call, print. One file per command, loaded when it is run."""

import os
import sys
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from pemn_compress.cli.flags import as_flags
from pemn_compress.errors import PemnError, PemnWarning
from pemn_compress.version import __version__

BAD_INPUT, INTERRUPTED = 2, 130

# command -> what `pemn --help` says of it; the module is pemn_compress.cli.<command>, with a _ at
# its end where that is a word of Python
COMMANDS = {
    "compress": "Train masks, or a pruned network, and write a .pemn archive.",
    "restore": "Rebuild the model of an archive: .pt2 .onnx .safetensors .pt .npz.",
    "report": "What an archive or an architecture costs, beside pruning.",
    "inspect": "What is inside an archive, section by section.",
    "verify": "Check every promise that an archive makes.",
    "evaluate": "Measure a restored model's accuracy on data.",
    "import": "Turn a checkpoint of the papers' own projects into an archive.",
    "diff": "How much the masks of archives agree, beside chance.",
}


class _Commands(click.Group):
    """Commands that are imported when they run: `pemn --help` need not load torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"pemn_compress.cli.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


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
    """Run the command line and exit: 0 done, 2 bad input (one line on stderr), 130 interrupted."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", PemnWarning)
            warnings.showwarning = partial(_warn, warnings.showwarning)
            result: Any = pemn.main(arguments, prog_name="pemn", standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else str(error))
        sys.exit(BAD_INPUT)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "pemn"
        _fail(f"{error.format_message().rstrip('.')}; see '{path} --help'")
    except click.ClickException as error:
        _fail(error.format_message())
    except PemnError as error:
        _fail(as_flags(str(error)))
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has stopped reading; say nothing
        sys.exit(0)
    except click.Abort as error:  # click's word for KeyboardInterrupt
        told = str(error.__cause__ or "")
        click.echo(f"pemn: interrupted{' ' if told else ''}{told}", err=True)
        sys.exit(INTERRUPTED)


def _warn(
    others: Callable[..., None], message: Warning | str, category: type[Warning], *place: Any
) -> None:
    """Print a warning of ours as a line, from one of many ranks; leave others as they are."""
    if not issubclass(category, PemnWarning):
        others(message, category, *place)
    elif os.environ.get("RANK", "0") == "0":
        click.echo(f"warning: {as_flags(str(message))}", err=True)


def _fail(message: str) -> None:
    click.echo(f"pemn: {' '.join(message.split())}", err=True)
    sys.exit(BAD_INPUT)
