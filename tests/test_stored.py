"""Stored values: the dtype and the coding of every payload, as written and as read."""

import struct

import numpy as np
import pytest
import zstandard
from handmade import by_hand, refused, restored_digest, take_apart
from hypothesis import given, settings
from hypothesis import strategies as st

from pemn_compress.format.archive import (
    AliasTensor,
    DenseTensor,
    encode,
    inspect,
    open_archive,
    verify,
)
from pemn_compress.format.archive.contents import SparseTensor

law = settings(deadline=None, derandomize=True, max_examples=60)
TYPES = {
    "bool": "?", "u8": "u1", "i8": "i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
    "bf16": "<u2", "f16": "<f2", "f32": "<f4", "f64": "<f8",
}  # fmt: skip
WIDTHS = {name: np.dtype(code).itemsize for name, code in TYPES.items()}
PAIRS = [(name, name) for name in TYPES] + [("f32", "f16"), ("f32", "bf16")]
CODINGS = ["raw", "zstd", "shuffle-zstd"]
LEAST_SAVED = 32  # what a compressed payload must save to be worth a writer's while
# zeros, one, the smallest and the largest subnormal, the largest number, infinities, NaNs
SPECIAL = {
    "f16": [0, 0x8000, 0x3C00, 1, 0x83FF, 0x7BFF, 0x7C00, 0xFC00, 0x7E00, 0x7C01, 0xFFFF],
    "bf16": [0, 0x8000, 0x3F80, 1, 0x807F, 0x7F7F, 0x7F80, 0xFF80, 0x7FC0, 0x7F81, 0xFFFF],
    "f32": [0, 1 << 31, 0x3F800000, 1, 0x807FFFFF, 0x7F7FFFFF, 0x7F800000, 0xFF800000,
            0x7FC00000, 0x7F800001, 0xFFFFFFFF, 0x7F802000, 0x7F810000,  # NaNs
            0x33800000, 0x387FC000, 0x477FE000,  # f16's least and largest subnormal, its largest
            0x477FF000, 0x33000000, 0x3F801000, 0x3F808000, 0x00010000, 0x80008000],
    "f64": [0, 1 << 63, 1, 0x7FF0 << 48, 0xFFF0 << 48, (0x7FF0 << 48) + 1, 2**64 - 1],
}  # fmt: skip


def elements(dtype):
    """Return a strategy for the bits of one element, as an integer."""
    if dtype == "bool":
        return st.integers(0, 1)
    drawn = st.integers(0, 2 ** (8 * WIDTHS[dtype]) - 1)
    return st.sampled_from(SPECIAL[dtype]) | drawn if dtype in SPECIAL else drawn


def packed(bits, width):
    return b"".join(value.to_bytes(width, "little") for value in bits)


def widened(bits, stored):
    """The binary32 pattern of a 16-bit float, from the fields of the formats."""
    if stored == "bf16":
        return bits << 16
    sign, exponent, fraction = bits >> 15 << 31, bits >> 10 & 31, bits & 1023
    if exponent == 31:
        return sign | 0x7F800000 | fraction << 13
    number = fraction * 2.0**-24 if exponent == 0 else (1024 + fraction) * 2.0 ** (exponent - 25)
    return sign | struct.unpack("<I", struct.pack("<f", number))[0]


FITTING = {name: {widened(b, name) for b in range(1 << 16)} for name in ("f16", "bf16")}


def signalling(bits):
    return bits & 0x7FC00000 == 0x7F800000 and bits & 0x3FFFFF != 0


def planes(raw, width):
    return b"".join(raw[i::width] for i in range(width))


def payload_of(raw, width, coding):
    if coding == "raw":
        return raw
    return zstandard.compress(raw if coding == "zstd" else planes(raw, width))


def restored(data):
    verify(data)
    with open_archive(data) as opened:
        (array,) = opened.restored().values()
        return array


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(("dtype", "stored"), PAIRS)
def test_every_dtype_and_coding_is_read(dtype, stored, coding):
    @law
    @given(st.lists(elements(stored), min_size=1, max_size=5))
    def check(bits):
        bits = bits if coding == "raw" else bits * 64  # for a frame smaller than its content
        raw = packed(bits, WIDTHS[stored])
        exact = raw if dtype == stored else packed([widened(b, stored) for b in bits], 4)
        array = np.frombuffer(exact, TYPES[dtype]).reshape(1, -1)
        told = {"coding": coding, "dtype": stored}
        got = restored(by_hand(payload_of(raw, WIDTHS[stored], coding), told, array, dtype))
        assert got.tobytes() == exact
        assert (got.shape, got.dtype) == (array.shape, array.dtype)

    check()


