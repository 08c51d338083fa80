"""Reading an archive, from the outside in, and trusting nothing on the way.

Opening reads the header and the manifest; payloads are read when they are asked for, and every
section's digest is checked before one byte of it is used.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from pemn_compress import prng
from pemn_compress.archive import canonical, layout, records, values
from pemn_compress.archive.layout import Limits
from pemn_compress.archive.manifest import from_json
from pemn_compress.archive.values import F32, Array, Mask
from pemn_compress.archive.zstd import decompress
from pemn_compress.codecs import CODECS
from pemn_compress.errors import ArchiveError


@dataclass
class Archive:
    """An open archive. `name` is what messages call it; `size` its length in bytes."""

    name: str
    size: int
    version: tuple[int, int]
    manifest: records.Manifest
    manifest_bytes: int
    section_offsets: dict[str, int]
    _stream: IO[bytes] = field(repr=False)
    _sections: dict[str, bytes] = field(default_factory=dict, repr=False)
    _prototype: F32 | None = field(default=None, repr=False)

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *exc: object) -> None:
        self._stream.close()

    def __contains__(self, name: str) -> bool:
        return name in self._records

    def __post_init__(self) -> None:
        self._records = {t.name: t for t in self.manifest.tensors}
        self._payloads: dict[str, tuple[int, int]] = {}
        self._dense: dict[str, tuple[int, int]] = {}
        mask_end = dense_end = 0
        for tensor in self.manifest.tensors:
            if tensor.positions:
                self._payloads[tensor.name] = (mask_end, mask_end + tensor.positions.size)
                mask_end += tensor.positions.size
            if isinstance(tensor.values, records.Stored):
                self._dense[tensor.name] = (dense_end, dense_end + tensor.values.size)
                dense_end += tensor.values.size

    def section(self, name: str) -> bytes:
        """Return a section's payload, its digest checked. Raises ArchiveError."""
        if name not in self._sections:
            record = next((s for s in self.manifest.sections if s.name == name), None)
            if record is None:
                raise ArchiveError(f"{self.name}: no section {name!r}")
            offset = self.section_offsets[name]
            payload = _read(self._stream, offset, record.size, f"section {name!r}", self.name)
            found = hashlib.sha256(payload).hexdigest()
            if found != record.sha256:
                raise ArchiveError(
                    f"{self.name}: section {name!r} (offset {offset}): "
                    f"expected SHA-256 {record.sha256}, got {found}: the file was altered"
                )
            self._sections[name] = payload
        return self._sections[name]

    def prototype(self) -> F32:
        """Return the prototype's values, regenerated or read: float32 of shape (length,)."""
        record = self.manifest.prototype
        if record is None:
            raise ArchiveError(f"{self.name}: holds no prototype")
        if self._prototype is None:
            if record.seed is None:
                self._prototype = np.frombuffer(self.section(records.PROTOTYPE), "<f4")
                if not np.isfinite(self._prototype).all():
                    raise ArchiveError(f"{self.name}: prototype: expected finite values only")
            else:
                generate = prng.TRANSFORMS[record.transform]
                self._prototype = generate(record.seed, record.stream, record.length)
        return self._prototype

    def mask(self, name: str) -> Mask:
        """Return the mask of one tensor, bool in the tensor's shape. Raises ArchiveError."""
        record = self._records[name]
        if record.positions is None:
            raise ArchiveError(f"{self.name}: tensor {name!r} has no mask")
        start, end = self._payloads[name]
        payload = self.section(records.MASKS)[start:end]
        decode = CODECS[record.positions.codec].decode
        try:
            return decode(payload, record.shape, record.positions.ones)
        except ArchiveError as error:
            offset = self.section_offsets[records.MASKS] + start
            raise ArchiveError(
                f"{self.name}: section 'masks', tensor {name!r} (offset {offset}): {error}"
            ) from None

    def tensor(self, name: str) -> Array:
        """Return one restored tensor (bf16 as its 16-bit patterns). Raises ArchiveError."""
        record = self._records[name]
        if isinstance(record.values, records.Alias):
            return self.tensor(record.values.of)
        positions = record.positions
        mask = None if positions is None else self.mask(name)
        shape = record.shape if positions is None else (positions.ones,)
        match record.values:
            case records.FromPrototype() as fill:
                kept = np.ones(shape, np.bool_) if mask is None else mask
                return values.masked(self.prototype(), fill, kept, record.dtype)
            case records.Constant(bits):
                array = values.constant(bits, record.dtype, shape)
            case records.Stored():
                start, end = self._dense[name]
                payload = self.section(records.DENSE)[start:end]
                array = self._stored(record, payload, shape)
        return array if mask is None else values.spread(array, mask)

    def _stored(
        self, record: records.TensorRecord, payload: bytes, shape: tuple[int, ...]
    ) -> Array:
        assert isinstance(record.values, records.Stored)
        try:
            array = values.unpack_stored(payload, record.values, shape, record.dtype)
        except ArchiveError as error:
            raise ArchiveError(f"{self.name}: tensor {record.name!r}: {error}") from None
        if record.dtype == "bool" and array.view(np.uint8).max(initial=0) > 1:
            raise ArchiveError(
                f"{self.name}: tensor {record.name!r}: expected bool bytes of 0 or 1, got others"
            )
        return array

    def source(self) -> str | None:
        """Return the model file's source that travels in the archive, or None."""
        if records.SOURCE not in self.section_offsets:
            return None
        packed = self.section(records.SOURCE)
        try:
            return decompress(packed, layout.MAX_MANIFEST_BYTES, None, "source").decode()
        except ArchiveError as error:
            raise ArchiveError(f"{self.name}: {error}") from None
        except UnicodeDecodeError:
            raise ArchiveError(f"{self.name}: source: expected UTF-8 text, got others") from None

    def tensors(self) -> Iterator[tuple[records.TensorRecord, Array]]:
        """Yield every record with its restored tensor, in the state dict's order."""
        for record in self.manifest.tensors:
            yield record, self.tensor(record.name)

    def restored(self) -> dict[str, Array]:
        """Restore every tensor, check the restored digest, and return them by name, in order.

        Raises ArchiveError when the digest differs from the manifest's.
        """
        arrays: dict[str, Array] = {}
        digests: dict[str, bytes] = {}
        for record in self.manifest.tensors:
            name = record.name
            match record.values:
                case records.Alias(of):  # the same array: an alias takes no memory of its own
                    arrays[name], digests[name] = arrays[of], digests[of]
                case _:
                    arrays[name] = self.tensor(name)
                    digests[name] = values.tensor_sha256(record.dtype, arrays[name])
        expected = self.manifest.restored_sha256
        found = values.restored_sha256(digests)
        if found != expected:
            raise ArchiveError(
                f"{self.name}: restored tensors: expected SHA-256 {expected}, got {found}"
            )
        return arrays


