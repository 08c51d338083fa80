"""`pemn restore`: from an archive to a runnable model or a state dict."""

from pathlib import Path

import click

from pemn_compress.cli.options import (
    builder_options,
    display_name,
    filled_model,
    limit_options,
    parse_shape,
    read_archive,
    write_stdout,
)
from pemn_compress.errors import SettingError
from pemn_compress.reporting.words import both

EXTENSIONS = (".pt2", ".safetensors", ".pt", ".onnx")


@click.command(short_help="Rebuild the model of an archive.")
@click.argument("archive")
@click.option(
    "-o", "--output", help="The file to write; - is standard output. [default: ARCHIVE.pt2]"
)
@click.option(
    "--to",
    "extension",
    type=click.Choice([name[1:] for name in EXTENSIONS]),
    help="Format, where the output's name does not say it.",
)
@builder_options
@click.option("--input-shape", metavar="3,32,32", help="Shape of one input. [archive's]")
@limit_options
@click.option("--force", is_flag=True, help="Replace an existing output.")
def command(
    archive: str,
    output: str | None,
    extension: str | None,
    model_file: str | None,
    trust_source: bool,
    input_shape: str | None,
    max_weights: int,
    max_bytes: int,
    force: bool,
) -> None:
    """Rebuild the model of ARCHIVE and write it in the format of the output's extension.

    .pt2 is a torch.export program for any batch size that runs with torch alone; .onnx the same
    for ONNX runtimes; .safetensors and .pt are state dicts under the model's own names. Code from
    the archive is never run without --trust-source. ARCHIVE may be - for standard input.

    \b
    Example:
      pemn restore model.pemn -o model.safetensors
      python -c "import torch; net = torch.export.load('model.pt2').module()"
    """
    target = _target(archive, output, extension)
    suffix = f".{extension}" if extension else target.suffix if target else ".pt2"
    if suffix not in EXTENSIONS:
        raise SettingError(
            f"{output}: expected an extension of {', '.join(EXTENSIONS)}, got {suffix or 'none'}; "
            "or pass --to"
        )
    shape = parse_shape(input_shape)
    if target:
        from pemn_compress.atomic import check_output

        check_output(target, force=force)
    from pemn_compress.atomic import write_bytes
    from pemn_compress.format.archive import Limits, open_archive
    from pemn_compress.models.modelfile import load_model_file
    from pemn_compress.storing.exporting import export

    with open_archive(read_archive(archive), Limits(max_weights, max_bytes)) as opened:
        opened.name = display_name(archive)
        content = export(
            opened,
            suffix,
            model=filled_model(opened, load_model_file(model_file) if model_file else None),
            trust_source=trust_source,
            input_shape=shape,
        )
        tensors, digest = len(opened.manifest.tensors), opened.manifest.restored_sha256
    if target is None:
        write_stdout(content)
        return
    write_bytes(target, content, force=force)
    click.echo(
        f"{target}: {both(len(content))}\n"
        f"  {tensors} tensors, equal to the archive's digest {digest[:16]}..."
    )


def _target(archive: str, output: str | None, extension: str | None) -> Path | None:
    if output == "-" or (output is None and archive == "-"):
        return None
    return Path(output) if output else Path(archive).with_suffix(f".{extension or 'pt2'}")
