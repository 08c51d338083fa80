"""Writing an archive: contents in, bytes out; the same contents always give the same bytes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pemn_compress import codecs
from pemn_compress.archive import canonical, layout, records, values, zstd
from pemn_compress.archive.manifest import check, from_json
from pemn_compress.archive.values import F32, Array, Mask
from pemn_compress.errors import ArchiveError


@dataclass(frozen=True)
class MaskedTensor:
    """A tensor of fixed random values times a mask. `mask` has the tensor's shape."""

    name: str
    dtype: str
    mask: Mask
    offset: int
    scale: float


@dataclass(frozen=True)
class DenseTensor:
    """A tensor that is stored value by value; bf16 comes as its 16-bit patterns.

    `narrow` ("f16" or "bf16", for a tensor of f32) is what its values are stored in where that
    loses nothing.
    """

    name: str
    dtype: str
    array: Array
    narrow: str | None = None


@dataclass(frozen=True)
class AliasTensor:
    """A further name of an earlier tensor."""

    name: str
    of: str


Content = MaskedTensor | DenseTensor | AliasTensor


@dataclass(frozen=True)
class Prototype:
    """The shared random values; `seed` None stores them instead of regenerating them."""

    transform: str
    values: F32
    seed: int | None


def encode(
    contents: Sequence[Content],
    prototype: Prototype | None,
    *,
    codec: str = codecs.AUTO,
    architecture: Mapping[str, Any] | None = None,
    about: Mapping[str, Any] | None = None,
    source: str | None = None,
) -> bytes:
    """Return a whole archive. Tensors keep the order of `contents`, the state dict's.

    Raises ArchiveError where the contents break a rule of the format (a name, a dimension of 0),
    UnknownNameError for a codec that does not exist.
    """
    payloads: dict[str, list[bytes]] = {records.MASKS: [], records.DENSE: []}
    restored: dict[str, tuple[str, Array]] = {}
    tensors = []
    for content in contents:
        record, array = _record(content, prototype, codec, payloads, restored)
        restored[record.name] = (record.dtype, array)
        tensors.append(record)
    sections = {name: b"".join(parts) for name, parts in payloads.items()}
    prototype_record = None
    if prototype is not None:
        prototype_record = records.PrototypeRecord(
            prototype.transform, len(prototype.values), prototype.seed
        )
        if prototype.seed is None:
            sections[records.PROTOTYPE] = bytes(values.tensor_bytes(prototype.values))
    if source:
        sections[records.SOURCE] = zstd.compress(source.encode())
    sections = {name: payload for name, payload in sections.items() if payload}
    digests: dict[str, bytes] = {}
    for record in tensors:
        of = record.values.of if isinstance(record.values, records.Alias) else None
        digests[record.name] = digests[of] if of else values.tensor_sha256(*restored[record.name])
    digest = values.restored_sha256(digests)
    manifest = records.Manifest(
        tuple(tensors),
        tuple(
            records.SectionRecord(
                name, len(payload), hashlib.sha256(payload).hexdigest(), records.CRITICAL[name]
            )
            for name, payload in sections.items()
        ),
        prototype_record,
        digest,
        dict(architecture or {}),
        dict(about or {}),
    )
    return _assemble(manifest, list(sections.values()))


def _record(
    content: Content,
    prototype: Prototype | None,
    codec: str,
    payloads: dict[str, list[bytes]],
    restored: Mapping[str, tuple[str, Array]],
) -> tuple[records.TensorRecord, Array]:
    match content:
        case MaskedTensor(name, dtype, mask, offset, scale):
            if prototype is None:
                raise ArchiveError(f"tensor {name!r}: expected a prototype to fill it, got none")
            _check_not_empty(name, mask)
            fill = records.FromPrototype(offset, scale)
            used, payload = codecs.encode(codec, mask)
            payloads[records.MASKS].append(payload)
            positions = records.Positions(used, int(mask.sum()), len(payload))
            array = values.masked(prototype.values, fill, mask, dtype)
            return records.TensorRecord(name, mask.shape, dtype, fill, positions), array
        case DenseTensor(name, dtype, array, narrow):
            _check_not_empty(name, array)
            bits = values.constant_bits(array)
            if bits is not None:
                return records.TensorRecord(name, array.shape, dtype, records.Constant(bits)), array
            _check_width(name, dtype, array)
            payload, stored, coding = values.pack_stored(array, dtype, narrow)
            payloads[records.DENSE].append(payload)
            kept = records.Stored(len(payload), stored, coding)
            return records.TensorRecord(name, array.shape, dtype, kept), array
        case AliasTensor(name, of):
            if of not in restored:
                raise ArchiveError(f"tensor {name!r}: expected an earlier tensor, got {of!r}")
            dtype, array = restored[of]
            return records.TensorRecord(name, array.shape, dtype, records.Alias(of)), array


def _check_not_empty(name: str, array: Array) -> None:
    if not array.size:
        raise ArchiveError(
            f"tensor {name!r}: expected dimensions of at least 1, got shape {array.shape}"
        )


def _check_width(name: str, dtype: str, array: Array) -> None:
    """Check what a compressed payload would hide from the manifest's own checks."""
    expected = array.size * records.DTYPE_BYTES.get(dtype, 0)
    if array.nbytes != expected:
        raise ArchiveError(f"tensor {name!r}: expected {expected} stored bytes, got {array.nbytes}")


def _assemble(manifest: records.Manifest, payloads: Sequence[bytes]) -> bytes:
    raw = canonical.encode(manifest.to_json())
    check(from_json(canonical.decode(raw)))  # never write what the reader would refuse
    if len(raw) > layout.MAX_MANIFEST_BYTES:
        raise ArchiveError(
            f"manifest: expected at most {layout.MAX_MANIFEST_BYTES} bytes, got {len(raw)}"
        )
    packed = zstd.compress(raw)
    coding, stored = layout.MANIFEST_ZSTD, packed
    if len(packed) >= len(raw):
        coding, stored = layout.MANIFEST_RAW, raw
    body = bytearray(stored)
    for payload in payloads:
        end = layout.HEADER_BYTES + len(body)
        body += bytes(layout.aligned(end) - end) + payload
    fields = layout.FIELDS.pack(
        layout.MAGIC,
        layout.MAJOR,
        layout.MINOR,
        len(payloads),
        layout.HEADER_BYTES + len(body),
        manifest.elements,
        manifest.restored_bytes,
        len(stored),
        len(raw),
        coding,
        bytes(12),
    )
    return fields + hashlib.sha256(fields + stored).digest() + bytes(body)
