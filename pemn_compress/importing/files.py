"""A checkpoint file read without running anything in it, or one line on why it is none."""

import io
import json
import pickle
import re
import stat
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from pemn_compress.errors import ModelError, install, unreadable
from pemn_compress.importing.inert import STAND_INS

_HEAD = 4096  # bytes that tell what kind of file it is
_LONGEST_HEADER = 100_000_000  # of a safetensors file, as that format has it
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PEMN", "a .pemn archive already, which needs no import"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"%PDF", "a document (PDF)"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x1f\x8b", "a file packed by gzip: unpack it first"),
    (b"BZh", "a file packed by bzip2: unpack it first"),
    (b"\xfd7zXZ", "a file packed by xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a file packed by zstd: unpack it first"),
    (b"7z\xbc\xaf", "a file packed by 7-Zip: unpack it first"),
    (b"Rar!", "a file packed by RAR: unpack it first"),
)
_PAGE = re.compile(rb"\s*<(!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)
_POINTER = b"version https://git-lfs"
_KEPT = ("arch", "epoch", "state_dict", "model_state_dict", "conv_type", "prune_rate")


def load_file(source: str | Path | bytes, name: str) -> Any:
    """Return what torch.save put into a file (or what a safetensors file holds), on the CPU.

    torch reads it with weights_only=True; besides what that allows, numbers of numpy and other
    leftovers of training become plain values (`inert.py`). Nothing in the file is run. `name` is
    how messages call it. Raises ModelError: for a file that is none, or is cut short, or that holds
    anything else, which is named.
    """
    try:
        stream = io.BytesIO(source) if isinstance(source, bytes) else _open(Path(source), name)
        with stream:
            head = stream.read(_HEAD)
            stream.seek(0)
            _check_start(head, stream, name)
            if _is_safetensors(head):
                return _load_safetensors(stream.read(), name)
            return _load(stream, name)
    except FileNotFoundError:
        raise ModelError(f"{name}: no such file") from None
    except OSError as error:
        raise ModelError(unreadable(name, error)) from None


def _open(path: Path, name: str) -> io.BufferedReader:
    kind = path.stat().st_mode
    if stat.S_ISDIR(kind):
        raise ModelError(f"{name}: expected a checkpoint, got a folder: name the file in it")
    if not stat.S_ISREG(kind):  # a pipe may have no other end
        raise ModelError(f"{name}: cannot be read: expected a regular file, got a device or a pipe")
    return path.open("rb")


def _load(stream: Any, name: str) -> Any:
    allowed: list[Any] = [(stands_in, named) for named, stands_in in STAND_INS.items()]
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(allowed):
            warnings.simplefilter("ignore")  # of torch about files that older versions wrote
            return torch.load(stream, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # torch raises many kinds for a file that it did not write
        raise _refusal(error, name) from None


def _refusal(error: Exception, name: str) -> ModelError:
    text = str(error)
    weights_only = isinstance(error, pickle.UnpicklingError) and "weights only" in text.lower()
    if weights_only and "operand" not in text:
        named = re.search(r"GLOBAL ([\w.]+)", text) or re.search(r"function <[^>]*?([\w.]+)>", text)
        what = "" if named is None else f" ({_whole_name(named[1])})"
        kept = ", ".join(map(repr, _KEPT))
        return ModelError(
            f"{name}: needs unpickling of code{what}, which is refused: it could run anything; if "
            "you trust whoever wrote the file, write anew what is needed of it: "
            f"c = torch.load({name!r}, weights_only=False); "
            f"torch.save({{k: c[k] for k in ({kept}) if k in c}}, 'plain.pth')"
        )
    if weights_only:
        return ModelError(
            f"{name}: expected a checkpoint as torch.save writes it (pickle protocol 2), got "
            "another protocol, or a file that is damaged"
        )
    if isinstance(error, MemoryError) or "allocate memory" in text:
        return ModelError(f"{name}: expected tensors that fit into memory, got larger ones")
    return ModelError(
        f"{name}: expected a checkpoint that torch.save wrote, got another kind of file or one "
        "that was cut short"
    )


def _whole_name(named: str) -> str:
    return named if "." in named else f"builtins.{named}"  # of which torch leaves out the module


def _check_start(head: bytes, stream: Any, name: str) -> None:
    """Refuse files that are surely something else, and say what."""
    got = _kind(head, stream)
    if got:
        raise ModelError(f"{name}: expected a checkpoint that torch.save wrote, got {got}")


def _kind(head: bytes, stream: Any) -> str | None:
    if not head:
        return "an empty file"
    if head.startswith(_POINTER):
        return "a pointer of git-lfs to the file: fetch the file itself (git lfs pull)"
    if _PAGE.match(head):
        return "a web page: the link led to a page about the file; download the file itself"
    for start, told in _STARTS:
        if head.startswith(start):
            return told
    if head[257:262] == b"ustar":
        return "a file packed by tar: unpack it first"
    if head.startswith(b"PK"):
        return _zip_kind(stream)
    return "text" if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    text = head.decode(errors="ignore")
    return all(c.isprintable() or c in "\t\r\n\f" for c in text) and len(text) > len(head) // 4


def _zip_kind(stream: Any) -> str | None:
    try:
        with zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
    except Exception:  # zipfile has several for a directory that makes no sense
        return "a zip file that was cut short: download or copy it anew"
    finally:
        stream.seek(0)
    inner = {member.partition("/")[2] for member in names}
    if "constants.pkl" in inner:
        return "a TorchScript program: save its state_dict() instead"
    if "data.pkl" in inner:
        return None
    if any(member.endswith(".npy") for member in names):
        return "arrays of numpy (.npz)"
    return "a zip file of something else"


def _is_safetensors(head: bytes) -> bool:
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= _LONGEST_HEADER


def _load_safetensors(raw: bytes, name: str) -> Any:
    """Return the tensors as a checkpoint's state, beside the texts that the file says of itself."""
    try:
        from safetensors.torch import load
    except ImportError:
        raise ModelError(
            f"{name}: reading .safetensors needs the safetensors extra: {install('safetensors')}"
        ) from None
    try:
        size = int.from_bytes(raw[:8], "little")
        told = json.loads(raw[8 : 8 + size]).get("__metadata__") or {}
        return {**told, "state_dict": load(raw)}
    except Exception as error:  # of the library's own, and of json for what it may find
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{name}: is no whole safetensors file: {reason}") from None
