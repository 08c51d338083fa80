"""One zstd frame, and every block of it within RFC 8878's Block_Maximum_Size."""

import contextlib
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import zstd
from pemn_compress.format.archive.layout import MAX_ZSTD_WINDOW

sys.path.insert(0, str(Path(__file__).parent.parent / "format_spec" / "conformance"))
from make_archive import Packed, copies, frame, literal, regenerated  # the suite's own maker

KIB = 1024
LIMIT = 128 * KIB
WINDOWS = {None: None, 0x00: KIB, 0x01: KIB + KIB // 8, 0x38: LIMIT, 0x40: 2 * LIMIT}


def decompress(packed, size):
    return zstd.decompress(packed, size, size, "stored values")


def refused(packed, size, expected):
    with pytest.raises(ArchiveError, match=f"^stored values: expected {expected}") as error:
        decompress(packed, size)
    assert len(str(error.value).splitlines()) == 1


def at_once(packed, size):
    """What the decompressor says of a whole frame, without any check of ours."""
    return zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)


def test_the_hostile_frame_that_libzstd_takes_at_once():
    packed = frame((7, 200_000))
    assert at_once(packed, 200_000) == b"\7" * 200_000
    refused(packed, 200_000, "zstd blocks of up to 131072 bytes, got one of 200000")


@pytest.mark.parametrize("descriptor", [None, 0x38, 0x40, 0x88])
def test_blocks_of_128_kib_and_one_more(descriptor):
    for kind in (
        lambda n: b"\7" * n,
        lambda n: (7, n),
        lambda n: copies(7, 1 << 16, n - (1 << 16)),
    ):
        good = frame((7, 9), kind(LIMIT), (7, LIMIT), window=descriptor)
        size = 9 + 2 * LIMIT
        assert decompress(good, size) == b"\7" * size
        bad = frame((7, 9), kind(LIMIT + 1), (7, LIMIT), window=descriptor)
        assert at_once(bad, size + 1) == b"\7" * (size + 1)
        refused(bad, size + 1, "")


def test_blocks_of_the_window_and_one_more():
    for kind in (lambda n: b"\7" * n, lambda n: (7, n), lambda n: copies(7, 512, n - 512)):
        for at in range(3):
            blocks = [(7, KIB)] * 3
            blocks[at] = kind(KIB)
            assert decompress(frame(*blocks, window=0), 3 * KIB) == b"\7" * 3 * KIB
            blocks[at] = kind(KIB + 1)
            says = "zstd blocks of up to 1024 bytes, got one of 1025"
            refused(frame(*blocks, window=0), 3 * KIB + 1, says)


def test_the_window_of_a_single_segment_is_its_content():
    assert decompress(frame(b"abc"), 3) == b"abc"
    refused(frame(literal(b"abc")), 3, "zstd blocks of up to 3 bytes, got one of 7")
    assert decompress(frame(literal(b"abc"), window=0), 3) == b"abc"


def test_a_compressed_block_may_be_larger_than_what_it_regenerates():
    content = bytes(range(255)) * 4
    for rest in (b"x", b"x" * 4, b"x" * 1000):  # windows above, at and below the content
        packed = frame(literal(content), rest, window=0)
        assert decompress(packed, 1020 + len(rest)) == content + rest
    refused(frame(literal(content + b"y"), b"x", window=0), 1022, "zstd blocks of up to 1024 bytes")


@pytest.mark.parametrize("content", [b"", b"\0", b"\0\0"])
def test_compressed_blocks_of_which_decompressors_think_differently(content):
    packed = frame((7, 50), Packed(content, 0), (7, 50))
    refused(packed, 100, "compressed zstd blocks of 3 to 131071 bytes")
    full = Packed(literal(b"\7" * (LIMIT - 4)).content, LIMIT - 4)
    refused(frame(full, (7, 9)), LIMIT + 5, "compressed zstd blocks of 3 to 131071 bytes")
    nothing = Packed((0b1100).to_bytes(3, "little") + b"\0", 0)
    assert decompress(frame((7, 50), nothing, (7, 50)), 100) == b"\7" * 100


def test_copies_reach_back_to_the_first_byte_whatever_the_window():
    start, run = bytes(range(256)) * 3, (9, KIB)
    far = copies(5, 64, 300, offset=len(start) + 4 * KIB + 64)
    content = start + b"\t" * 4 * KIB + b"\5" * 64 + start[:300]
    packed = frame(start, run, run, run, run, far, window=0)
    assert decompress(packed, len(content)) == content == at_once(packed, len(content))


def test_the_header_that_the_decompressor_gets_says_what_it_should():
    for content in (1, 255, 70_000, 200 << 20, 1 << 31, (1 << 31) + 1, 1 << 40):
        for checksum in (False, True):
            wide = zstd._wide(zstd._Head(9, content, KIB, checksum), 20)
            told = zstandard.get_frame_parameters(wide)
            assert (told.content_size, told.window_size) == (content, 1 << 20)
            assert (told.dict_id, told.has_checksum) == (0, checksum)
            assert zstandard.frame_header_size(wide) == len(wide)


def test_contents_around_powers_of_two_and_above_the_cap_of_windows():
    for size in (LIMIT - 1, LIMIT, LIMIT + 1, 1 << 21, (1 << 21) + 1, (1 << 27) + 3):
        content = decompress(
            frame(*[(7, LIMIT)] * (size >> 17), (8, size & LIMIT - 1), window=0x50), size
        )
        assert len(content) == size
        assert content[:1] == (b"\7" if size >= LIMIT else b"\10")
        assert content[size >> 17 << 17 :] == b"\10" * (size & LIMIT - 1)


