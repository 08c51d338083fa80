"""An open archive: its payloads, read when they are asked for.

Every section's digest is checked before one byte of it is used; a tensor that has a digest of its
own can be read alone.
"""

import hashlib
import io
import mmap
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import IO

import numpy as np

from pemn_compress.errors import ArchiveError
from pemn_compress.format import prng
from pemn_compress.format.archive import layout, planes, records, values
from pemn_compress.format.archive.planes import Departures
from pemn_compress.format.archive.values import F32, Array, Mask
from pemn_compress.format.archive.zstd import decompress
from pemn_compress.format.codecs import CODECS

Payload = bytes | memoryview
_THREADS = min(4, os.cpu_count() or 1)
_PARALLEL_FROM = 1 << 22  # restored bytes: below, threads cost more than they save


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
    _sections: dict[str, Payload] = field(default_factory=dict, repr=False)
    _map: mmap.mmap | None = field(default=None, repr=False)
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
        self._dense, _ = records.dense_layout(self.manifest.tensors)
        self._planes: dict[str, tuple[int, int]] = {}
        mask_end = plane_end = 0
        for tensor in self.manifest.tensors:
            if tensor.positions:
                self._payloads[tensor.name] = (mask_end, mask_end + tensor.positions.size)
                mask_end += tensor.positions.size
            if tensor.plane:
                self._planes[tensor.name] = (plane_end, plane_end + tensor.plane.size)
                plane_end += tensor.plane.size

    def map_file(self) -> None:
        """Map the file into memory; sections are then parts of it rather than copies."""
        self._map = mmap.mmap(self._stream.fileno(), self.size, access=mmap.ACCESS_READ)

    def unchanged(self) -> None:
        """Raise ArchiveError where the file has another size than when it was opened."""
        size = self._stream.seek(0, io.SEEK_END)
        if size != self.size:
            raise ArchiveError(
                f"{self.name}: expected {self.size} bytes, as when it was opened, got {size}: "
                "the file changed while it was read"
            )

    def section(self, name: str) -> Payload:
        """Return a section's payload, its digest checked. Raises ArchiveError."""
        if name not in self._sections:
            record = next((s for s in self.manifest.sections if s.name == name), None)
            if record is None:
                raise ArchiveError(f"{self.name}: no section {name!r}")
            offset = self.section_offsets[name]
            payload: Payload
            if self._map is not None:
                payload = memoryview(self._map)[offset : offset + record.size]
            else:
                payload = read_exactly(
                    self._stream, offset, record.size, f"section {name!r}", self.name
                )
            found = hashlib.sha256(payload).hexdigest()
            if found != record.sha256:
                raise ArchiveError(
                    f"{self.name}: section {name!r} (offset {offset}): "
                    f"expected SHA-256 {record.sha256}, got {found}: the file was altered"
                )
            if name == records.DENSE:
                self._check_gaps(payload)
            if name == records.PROTOTYPE and not np.isfinite(np.frombuffer(payload, "<f4")).all():
                raise ArchiveError(f"{self.name}: prototype: expected finite values only")
            self._sections[name] = payload
        return self._sections[name]

    def _check_gaps(self, payload: Payload) -> None:
        end = 0
        for name, start in self._dense.items():
            held = self._records[name].values
            assert isinstance(held, records.Stored)
            if any(payload[end:start]):
                raise ArchiveError(f"{self.name}: section 'dense': expected zeros before {name!r}")
            end = start + held.size

    def prototype(self) -> F32:
        """Return the prototype's values, regenerated or read: float32 of shape (length,)."""
        record = self.manifest.prototype
        if record is None:
            raise ArchiveError(f"{self.name}: holds no prototype")
        if self._prototype is None:
            if record.seed is None or record.transform is None:
                vector = np.frombuffer(self.section(records.PROTOTYPE), "<f4")
            else:
                generate = prng.TRANSFORMS[record.transform]
                vector = generate(record.seed, record.stream, record.length)
            if record.shuffle is not None:
                vector = values.shuffled(vector, record.shuffle)
            self._prototype = vector
        return self._prototype

    def mask(self, name: str) -> Mask:
        """Return the mask of one tensor, bool in the tensor's shape. Raises ArchiveError."""
        record = self._records[name]
        if record.positions is None:
            raise ArchiveError(f"{self.name}: tensor {name!r} has no mask")
        if records.MASKS in self.section_offsets:
            self.section(records.MASKS)  # a tensor's digest says nothing of its mask alone
        return self._mask(record, record.positions)

    def _mask(self, record: records.TensorRecord, positions: records.Positions) -> Mask:
        name = record.name
        start, end = self._payloads[name]
        payload = bytes(self._slice(records.MASKS, start, end, record))
        decode = CODECS[positions.codec].decode
        try:
            return decode(payload, record.shape, positions.ones)
        except ArchiveError as error:
            where = f"section 'masks', tensor {name!r}"
            if records.MASKS in self.section_offsets:  # not where all masks claim to have no bytes
                where += f" (offset {self.section_offsets[records.MASKS] + start})"
            raise ArchiveError(f"{self.name}: {where}: {error}") from None

    def departures(self, name: str) -> Departures | None:
        """Return what the plane of one tensor changes, None where it has none."""
        record = self._records[name]
        mask = None if record.positions is None else self.mask(name)
        if record.plane and records.PLANES in self.section_offsets:
            self.section(records.PLANES)  # as for masks
        return self._departures(record, mask)

    def _departures(self, record: records.TensorRecord, mask: Mask | None) -> Departures | None:
        plane = record.plane
        if plane is None:
            return None
        payload = bytes(self._slice(records.PLANES, *self._planes[record.name], record))
        chosen = np.arange(record.numel) if mask is None else np.flatnonzero(mask)
        try:
            return planes.decode(payload, plane, chosen.astype(np.uint64), record.numel)
        except ArchiveError as error:
            where = f"section 'planes', tensor {record.name!r}"
            raise ArchiveError(f"{self.name}: {where}: {error}") from None

    def tensor(self, name: str) -> Array:
        """Return one restored tensor (bf16 as its 16-bit patterns). Raises ArchiveError."""
        record = self._records[name]
        if isinstance(record.values, records.Alias):
            return self.tensor(record.values.of)
        return self._restore(record) if record.sha256 is None else self._checked(record)[0]

    def _checked(
        self, record: records.TensorRecord, part: F32 | None = None
    ) -> tuple[Array, bytes]:
        array = self._restore(record, part)
        digest = values.tensor_sha256(record.dtype, array)
        if record.sha256 not in (None, digest.hex()):
            raise ArchiveError(
                f"{self.name}: tensor {record.name!r}: expected SHA-256 {record.sha256}, "
                f"got {digest.hex()}"
            )
        return array, digest

    def _restore(self, record: records.TensorRecord, part: F32 | None = None) -> Array:
        positions, shape = record.positions, record.shape
        mask = None if positions is None else self._mask(record, positions)
        match record.values:
            case records.FromPrototype() as fill:
                kept = np.ones(shape, np.bool_) if mask is None else mask
                vector, fill = self._values_of(fill, record.numel, part)
                return values.masked(
                    vector,
                    fill,
                    kept,
                    record.dtype,
                    self._departures(record, mask),
                    self.manifest.prototype,
                )
            case records.Constant() as constant:
                changed = self._departures(record, mask)
                return values.constant_tensor(constant, record.dtype, shape, mask, changed)
            case records.Stored() as held:
                return self._stored(record, held, mask)
            case records.Alias(of):
                return self.tensor(of)

    def _values_of(
        self, fill: records.FromPrototype, count: int, part: F32 | None
    ) -> tuple[F32, records.FromPrototype]:
        """Return a vector and where in it a tensor's values are: no more of it than is needed."""
        record = self.manifest.prototype
        assert record is not None
        if part is None:
            fits = fill.offset + count <= record.length and record.shuffle is None
            if self._prototype is not None or record.seed is None or not fits:
                return self.prototype(), fill
            generate = prng.TRANSFORMS[record.transform or ""]
            part = generate(record.seed, record.stream, count, fill.offset)
        return part, replace(fill, offset=0)

    def _stored(
        self, record: records.TensorRecord, held: records.Stored, mask: Mask | None
    ) -> Array:
        start = self._dense[record.name]
        payload = self._slice(records.DENSE, start, start + held.size, record)
        count = record.numel if record.positions is None else record.positions.ones
        try:
            elements = values.unpack_stored(payload, held, count)
        except ArchiveError as error:
            raise ArchiveError(f"{self.name}: tensor {record.name!r}: {error}") from None
        if held.dtype == "bool" and elements.view(np.uint8).max(initial=0) > 1:
            raise ArchiveError(
                f"{self.name}: tensor {record.name!r}: expected bool bytes of 0 or 1, got others"
            )
        return values.stored(elements, held, record.shape, record.dtype, mask)

    def _slice(self, section: str, start: int, end: int, record: records.TensorRecord) -> Payload:
        """Return part of a section; alone where the tensor has a digest of its own to check."""
        if start == end:  # a mask without ones: the section may not even be there
            return b""
        if record.sha256 is not None and section not in self._sections and self._map is None:
            offset = self.section_offsets[section] + start
            what = f"tensor {record.name!r}"
            return read_exactly(self._stream, offset, end - start, what, self.name)
        return self.section(section)[start:end]

    def source(self) -> str | None:
        """Return the model file's source that travels in the archive, or None."""
        if records.SOURCE not in self.section_offsets:
            return None
        packed = bytes(self.section(records.SOURCE))
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

    def checked_tensors(self) -> Iterator[tuple[records.TensorRecord, Array]]:
        """Yield every record that is no alias with its restored tensor, holding no more than one.

        Raises ArchiveError, at the end where only the restored digest differs.
        """
        self._check_sections()
        digests: dict[str, bytes] = {}
        for record in self.manifest.tensors:
            if isinstance(record.values, records.Alias):
                digests[record.name] = digests[record.values.of]
            else:
                array, digests[record.name] = self._checked(record)
                yield record, array
        self._check_restored(digests)

    def _checked_group(self, group: list[records.TensorRecord]) -> dict[str, tuple[Array, bytes]]:
        """Restore tensors that take the same part of the prototype, if they take any."""
        part, first = None, group[0]
        if len(group) > 1 and isinstance(first.values, records.FromPrototype):
            part, _ = self._values_of(first.values, first.numel, None)
        return {tensor.name: self._checked(tensor, part) for tensor in group}

    def _check_sections(self) -> None:
        """Read what tensors are made of, also where they have digests: gaps have none."""
        for name in (records.MASKS, records.PLANES, records.DENSE, records.PROTOTYPE):
            if name in self.section_offsets:
                self.section(name)

    def _check_restored(self, digests: Mapping[str, bytes]) -> None:
        expected = self.manifest.restored_sha256
        found = values.restored_sha256(digests)
        if found != expected:
            raise ArchiveError(
                f"{self.name}: restored tensors: expected SHA-256 {expected}, got {found}"
            )

    def restored(self) -> dict[str, Array]:
        """Restore every tensor, check the restored digest, and return them by name, in order.

        Raises ArchiveError when the digest differs from the manifest's.
        """
        self._check_sections()
        groups = records.by_prototype_part(self.manifest)
        if groups is None or self._prototype is not None:
            self.prototype()
            own = (t for t in self.manifest.tensors if not isinstance(t.values, records.Alias))
            groups = [[tensor] for tensor in own]
        # most of the time goes into digests and numpy, which let other threads work
        threads = _THREADS if self.manifest.restored_bytes > _PARALLEL_FROM else 1
        checked: dict[str, tuple[Array, bytes]] = {}
        with ThreadPoolExecutor(threads) as pool:
            for together in pool.map(self._checked_group, groups):
                checked.update(together)
        for tensor in self.manifest.tensors:
            if isinstance(tensor.values, records.Alias):  # the same array, in no further memory
                checked[tensor.name] = checked[tensor.values.of]
        self._check_restored({name: digest for name, (_, digest) in checked.items()})
        return {tensor.name: checked[tensor.name][0] for tensor in self.manifest.tensors}


def read_exactly(stream: IO[bytes], offset: int, count: int, what: str, name: str) -> bytes:
    """Return `count` bytes at `offset`. Raises ArchiveError where there are fewer."""
    stream.seek(offset)
    data = stream.read(count)
    if len(data) != count:
        raise ArchiveError(
            f"{name}: {what} (offset {offset}): expected {count} bytes, got {len(data)}: cut short"
        )
    return data
