"""Writing an archive: contents in, bytes out; the same contents always give the same bytes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pemn_compress.errors import ArchiveError
from pemn_compress.format import codecs
from pemn_compress.format.archive import (
    canonical,
    filling,
    layout,
    places,
    planes,
    records,
    values,
    zstd,
)
from pemn_compress.format.archive.contents import (
    AliasTensor,
    ConstantTensor,
    Content,
    DenseTensor,
    MaskedTensor,
    Plane,
    Prototype,
    QuantizedTensor,
    SparseTensor,
)
from pemn_compress.format.archive.manifest import check_scale, from_json
from pemn_compress.format.archive.values import Array, Mask


def encode(
    contents: Sequence[Content],
    prototype: Prototype | None,
    *,
    codec: str = codecs.AUTO,
    architecture: Mapping[str, Any] | None = None,
    about: Mapping[str, Any] | None = None,
    source: str | None = None,
    tensor_digests: bool = False,
    compress: bool = True,
) -> bytes:
    """Return a whole archive. Tensors keep the order of `contents`, the state dict's.

    `tensor_digests` gives every tensor a digest of its own (32 bytes each), so that a reader can
    restore one without reading the others. `compress=False` uses no zstd but for the source: large
    stored tensors can be mapped into memory where they lie, and the same contents give the same
    bytes whatever the version of the compressor.

    Raises ArchiveError where the contents break a rule of the format (a name, a dimension of 0),
    UnknownNameError for a codec that does not exist.
    """
    build = _Builder(prototype, codec, tensor_digests, compress)
    for content in contents:
        build.add(content)
    sections = {
        records.MASKS: b"".join(build.masks),
        records.PLANES: b"".join(build.planes),
        records.DENSE: build.dense_section(),
    }
    if prototype is not None and prototype.seed is None:
        sections[records.PROTOTYPE] = bytes(values.tensor_bytes(prototype.values))
    if source:
        sections[records.SOURCE] = zstd.compress(source.encode())
    sections = {name: payload for name, payload in sections.items() if payload}
    manifest = records.Manifest(
        build.tensors,
        tuple(
            records.SectionRecord(
                name, len(payload), hashlib.sha256(payload).hexdigest(), records.CRITICAL[name]
            )
            for name, payload in sections.items()
        ),
        prototype.record() if prototype else None,
        values.restored_sha256(build.digests),
        dict(architecture or {}),
        dict(about or {}),
    )
    return _assemble(manifest, list(sections.values()), compress)


class _Builder:
    """Records, payloads and digests of the tensors added so far."""

    def __init__(
        self, prototype: Prototype | None, codec: str, tensor_digests: bool, compress: bool
    ) -> None:
        self._prototype = prototype.filled() if prototype else None
        self._prototype_record = prototype.record() if prototype else None
        self._codec, self._with_digests, self._compress = codec, tensor_digests, compress
        self._by_name: dict[str, records.TensorRecord] = {}
        self.masks: list[bytes] = []
        self.planes: list[bytes] = []
        self.digests: dict[str, bytes] = {}
        self._dense: dict[str, bytes] = {}

    def add(self, content: Content) -> None:
        """Add one tensor. Raises ArchiveError."""
        name = content.name
        if isinstance(content, AliasTensor):
            target = self._by_name.get(content.of)
            if target is None:
                raise ArchiveError(
                    f"tensor {name!r}: expected an earlier tensor, got {content.of!r}"
                )
            shape, dtype, digest = target.shape, target.dtype, self.digests[content.of]
            record = records.TensorRecord(name, shape, dtype, records.Alias(content.of))
        else:
            record, array = self._record(content)
            digest = values.tensor_sha256(record.dtype, array)
            if self._with_digests:
                record = replace(record, sha256=digest.hex())
        if name in self._by_name:
            raise ArchiveError(f"tensor {name!r}: expected a unique name, got two")
        self.digests[name] = digest
        self._by_name[name] = record

    @property
    def tensors(self) -> tuple[records.TensorRecord, ...]:
        """The records, in the order of their tensors."""
        return tuple(self._by_name.values())

    def dense_section(self) -> bytes:
        """Return the stored payloads where the layout puts them."""
        starts, size = places.dense_layout(self.tensors)
        section = bytearray(size)
        for name, start in starts.items():
            section[start : start + len(self._dense[name])] = self._dense[name]
        return bytes(section)

    def _record(self, content: Content) -> tuple[records.TensorRecord, Array]:
        match content:
            case MaskedTensor():
                return self._masked(content)
            case ConstantTensor(name, dtype, value, mask, negative):
                positions = self._positions(name, mask)
                plane, changed = self._plane(Plane(records.SIGN, negative), mask)
                constant = records.Constant(bytes(values.tensor_bytes(value)).hex(), plane)
                record = records.TensorRecord(name, mask.shape, dtype, constant, positions)
                array = filling.constant(constant, dtype, mask.shape, mask, changed)
                return record, array
            case DenseTensor(name, dtype, array, narrow):
                return self._stored(name, dtype, array.shape, array, narrow, None), array
            case SparseTensor(name, dtype, mask, kept, narrow):
                record = self._stored(name, dtype, mask.shape, kept, narrow, mask)
                return record, values.spread(kept, mask)
            case QuantizedTensor(name, dtype, integers, scale, mask):
                check_scale(scale, integers.shape, f"tensor {name!r}")
                flat = integers.reshape(-1) if mask is None else integers[mask]
                record = self._stored(name, dtype, integers.shape, flat, None, mask, scale)
                assert isinstance(record.values, records.Stored)

                def take(start: int, stop: int) -> Array:
                    return flat[start:stop]

                held = record.values
                return record, filling.stored(take, held, record.shape, dtype, mask)
        raise ArchiveError(f"{content!r} is no content of an archive")

    def _masked(self, content: MaskedTensor) -> tuple[records.TensorRecord, Array]:
        name, mask = content.name, content.mask
        check_scale(content.scale, mask.shape, f"tensor {name!r}")
        if self._prototype is None:
            raise ArchiveError(f"tensor {name!r}: expected a prototype to fill it, got none")
        positions = self._positions(name, mask)
        plane, changed = self._plane(content.plane, mask)
        fill = records.FromPrototype(content.offset, content.scale, content.signs, plane)
        record = records.TensorRecord(name, mask.shape, content.dtype, fill, positions)
        array = filling.masked(
            self._prototype, fill, mask, content.dtype, changed, self._prototype_record
        )
        return record, array

    def _plane(
        self, content: Plane | None, mask: Mask
    ) -> tuple[records.Plane | None, planes.Departures | None]:
        if content is None:
            return None, None
        selected = np.flatnonzero(mask).astype(np.uint64)
        kept = content.numbers.reshape(-1)[selected]
        encoded = planes.encode(content.kind, content.stream, kept, selected, self._codec)
        if encoded is None:
            return None, None
        record, payload = encoded
        self.planes.append(payload)
        return record, planes.decode(payload, record, mask.reshape(-1), mask.size)

    def _positions(self, name: str, mask: Mask) -> records.Positions:
        _check_not_empty(name, mask)
        used, payload = codecs.encode(self._codec, mask)
        self.masks.append(payload)
        return records.Positions(used, int(mask.sum()), len(payload))

    def _stored(
        self,
        name: str,
        dtype: str,
        shape: tuple[int, ...],
        array: Array,
        narrow: str | None,
        mask: Mask | None,
        scale: records.Scale | None = None,
    ) -> records.TensorRecord:
        positions = None if mask is None else self._positions(name, mask)
        if positions is None:
            _check_not_empty(name, array)
        width = records.DTYPE_BYTES[dtype if scale is None else "i8"]
        if array.nbytes != array.size * width:
            expected = array.size * width
            raise ArchiveError(
                f"tensor {name!r}: expected {expected} stored bytes, got {array.nbytes}"
            )
        bits = values.constant_bits(array) if array.size and scale is None else None
        if bits is not None:
            return records.TensorRecord(name, shape, dtype, records.Constant(bits), positions)
        held = dtype if scale is None else "i8"
        payload, held, coding = values.pack_stored(array, held, narrow, compress=self._compress)
        self._dense[name] = payload
        kept = records.Stored(len(payload), held, coding, scale)
        return records.TensorRecord(name, shape, dtype, kept, positions)


def _check_not_empty(name: str, array: Array) -> None:
    if not array.size:
        raise ArchiveError(
            f"tensor {name!r}: expected dimensions of at least 1, got shape {array.shape}"
        )


def _assemble(manifest: records.Manifest, payloads: Sequence[bytes], compress: bool) -> bytes:
    raw = canonical.encode(manifest.to_json())
    from_json(canonical.decode(raw))  # never write what the reader would refuse
    if len(raw) > layout.MAX_MANIFEST_BYTES:
        raise ArchiveError(
            f"manifest: expected at most {layout.MAX_MANIFEST_BYTES} bytes, got {len(raw)}"
        )
    coding, stored = layout.MANIFEST_RAW, raw
    if compress:
        packed = zstd.compress(raw)
        if len(packed) < len(raw):
            coding, stored = layout.MANIFEST_ZSTD, packed
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
