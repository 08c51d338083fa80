"""Opening an archive, from the outside in, and trusting nothing on the way.

The header first, then the manifest, then where the sections lie; nothing is allocated on the word
of a field that has not been checked.
"""

import hashlib
import io
import os
import stat
from typing import IO

from pemn_compress.errors import ArchiveError, SettingError, unreadable
from pemn_compress.format.archive import canonical, dictionary, layout, records
from pemn_compress.format.archive.layout import Limits
from pemn_compress.format.archive.manifest import from_json
from pemn_compress.format.archive.payloads import ArchiveFile
from pemn_compress.format.archive.reader import Archive
from pemn_compress.format.archive.zstd import decompress
from pemn_compress.kinds import check_kind, check_truth

Source = str | os.PathLike[str] | bytes


def open_archive(
    source: Source,
    limits: Limits | None = None,
    *,
    mapped: bool = False,
    name: str | None = None,
) -> Archive:
    """Open an archive from a path or from bytes; read and check its header and manifest.

    No payload is read before it is asked for: listing a large archive reads a few kilobytes. With
    `mapped` the sections of a file are mapped into memory, and large stored tensors that are not
    compressed are read-only views of it, in no memory of their own; the file must then stay as it
    is while they are used (one that is cut short would end the process).

    `name` is what messages call the archive (None: its path). Raises ArchiveError, whose message
    names the file, the place, what was expected and what was found; nothing is allocated on the
    word of a field that has not been checked.
    """
    if limits is not None:
        check_kind("limits", limits, Limits, "a pemn_compress.Limits")
    if name is not None:
        check_kind("name", name, str, "a text")
    check_truth(mapped=mapped)
    file = _file(source, name)
    try:
        archive = _open(file, limits or Limits())
        if mapped:
            file.map()
        return archive
    except BaseException:
        file.close()
        raise


def _file(source: Source, name: str | None) -> ArchiveFile:
    if isinstance(source, bytes | bytearray | memoryview):
        raw = bytes(source)
        return ArchiveFile(name or "archive", io.BytesIO(raw), memoryview(raw))
    if not isinstance(source, str | os.PathLike):
        raise SettingError(f"archive: expected a path or bytes, got {type(source).__name__}")
    name = name or os.fspath(source) or "''"
    stream: IO[bytes]
    try:
        kind = os.stat(source).st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
            # to open a pipe is to wait for whoever writes to it, for ever if need be
            raise ArchiveError(
                f"{name}: cannot be read: expected a regular file, got a device or a pipe; "
                "read it and pass its bytes"
            )
        stream = open(source, "rb")  # noqa: SIM115 - the Archive owns and closes it
        return ArchiveFile(name, stream)
    except ArchiveError:
        raise
    except FileNotFoundError:
        raise ArchiveError(f"{name}: no such file") from None
    except (OSError, ValueError) as error:  # the latter for a zero byte in a path
        raise ArchiveError(unreadable(name, error)) from None


