"""Archives made by hand: a good one taken apart, changed, and put together with right digests.

The layout is spelled out here again, on purpose: nothing of the package's own writer is used but
to make the first good archive.
"""

import hashlib
import json
import struct

import numpy as np
import pytest
import zstandard

from pemn_compress.errors import ArchiveError
from pemn_compress.format import prng
from pemn_compress.format.archive import (
    AliasTensor,
    DenseTensor,
    MaskedTensor,
    Prototype,
    encode,
    verify,
)

FIELDS = struct.Struct("<8sHHIQQQIII12s")
MAGIC = b"\x89PEMN\r\n\x1a"
RAW, ZSTD = 0, 1
DTYPE_CODES = {
    name: code
    for code, name in enumerate(
        ("bool", "u8", "i8", "i16", "i32", "i64", "bf16", "f16", "f32", "f64")
    )
}

GOOD = encode(
    [
        MaskedTensor("w", "f32", np.arange(20).reshape(4, 5) % 3 == 0, 2, 0.5),
        DenseTensor("b", "f32", np.arange(4, dtype="<f4")),
        DenseTensor("flags", "bool", np.array([True, False, True])),
        DenseTensor("zero", "i64", np.zeros(2, "<i8")),
        AliasTensor("tied", "w"),
    ],
    Prototype("normal16", prng.normal16(3, 0, 9), 3),
    about={"loss": 0.25},
    source="def build_model(): ...",
)


def take_apart(data):
    stored, _, coding = struct.unpack_from("<III", data, 40)
    raw = data[96 : 96 + stored]
    manifest = json.loads(zstandard.decompress(raw) if coding == ZSTD else raw)
    end, payloads = 96 + stored, {}
    for section in manifest["sections"]:
        start = -(-end // 64) * 64
        end = start + section["bytes"]
        payloads[section["name"]] = data[start:end]
    return manifest, payloads


def put_together(manifest, payloads, *, text=None, packed=None, **header):
    """Build an archive around a manifest; the header fits GOOD, save for what is given."""
    if text is None:
        text = json.dumps(
            manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()
    stored = text if packed is None else packed
    body = stored
    for payload in payloads.values():
        body += bytes(-(96 + len(body)) % 64) + payload
    fields = {
        "magic": MAGIC, "major": 1, "minor": 0, "sections": len(payloads),
        "length": 96 + len(body), "elements": 29, "restored": 115,
        "stored": len(stored), "raw": len(text), "coding": RAW if packed is None else ZSTD,
        "reserved": bytes(12),
    }  # fmt: skip
    packed_fields = FIELDS.pack(*(fields | header).values())
    return packed_fields + hashlib.sha256(packed_fields + stored).digest() + body


def rehash(manifest, payloads):
    for section in manifest["sections"]:
        payload = payloads[section["name"]]
        section["bytes"] = len(payload)
        section["sha256"] = hashlib.sha256(payload).hexdigest()


def restored_digest(tensors):
    """Return the digest over (name, dtype, array): the digest of their names and digests."""
    whole = hashlib.sha256()
    for name, dtype, array in sorted(tensors, key=lambda tensor: tensor[0].encode()):
        one = hashlib.sha256()
        one.update(struct.pack(f"<BB{array.ndim}Q", DTYPE_CODES[dtype], array.ndim, *array.shape))
        one.update(array.tobytes())
        whole.update(struct.pack("<H", len(name)) + name.encode() + one.digest())
    return whole.hexdigest()


def by_hand(payload, told, array, dtype, positions=None):
    """Return an archive of one stored tensor; `told` is what its values' record says."""
    record = {"dtype": dtype, "name": "t", "shape": list(array.shape)}
    values = {"bytes": len(payload), "kind": "stored"} | told
    manifest = {
        "about": {}, "architecture": {}, "prototype": None,
        "restored_sha256": restored_digest([("t", dtype, array)]),
        "sections": [{"critical": True, "name": "dense"}],
        "tensors": [record | {"values": values}],
    }  # fmt: skip
    payloads = {"dense": payload}
    if positions is not None:
        ones = sum(byte.bit_count() for byte in positions)
        told = {"bytes": len(positions), "codec": "bitmap", "ones": ones}
        manifest["tensors"][0]["positions"] = told
        manifest["sections"].insert(0, {"critical": True, "name": "masks"})
        payloads = {"masks": positions} | payloads
    rehash(manifest, payloads)
    return put_together(manifest, payloads, elements=array.size, restored=array.nbytes)


def altered(change, **header):
    """Return GOOD with `change(manifest, payloads)` applied and every digest made right again."""
    manifest, payloads = take_apart(GOOD)
    payloads = dict(payloads)
    change(manifest, payloads)
    return put_together(manifest, payloads, **header)


def tensor(manifest, name):
    return next(t for t in manifest["tensors"] if t["name"] == name)


def section(manifest, name):
    return next(s for s in manifest["sections"] if s["name"] == name)


def refused(data, message, limits=None):
    with pytest.raises(ArchiveError, match=message) as error:
        verify(data, limits)
    text = str(error.value)
    assert text.startswith("archive: " if isinstance(data, bytes) else f"{data}: ")
    assert len(text.splitlines()) == 1
    assert len(text) < 1000
