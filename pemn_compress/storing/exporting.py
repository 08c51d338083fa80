"""A restored model as a file: a runnable program or a state dict, by extension."""

import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.errors import ModelError, OutputError, SettingError, UnknownNameError
from pemn_compress.format.archive import Archive, Limits, open_archive
from pemn_compress.storing.loading import restore_module, state_dict

State = dict[str, Tensor]


def restore(
    archive: str | Path | bytes,
    output: str | Path | None = None,
    *,
    model: nn.Module | None = None,
    trust_source: bool = False,
    input_shape: Sequence[int] | None = None,
    force: bool = False,
    limits: Limits | None = None,
) -> Path:
    """Write the model of an archive as a file, in the format of its extension, and return its path.

    ".pt2" (a torch.export program), ".onnx", ".safetensors" or ".pt" (state dicts); without
    `output` it is the archive's path with ".pt2". The file appears whole or not at all. `model`
    and `trust_source` are those of `loading.load`. Raises what `export` raises, and OutputError.
    """
    if output is None:
        if isinstance(archive, bytes):
            raise SettingError("an archive of bytes has no name: expected an output, got none")
        output = Path(archive).with_suffix(".pt2")
    output = Path(output)
    check_output(output, force=force)
    with open_archive(archive, limits) as opened:
        content = export(
            opened,
            output.suffix,
            model=model,
            trust_source=trust_source,
            input_shape=input_shape,
        )
    write_bytes(output, content, force=force)
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

    ".pt2" is a torch.export program that takes any batch size, ".onnx" the same for ONNX runtimes,
    ".safetensors" and ".pt" are state dicts, which need no architecture. `input_shape` is that of
    one sample; by default the archive's own. Raises ArchiveError, ModelError, SettingError for an
    unknown extension or a missing shape, OutputError for a package that is not installed.
    """
    if extension in STATE_FORMATS:
        return STATE_FORMATS[extension](state_dict(archive))
    if extension not in PROGRAM_FORMATS:
        raise UnknownNameError("extension", extension, [*STATE_FORMATS, *PROGRAM_FORMATS])
    module = restore_module(archive, model=model, trust_source=trust_source)
    shape = input_shape or archive.manifest.about.get("input", {}).get("shape")
    if not shape:
        raise SettingError(
            f"{archive.name}: does not record the shape of its model's input; "
            "pass --input-shape 3,32,32 (one sample, without the batch)"
        )
    return PROGRAM_FORMATS[extension](module, torch.zeros(2, *shape))


def _pt2(module: nn.Module, example: Tensor) -> bytes:
    program = _exported(module, example)
    _check_program(program.module(), module, example)
    stream = io.BytesIO()
    torch.export.save(program, stream)
    return stream.getvalue()


def _onnx(module: nn.Module, example: Tensor) -> bytes:
    try:
        import onnxscript  # noqa: F401
    except ImportError:
        raise OutputError(
            'writing .onnx needs the onnx extra: pip install "pemn-compress[onnx]"'
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = _exported(module, example)
        try:
            made = torch.onnx.export(program, dynamo=True, verbose=False)
        except Exception as error:  # the exporter raises many kinds for what it cannot translate
            raise _refusal(module, error) from None
        assert made is not None
        return bytes(made.model_proto.SerializeToString())


def _exported(module: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # a native operator that no exporter knows
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.export(
                module, (example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},), strict=False
            )
    except Exception as error:  # torch.export raises many kinds for what it cannot trace
        raise _refusal(module, error) from None
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _refusal(module: nn.Module, error: Exception) -> ModelError:
    reason = (str(error).strip().splitlines() or [""])[0]
    return ModelError(
        f"{type(module).__name__} cannot be exported as a program: {type(error).__name__}: "
        f"{reason}; restore a state dict instead (.safetensors, .pt)"
    )


def _check_program(program: nn.Module, module: nn.Module, example: Tensor) -> None:
    """Run the program once: a traced constant or branch would show as other outputs."""
    varied = torch.linspace(-1, 1, example.numel()).view(example.shape).repeat_interleave(2, 0)
    with torch.no_grad():
        expected, got = module(varied), program(varied)
    if not torch.allclose(expected, got, rtol=1e-4, atol=1e-5):
        worst = float((expected - got).abs().max())
        raise ModelError(
            f"{type(module).__name__}: the exported program's outputs differ by up to {worst:g}; "
            "restore a state dict instead (.safetensors, .pt)"
        )


def _pt(state: State) -> bytes:
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()


def _safetensors(state: State) -> bytes:
    try:
        from safetensors.torch import save
    except ImportError:
        raise OutputError(
            "writing .safetensors needs the safetensors extra: "
            'pip install "pemn-compress[safetensors]"'
        ) from None
    # the format refuses shared memory: tied weights are written under each name
    return save({name: tensor.clone().contiguous() for name, tensor in state.items()})


STATE_FORMATS: dict[str, Callable[[State], bytes]] = {
    ".pt": _pt,
    ".safetensors": _safetensors,
}
PROGRAM_FORMATS: dict[str, Callable[[nn.Module, Tensor], bytes]] = {
    ".pt2": _pt2,
    ".onnx": _onnx,
}
