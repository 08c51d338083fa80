"""Stored values that break a rule, and digests and aliases of large tensors."""

import hashlib
import struct
import time
import tracemalloc

import numpy as np
import pytest
import zstandard
from handmade import by_hand, refused, restored_digest, take_apart

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import (
    AliasTensor,
    DenseTensor,
    Limits,
    encode,
    inspect,
    open_archive,
    verify,
)

ARRAY = np.tile(np.array([1.5, -2.0, 0.25, 0.0], "<f4"), 100)  # of 1600 bytes
RAW = ARRAY.tobytes()
FRAME = zstandard.compress(RAW)
TOLD = {"coding": "zstd", "dtype": "f32"}
TYPES = {"bool": "?", "i32": "<i4", "i64": "<i8", "f16": "<f2", "bf16": "<u2", "f64": "<f8"}


def test_the_good_one_is_read():
    verify(by_hand(FRAME, TOLD, ARRAY, "f32"))
    verify(by_hand(RAW, TOLD | {"coding": "raw"}, ARRAY, "f32"))


@pytest.mark.parametrize(
    ("dtype", "stored", "message"),
    [
        ("i64", "f16", "tensor 't': expected stored values of i64, got f16"),
        ("i64", "f32", "tensor 't': expected stored values of i64, got f32"),
        ("f32", "f64", "tensor 't': expected stored values of f32 or f16 or bf16, got f64"),
        ("f32", "i32", "tensor 't': expected stored values of f32 or f16 or bf16, got i32"),
        ("f64", "f32", "stored values of f64, got f32"),
        ("f64", "f16", "stored values of f64, got f16"),
        ("f16", "bf16", "stored values of f16, got bf16"),
        ("bf16", "f16", "stored values of bf16, got f16"),
        ("bool", "u8", "stored values of bool, got u8"),
        ("i32", "f31", "stored dtype: expected one of bool, u8"),
        ("i32", ["i32"], "stored dtype: expected one of bool"),
        ("i32", None, "stored dtype: expected one of bool"),
    ],
)
def test_a_stored_dtype_is_the_tensors_own_or_a_narrower_float_for_f32(dtype, stored, message):
    array = np.zeros(4, TYPES.get(dtype, "<f4"))
    width = {"f64": 8, "i32": 4, "f32": 4, "u8": 1}.get(str(stored), 2)
    data = by_hand(bytes(4 * width), {"coding": "raw", "dtype": stored}, array, dtype)
    refused(data, message)


@pytest.mark.parametrize("coding", ["zip", "ZSTD", "shuffle", "", 1, None, ["zstd"], {"zstd": 1}])
def test_a_coding_is_a_known_one(coding):
    data = by_hand(FRAME, TOLD | {"coding": coding}, ARRAY, "f32")
    refused(data, "tensor 't' coding: expected one of raw, zstd, shuffle-zstd, got ")


@pytest.mark.parametrize("coding", ["zstd", "shuffle-zstd"])
def test_a_compressed_payload_is_smaller_than_a_raw_one(coding):
    told, array = {"coding": coding, "dtype": "f32"}, np.arange(4, dtype="<f4")
    frame = zstandard.compress(array.tobytes())
    assert len(frame) > 16
    refused(by_hand(frame, told, array, "f32"), "fewer than 16 compressed bytes, got 2")
    refused(by_hand(bytes(16), told, array, "f32"), "fewer than 16 compressed bytes, got 16")
    refused(by_hand(bytes(15), told, array, "f32"), "tensor 't': stored values: expected")
    # what counts is the size of the stored elements, not that of the restored ones
    narrow = {"coding": coding, "dtype": "f16"}
    refused(by_hand(bytes(8), narrow, array, "f32"), "fewer than 8 compressed bytes, got 8")


def test_a_raw_payload_has_the_elements_size():
    for size in (1596, 1601, 800):
        data = by_hand(bytes(size), TOLD | {"coding": "raw"}, ARRAY, "f32")
        refused(data, f"tensor 't': expected 1600 stored bytes, got {size}")
    data = by_hand(RAW, {"coding": "raw", "dtype": "bf16"}, ARRAY, "f32")
    refused(data, "expected 800 stored bytes, got 1600")


NO_SIZE = zstandard.ZstdCompressor(write_content_size=False)
CHECKED = zstandard.ZstdCompressor(write_checksum=True).compress(RAW)
FRAMES = {
    "longer": (zstandard.compress(RAW + bytes(4)), "expected 1600 raw bytes, got 1604"),
    "shorter": (zstandard.compress(RAW[:-1]), "expected 1600 raw bytes, got 1599"),
    "narrower": (zstandard.compress(RAW[:800]), "expected 1600 raw bytes, got 800"),
    "unsized": (NO_SIZE.compress(RAW), "1600 raw bytes, got a frame that declares no size"),
    "empty frame": (zstandard.compress(b""), "expected 1600 raw bytes, got 0"),
    "empty frame and junk": (zstandard.compress(b"") + RAW[:99], "1600 raw bytes, got 0"),
    "trailing byte": (FRAME + b"\0", "expected one zstd frame"),
    "trailing frame": (FRAME + zstandard.compress(b"x"), "expected one zstd frame"),
    "trailing empty frame": (FRAME + zstandard.compress(b""), "expected one zstd frame"),
    "skippable frame first": (b"\x50\x2a\x4d\x18\4\0\0\0abcd" + FRAME, "expected "),
    "cut": (FRAME[:-1], "expected one zstd frame"),
    "garbage": (b"no zstd frame", "expected one zstd frame"),
    "checksum": (CHECKED[:-1] + bytes([CHECKED[-1] ^ 1]), "expected one zstd frame"),
}


