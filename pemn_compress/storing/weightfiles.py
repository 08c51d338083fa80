"""A restored state dict as a file that other tools open: .pt, .safetensors, .npz."""

import io
from collections.abc import Callable

import torch
from torch import Tensor

from pemn_compress.format.arrays import files
from pemn_compress.storing.tensors import CODES, as_array

State = dict[str, Tensor]


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
    return files.safetensors_bytes(_arrays(state), contract)


def npz_bytes(state: State, contract: str = "") -> bytes:
    """Return what numpy.load reads, without pickle; tied weights are written under each name.

    Whoever reads it takes every entry for an array, so that a contract has no place in it.

    Raises ModelError for what numpy has no dtype for.
    """
    return files.npz_bytes(_arrays(state))


def _arrays(state: State) -> files.State:
    return {name: (CODES[tensor.dtype], as_array(tensor)) for name, tensor in state.items()}


STATE_FORMATS: dict[str, Callable[[State, str], bytes]] = {
    ".pt": pt_bytes,
    ".safetensors": safetensors_bytes,
    ".npz": npz_bytes,
}