def _open(file: ArchiveFile, limits: Limits) -> Archive:
    size = file.size
    if size == 0:
        raise ArchiveError(f"{file.name}: expected a .pemn archive, got an empty file")
    start = bytes(file.read(0, min(size, len(layout.MAGIC)), "header"))
    if start != layout.MAGIC:
        raise ArchiveError(
            f"{file.name}: not a .pemn archive: expected it to start with "
            f"{layout.MAGIC.hex(' ')}, got {start.hex(' ')}"
        )
    header = bytes(file.read(0, layout.HEADER_BYTES, "header"))
    fields, digest = header[: layout.FIELDS.size], header[layout.FIELDS.size :]
    (_, major, minor, section_count, length, elements, restored_bytes, stored, raw, coding,
     reserved) = layout.FIELDS.unpack(fields)  # fmt: skip

    def require(ok: bool, where: str, expected: object, got: object) -> None:
        if not ok:
            raise ArchiveError(f"{file.name}: header: {where}: expected {expected}, got {got}")

    if (major, minor) > (layout.MAJOR, layout.MINOR):  # it may use what this reader cannot know
        raise ArchiveError(
            f"{file.name}: format version {major}.{minor} is newer than this reader's "
            f"{layout.MAJOR}.{layout.MINOR}; install a newer pemn-compress"
        )
    require(
        major == layout.MAJOR,
        "version",
        f"{layout.MAJOR}.0 to {layout.MAJOR}.{layout.MINOR}",
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
    more = " (from Python, Limits(max_manifest_bytes=...) allows more, if you trust the file)"
    more = more if largest < layout.MAX_MANIFEST_BYTES else ""
    require(raw <= largest, "manifest size", f"at most {largest}{more}", raw)
    most = min(size - layout.HEADER_BYTES, 2 * largest + layout.HEADER_BYTES)
    require(stored <= most, "stored manifest size", f"at most {most}", stored)
    known = (layout.MANIFEST_RAW, layout.MANIFEST_ZSTD, layout.MANIFEST_COMPACT)[: 2 + minor]
    require(coding in known, "manifest coding", "0, 1 or 2" if minor else "0 or 1", coding)
    compact = coding == layout.MANIFEST_COMPACT
    if compact:
        most = layout.MAX_COMPACT_BYTES
        require(size <= most, "file length", f"at most {most} in the compact form", size)
        most = layout.MAX_COMPACT_MANIFEST
        require(raw <= most, "manifest size", f"at most {most} in the compact form", raw)
    require(reserved == bytes(12), "reserved bytes", "zeros", reserved.hex())
    require(
        elements <= limits.max_weights,
        "restored elements",
        limits.at_most("max_weights"),
        elements,
    )
    require(
        restored_bytes <= limits.max_bytes,
        "restored bytes",
        limits.at_most("max_bytes"),
        restored_bytes,
    )
    if compact:
        file.keep()  # its digest is compared once, and over all of it
    body = bytes(file.read(layout.HEADER_BYTES, stored, "manifest"))
    rest = size - layout.HEADER_BYTES - stored if compact else 0
    after = file.read(layout.HEADER_BYTES + stored, rest, "sections")
    try:
        if hashlib.sha256(b"".join((fields, body, after))).digest() != digest:
            what = "the file" if compact else "header and manifest"
            raise ArchiveError(f"{what}: SHA-256 differs from the one stored: the file was altered")
        if coding != layout.MANIFEST_RAW:
            body = decompress(body, raw, raw, "manifest", dictionary.TEXT if compact else None)
        if len(body) != raw:
            raise ArchiveError(f"header: manifest size: expected {len(body)}, got {raw}")
        manifest = from_json(canonical.decode(body), compact=compact)
    except ArchiveError as error:
        raise ArchiveError(f"{file.name}: {error}") from None
    require(
        manifest.minor == minor,
        "version",
        f"{layout.MAJOR}.{manifest.minor}, the lowest that says what this archive does",
        f"{major}.{minor}",
    )
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
        length = max(manifest.prototype.length, manifest.prototype.filled_length)
        for limit, taken in (("max_weights", length), ("max_bytes", 4 * length)):
            what = "prototype length" if limit == "max_weights" else "prototype bytes"
            require(taken <= getattr(limits, limit), what, limits.at_most(limit), taken)
    return Archive(
        file,
        manifest,
        version=(major, minor),
        manifest_bytes=stored,
        section_offsets=_section_offsets(file, manifest, layout.HEADER_BYTES + stored),
        limits=limits,
    )


def _section_offsets(file: ArchiveFile, manifest: records.Manifest, end: int) -> dict[str, int]:
    """Lay the sections end to end: aligned starts, zero padding, no byte left over."""
    offsets = {}
    for section in manifest.sections:
        start = layout.aligned(end, manifest.compact)
        if any(file.read(end, start - end, "padding")):
            raise ArchiveError(f"{file.name}: padding (offset {end}): expected zeros, got others")
        offsets[section.name] = start
        end = start + section.size
    if end != file.size:
        raise ArchiveError(f"{file.name}: sections: expected them to end at {file.size}, got {end}")
    return offsets
