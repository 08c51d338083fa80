"""`pemn run`: what the model of an archive makes of inputs, in numpy alone."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.cli.files import Output, PemnCommand
from pemn_compress.cli.options import (
    check_streams,
    display_name,
    limit_options,
    read_archive,
    say,
    write_stdout,
)
from pemn_compress.errors import DataError, OutputError, SettingError, unreadable
from pemn_compress.format.archive import Limits, open_archive
from pemn_compress.format.arrays.claims import claims_or_none
from pemn_compress.format.arrays.files import npy_bytes, read_npy, read_npz, zipped
from pemn_compress.format.graph import held_graph
from pemn_compress.reporting.interchange import json_text
from pemn_compress.reporting.outputs import shown_output
from pemn_compress.reporting.words import both, clean, file_name
from pemn_compress.running.archives import outputs_of, run_archive
from pemn_compress.running.inputs import checked

OUTPUTS = (".npy", ".npz")
FIRST = 16  # numbers of an output in JSON
Named = dict[str, Any]


@click.command(
    cls=PemnCommand, short_help="What an archive's model makes of inputs, without torch."
)
@click.argument("archive")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="[NAME=]FILE",
    help="An .npy file; repeat for several inputs, in order or by name. An .npz brings inputs by "
    "the names in it. - is standard input.",
)
@click.option(
    "-o",
    "--output",
    type=Output(),
    help="The file to write: .npy for one array, .npz for one or several by name; - is standard "
    "output.",
)
@limit_options
@click.option("--force", is_flag=True, help="Replace an existing output.")
@click.option("--json", "as_json", is_flag=True, help="Print what went in and came out as JSON.")
def command(
    archive: str,
    inputs: Sequence[str],
    output: str | None,
    max_weights: int,
    max_bytes: int,
    force: bool,
    as_json: bool,
) -> None:
    """Run the model of ARCHIVE on inputs, and write what it returns.

    The archive's own graph is run in numpy: no code of the model, no torch, nothing from the
    archive executed. Results equal torch's within float rounding; their first numbers, or the
    likeliest classes of the first samples, are printed. Arrays of a dict or tuple are
    named after their keys and positions, with dots between. ARCHIVE may be - for standard input.

    \b
    Example:
      pemn run model.pemn --input x.npy -o y.npy
      pemn run text.pemn --input ids=ids.npy --input mask=mask.npy -o out.npz
    """
    target = _target(output, as_json=as_json)
    if [archive, *(text.rpartition("=")[2] for text in inputs)].count("-") > 1:
        raise SettingError("expected at most one file from standard input, got several '-'")
    if output != "-":
        check_streams([])
    limits = Limits(max_weights, max_bytes)
    with open_archive(read_archive(archive), limits) as opened:
        opened.name = display_name(archive)
        graph = held_graph(opened)
        given = _read(inputs, limits)
        checked(graph, given)
        if target is not None:
            check_output(target, force=force)
        start = time.perf_counter()
        found = outputs_of(run_archive(opened, given, limits, graph))
        seconds = time.perf_counter() - start
        classes = claims_or_none(opened).classes
    content = None if output is None else _content(found, target)
    if content is not None and target is None:
        write_stdout(content)
        return
    if content is not None and target is not None:
        write_bytes(target, content, force=force)
    names = [one.name for one in graph.inputs]
    went = given if isinstance(given, dict) else dict(zip(names, given, strict=True))
    if as_json:
        say(
            json_text(
                {
                    "file": display_name(archive),
                    "inputs": [_told(name, went[name]) for name in names],
                    "outputs": [_told(*one, first=FIRST) for one in found.items()],
                    "output": None if target is None else str(target),
                    "seconds": round(seconds, 6),
                }
            )
        )
        return
    if content is not None and target is not None:
        say(f"{file_name(target)}: {both(len(content))}, {seconds:.2f} s")
    for name, array in found.items():
        for line in shown_output(name, array, classes):
            say(f"  {line}")


def _target(output: str | None, *, as_json: bool) -> Path | None:
    if output is None:
        return None
    if output == "-":
        if as_json:
            raise SettingError("-o - takes standard output: expected no --json beside it")
        if sys.stdout is not None and sys.stdout.isatty():
            write_stdout(b"")  # refuses a terminal, before any work
        return None
    target = Path(output)
    if target.suffix not in OUTPUTS:
        raise SettingError(f"{output}: expected a name that ends in {' or '.join(OUTPUTS)}")
    return target


def _read(inputs: Sequence[str], limits: Limits) -> list[Any] | Named:
    """Return arrays in order, or by name where names are given. Raises DataError."""
    ordered: list[Any] = []
    named: Named = {}
    for text in inputs:
        name, equals, path = text.rpartition("=")
        if equals and not Path(text).exists():
            arrays = {name: _array(path, limits)}
        elif path.endswith(".npz"):
            arrays = read_npz(_bytes(text, limits), display_name(text), limits)
        else:
            ordered.append(_array(text, limits))
            continue
        for key, array in arrays.items():
            if key in named:
                raise SettingError(f"--input: {clean(key)!r}: expected each input once, got two")
            named[key] = array
    if ordered and named:
        raise SettingError("--input: expected all inputs in order or all by name, got both")
    return named or ordered


def _array(path: str, limits: Limits) -> Any:
    return read_npy(_bytes(path, limits), display_name(path))


def _bytes(path: str, limits: Limits) -> bytes:
    most = limits.max_bytes + (1 << 16)  # a header too
    if path == "-":
        raw = sys.stdin.buffer.read(most + 1) if sys.stdin is not None else b""
    else:
        try:
            file = Path(path)
            if not os.path.isfile(file):  # which takes names of any length
                got = "a device or a pipe" if os.path.exists(file) else "none of that name"
                got = "a folder" if os.path.isdir(file) else got
                raise DataError(f"{path}: expected an .npy or .npz file, got {got}")
            with file.open("rb") as stream:
                raw = stream.read(most + 1)
        except (OSError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(unreadable(path, error)) from None
    if len(raw) > most:
        raise DataError(f"{display_name(path)}: expected {limits.at_most('max_bytes')} bytes")
    return raw


def _content(found: Named, target: Path | None) -> bytes:
    """Return the file of what came out; on standard output the form that fits."""
    suffix = target.suffix if target is not None else ".npy" if len(found) == 1 else ".npz"
    if suffix == ".npz":
        return zipped(found)
    if len(found) != 1:
        raise OutputError(
            f"{target}: an .npy holds one array, and the model returns {len(found)} "
            f"({', '.join(map(clean, list(found)[:8]))}): expected a name that ends in .npz"
        )
    return npy_bytes(next(iter(found.values())))


def _told(name: str, array: Any, first: int = 0) -> Named:
    told = {"name": name, "dtype": str(array.dtype), "shape": list(array.shape)}
    return told | ({"first": array.reshape(-1)[:first].tolist()} if first else {})
