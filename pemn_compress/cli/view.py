"""`pemn view`: a page that shows what is inside archives, in the browser or as a file."""

import threading
from pathlib import Path

import click

from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.cli.options import check_streams, display_name, read_archive, say, write_stdout
from pemn_compress.errors import SettingError
from pemn_compress.printable import printable
from pemn_compress.reporting.words import both, file_name
from pemn_compress.version import __version__
from pemn_compress.viewing.given import Given, page_with, read_given

MADE_BY = f"pemn-compress {__version__}. Everything is in this page: nothing is sent anywhere."


@click.command(short_help="A page that shows what is inside, and runs the model.")
@click.argument("archives", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--output", help="Write one .html with the archives inside; serve nothing.")
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
) -> None:
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
        write_page(archives, output, force=force, record=record)
        return
    check_streams(archives)
    _serve(read_all(archives, record), port, no_browser)


def read_all(archives: tuple[str, ...], record: str | None = None) -> list[Given]:
    """Return what a page opens. Raises PemnError for the first that is none."""
    beside = None if record is None else Path(record)
    return [read_given(read_archive(path), display_name(path), beside) for path in archives]


def write_page(
    archives: tuple[str, ...], output: str, *, force: bool, record: str | None = None
) -> None:
    """Write one file with the page and the archives in it; - is standard output."""
    if output != "-":
        check_output(Path(output), force=force)
    content = page_with(read_all(archives, record), MADE_BY)
    if output == "-":
        write_stdout(content)
        return
    write_bytes(Path(output), content, force=force)
    say(f"{file_name(output)}: {both(len(content))}, opens in any browser")


def _serve(given: list[Given], port: int, no_browser: bool) -> None:
    import webbrowser  # these take as long as the rest of the command

    from pemn_compress.viewing.serving import Server

    with Server(given, MADE_BY, port) as server:
        names = ", ".join(printable(one.name, 80) for one in given[:4])
        say(f"{names}: {server.address}  (Ctrl-C ends it)")
        if not no_browser:
            threading.Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()
        server.serve_forever()