@pytest.mark.parametrize("coding", ["zstd", "shuffle-zstd"])
@pytest.mark.parametrize(("payload", "message"), FRAMES.values(), ids=FRAMES)
def test_a_compressed_payload_is_one_frame_of_the_elements_size(payload, message, coding):
    data = by_hand(payload, TOLD | {"coding": coding}, ARRAY, "f32")
    refused(data, f"^archive: tensor 't': stored values: .*{message}")


def test_what_a_frame_declares_allocates_nothing_beyond_the_limits():
    huge = np.broadcast_to(np.float32(0), (1 << 24,))
    frame = zstandard.compress(bytes(1 << 26))
    small = by_hand(frame, TOLD, ARRAY, "f32") if len(frame) < 1600 else None
    large = by_hand(frame, TOLD, huge, "f32")
    tracemalloc.start()
    try:
        if small is not None:
            refused(small, "expected 1600 raw bytes, got 67108864")
        refused(large, "at most 1048576 ", Limits(max_weights=1 << 20))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_compressed_bools_are_0_or_1():
    array = np.ones(400, "?")
    told = {"coding": "zstd", "dtype": "bool"}
    verify(by_hand(zstandard.compress(bytes([1]) * 400), told, array, "bool"))
    data = by_hand(zstandard.compress(bytes([1]) * 399 + b"\2"), told, array, "bool")
    refused(data, "tensor 't': expected bool bytes of 0 or 1")


def test_other_values_than_the_digest_says_are_refused():
    data = by_hand(zstandard.compress(RAW[::-1]), TOLD, ARRAY, "f32")
    refused(data, "restored tensors: expected SHA-256")
    refused(by_hand(FRAME, TOLD | {"coding": "shuffle-zstd"}, ARRAY, "f32"), "restored tensors")


def test_every_changed_byte_of_compressed_payloads_is_refused():
    data = encode([DenseTensor("a", "f32", ARRAY, "f16"), DenseTensor("b", "f32", ARRAY)], None)
    codings = [t["values"]["coding"] for t in inspect(data)["tensors"]]
    assert "raw" not in codings
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 0x10
        refused(bytes(changed), ".")


@pytest.mark.parametrize(
    "array", [np.tile([1.0, 2.0], 500), np.tile([1, 2], 500).astype("<i2")], ids=["f64", "i16"]
)
def test_a_compressed_payload_of_another_width_is_not_written(array):
    message = f"'w': expected 4000 stored bytes, got {array.nbytes}"
    for narrow in (None, "f16"):
        with pytest.raises(ArchiveError, match=message):
            encode([DenseTensor("w", "f32", array, narrow)], None)


def test_the_restored_digest_step_by_step():
    numbers = np.array([0.5, 3.0], "<f4")
    contents = [
        DenseTensor("b", "f32", numbers, "bf16"),
        DenseTensor("a.b", "i64", np.full((2, 1, 3), 7)),
        AliasTensor("a", "b"),
        DenseTensor("B", "bool", np.array(True)),
    ]
    data = encode(contents, None)
    floats = b"\x08\x01" + struct.pack("<Q2f", 2, 0.5, 3.0)  # f32, of rank 1
    integers = b"\x05\x03" + struct.pack("<3Q6q", 2, 1, 3, *[7] * 6)
    scalar = b"\x00\x00\x01"
    whole = hashlib.sha256()
    for name, tensor in ((b"B", scalar), (b"a", floats), (b"a.b", integers), (b"b", floats)):
        whole.update(bytes([len(name), 0]) + name + hashlib.sha256(tensor).digest())
    assert take_apart(data)[0]["restored_sha256"] == whole.hexdigest()
    assert verify(data)["restored_sha256"] == whole.hexdigest()
    # the digest is over restored values: how they are stored makes no difference
    wide = encode([DenseTensor("b", "f32", numbers), *contents[1:]], None)
    assert wide != data
    assert verify(wide)["restored_sha256"] == whole.hexdigest()


@pytest.mark.parametrize("value", ["constant", "stored"])
def test_many_names_of_a_large_tensor_cost_no_more_than_one(value):
    array = np.zeros(1 << 20, "<f4")  # of 4 MB
    array[:] = 0.5 if value == "constant" else np.arange(1 << 20) % 1000
    names = [f"t{i:04}" for i in range(2000)]
    data = encode(
        [DenseTensor("w", "f32", array), *(AliasTensor(name, "w") for name in names)], None
    )
    start = time.process_time()
    told = verify(data)
    assert time.process_time() - start < 2  # 2,000 hashes of 4 MB would take more
    assert told["tensors"] == 2001
    with open_archive(data) as opened:
        restored = opened.restored()
    assert all(restored[name] is restored["w"] for name in names)
    few = encode([DenseTensor("w", "f32", array), AliasTensor("t", "w")], None)
    both = [("w", "f32", array), ("t", "f32", array)]
    assert verify(few)["restored_sha256"] == restored_digest(both)


def test_writing_many_names_is_quick_too():
    array = np.full(1 << 20, 0.5, "<f4")
    contents = [DenseTensor("w", "f32", array), *(AliasTensor(f"t{i}", "w") for i in range(2000))]
    start = time.process_time()
    encode(contents, None)
    assert time.process_time() - start < 2  # 2,000 hashes of 4 MB would take more
