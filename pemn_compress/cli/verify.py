"""`pemn verify`: every promise of the format, checked."""

import json

import click

from pemn_compress.cli.options import display_name, limit_options, read_archive
from pemn_compress.format.archive import Limits, verify


@click.command(short_help="Check every promise that an archive makes.")
@click.argument("archives", nargs=-1, required=True, metavar="ARCHIVE...")
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(archives: tuple[str, ...], max_weights: int, max_bytes: int, as_json: bool) -> None:
    """Check every promise that each ARCHIVE makes: layout, digests, masks, restored tensors.

    Exit status 0: all hold. 2: one does not, and the message says which and where. A digest shows
    damage, not who wrote the file. ARCHIVE may be - for standard input.
    """
    findings = []
    for path in archives:
        found = verify(read_archive(path), Limits(max_weights, max_bytes)) | {
            "file": display_name(path)
        }
        findings.append(found)
        if not as_json:
            click.echo(
                f"{found['file']}: sound: format {found['format_version']}, "
                f"{_counted(found['sections'], 'section')}, "
                f"{_counted(found['tensors'], 'tensor')}, restored digest "
                f"{found['restored_sha256'][:16]}..."
            )
    if as_json:
        click.echo(json.dumps(findings, indent=2))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
