"""`pemn restore`: from an archive to a runnable model or a state dict."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import click

from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.cli.files import Output, PemnCommand
from pemn_compress.cli.options import (
    builder_options,
    display_name,
    filled_model,
    limit_options,
    read_archive,
    write_stdout,
)
from pemn_compress.cli.working import working
from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.format.archive import Archive, Limits, open_archive
from pemn_compress.format.arrays.contract import contract
from pemn_compress.format.arrays.decoding import state_of
from pemn_compress.format.arrays.files import STATE_FILES
from pemn_compress.format.arrays.places import beside
from pemn_compress.reporting.words import both, clean, file_name

EXTENSIONS = (".pt2", ".onnx", ".safetensors", ".pt", ".npz")
Command = Callable[..., Any]
_NOTHING_ASKED = {
    "input_shape": None, "input_dtype": None, "dynamic": (), "batch": "any",
    "with_preprocessing": False,
}  # fmt: skip


def input_options(command: Command) -> Command:
    """Add what a program's inputs are."""
    for decorator in (
        click.option(
            "--with-preprocessing",
            is_flag=True,
            help="A program that normalises images itself, as the archive records: uint8 of 0 to "
            "255, or 0 to 1 with --input-dtype float32.",
        ),
        click.option(
            "--dynamic",
            multiple=True,
            metavar="[INPUT.]DIM",
            help="A further dimension that may vary (the batch is 0): of every input, or of one, "
            "by position or name: 1, 0.1, ids.1; repeatable.",
        ),
        click.option(
            "--batch",
            default="any",
            show_default=True,
            metavar="any|N|none",
            help="A program for batches of any size, of N alone, or for inputs without a batch.",
        ),
        click.option(
            "--input-dtype",
            "input_dtypes",
            multiple=True,
            metavar="[NAME=]int64",
            help="Type of the inputs; repeat for one each, in order or by name. [archive's, or the "
            "model's]",
        ),
        click.option(
            "--input-shape",
            "input_shapes",
            multiple=True,
            metavar="[NAME=]3,32,32",
            help="Shape of one input without the batch; repeat for several, in order or by name. "
            "[archive's]",
        ),
    ):
        command = decorator(command)
    return command


@click.command(cls=PemnCommand, short_help="Rebuild the model of an archive.")
@click.argument("archive")
@click.option(
    "-o",
    "--output",
    type=Output(otherwise=lambda given: _beside(given["archive"], given["extension"])),
    help="The file to write; - is standard output. [default: ARCHIVE.pt2]",
)
@click.option(
    "--to",
    "extension",
    type=click.Choice([name[1:] for name in EXTENSIONS]),
    help="Format, where the output's name does not say it.",
)
@builder_options
@input_options
@limit_options
@click.option("--force", is_flag=True, help="Replace an existing output.")
def command(
    archive: str,
    output: str | None,
    extension: str | None,
    model_file: str | None,
    trust_source: bool,
    input_shapes: Sequence[str],
    input_dtypes: Sequence[str],
    batch: str,
    dynamic: Sequence[str],
    with_preprocessing: bool,
    max_weights: int,
    max_bytes: int,
    force: bool,
) -> None:
    """Rebuild the model of ARCHIVE and write it in the format of the output's extension.

    .pt2 is a torch.export program for any batch size that runs with torch alone; .onnx the same
    for ONNX runtimes; .safetensors, .pt and .npz are state dicts under the model's own names. A
    program is compared with the model before it is written. Code from the archive is never run
    without --trust-source. ARCHIVE may be - for standard input.

    \b
    Example:
      pemn restore model.pemn -o model.safetensors
      pemn restore text.pemn --input-shape 128 --input-dtype int64 --dynamic 1
      python -c "import torch; net = torch.export.load('model.pt2').module()"
    """
    suffix = _suffix(output, extension)
    shapes = {name: _shape(text) for name, text in _by_name(input_shapes)}
    dtypes: Any = dict(_by_name(input_dtypes))
    target = None if output in (None, "-") else Path(output)
    if target is None and sys.stdout.isatty():
        write_stdout(b"")  # refuses a terminal, before any work
    asked: dict[str, Any] = {
        "input_shape": shapes or None,
        # one without a name holds for all inputs
        "input_dtype": (dtypes[0] if set(dtypes) == {0} else dtypes) or None,
        "dynamic": tuple(dynamic),
        "batch": int(batch) if batch.isdecimal() and len(batch) < 19 else batch,
        "with_preprocessing": with_preprocessing,
    }
    plain = suffix in STATE_FILES and not model_file and asked == _NOTHING_ASKED
    given: Any = {"model_file": model_file, "trust_source": trust_source, "asked": asked}
    make = partial(_by_numpy if plain else partial(_by_torch, **given), suffix=suffix)
    with (
        open_archive(read_archive(archive), Limits(max_weights, max_bytes)) as opened,
        _nothing_said_in(target),
    ):
        opened.name = display_name(archive)
        if target is not None:
            check_output(target, force=force)
        with working(f"restoring {opened.name}"):
            made: Any = make(opened)
        tensors, digest = len(opened.manifest.tensors), opened.manifest.restored_sha256
    content = made if isinstance(made, bytes) else made.content
    if target is None:
        write_stdout(content)
        return
    write_bytes(target, content, force=force)
    click.echo(
        f"{file_name(target)}: {both(len(content))}\n"
        f"  {tensors} tensors, equal to the archive's digest {digest[:16]}..."
    )
    if not isinstance(made, bytes):
        click.echo(
            f"  inputs: {clean(made.inputs)}\n  equal to the model at {clean(made.compared)}"
        )