def test_frames_that_are_not_whole_or_not_alone():
    good = frame((7, 30), copies(7, 64, 131), b"abc", checksum=zstandard.ZstdCompressor(
        write_checksum=True).compress(b"\7" * 225 + b"abc")[-4:])  # fmt: skip
    assert decompress(good, 228) == b"\7" * 225 + b"abc"
    for cut in range(len(good)):
        refused(good[:cut], 228, "")
    refused(good + b"\0", 228, "one zstd frame, got bytes after it")
    refused(good[:-1] + bytes([good[-1] ^ 1]), 228, "one zstd frame, got ")
    refused(frame((7, 30), last=False), 30, "one zstd frame, got one that is cut short")
    refused(frame((7, 30), dictionary=9), 30, "a zstd frame without dictionary, got dictionary 9")
    assert decompress(frame((7, 30), dictionary=0), 30) == b"\7" * 30
    refused(frame((7, 30), window=0x89), 30, f"a window up to {MAX_ZSTD_WINDOW}, got 150994944")
    refused(frame((7, 30), sized=False), 30, "30 raw bytes, got a frame that declares no size")
    refused(frame((7, 16), (7, 15), declared=30), 30, "30 raw bytes, got 31 or more")
    refused(frame((7, 29), declared=30), 30, "one zstd frame, got ")
    refused(frame(copies(7, 64, 131), declared=200), 200, "one zstd frame, got ")
    refused(
        frame((7, 30))[:-4] + b"\xf7\0\0\7", 30, "zstd blocks of a known type, got the reserved"
    )
    refused(b"\x50\x2a\x4d\x18\2\0\0\0xx", 2, "one zstd frame, got the magic 502a4d18")


def drawn_block(draw):
    """Return a block of any kind that stands for sevens, and the larger of its two sizes."""
    near = draw.choice([KIB, KIB + KIB // 8, LIMIT]) + draw.randint(-1, 1)
    size = draw.choice([0, 1, near, draw.randint(0, 3000)])
    kind = draw.randrange(4)
    if kind == 0:
        return b"\7" * size, size
    if kind == 1 and size >= 200:
        block = copies(7, *((size - 131, 131) if size < LIMIT else (65536, size - 65536)))
        return block, size
    if kind == 2:
        block = literal(b"\7" * min(size, LIMIT - 6))
        return block, len(block.content)
    return (7, size), size


def drawn_frame(draw):
    """Return a frame, its content's size, and whether all of its blocks are within bounds."""
    descriptor = draw.choice([*WINDOWS])
    blocks, sizes = zip(*(drawn_block(draw) for _ in range(draw.randint(1, 5))), strict=True)
    content = sum(map(regenerated, blocks))
    largest = min(WINDOWS[descriptor] or content, LIMIT)
    exact = any(isinstance(b, Packed) and len(b.content) >= LIMIT for b in blocks)
    return frame(*blocks, window=descriptor), content, max(sizes) <= largest and not exact


def test_any_blocks_are_taken_exactly_if_they_are_within_bounds():
    draw, taken, lenient = random.Random(11), 0, 0
    for _ in range(1500):
        packed, content, valid = drawn_frame(draw)
        if content == 0:
            continue
        try:
            assert decompress(packed, content) == b"\7" * content
            found = True
        except ArchiveError:
            found = False
        assert found == valid, packed[:40].hex()
        taken += found
        if not found:
            with contextlib.suppress(zstandard.ZstdError):
                lenient += at_once(packed, content) == b"\7" * content
    assert taken > 300
    assert lenient > 150  # frames that are refused by this rule alone


def test_damaged_frames_are_refused_in_a_line_or_have_their_size():
    draw = random.Random(12)
    bases = [drawn_frame(draw) for _ in range(40)]
    raw = np.random.default_rng(1).integers(0, 9, 5000, np.uint8).tobytes()
    bases.append((zstd.compress(raw), len(raw), True))
    seen = set()
    for _ in range(3000):
        packed, content, _ = draw.choice(bases)
        if len(packed) > 10_000 or content == 0:
            continue
        damaged = bytearray(packed)
        for _ in range(draw.randint(1, 3)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            said = len(decompress(bytes(damaged), content)) == content
        except ArchiveError as error:
            said = str(error)
        assert said is True or len(said.splitlines()) == 1
        seen.add(said is True)
    assert seen == {True, False}


@pytest.mark.parametrize("size", [1, 255, 256, KIB, LIMIT - 1, LIMIT, LIMIT + 1, (1 << 20) - 1,
                                  1 << 20, 3_000_000])  # fmt: skip
def test_what_the_writer_makes_is_within_bounds(size):
    draw = np.random.default_rng(size)
    noise = draw.integers(0, 256, size, np.uint8)
    for raw in (noise.tobytes(), bytes(size), (noise // 100).tobytes()):
        assert decompress(zstd.compress(raw), size) == raw


def test_blocks_whose_sizes_are_known_are_fed_together():
    packed = frame(b"abc", *[b""] * 20_000, (7, 9), copies(7, 64, 131), b"", b"def")
    head = zstd._head(packed)
    pieces = [(len(piece), known) for piece, known in zstd._pieces(packed, head, KIB)]
    assert [known for _, known in pieces] == [12, None, 3]
    assert pieces[0][0] == 6 + 3 * 20_000 + 4
    assert decompress(packed, 210) == b"abc" + b"\7" * 204 + b"def"
