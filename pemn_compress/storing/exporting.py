"""A restored model as a file: a runnable program or a state dict, by extension."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.apart import check_apart
from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.format.archive import Archive, Limits, open_archive
from pemn_compress.format.arrays.contract import contract
from pemn_compress.format.arrays.places import beside
from pemn_compress.kinds import check_truth, path_of
from pemn_compress.storing.asking import ANY, Asked, Key
from pemn_compress.storing.filling import unwrapped
from pemn_compress.storing.inputs import example_for
from pemn_compress.storing.loading import restore_module, state_dict, warn_of_trained
from pemn_compress.storing.preprocessed import check_images, preprocessed
from pemn_compress.storing.programs import PROGRAM_FORMATS, Program, make_program
from pemn_compress.storing.weightfiles import STATE_FORMATS


def restore(
    archive: str | Path | bytes,
    output: str | Path | None = None,
    *,
    model: nn.Module | None = None,
    trust_source: bool = False,
    input_shape: Sequence[int]
    | Sequence[Sequence[int]]
    | Mapping[Key, Sequence[int]]
    | None = None,
    input_dtype: str | torch.dtype | Sequence[Any] | Mapping[Key, Any] | None = None,
    inputs: Tensor | Sequence[Any] | Mapping[str, Any] | None = None,
    dynamic: int | str | Iterable[int | str] = (),
    batch: int | str = ANY,
    with_preprocessing: bool = False,
    force: bool = False,
    limits: Limits | None = None,
) -> Path:
    """Write the model of an archive as a file, in the format of its extension, and return its path.

    ".pt2" (a torch.export program), ".onnx", ".safetensors", ".pt" or ".npz" (state dicts); without
    `output` it is the archive's path with ".pt2". The file appears whole or not at all, a program
    after it has been compared with the model at several sizes (an .onnx where onnxruntime is
    installed). `model` and `trust_source` are those of `loading.load`.

    For programs alone: `input_shape` is that of one sample, by default the archive's own; a list of
    shapes for several inputs, or a dict for inputs by name (or by position). `input_dtype` in the
    same ways, by default the archive's or the model's own floating-point type; one holds for all.
    `inputs` instead of both are example tensors with a batch in front: one, a list, or a dict by
    name. `batch` is "any" for a program of any batch size, a number for one of that size alone,
    "none" for inputs without a batch. `dynamic` names further dimensions that may vary: 1 (of every
    input that has it; the batch is 0), "0.2" or "ids.1" (of one input), or a list of these.
    `with_preprocessing` puts the archive's own normalisation into the program, which then takes
    images as they are: uint8 of 0 to 255, or of 0 to 1 with a floating-point `input_dtype`.

    A program and a .safetensors say what the archive does of inputs, statistics and classes.

    Raises what `export` raises, and OutputError.
    """
    if not isinstance(archive, bytes):
        archive = path_of("archive", archive, "a path or bytes")
    if output is None:
        if isinstance(archive, bytes):
            raise SettingError("an archive of bytes has no name: expected an output, got none")
        output = beside(archive, ".pt2")
    output = path_of("output", output)
    check_truth(with_preprocessing=with_preprocessing, force=force)
    check_extension(output.suffix)
    check_apart([output], [] if isinstance(archive, bytes) else [archive])
    check_output(output, force=force)
    asked = Asked(input_shape, input_dtype, inputs, dynamic, batch, with_preprocessing)
    with open_archive(archive, limits) as opened:
        if model is not None:
            model = unwrapped(model)
            warn_of_trained(model, opened)
        made = made_of(opened, output.suffix, model=model, trust_source=trust_source, asked=asked)
    write_bytes(output, made if isinstance(made, bytes) else made.content, force=force)
    return output


def export(
    archive: Archive,
    extension: str,
    *,
    model: nn.Module | None = None,
    trust_source: bool = False,
    input_shape: Sequence[int] | None = None,
) -> bytes:
    """Return the bytes of a restored model in the format of an extension.

    As `restore` explains, for one input. Raises ArchiveError, ModelError, SettingError for an
    unknown extension or a missing shape, OutputError for a package that is not installed.
    """
    asked = Asked(input_shape)
    made = made_of(archive, extension, model=model, trust_source=trust_source, asked=asked)
    return made if isinstance(made, bytes) else made.content


def made_of(
    archive: Archive,
    extension: str,
    *,
    model: nn.Module | None,
    trust_source: bool,
    asked: Asked,
) -> bytes | Program:
    """Return a state dict's bytes, or a program; raises what `export` raises."""
    check_extension(extension)
    if extension in STATE_FORMATS:
        if asked != Asked():
            raise SettingError(
                f"{extension} is a state dict, which has no inputs: expected no shape, dtype, "
                "batch, preprocessing or dynamic dimension of them, or one of "
                f"{', '.join(PROGRAM_FORMATS)}"
            )
        return STATE_FORMATS[extension](state_dict(archive), contract(archive))
    module = restore_module(archive, model=model, trust_source=trust_source)
    if asked.with_preprocessing:
        module = preprocessed(module, archive)
    example = example_for(module, archive, asked)
    if asked.with_preprocessing:
        check_images(example.inputs[0].dtype)
    told = contract(archive, example.told(), preprocessing=asked.with_preprocessing)
    return make_program(module, example, extension, contract=told)


def check_extension(extension: str) -> None:
    """Refuse an extension that no format has. Raises UnknownNameError."""
    known = [*PROGRAM_FORMATS, *STATE_FORMATS]
    if extension not in known:
        raise UnknownNameError("extension", extension, known)
