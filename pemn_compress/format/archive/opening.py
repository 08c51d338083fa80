"""Opening an archive, from the outside in, and trusting nothing on the way.

The header first, then the manifest, then where the sections lie; nothing is allocated on the word
of a field that has not been checked.
"""

import hashlib
import io
import os
import stat
from pathlib import Path
from typing import IO

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import canonical, layout, records
from pemn_compress.format.archive.layout import Limits
from pemn_compress.format.archive.manifest import from_json
from pemn_compress.format.archive.reader import Archive, read_exactly
from pemn_compress.format.archive.zstd import decompress


def open_archive(
    source: str | Path | bytes, limits: Limits | None = None, *, mapped: bool = False
) -> Archive:
    """Open an archive from a path or from bytes; read and check its header and manifest.

    No payload is read before it is asked for: listing a large archive reads a few kilobytes. With
    `mapped` the sections of a file are mapped into memory, and large stored tensors that are not
    compressed are read-only views of it, in no memory of their own; the file must then stay as it
    is while they are used (one that is cut short would end the process).

    Raises ArchiveError, whose message names the file, the place, what was expected and what was
    found; nothing is allocated on the word of a field that has not been checked.
    """
    name = "archive" if isinstance(source, bytes) else str(source)
    stream: IO[bytes]
    if isinstance(source, bytes):
        stream = io.BytesIO(source)
    else:
        try:
            kind = os.stat(source).st_mode
            if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
                # to open a pipe is to wait for whoever writes to it, for ever if need be
                raise ArchiveError(
                    f"{name}: cannot be read: expected a regular file, got a device or a pipe; "
                    "pass - for standard input"
                )
            stream = open(source, "rb")  # noqa: SIM115 - the Archive owns and closes it
        except FileNotFoundError:
            raise ArchiveError(f"{name}: no such file") from None
        except OSError as error:
            raise ArchiveError(f"{name}: cannot be read: {error.strerror}") from None
    try:
        archive = _open(stream, name, limits or Limits())
        if mapped and not isinstance(source, bytes):
            archive.map_file()
        return archive
    except OSError as error:  # a bad disk
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
    header = read_exactly(stream, 0, layout.HEADER_BYTES, "header", name)
    fields, digest = header[: layout.FIELDS.size], header[layout.FIELDS.size :]
    (_, major, minor, section_count, length, elements, restored_bytes, stored, raw, coding,
     reserved) = layout.FIELDS.unpack(fields)  # fmt: skip

    def require(ok: bool, where: str, expected: object, got: object) -> None:
        if not ok:
            raise ArchiveError(f"{name}: header: {where}: expected {expected}, got {got}")

    if (major, minor) > (layout.MAJOR, layout.MINOR):  # it may use what this reader cannot know
        raise ArchiveError(
            f"{name}: format version {major}.{minor} is newer than this reader's "
            f"{layout.MAJOR}.{layout.MINOR}; install a newer pemn-compress"
        )
    require(
        (major, minor) == (layout.MAJOR, layout.MINOR),
        "version",
        f"{layout.MAJOR}.{layout.MINOR}",
        f"{major}.{minor}" + (", a draft of the format" if major == 0 else ""),
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
    largest = min(layout.MAX_MANIFEST_BYTES, limits.max_manifest_bytes)
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
        elements <= limits.max_weights,
        "restored elements",
        f"at most {limits.max_weights} (--max-weights raises it, if you trust the file)",
        elements,
    )
    require(
        restored_bytes <= limits.max_bytes,
        "restored bytes",
        f"at most {limits.max_bytes} (--max-bytes raises it, if you trust the file)",
        restored_bytes,
    )
    body = read_exactly(stream, layout.HEADER_BYTES, stored, "manifest", name)
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
        most = min(limits.max_weights, limits.max_bytes // 4)
        length = max(manifest.prototype.length, manifest.prototype.filled_length)
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
        padding = read_exactly(stream, end, start - end, "padding", name)
        if any(padding):
            raise ArchiveError(f"{name}: padding (offset {end}): expected zeros, got others")
        offsets[section.name] = start
        end = start + section.size
    if end != size:
        raise ArchiveError(f"{name}: sections: expected them to end at {size}, got {end}")
    return offsets
