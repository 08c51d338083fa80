"""Arrays as files that other tools open: .npz, .npy, .safetensors; read and written, no pickle."""

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pemn_compress.errors import DataError, ModelError
from pemn_compress.format.archive import values
from pemn_compress.format.archive.layout import Limits
from pemn_compress.format.arrays.contract import KEY

Array = npt.NDArray[Any]
State = Mapping[str, tuple[str, Array]]  # name -> the archive's dtype, and the elements

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can tell: the same state, the same bytes
_METADATA = "__metadata__"
_SAFETENSORS = {
    "i64": "I64", "f64": "F64", "f32": "F32", "i32": "I32", "bf16": "BF16", "f16": "F16",
    "i16": "I16", "i8": "I8", "u8": "U8", "bool": "BOOL",
}  # fmt: skip


def npz_bytes(state: State, contract: str = "") -> bytes:
    """Return what numpy.load reads, without pickle; tied weights are written under each name.

    Whoever reads it takes every entry for an array, so that a contract has no place in it.

    Raises ModelError for what numpy has no dtype for.
    """
    for name, (dtype, _) in state.items():
        if dtype == "bf16":
            raise ModelError(
                f"{name}: numpy has no bfloat16, which an .npz would need; restore "
                ".safetensors or .pt"
            )
    return zipped({name: array for name, (_, array) in state.items()})


def zipped(arrays: Mapping[str, Array]) -> bytes:
    """Return an .npz of arrays by name; the same arrays always give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _DATE)
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    return stream.getvalue()


def npy_bytes(array: Array) -> bytes:
    """Return an .npy of one array."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
    return stream.getvalue()


def safetensors_bytes(state: State, contract: str = "") -> bytes:
    """Return a .safetensors file, marked as of torch; tied weights are written under each name.

    The `contract` stands in its metadata. Written here, as the package of that name takes no
    bfloat16 without torch; the same bytes as its own. Source: the format's description in
    huggingface/safetensors.
    """
    if _METADATA in state:
        raise ModelError(
            "a tensor is named '__metadata__', which means something else in .safetensors: nothing "
            "could read the file; restore .pt or .npz"
        )
    codes = list(_SAFETENSORS)  # wide ones first, so that each is aligned
    ordered = sorted(state.items(), key=lambda item: (codes.index(item[1][0]), item[0].encode()))
    metadata = {"format": "pt"} | ({KEY: contract} if contract else {})
    told: dict[str, Any] = {_METADATA: metadata}  # some loaders refuse a file without a format
    parts, start = [], 0
    for name, (dtype, array) in ordered:
        part = values.tensor_bytes(array)
        span = [start, start + len(part)]
        told[name] = {
            "dtype": _SAFETENSORS[dtype], "shape": list(array.shape), "data_offsets": span,
        }  # fmt: skip
        parts.append(part)
        start += len(part)
    header = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    return b"".join([struct.pack("<Q", len(header)), header, *parts])


STATE_FILES: dict[str, Callable[[State, str], bytes]] = {
    ".safetensors": safetensors_bytes,
    ".npz": npz_bytes,
}


def read_npy(raw: bytes, name: str) -> Array:
    """Return the array of an .npy file. Raises DataError for anything else, pickles among it."""
    stream = io.BytesIO(raw)
    try:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise ValueError(f"version {version[0]}.{version[1]}")
        shape, fortran, dtype = read(stream)
        if dtype.hasobject or dtype.names or dtype.subdtype or dtype.kind not in "biuf":
            raise ValueError(f"expected numbers, got {dtype}")
        left = len(raw) - stream.tell()
        count = int(np.prod(shape, dtype=object))
        if count * dtype.itemsize != left:
            raise ValueError(f"expected {count * dtype.itemsize} bytes of elements, got {left}")
        flat = np.frombuffer(raw, dtype, count, stream.tell())
        return flat.reshape(shape, order="F" if fortran else "C")
    except (ValueError, TypeError, SyntaxError, EOFError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{name}: is no .npy file of numbers: {reason}") from None


def read_npz(raw: bytes, name: str, limits: Limits | None = None) -> dict[str, Array]:
    """Return the arrays of an .npz file by name. Raises DataError."""
    most = (limits or Limits()).max_bytes
    found: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for entry in archive.infolist():
                if entry.file_size > most:
                    raise DataError(f"{name}: {entry.filename!r}: more than {most} bytes")
                key = entry.filename.removesuffix(".npy")
                with archive.open(entry) as member:
                    found[key] = read_npy(member.read(entry.file_size + 1), f"{name}: {key!r}")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise DataError(f"{name}: expected an .npz file, got another: {error}") from None
    return found
