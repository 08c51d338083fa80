"""What is inside an archive, from its header alone; and the check of all it promises."""

import hashlib
from typing import Any

from pemn_compress.format.archive.layout import HEADER_BYTES, Limits
from pemn_compress.format.archive.opening import Source, open_archive
from pemn_compress.format.archive.reader import Archive
from pemn_compress.format.archive.spelling import to_json


def inspect(
    source: Source, limits: Limits | None = None, *, name: str | None = None
) -> dict[str, Any]:
    """Return what the header and the manifest say, as plain values; payloads are not read.

    `name` is what it is called there and in messages (None: its path). Raises ArchiveError for a
    file that is no valid archive as far as the header tells.
    """
    with open_archive(source, limits, name=name) as archive:
        return describe(archive)


def describe(archive: Archive) -> dict[str, Any]:
    """Return an open archive's header and manifest as plain values."""
    manifest = archive.manifest
    told = to_json(manifest)
    for section in told["sections"]:
        if manifest.compact:  # the file has one digest over all of them
            section["sha256"] = hashlib.sha256(archive.section(section["name"])).hexdigest()
        section["offset"] = archive.section_offsets[section["name"]]
    payload = sum(section.size for section in manifest.sections)
    return {
        "file": archive.name,
        "bytes": archive.size,
        "format_version": f"{archive.version[0]}.{archive.version[1]}",
        "header_bytes": HEADER_BYTES,
        "manifest_bytes": archive.manifest_bytes,
        "padding_bytes": archive.size - HEADER_BYTES - archive.manifest_bytes - payload,
        "elements": manifest.elements,
        "restored_bytes": manifest.restored_bytes,
        **told,
    }


def verify(
    source: Source, limits: Limits | None = None, *, name: str | None = None
) -> dict[str, Any]:
    """Check every promise that an archive makes, the restored digest included.

    Returns what was checked: {"file", "format_version", "sections", "tensors", "restored_sha256"}.
    Raises ArchiveError at the first promise that does not hold.
    """
    from pemn_compress.format.graph import graph_of  # which is made of parts of this room

    with open_archive(source, limits, name=name) as archive:
        archive.check_sections()
        archive.source()
        graph_of(archive)
        archive.check_restored()
        archive.unchanged()
        return {
            "file": archive.name,
            "format_version": f"{archive.version[0]}.{archive.version[1]}",
            "sections": len(archive.manifest.sections),
            "tensors": len(archive.manifest.tensors),
            "restored_sha256": archive.manifest.restored_sha256,
        }
