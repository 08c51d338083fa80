"""One zstd frame and nothing else, of a size and a window that were checked first."""

import zstandard

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive.layout import MAX_ZSTD_WINDOW

_LEVEL, _FAST_LEVEL = 19, 3
_LARGE_BYTES = 1 << 20  # from here on the best level takes seconds


def compress(raw: bytes) -> bytes:
    """Return a frame that declares its content's size."""
    level = _LEVEL if len(raw) < _LARGE_BYTES else _FAST_LEVEL
    return zstandard.ZstdCompressor(level=level).compress(raw)


def decompress(packed: bytes, most: int, exact: int | None, what: str) -> bytes:
    """Return the content of a frame of at most `most` (or exactly `exact`) bytes, at least 1.

    Raises ArchiveError for anything else, for bytes after the frame too.
    """
    try:
        declared = zstandard.frame_content_size(packed)
        if not 1 <= declared <= most or (exact is not None and declared != exact):
            raise ArchiveError(f"{what}: expected {exact or most} raw bytes, got {declared}")
        window = zstandard.get_frame_parameters(packed).window_size
        if window > MAX_ZSTD_WINDOW:
            raise ArchiveError(f"{what}: expected a window up to {MAX_ZSTD_WINDOW}, got {window}")
        return zstandard.ZstdDecompressor().decompress(
            packed, max_output_size=declared, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise ArchiveError(f"{what}: expected one zstd frame, got {error}") from None
