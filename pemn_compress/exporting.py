"""A restored model as a file: a runnable program or a state dict, by extension."""

import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pemn_compress.archive import Archive
from pemn_compress.errors import ModelError, OutputError, SettingError, UnknownNameError
from pemn_compress.packing import restore_module, state_dict

State = dict[str, Tensor]


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
        made = torch.onnx.export(_exported(module, example), dynamo=True, verbose=False)
        assert made is not None
        return bytes(made.model_proto.SerializeToString())


def _exported(module: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.export(module, (example,), dynamic_shapes=({0: batch},))
    except Exception as error:  # torch.export raises many kinds for what it cannot trace
        reason = (str(error).strip().splitlines() or [""])[0]
        raise ModelError(
            f"{type(module).__name__} cannot be exported as a program: {type(error).__name__}: "
            f"{reason}; restore a state dict instead (.safetensors, .pt)"
        ) from None


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


def default_output(archive: str) -> Path:
    """Return where `restore` writes without being told: beside the archive, as .pt2."""
    return Path(archive).with_suffix(".pt2")