@pytest.mark.parametrize("stored", ["f16", "bf16"])
def test_all_16_bit_floats_widen_exactly(stored):
    exact = np.array([widened(b, stored) for b in range(1 << 16)], "<u4").view("<f4")
    raw = np.arange(1 << 16, dtype="<u2").tobytes()
    assert restored(by_hand(raw, {"coding": "raw", "dtype": stored}, exact, "f32")).tobytes() == (
        exact.tobytes()
    )
    numbers = np.frombuffer(raw, "<f2") if stored == "f16" else exact
    finite = np.isfinite(exact)
    assert [float(x) for x in exact[finite]] == [float(x) for x in numbers[finite]]


@pytest.mark.parametrize("stored", ["f16", "bf16"])
def test_a_scalar_is_an_array_too(stored):
    exact = np.array(1.5, "<f4")
    bits = 0x3E00 if stored == "f16" else 0x3FC0
    got = restored(
        by_hand(bits.to_bytes(2, "little"), {"coding": "raw", "dtype": stored}, exact, "f32")
    )
    assert isinstance(got, np.ndarray)
    assert (got.shape, got.tobytes()) == ((), exact.tobytes())


def test_stored_values_go_where_the_mask_is_1_and_may_be_none_at_all():
    told, zeros = {"coding": "zstd", "dtype": "f16"}, np.zeros(512, "<f4")
    array = zeros.copy()
    array[::2] = 1.5
    payload = zstandard.compress(struct.pack("<256e", *[1.5] * 256))
    mask = b"\x55" * 64
    assert (restored(by_hand(payload, told, array, "f32", mask)) == array).all()
    # where the mask is 0 throughout, there is nothing to compress, and no section to hold it
    refused(by_hand(b"", told, zeros, "f32", bytes(64)), "fewer than 0 compressed bytes, got 0")
    refused(by_hand(b"", told | {"coding": "raw"}, zeros, "f32", bytes(64)), "no empty section")


@pytest.mark.parametrize("digests", [False, True])
def test_nothing_stored_needs_no_section(digests):
    mask, kept = np.zeros((2, 2), bool), np.zeros(0, "<f4")
    data = encode([SparseTensor("t", "f32", mask, kept)], None, tensor_digests=digests)
    assert [section["name"] for section in inspect(data)["sections"]] == ["masks"]
    assert restored(data).tobytes() == bytes(16)


def test_shuffling_gathers_first_bytes_then_second_ones():
    frame = zstandard.compress(b"abcdef" + b"xy" * 100 + b"ABCDEF" + b"zw" * 100)
    array = np.frombuffer(b"aAbBcCdDeEfF" + b"xzyw" * 100, "<i2")
    told = {"coding": "shuffle-zstd", "dtype": "i16"}
    assert restored(by_hand(frame, told, array, "i16")).tobytes() == array.tobytes()
    data = encode([DenseTensor("t", "i32", np.arange(1, 101, dtype="<i4"))], None)
    record, payload = inspect(data)["tensors"][0], take_apart(data)[1]["dense"]
    assert zstandard.decompress(payload) == bytes(range(1, 101)) + bytes(300)
    assert record["values"] == {
        "bytes": len(payload), "coding": "shuffle-zstd", "dtype": "i32", "kind": "stored",
    }  # fmt: skip


def written(name, dtype, array, narrow=None):
    data = encode([DenseTensor(name, dtype, array, narrow)], None)
    assert restored(data).tobytes() == array.tobytes()
    return inspect(data)["tensors"][0]["values"], take_apart(data)[1].get("dense", b"")


@pytest.mark.parametrize("narrow", [None, "f16", "bf16"])
def test_narrow_is_used_exactly_where_it_loses_nothing(narrow):
    fitting = sorted(FITTING[narrow or "f16"])

    @settings(law, max_examples=200)
    @given(
        st.lists(st.sampled_from(fitting), min_size=2, max_size=6),
        st.lists(elements("f32"), max_size=1),
    )
    def check(most, others):
        bits = [*most, *others]
        told, payload = written("t", "f32", np.array(bits, "<u4").view("<f4"), narrow)
        if len(set(bits)) == 1:
            assert told["kind"] == "constant"
            return
        if narrow == "f16" and any(signalling(b) for b in bits):
            return  # hardware may quieten a NaN, which then stays f32
        narrowed = narrow and all(b in FITTING[narrow] for b in bits)
        assert told["dtype"] == (narrow if narrowed else "f32")
        assert (told["coding"], len(payload)) == ("raw", len(bits) * (2 if narrowed else 4))

    check()