def _by_numpy(archive: Archive, *, suffix: str) -> bytes:
    """Return a state dict's file, made without torch."""
    return STATE_FILES[suffix](state_of(archive), contract(archive))


def _by_torch(
    archive: Archive, *, suffix: str, model_file: str | None, trust_source: bool, asked: Any
) -> Any:
    """Return a state dict's bytes, or a program."""
    from pemn_compress.models.modelfile import load_model_file
    from pemn_compress.storing.asking import Asked
    from pemn_compress.storing.exporting import made_of

    file = load_model_file(model_file) if model_file else None
    return made_of(
        archive,
        suffix,
        model=filled_model(archive, file),
        trust_source=trust_source,
        asked=Asked(**asked),
    )


def _beside(archive: str, extension: str | None) -> str | None:
    """Return where the file goes that no output is named for; what comes by a pipe goes to one."""
    return None if archive == "-" else str(beside(archive, f".{extension or 'pt2'}"))


def _suffix(output: str | None, extension: str | None) -> str:
    """Return the format's extension: --to's, else the output's, else .pt2's."""
    named = Path(output).suffix if output not in (None, "-") else ""
    if extension and named in EXTENSIONS and named != f".{extension}":
        raise SettingError(f"{output}: expected a name that ends as --to says, .{extension}")
    suffix = f".{extension}" if extension else named
    if output not in (None, "-") and not suffix:
        raise SettingError(
            f"{output}: expected an extension of {', '.join(EXTENSIONS)}, got none; or pass --to"
        )
    if suffix and suffix not in EXTENSIONS:
        raise UnknownNameError(f"extension of {output}:", suffix, EXTENSIONS)
    return suffix or ".pt2"


def _by_name(texts: Sequence[str]) -> Iterator[tuple[int | str, str]]:
    """Yield NAME=TEXT as a name and its text, a text alone under its position among such."""
    position, seen = 0, set()
    for text in texts:
        name, equals, value = text.rpartition("=")
        if equals and (not name.isidentifier() or name in seen):
            raise SettingError(f"expected one NAME=... for each input, got {clean(text)!r}")
        seen.add(name)
        yield (name, value) if equals else (position, text)
        position += not equals


def _shape(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.replace("x", ",").split(",")]
    if not all(part.isdecimal() and len(part) < 19 and int(part) > 0 for part in parts):
        raise SettingError(
            "--input-shape: expected numbers such as 3,32,32 (or NAME=3,32,32), got "
            f"{clean(text)!r}"
        )
    return tuple(int(part) for part in parts)


@contextmanager
def _nothing_said_in(target: Path | None) -> Iterator[None]:
    """Let what a user's model prints go elsewhere where standard output takes the file."""
    if target is not None:
        yield
        return
    with redirect_stdout(sys.stderr):
        yield
