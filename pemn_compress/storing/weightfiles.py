"""A restored state dict as a file that other tools open: .pt, .safetensors, .npz."""

import io
import json
import zipfile
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from pemn_compress.errors import ModelError, OutputError
from pemn_compress.storing.contract import KEY
from pemn_compress.storing.tensors import as_array

State = dict[str, Tensor]
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can tell: the same state, the same bytes


def pt_bytes(state: State, contract: str = "") -> bytes:
    """Return what torch.load(..., weights_only=True) reads; tied weights stay tied.

    A state dict of tensors has no place for a contract.
    """
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()


def safetensors_bytes(state: State, contract: str = "") -> bytes:
    """Return a .safetensors file, marked as of torch; tied weights are written under each name.

    The `contract` stands in its metadata.
    """
    try:
        from safetensors.torch import save
    except ImportError:
        raise OutputError(
            "writing .safetensors needs the safetensors extra: "
            'pip install "pemn-compress[safetensors]"'
        ) from None
    if "__metadata__" in state:
        raise ModelError(
            "a tensor is named '__metadata__', which means something else in .safetensors: nothing "
            "could read the file; restore .pt or .npz"
        )
    # the format refuses shared memory
    apart = {name: tensor.clone().contiguous() for name, tensor in state.items()}
    metadata = {"format": "pt"}  # some loaders refuse a file without
    if contract:
        metadata[KEY] = contract
    return one_order(save(apart, metadata=metadata))


def one_order(content: bytes) -> bytes:
    """Return a .safetensors file whose metadata is in one order: its writer has none."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    metadata = header.pop("__metadata__")
    told = {"__metadata__": dict(sorted(metadata.items())), **header}
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def npz_bytes(state: State, contract: str = "") -> bytes:
    """Return what numpy.load reads, without pickle; tied weights are written under each name.

    Whoever reads it takes every entry for an array, so that a contract has no place in it.

    Raises ModelError for what numpy has no dtype for.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, tensor in state.items():
            if tensor.dtype == torch.bfloat16:
                raise ModelError(
                    f"{name}: numpy has no bfloat16, which an .npz would need; restore "
                    ".safetensors or .pt"
                )
            entry = zipfile.ZipInfo(f"{name}.npy", _DATE)
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, as_array(tensor), allow_pickle=False)
    return stream.getvalue()


STATE_FORMATS: dict[str, Callable[[State, str], bytes]] = {
    ".pt": pt_bytes,
    ".safetensors": safetensors_bytes,
    ".npz": npz_bytes,
}
