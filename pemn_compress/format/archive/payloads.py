"""The file that an archive lies in, and its sections: read when asked for, checked before used.

Small sections are kept once they are read. One that is larger than all that the archive restores
to is read in pieces: for its digest first, then whenever a part of it is needed.
"""

import hashlib
import io
import mmap
import threading
from collections.abc import Mapping
from typing import IO

import numpy as np

from pemn_compress.errors import ArchiveError, unreadable
from pemn_compress.format.archive import places, records
from pemn_compress.format.archive.layout import MAX_MANIFEST_BYTES, Limits
from pemn_compress.format.archive.zstd import decompress
from pemn_compress.format.bits import Payload, pieces

HASHED_AT_ONCE = 1 << 20  # bytes
ALWAYS_KEPT = 1 << 20  # bytes of sections, in all


def hashed(payload: Payload) -> str:
    """Return the SHA-256 of a payload as hex digits."""
    digest = hashlib.sha256()
    for start, stop in pieces(len(payload), HASHED_AT_ONCE):
        digest.update(payload[start:stop])
    return digest.hexdigest()


class ArchiveFile:
    """The bytes of an archive: a file, or memory. `name` is what messages call it."""

    def __init__(self, name: str, stream: IO[bytes], memory: memoryview | None = None) -> None:
        self.name, self._stream, self._memory = name, stream, memory
        self._lock = threading.Lock()  # several threads may restore tensors of one archive
        self.size = self._length()

    @property
    def in_memory(self) -> bool:
        """Tell whether parts of the file are views of memory that is there anyway."""
        return self._memory is not None

    def map(self) -> None:
        """Map the file into memory: what is read of it is then a part of it, not a copy."""
        if self._memory is None:
            self._memory = memoryview(
                mmap.mmap(self._stream.fileno(), self.size, access=mmap.ACCESS_READ)
            )

    def keep(self) -> None:
        """Read the whole file into memory, unless it is there."""
        if self._memory is None:
            self._memory = memoryview(self.read(0, self.size, "file"))

    def close(self) -> None:
        """Close the file; parts of memory that are in use stay."""
        self._stream.close()

    def read(self, offset: int, count: int, what: str) -> bytes | memoryview:
        """Return `count` bytes at `offset`. Raises ArchiveError where there are fewer."""
        if self._memory is not None:
            data: bytes | memoryview = self._memory[offset : offset + count]
        else:
            try:
                with self._lock:
                    self._stream.seek(offset)
                    data = self._stream.read(count)
            except ValueError:
                raise ArchiveError(f"{self.name}: the archive was closed before {what}") from None
            except OSError as error:  # a bad disk
                raise ArchiveError(unreadable(self.name, error)) from None
        if len(data) != count:
            raise ArchiveError(
                f"{self.name}: {what} (offset {offset}): expected {count} bytes, got {len(data)}: "
                "cut short"
            )
        return data

    def check_unchanged(self) -> None:
        """Raise ArchiveError where the file has another size than when it was opened."""
        size = self._length()
        if size != self.size:
            raise ArchiveError(
                f"{self.name}: expected {self.size} bytes, as when it was opened, got {size}: "
                "the file changed while it was read"
            )

    def _length(self) -> int:
        with self._lock:
            return self._stream.seek(0, io.SEEK_END)


class Stretch:
    """A run of bytes of a file as a payload: each part is read when it is asked for."""

    def __init__(self, file: ArchiveFile, offset: int, size: int, what: str) -> None:
        self._file, self._offset, self._size, self._what = file, offset, size, what

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> bytes | memoryview:
        start, stop, _ = part.indices(self._size)
        return self._file.read(self._offset + start, max(0, stop - start), self._what)


class Sections:
    """The sections of an archive by name; each one's digest is checked once, before it is used."""

    def __init__(
        self,
        file: ArchiveFile,
        manifest: records.Manifest,
        offsets: Mapping[str, int],
        limits: Limits,
    ) -> None:
        self._file, self._manifest, self._offsets, self._limits = file, manifest, offsets, limits
        self._records = {section.name: section for section in manifest.sections}
        self._budget = manifest.restored_bytes + ALWAYS_KEPT
        self._checked: dict[str, Payload] = {}
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._records

    def whole(self, name: str) -> Payload:
        """Return a section's payload, its digest checked. Raises ArchiveError."""
        with self._lock:
            if name not in self._checked:
                self._checked[name] = self._check(name)
            return self._checked[name]

    def text(self, name: str) -> str:
        """Return a section that is a text in one frame. Raises ArchiveError."""
        most = min(MAX_MANIFEST_BYTES, self._limits.max_section_bytes)
        try:
            return decompress(bytes(self.whole(name)[:]), most, None, name).decode()
        except ArchiveError as error:
            raise ArchiveError(f"{self._file.name}: {error}") from None
        except UnicodeDecodeError:
            raise ArchiveError(
                f"{self._file.name}: {name}: expected UTF-8 text, got others"
            ) from None

    def is_checked(self, name: str) -> bool:
        """Tell whether a section has been checked already."""
        return name in self._checked

    def unchecked(self, name: str, start: int, stop: int, what: str) -> Payload:
        """Return bytes of a section whose digest nobody has compared; the caller has another."""
        return Stretch(self._file, self._offsets[name] + start, stop - start, what)

    def _check(self, name: str) -> Payload:
        record = self._records.get(name)
        if record is None:
            raise ArchiveError(f"{self._file.name}: no section {name!r}")
        self._check_size(record)
        offset = self._offsets[name]
        payload: Payload = Stretch(self._file, offset, record.size, f"section {name!r}")
        if self._file.in_memory:
            payload = memoryview(payload[:])
        elif record.size <= self._budget:
            payload = memoryview(payload[:])
            self._budget -= record.size
        found = hashed(payload)
        if record.sha256 not in (None, found):  # None: in the header's digest, which was compared
            raise ArchiveError(
                f"{self._file.name}: section {name!r} (offset {offset}): "
                f"expected SHA-256 {record.sha256}, got {found}: the file was altered"
            )
        if name == records.DENSE:
            self._check_gaps(payload)
        if name == records.PROTOTYPE:
            self._check_finite(payload)
        return payload

    def _check_size(self, record: records.SectionRecord) -> None:
        most = places.most_bytes(self._manifest, record.name)
        told = f"at most {most}"
        if most is None and record.name != records.PROTOTYPE:
            most, told = self._limits.max_section_bytes, self._limits.at_most("max_bytes")
        if most is not None and record.size > most:
            raise ArchiveError(
                f"{self._file.name}: section {record.name!r}: bytes: expected {told}, "
                f"got {record.size}"
            )

    def _check_gaps(self, payload: Payload) -> None:
        starts, _ = places.dense_layout(self._manifest.tensors, self._manifest.compact)
        end = 0
        for tensor in self._manifest.tensors:
            if isinstance(tensor.values, records.Stored):
                start = starts[tensor.name]
                if start > end and any(payload[end:start]):
                    raise ArchiveError(
                        f"{self._file.name}: section 'dense': expected zeros before {tensor.name!r}"
                    )
                end = start + tensor.values.size

    def _check_finite(self, payload: Payload) -> None:
        for start, stop in pieces(len(payload), HASHED_AT_ONCE):
            if not np.isfinite(np.frombuffer(payload[start:stop], "<f4")).all():
                raise ArchiveError(f"{self._file.name}: prototype: expected finite values only")
