"""Frames with blocks within bounds, or not: the reader in C says what the one in Python says."""

import random

import numpy as np
import pytest
import zstandard
from handmade import altered, by_hand, put_together, rehash, take_apart
from test_c_reader import same_verdicts, text_of
from test_zstd import KIB, LIMIT, WINDOWS, Packed, copies, drawn_frame, frame, literal


def source(packed):
    """Return an archive with that frame as its source; any text will do."""

    def change(told, parts):
        parts["source"] = packed
        rehash(told, parts)

    return altered(change)


def test_any_blocks_are_taken_exactly_if_they_are_within_bounds(check):
    draw = random.Random(21)
    frames = [drawn for _ in range(600) if (drawn := drawn_frame(draw))[1] > 0]
    said = same_verdicts(check, {n: source(packed) for n, (packed, _, _) in enumerate(frames)})
    assert said == {n: valid for n, (_, _, valid) in enumerate(frames)}
    assert 100 < sum(said.values()) < len(frames) - 100


def kinds(size):
    """Yield blocks of each kind that stand for so many sevens."""
    yield b"\7" * size
    yield (7, size)
    yield copies(7, min(size - 131, 65536), max(131, size - 65536))


@pytest.mark.parametrize("descriptor", WINDOWS)
def test_the_largest_block_and_one_more_everywhere(check, descriptor):
    most = min(WINDOWS[descriptor] or LIMIT, LIMIT)
    archives = {}
    for more in (0, 1):
        for n, block in enumerate(kinds(most + more)):
            packed = frame((7, 9), block, (7, most), window=descriptor)
            archives["source", more, n] = source(packed)
            size = 9 + most + more + most
            if len(packed) < size:
                array = np.full(size, 7, "u1")
                told = {"coding": "zstd", "dtype": "u8"}
                archives["stored", more, n] = by_hand(packed, told, array, "u8")
    said = same_verdicts(check, archives)
    assert len(said) >= 10
    assert said == {key: key[1] == 0 for key in said}


def test_the_manifest_too(check):
    manifest, payloads = take_apart(altered(lambda told, parts: None))
    manifest["about"] = {"x": "y" * 3000}
    text = text_of(manifest)
    archives = {}
    for size in (KIB, KIB + 1):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        for window in (None, 0):
            packed = frame(*pieces, window=window)
            archives[size, window] = put_together(manifest, payloads, text=text, packed=packed)
    said = same_verdicts(check, archives)
    assert said == {key: key != (KIB + 1, 0) for key in archives}


def test_what_libzstd_alone_would_not_tell(check):
    far = copies(5, 64, 300, offset=768 + 4 * KIB + 64)
    start = bytes(range(128)) * 6
    text = {
        "far": frame(start, *[(9, KIB)] * 4, far, window=0),  # history is all of the content
        "larger than its content": frame(literal(b"x" * 1020), b"y", window=0),
        "nothing": frame((7, 50), Packed((0b1100).to_bytes(3, "little") + b"\0", 0)),
        "empty": frame(b"", (7, 0), b"abc", b""),
    }
    broken = {
        f"compressed block of {len(content)}": frame((7, 50), Packed(content, 0), (7, 50))
        for content in (b"", b"\0", b"\0\0")
    }
    full = Packed(literal(b"\7" * (LIMIT - 4)).content, LIMIT - 4)
    broken["compressed block of 128 KiB"] = frame(full, (7, 9))
    broken["no last block"] = frame((7, 30), last=False)
    broken["more than declared"] = frame((7, 30), (7, 30), declared=59)
    broken["less than declared"] = frame((7, 30), copies(7, 64, 200), declared=295)
    said = same_verdicts(check, {name: source(packed) for name, packed in (text | broken).items()})
    assert {name for name, ok in said.items() if ok} == set(text)


def test_checksums_count(check):
    content = b"\7" * 264
    right = zstandard.ZstdCompressor(write_checksum=True).compress(content)[-4:]
    blocks = ((7, 30), copies(7, 64, 170))
    frames = {name: frame(*blocks, checksum=end) for name, end in
              (("right", right), ("wrong", right[::-1]), ("short", right[:3]))}  # fmt: skip
    said = same_verdicts(check, {name: source(packed) for name, packed in frames.items()})
    assert said == {"right": True, "wrong": False, "short": False}


def test_a_source_of_very_many_blocks_is_quick(check):
    packed = frame(b"abc")
    head = zstandard.frame_header_size(packed)
    packed = packed[:head] + bytes(3 * 300_000) + packed[head:]
    assert all(same_verdicts(check, {"empty blocks": source(packed)}).values())
