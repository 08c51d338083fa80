"""The fixed part of the container: magic, header fields, caps; format_spec/ says it in words."""

import struct
from dataclasses import dataclass

MAGIC = b"\x89PEMN\r\n\x1a"  # non-ASCII first byte, CR LF and ^Z: text-mode damage shows at once
MAJOR = 0  # 0 until the specification is frozen: no promise that a later version reads it
MINOR = 3

# magic, major, minor, sections, file length, elements, restored bytes,
# manifest stored and raw bytes, manifest coding, 12 reserved zero bytes
FIELDS = struct.Struct("<8sHHIQQQIII12s")
DIGEST_BYTES = 32
HEADER_BYTES = FIELDS.size + DIGEST_BYTES
MANIFEST_RAW, MANIFEST_ZSTD = 0, 1

ALIGNMENT = 64
MAX_MANIFEST_BYTES = 1 << 26
MAX_ZSTD_WINDOW = 1 << 27
MAX_SECTIONS = 64
MAX_TENSORS = 1 << 20
MAX_RANK = 8
MAX_ELEMENTS = (1 << 48) - 1
MAX_NESTING = 16


@dataclass(frozen=True)
class Limits:
    """What a reader is willing to restore; a seed makes a tiny file able to declare a huge model.

    `elements` counts numbers in all restored tensors, `restored_bytes` the memory they take, and
    each bounds the prototype too; `manifest_bytes` the decompressed manifest, which is parsed into
    some twenty times its size.
    """

    elements: int = 1 << 31
    restored_bytes: int = 1 << 34
    manifest_bytes: int = 1 << 22


def aligned(offset: int) -> int:
    """Return the first multiple of the section alignment at or after `offset`."""
    return -(-offset // ALIGNMENT) * ALIGNMENT