def open_archive(source: str | Path | bytes, limits: Limits | None = None) -> Archive:
    """Open an archive from a path or from bytes; read and check its header and manifest.

    Raises ArchiveError, whose message names the file, the place, what was expected and what was
    found; nothing is allocated on the word of a field that has not been checked.
    """
    name = "archive" if isinstance(source, bytes) else str(source)
    stream: IO[bytes]
    if isinstance(source, bytes):
        stream = io.BytesIO(source)
    else:
        try:
            stream = open(source, "rb")  # noqa: SIM115 - the Archive owns and closes it
        except FileNotFoundError:
            raise ArchiveError(f"{name}: no such file") from None
        except OSError as error:
            raise ArchiveError(f"{name}: cannot be read: {error.strerror}") from None
    try:
        return _open(stream, name, limits or Limits())
    except OSError as error:  # a pipe, a bad disk
        stream.close()
        raise ArchiveError(f"{name}: cannot be read: {error.strerror or error}") from None
    except BaseException:
        stream.close()
        raise


def _open(stream: IO[bytes], name: str, limits: Limits) -> Archive:
    size = stream.seek(0, io.SEEK_END)
    if size == 0:
        raise ArchiveError(f"{name}: expected a .pemn archive, got an empty file")
    stream.seek(0)
    start = stream.read(len(layout.MAGIC))
    if start != layout.MAGIC:
        raise ArchiveError(
            f"{name}: not a .pemn archive: expected it to start with "
            f"{layout.MAGIC.hex(' ')}, got {start.hex(' ')}"
        )
    header = _read(stream, 0, layout.HEADER_BYTES, "header", name)
    fields, digest = header[: layout.FIELDS.size], header[layout.FIELDS.size :]
    (_, major, minor, section_count, length, elements, restored_bytes, stored, raw, coding,
     reserved) = layout.FIELDS.unpack(fields)  # fmt: skip

    def require(ok: bool, where: str, expected: object, got: object) -> None:
        if not ok:
            raise ArchiveError(f"{name}: header: {where}: expected {expected}, got {got}")

    if (major, minor) > (layout.MAJOR, layout.MINOR):
        raise ArchiveError(
            f"{name}: format version {major}.{minor} is newer than this reader's "
            f"{layout.MAJOR}.{layout.MINOR}; install a newer pemn-compress"
        )
    require(
        (major, minor) == (layout.MAJOR, layout.MINOR),
        "version",
        f"{layout.MAJOR}.{layout.MINOR}",
        f"{major}.{minor}",
    )
    require(
        length == size,
        "file length",
        f"{length} bytes as declared",
        f"{size}: cut short?" if size < length else f"{size}: something was appended",
    )
    require(
        section_count <= layout.MAX_SECTIONS,
        "sections",
        f"at most {layout.MAX_SECTIONS}",
        section_count,
    )
    largest = min(layout.MAX_MANIFEST_BYTES, limits.manifest_bytes)
    require(raw <= largest, "manifest size", f"at most {largest}", raw)
    require(
        stored <= size - layout.HEADER_BYTES,
        "stored manifest size",
        f"at most {size - layout.HEADER_BYTES}",
        stored,
    )
    require(
        coding in (layout.MANIFEST_RAW, layout.MANIFEST_ZSTD), "manifest coding", "0 or 1", coding
    )
    require(reserved == bytes(12), "reserved bytes", "zeros", reserved.hex())
    require(
        elements <= limits.elements,
        "restored elements",
        f"at most {limits.elements} (--max-elements raises it, if you trust the file)",
        elements,
    )
    require(
        restored_bytes <= limits.restored_bytes,
        "restored bytes",
        f"at most {limits.restored_bytes} (--max-bytes raises it, if you trust the file)",
        restored_bytes,
    )
    body = _read(stream, layout.HEADER_BYTES, stored, "manifest", name)
    try:
        if hashlib.sha256(fields + body).digest() != digest:
            raise ArchiveError(
                "header and manifest: SHA-256 differs from the one stored: the file was altered"
            )
        if coding == layout.MANIFEST_ZSTD:
            body = decompress(body, raw, raw, "manifest")
        if len(body) != raw:
            raise ArchiveError(f"header: manifest size: expected {len(body)}, got {raw}")
        manifest = from_json(canonical.decode(body))
    except ArchiveError as error:
        raise ArchiveError(f"{name}: {error}") from None
    require(manifest.elements == elements, "restored elements", manifest.elements, elements)
    require(
        manifest.restored_bytes == restored_bytes,
        "restored bytes",
        manifest.restored_bytes,
        restored_bytes,
    )
    require(
        len(manifest.sections) == section_count, "sections", len(manifest.sections), section_count
    )
    if manifest.prototype is not None:
        most = min(limits.elements, limits.restored_bytes // 4)
        length = manifest.prototype.length
        require(length <= most, "prototype length", f"at most {most}", length)
    offsets = _section_offsets(stream, manifest, layout.HEADER_BYTES + stored, size, name)
    return Archive(name, size, (major, minor), manifest, stored, offsets, stream)


def _section_offsets(
    stream: IO[bytes], manifest: records.Manifest, end: int, size: int, name: str
) -> dict[str, int]:
    """Lay the sections end to end: aligned starts, zero padding, no byte left over."""
    offsets = {}
    for section in manifest.sections:
        start = layout.aligned(end)
        padding = _read(stream, end, start - end, "padding", name)
        if any(padding):
            raise ArchiveError(f"{name}: padding (offset {end}): expected zeros, got others")
        offsets[section.name] = start
        end = start + section.size
    if end != size:
        raise ArchiveError(f"{name}: sections: expected them to end at {size}, got {end}")
    return offsets


def _read(stream: IO[bytes], offset: int, count: int, what: str, name: str) -> bytes:
    stream.seek(offset)
    data = stream.read(count)
    if len(data) != count:
        raise ArchiveError(
            f"{name}: {what} (offset {offset}): expected {count} bytes, got {len(data)}: cut short"
        )
    return data