@pytest.mark.parametrize(
    ("value", "f16", "bf16"),
    [
        (1.5, True, True), (-0.0, True, True), (float("inf"), True, True),
        (float("nan"), True, True), (65504.0, True, False), (65520.0, False, False),
        (1e30, False, False), (2.0**100, False, True), (2.0**-24, True, True),
        (2.0**-25, False, True), (3 * 2.0**-25, False, True), (2.0**-133, False, True),
        (2.0**-149, False, False), (1 + 2.0**-10, True, False), (1 + 2.0**-11, False, False),
        (3.3895313892515355e38, False, True), (3.4028234663852886e38, False, False),
        (0.1, False, False),
    ],
)  # fmt: skip
def test_values_that_fit_and_values_that_do_not(value, f16, bf16):
    array = np.array([[0.0, value, 1.0, -2.0]], "<f4")
    for narrow, used in (("f16", f16), ("bf16", bf16)):
        told, _ = written("t", "f32", array, narrow)
        assert told["dtype"] == (narrow if used else "f32")


@pytest.mark.parametrize("dtype", ["f64", "f16", "i32", "bf16"])
def test_other_dtypes_are_not_narrowed(dtype):
    array = np.arange(3).astype(TYPES[dtype])
    assert {written("t", dtype, array, n)[0]["dtype"] for n in ("f16", "bf16")} == {dtype}
    assert written("t", "f32", np.arange(3, dtype="<f4"), "f64")[0]["dtype"] == "f32"


@pytest.mark.parametrize("dtype", TYPES)
def test_a_payload_is_compressed_only_where_that_pays(dtype):
    random, width, seen = np.random.default_rng(7), WIDTHS[dtype], set()
    top = 2 if dtype == "bool" else 256
    for size in (2, 3, 8, 20, 60, 200, 1000):
        for low in (top, 2):  # random bytes, and bytes that repeat
            raw = random.integers(0, low, size * width, np.uint8).tobytes()
            told, payload = written("t", dtype, np.frombuffer(raw, TYPES[dtype]))
            if told["kind"] == "constant":
                continue
            seen.add(told["coding"])
            assert told["bytes"] == len(payload)
            if told["coding"] == "raw":
                assert payload == raw
            else:
                assert len(payload) <= len(raw) - LEAST_SAVED
                shuffled = told["coding"] == "shuffle-zstd"
                content = planes(raw, width) if shuffled else raw
                assert zstandard.decompress(payload) == content
            packer = zstandard.ZstdCompressor(level=19)
            best = min(len(packer.compress(x)) for x in (raw, planes(raw, width)))
            assert len(payload) == (best if best <= len(raw) - LEAST_SAVED else len(raw))
    assert "raw" in seen
    assert seen & {"zstd", "shuffle-zstd"}


def test_all_codings_are_used_side_by_side():
    random = np.random.default_rng(1)
    contents = [
        DenseTensor("raw", "f32", random.integers(0, 2**32, 50, np.uint32).view("<f4")),
        DenseTensor("zstd", "i32", np.tile(random.integers(0, 2**31, 9, np.int32), 20)),
        DenseTensor("shuffled", "f32", random.standard_normal(500).astype("<f4")),
        DenseTensor("narrow", "f32", np.arange(500, dtype="<f4"), "f16"),
        DenseTensor("constant", "f32", np.full((3, 4), 0.5, "<f4"), "f16"),
        AliasTensor("tied", "shuffled"),
    ]
    data = encode(contents, None)
    told = [record["values"] for record in inspect(data)["tensors"]]
    assert [(v.get("dtype"), v.get("coding")) for v in told] == [
        ("f32", "raw"), ("i32", "zstd"), ("f32", "shuffle-zstd"), ("f16", "shuffle-zstd"),
        (None, None), (None, None),
    ]  # fmt: skip
    arrays = {c.name: c.array for c in contents[:-1]}
    arrays["tied"] = arrays["shuffled"]
    with open_archive(data) as opened:
        assert {k: v.tobytes() for k, v in opened.restored().items()} == {
            k: v.tobytes() for k, v in arrays.items()
        }
    dtypes = {name: "i32" if name == "zstd" else "f32" for name in arrays}
    tensors = [(name, dtypes[name], array) for name, array in arrays.items()]
    assert verify(data)["restored_sha256"] == restored_digest(tensors)
