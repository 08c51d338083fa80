"""The fixed part of the container: magic, header fields, caps; format_spec/ says it in words."""

import struct
from dataclasses import dataclass
from operator import index

from pemn_compress.errors import SettingError

MAGIC = b"\x89PEMN\r\n\x1a"  # non-ASCII first byte, CR LF and ^Z: text-mode damage shows at once
MAJOR = 1  # every later version reads what this one wrote
MINOR = 1  # the newest that this reader knows; a file has the lowest that can say what it says

# magic, major, minor, sections, file length, elements, restored bytes,
# manifest stored and raw bytes, manifest coding, 12 reserved zero bytes
FIELDS = struct.Struct("<8sHHIQQQIII12s")
DIGEST_BYTES = 32
HEADER_BYTES = FIELDS.size + DIGEST_BYTES
MANIFEST_RAW, MANIFEST_ZSTD, MANIFEST_COMPACT = 0, 1, 2

ALIGNMENT = 64
MAX_MANIFEST_BYTES = 1 << 26
MAX_ZSTD_WINDOW = 1 << 27
MAX_COMPACT_BYTES = 1 << 24  # of a file
MAX_COMPACT_MANIFEST = 1 << 20
MAX_SECTIONS = 64
MAX_TENSORS = 1 << 20
MAX_RANK = 8
MAX_ELEMENTS = (1 << 48) - 1
MAX_NESTING = 16
_LEAST_SECTION_BYTES = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What a reader is willing to restore; a seed makes a tiny file able to declare a huge model.

    `max_weights` counts numbers in all restored tensors, `max_bytes` the memory they take, and each
    bounds the prototype too; `max_bytes` also bounds a section that holds no tensors (the source's
    text, and sections that this reader does not know); `max_manifest_bytes` the decompressed
    manifest, which is parsed into some twenty times its size.
    """

    max_weights: int = 1 << 30
    max_bytes: int = 1 << 32
    max_manifest_bytes: int = 1 << 22

    def __post_init__(self) -> None:
        for name in ("max_weights", "max_bytes", "max_manifest_bytes"):
            value = getattr(self, name)
            try:
                object.__setattr__(self, name, index(value))  # numpy's integers too
            except TypeError:
                raise SettingError(f"{name}: expected an integer, got {value!r}") from None

    @property
    def max_section_bytes(self) -> int:
        """Largest section that is read where no tensor record says how large it is."""
        return max(self.max_bytes, _LEAST_SECTION_BYTES)

    def at_most(self, name: str) -> str:
        """Return what messages expect where the limit of that name was passed."""
        return (
            f"at most {getattr(self, name)} "
            f"(limits=Limits({name}=...) allows more, if you trust the file)"
        )


ANY_SIZE = Limits(1 << 62, 1 << 62)  # for archives that this process itself has made


def aligned(offset: int, compact: bool = False) -> int:
    """Return the first multiple of the alignment at or after `offset`; any is, where `compact`."""
    return offset if compact else -(-offset // ALIGNMENT) * ALIGNMENT
