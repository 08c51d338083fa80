"""Writing an archive: contents in, bytes out; the same contents always give the same bytes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pemn_compress.errors import ArchiveError, UnknownNameError
from pemn_compress.format import codecs
from pemn_compress.format.archive import canonical, dictionary, layout, records, values, zstd
from pemn_compress.format.archive.building import Builder
from pemn_compress.format.archive.contents import Content, Prototype
from pemn_compress.format.archive.manifest import from_json
from pemn_compress.format.archive.spelling import to_json

AUTO, FIRST = "auto", "1.0"
FORMAT_VERSIONS = (AUTO, FIRST)
_COMPACT_SHARE = 100  # the compact form has to take one part in so many off the file


def check_format_version(name: str) -> None:
    """Refuse a format version that cannot be asked for. Raises UnknownNameError."""
    if name not in FORMAT_VERSIONS:
        raise UnknownNameError("format version", name, FORMAT_VERSIONS)


def encode(
    contents: Sequence[Content],
    prototype: Prototype | None,
    *,
    codec: str = codecs.AUTO,
    architecture: Mapping[str, Any] | None = None,
    about: Mapping[str, Any] | None = None,
    source: str | None = None,
    graph: bytes | None = None,
    tensor_digests: bool = False,
    compress: bool = True,
    compact: bool = False,
    format_version: str = AUTO,
) -> bytes:
    """Return a whole archive. Tensors keep the order of `contents`, the state dict's.

    `graph` is what `format.graph.write_graph` made of the model's computation. `tensor_digests`
    gives every tensor a digest of its own (32 bytes each), so that a reader can
    restore one without reading the others. `compress=False` uses no zstd but for the source: large
    stored tensors can be mapped into memory where they lie, and the same contents give the same
    bytes whatever the version of the compressor. `compact` takes the compact form of format 1.1
    where that makes the file smaller by one part in a hundred.

    The file has the lowest version that can say what it says; `format_version` "1.0" refuses
    contents that need a later one, and uses nothing of it.

    Raises ArchiveError where the contents break a rule of the format (a name, a dimension of 0),
    UnknownNameError for a codec or a version that does not exist.
    """
    check_format_version(format_version)
    first = format_version == FIRST
    build = Builder(
        prototype, codec, tensor_digests=tensor_digests, compress=compress, predict=not first
    )
    for content in contents:
        build.add(content)
    sections = {
        records.MASKS: b"".join(build.masks),
        records.PLANES: b"".join(build.planes),
        records.DENSE: build.dense_section(False),
    }
    if prototype is not None and prototype.seed is None:
        sections[records.PROTOTYPE] = bytes(values.tensor_bytes(prototype.values))
    if source:
        sections[records.SOURCE] = zstd.compress(source.encode())
    if graph:
        sections[records.GRAPH] = graph
    manifest = records.Manifest(
        build.tensors,
        (),
        prototype.record() if prototype else None,
        values.restored_sha256(build.digests),
        dict(architecture or {}),
        dict(about or {}),
    )
    if first and manifest.minor:
        raise ArchiveError(
            "format version: expected contents that 1.0 can say, got frozen elements or integers "
            "of 4 bits; let it be auto"
        )
    whole = _assemble(manifest, sections, compress)
    if not compact or first or not compress:
        return whole
    sections[records.DENSE] = build.dense_section(True)
    smaller = _assemble(replace(manifest, compact=True), sections, compress)
    saves = _COMPACT_SHARE * len(smaller) <= (_COMPACT_SHARE - 1) * len(whole)
    return smaller if saves and _fits(smaller) else whole


def _fits(packed: bytes) -> bool:
    """Tell whether an archive in the compact form is within the caps of that form."""
    raw = layout.FIELDS.unpack_from(packed)[8]
    return len(packed) <= layout.MAX_COMPACT_BYTES and raw <= layout.MAX_COMPACT_MANIFEST


def _assemble(manifest: records.Manifest, sections: Mapping[str, bytes], compress: bool) -> bytes:
    """Return the bytes of an archive, the manifest in its compact form if it says so."""
    compact = manifest.compact
    payloads = {name: payload for name, payload in sections.items() if payload}
    manifest = replace(
        manifest,
        sections=tuple(
            records.SectionRecord(
                name,
                len(payload),
                None if compact else hashlib.sha256(payload).hexdigest(),
                records.CRITICAL[name],
            )
            for name, payload in payloads.items()
        ),
    )
    raw = canonical.encode(to_json(manifest, compact=compact))
    from_json(canonical.decode(raw), compact=compact)  # never write what the reader would refuse
    if len(raw) > layout.MAX_MANIFEST_BYTES:
        raise ArchiveError(
            f"manifest: expected at most {layout.MAX_MANIFEST_BYTES} bytes, got {len(raw)}"
        )
    coding, stored = layout.MANIFEST_RAW, raw
    if compact:
        coding, stored = layout.MANIFEST_COMPACT, zstd.compress(raw, dictionary.TEXT)
    elif compress:
        packed = zstd.compress(raw)
        if len(packed) < len(raw):
            coding, stored = layout.MANIFEST_ZSTD, packed
    body = bytearray(stored)
    for payload in payloads.values():
        end = layout.HEADER_BYTES + len(body)
        body += bytes(layout.aligned(end, compact) - end) + payload
    fields = layout.FIELDS.pack(
        layout.MAGIC,
        layout.MAJOR,
        manifest.minor,
        len(payloads),
        layout.HEADER_BYTES + len(body),
        manifest.elements,
        manifest.restored_bytes,
        len(stored),
        len(raw),
        coding,
        bytes(12),
    )
    told = bytes(body) if compact else stored
    return fields + hashlib.sha256(fields + told).digest() + bytes(body)
