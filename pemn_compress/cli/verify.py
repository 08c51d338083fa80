"""`pemn verify`: every promise of the format, checked."""

from typing import Any

import click

from pemn_compress.cli.files import PemnCommand
from pemn_compress.cli.options import check_streams, each_archive, limit_options, read_archive, say
from pemn_compress.errors import PemnError
from pemn_compress.format.archive import Limits, verify
from pemn_compress.reporting.interchange import json_text
from pemn_compress.reporting.words import file_name


@click.command(cls=PemnCommand, short_help="Check every promise that an archive makes.")
@click.argument("archives", nargs=-1, required=True, metavar="ARCHIVE...")
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(archives: tuple[str, ...], max_weights: int, max_bytes: int, as_json: bool) -> int:
    """Check every promise that each ARCHIVE makes: layout, digests, masks, restored tensors.

    Exit status 0: all hold. 2: one does not, and the message says which and where; the other
    archives are checked all the same. A digest shows damage, not who wrote the file. ARCHIVE may be
    - for standard input.
    """
    limits = Limits(max_weights, max_bytes)
    findings: list[dict[str, Any]] = []

    def check(path: str, name: str) -> None:
        try:
            found = verify(read_archive(path), limits, name=name)
        except PemnError as error:
            findings.append({"file": name, "sound": False, "error": str(error)})
            raise
        findings.append({"file": name, "sound": True, **found})
        if not as_json:
            say(
                f"{file_name(name)}: sound: format {found['format_version']}, "
                f"{_counted(found['sections'], 'section')}, "
                f"{_counted(found['tensors'], 'tensor')}, restored digest "
                f"{found['restored_sha256'][:16]}..."
            )

    check_streams(archives)
    status = each_archive(archives, check)
    if as_json:
        say(json_text(findings))
    return status


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
