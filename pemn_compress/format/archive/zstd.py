"""One zstd frame and nothing else, of a size, a window and blocks that are checked first.

RFC 8878 bounds every block by its frame's Block_Maximum_Size. libzstd checks that in its streaming
interface and not in the other, and the two reach back differently far into what was decompressed
before. So the blocks are walked and fed one by one here, and the decompressor is told a window that
holds the whole content: then every version and both interfaces of it say the same.
"""

import io
from collections.abc import Iterator
from typing import NamedTuple

import zstandard

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive.layout import MAX_ZSTD_WINDOW

MAX_BLOCK_BYTES = 1 << 17
_MAGIC = b"\x28\xb5\x2f\xfd"
_RLE, _COMPRESSED, _RESERVED = 1, 2, 3
_LEAST_COMPRESSED = 3  # bytes: two hold nothing, fewer have no room for the headers in a block
_PIECE_BYTES = 1 << 20
_UNKNOWN = (1 << 64) - 1  # what libzstd calls a size that is not declared
_LEAST_LOG, _MOST_LOG = 17, 31  # of windows: none of libzstd's bounds is below ours; its largest
_LEVEL, _FAST_LEVEL = 19, 3
_LARGE_BYTES = 1 << 20  # from here on the best level takes seconds


def compress(raw: bytes, before: bytes | None = None) -> bytes:
    """Return a frame that declares its content's size.

    `before` is what stands before the content, for whoever decompresses it too, and may be repeated
    in it: a raw-content dictionary.
    """
    level = _LEVEL if len(raw) < _LARGE_BYTES else _FAST_LEVEL
    if before is None:
        return zstandard.ZstdCompressor(level=level).compress(raw)
    return zstandard.ZstdCompressor(level=level, dict_data=_raw(before)).compress(raw)


def _raw(before: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(before, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def decompress(
    packed: bytes, most: int, exact: int | None, what: str, before: bytes | None = None
) -> bytes:
    """Return the content of a frame of at most `most` (or exactly `exact`) bytes, at least 1.

    `before` is what the frame was made with. Raises ArchiveError for anything else, for bytes after
    the frame too; `what` begins the message.
    """
    try:
        head = _head(packed)
        if not 1 <= head.content <= most or (exact is not None and head.content != exact):
            got = "a frame that declares no size" if head.content == _UNKNOWN else head.content
            raise _Refused(f"{exact or f'1 to {most}'} raw bytes", got)
        if head.window > MAX_ZSTD_WINDOW:
            raise _Refused(f"a window up to {MAX_ZSTD_WINDOW}", head.window)
        return _content(packed, head, before)
    except zstandard.ZstdError as error:
        raise ArchiveError(f"{what}: expected one zstd frame, got {error}") from None
    except _Refused as error:
        expected, got = error.args
        raise ArchiveError(f"{what}: expected {expected}, got {got}") from None


class _Refused(Exception):
    """What was expected of a frame, and what was got."""


class _Head(NamedTuple):
    size: int  # bytes of the frame's header
    content: int
    window: int
    checksum: bool


def _head(packed: bytes) -> _Head:
    if packed[:4] != _MAGIC:
        raise _Refused("one zstd frame", f"the magic {packed[:4].hex() or 'of no bytes'}")
    told = zstandard.get_frame_parameters(packed)
    if told.dict_id:
        raise _Refused("a zstd frame without dictionary", f"dictionary {told.dict_id}")
    size = zstandard.frame_header_size(packed)
    return _Head(size, told.content_size, told.window_size, told.has_checksum)


def _content(packed: bytes, head: _Head, before: bytes | None) -> bytes:
    largest = min(head.window, MAX_BLOCK_BYTES)
    log = min(max((head.content - 1).bit_length(), _LEAST_LOG), _MOST_LOG)
    given = None if before is None else _raw(before)
    decoder = zstandard.ZstdDecompressor(given, max_window_size=1 << log).decompressobj()
    # the header alone: with a whole frame at hand libzstd takes a short cut around its checks
    decoder.decompress(_wide(head, log))
    out, got = io.BytesIO(), 0
    for piece, known in _pieces(packed, head, largest):
        if got + (known or 0) > head.content:
            raise _Refused(f"{head.content} raw bytes", f"{got + (known or 0)} or more")
        part = decoder.decompress(piece)
        if known is None and len(part) > largest:
            raise _Refused(f"zstd blocks of up to {largest} bytes", f"one of {len(part)}")
        got += out.write(part)
    if got != head.content or not decoder.eof:
        raise _Refused(f"{head.content} raw bytes", got)
    return out.getvalue()


def _wide(head: _Head, log: int) -> bytes:
    """Return the header of a frame with the same content and a window of 2^log bytes."""
    fields = bytes([0xC0 | head.checksum << 2, log - 10 << 3])
    return _MAGIC + fields + head.content.to_bytes(8, "little")


def _pieces(packed: bytes, head: _Head, largest: int) -> Iterator[tuple[memoryview, int | None]]:
    """Yield a frame in pieces, and how many bytes each regenerates: None for a compressed block.

    That stands alone; others are taken together, since their headers say it, up to some size.
    """
    view = memoryview(packed)
    start = at = head.size
    known = 0
    last = False
    while not last:
        if at + 3 > len(packed):
            raise _Refused("one zstd frame", "one that is cut short")
        word = packed[at] | packed[at + 1] << 8 | packed[at + 2] << 16
        last, kind, size = bool(word & 1), word >> 1 & 3, word >> 3
        end = at + 3 + (1 if kind == _RLE else size)
        if kind == _RESERVED:
            raise _Refused("zstd blocks of a known type", "the reserved one")
        if size > largest:
            raise _Refused(f"zstd blocks of up to {largest} bytes", f"one of {size}")
        if end > len(packed):
            raise _Refused("one zstd frame", "one that is cut short")
        if kind == _COMPRESSED:
            if not _LEAST_COMPRESSED <= size < MAX_BLOCK_BYTES:  # decompressors differ
                raise _Refused(
                    f"compressed zstd blocks of {_LEAST_COMPRESSED} to {MAX_BLOCK_BYTES - 1} bytes",
                    f"one of {size}",
                )
            if start < at:
                yield view[start:at], known
            yield view[at:end], None
            start, known = end, 0
        else:
            known += size
            if known >= _PIECE_BYTES:
                yield view[start:end], known
                start, known = end, 0
        at = end
    at += 4 * head.checksum
    if at != len(packed):
        short = at > len(packed)
        raise _Refused("one zstd frame", "one that is cut short" if short else "bytes after it")
    if start < at:
        yield view[start:at], known
