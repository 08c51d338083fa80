"""`pemn view`: a page that shows what is inside archives, in the browser or as a file."""

import threading
from collections.abc import Sequence
from pathlib import Path

import click

from pemn_compress.apart import check_apart
from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.cli.files import Output, PemnCommand
from pemn_compress.cli.options import (
    check_streams,
    display_name,
    read_archive,
    say,
    tell_broken,
    write_stdout,
)
from pemn_compress.cli.wording import BAD_INPUT
from pemn_compress.errors import PemnError, SettingError
from pemn_compress.printable import printable
from pemn_compress.reporting.words import both, file_name
from pemn_compress.version import __version__
from pemn_compress.viewing.given import Given, page_with, read_given, read_record

PAGES = (".html", ".htm")
MADE_BY = f"pemn-compress {__version__}. Everything is in this page: nothing is sent anywhere."


@click.command(cls=PemnCommand, short_help="A page that shows what is inside, and runs the model.")
@click.argument("archives", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "-o",
    "--output",
    type=Output(),
    help="Write one .html with the archives inside; serve nothing.",
)
@click.option("--record", help="The record of the run; else FILE's own .json, if there is one.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="[default: any free one]")
@click.option("--no-browser", is_flag=True, help="Print the address, and open nothing.")
@click.option("--force", is_flag=True, help="Replace an existing output.")
def command(
    archives: tuple[str, ...],
    output: str | None,
    record: str | None,
    port: int,
    no_browser: bool,
    force: bool,
) -> int:
    """Show what is inside FILE in a page: sizes, masks, digests, the graph, the run's curves.

    Where the archive says what its model computes, the page classifies pictures too. It is served
    to this machine alone, under an address that cannot be guessed, until Ctrl-C; with -o it is one
    file that opens anywhere. FILE may be - for standard input. The record of a run
    (pemn compress --record) is found beside FILE under the same name with .json.

    \b
    Example:
      pemn view model.pemn
      pemn view model.pemn -o model.html
    """
    if record is not None and len(archives) > 1:
        raise SettingError(f"--record is for one archive; expected one FILE, got {len(archives)}")
    if output is not None and (port or no_browser):
        raise SettingError("--port and --no-browser are for a page that is served, not for -o")
    if output is not None:
        return write_page(archives, output, force=force, record=record, skips=False)
    check_streams(archives)
    given, status = read_all(archives, record)
    if not status:
        _serve(given, port, no_browser)
    return status


def read_all(
    archives: Sequence[str], record: str | None = None, told: Sequence[str] = ()
) -> tuple[list[Given], int]:
    """Return what a page opens, and the exit status; what cannot be opened is told, a line each.

    `told` are lines of what was found out before. Raises PemnError where nothing is left.
    """
    known = None if record is None else read_record(Path(record))
    given, broken = [], list(told)
    for path in archives:
        try:
            given.append(read_given(read_archive(path), display_name(path), known))
        except PemnError as error:
            broken.append(str(error))
    if not given and len(broken) == 1:
        raise PemnError(broken[0])
    tell_broken(broken)
    return given, BAD_INPUT if broken else 0


def check_page(output: str) -> None:
    """Refuse a page's name that no browser would open as one. Raises SettingError."""
    if output != "-" and Path(output).suffix.lower() not in PAGES:
        raise SettingError(f"{output}: expected a name that ends in {' or '.join(PAGES)}")


def write_page(
    archives: Sequence[str],
    output: str,
    *,
    force: bool,
    record: str | None = None,
    told: Sequence[str] = (),
    skips: bool = True,
) -> int:
    """Write one file with the page and the archives in it, and return the exit status.

    - is standard output. What is no archive is told, and so are the lines `told`; without any
    archive, or unless it `skips` what is none, nothing is written.
    """
    check_page(output)
    given, status = read_all(archives, record, told)
    if not given or (status and not skips):
        return status
    if output == "-":
        write_stdout(page_with(given, MADE_BY))
        return status
    check_apart([output], archives)  # those that were found in folders, too
    check_output(Path(output), force=force)
    content = page_with(given, MADE_BY)
    write_bytes(Path(output), content, force=force)
    say(f"{file_name(output)}: {both(len(content))}, opens in any browser")
    return status


def _serve(given: list[Given], port: int, no_browser: bool) -> None:
    import webbrowser  # these take as long as the rest of the command

    from pemn_compress.viewing.serving import Server

    with Server(given, MADE_BY, port) as server:
        names = ", ".join(printable(one.name, 80) for one in given[:4])
        say(f"{names}: {server.address}  (Ctrl-C ends it)")
        if not no_browser:
            threading.Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()
        server.serve_forever()
