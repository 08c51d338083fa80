"""The container: what is written is what is read, laid out as the format says."""

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import pemn_compress
from pemn_compress.errors import ArchiveError, UnknownNameError
from pemn_compress.format import prng
from pemn_compress.format.archive import (
    AliasTensor,
    DenseTensor,
    MaskedTensor,
    Prototype,
    encode,
    inspect,
    open_archive,
    values,
    verify,
)

law = settings(deadline=None, derandomize=True, max_examples=80)
MAGIC = bytes([0x89, 0x50, 0x45, 0x4D, 0x4E, 0x0D, 0x0A, 0x1A])
SEED, LENGTH = 2**64 - 1, 13
DTYPES = {
    "bool": "?", "u8": "u1", "i8": "i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
    "bf16": "<u2", "f16": "<f2", "f32": "<f4", "f64": "<f8",
}  # fmt: skip
DTYPE_CODES = {name: code for code, name in enumerate(DTYPES)}


def mask(shape, seed, density=0.5):
    return np.random.default_rng(seed).random(shape) < density


def dense(name, dtype, shape, seed=0):
    drawn = np.random.default_rng(seed).integers(0, 100, shape)
    array = (drawn % 2).astype(bool) if dtype == "bool" else drawn.astype(DTYPES[dtype])
    return DenseTensor(name, dtype, array)


CONTENTS = [
    MaskedTensor("stem.weight", "f32", mask((4, 3, 3, 3), 1), 0, 0.5),
    DenseTensor("stem.bias", "f32", np.zeros(4, np.float32)),
    MaskedTensor("half", "f16", mask((5, 7), 2), 12, -0.3),
    MaskedTensor("brain", "bf16", mask((70,), 3, 0.1), 3, 2.0**-100),
    MaskedTensor("scalar.masked", "f32", np.array(True), 5, 1.5),
    MaskedTensor("none.kept", "f32", np.zeros((2, 2), bool), 0, 1.0),
    AliasTensor("tied", "half"),
    DenseTensor("scalar", "i64", np.array(7)),
    DenseTensor("nan", "f32", np.full((2, 3), np.nan, np.float32)),
    *(dense(f"dense.{dtype}", dtype, (3, 5), code) for dtype, code in DTYPE_CODES.items()),
]
ARCHITECTURE = {"kind": "registered", "name": "mlp", "arguments": {"widths": [3, 4]}}
ABOUT = {"accuracy": {"loss": 0.1}, "classes": ["ä", "\u2028", '"[', "\\"], "deep": [[None, True]]}
SOURCE = "def build_model():\n    return 'Ω'\n"


def archive(*, stored=False, contents=CONTENTS, **further):
    prototype = Prototype("normal16", prng.normal16(SEED, 0, LENGTH), None if stored else SEED)
    return encode(
        contents, prototype, architecture=ARCHITECTURE, about=ABOUT, source=SOURCE, **further
    )


def bf16_nearest_even(value):
    """Round a binary32 to bfloat16 by comparing with both neighbours."""
    low = struct.unpack("<I", struct.pack("<f", value))[0] >> 16

    def widened(bits):
        return struct.unpack("<f", struct.pack("<I", bits << 16))[0]

    below, above = abs(value - widened(low)), abs(widened(low + 1) - value)
    return low if below < above or (below == above and low % 2 == 0) else low + 1


def expected_bytes(content, by_name):
    match content:
        case AliasTensor(_, of):
            return expected_bytes(by_name[of], by_name)
        case DenseTensor(_, _, array):
            return array.tobytes()
    prototype = prng.normal16(SEED, 0, LENGTH)
    out = b""
    for i, kept in enumerate(content.mask.reshape(-1)):
        product = np.float32(content.scale) * prototype[(content.offset + i) % LENGTH]
        value = float(product) if kept else 0.0
        if content.dtype == "bf16":
            out += struct.pack("<H", bf16_nearest_even(value))
        else:
            out += struct.pack({"f32": "<f", "f16": "<e"}[content.dtype], value)
    return out


def documented_digest(contents):
    """The restored digest from its rule, byte by byte."""
    by_name, whole = {c.name: c for c in contents}, hashlib.sha256()
    for name in sorted(by_name, key=str.encode):
        content = by_name[name]
        owner = by_name[content.of] if isinstance(content, AliasTensor) else content
        shape = owner.mask.shape if isinstance(owner, MaskedTensor) else owner.array.shape
        digest = hashlib.sha256(bytes([DTYPE_CODES[owner.dtype], len(shape)]))
        digest.update(b"".join(struct.pack("<Q", d) for d in shape))
        digest.update(expected_bytes(content, by_name))
        whole.update(struct.pack("<H", len(name)) + name.encode() + digest.digest())
    return whole.hexdigest()


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("codec", ["auto", "bitmap", "csr", "rice"])
def test_every_tensor_comes_back_bit_for_bit(codec, stored):
    by_name = {c.name: c for c in CONTENTS}
    with open_archive(archive(stored=stored, codec=codec)) as opened:
        restored = opened.restored()
        assert list(restored) == list(by_name)
        for record, array in opened.tensors():
            content = by_name[record.name]
            assert array.tobytes() == expected_bytes(content, by_name), record.name
            assert restored[record.name].tobytes() == array.tobytes()
            assert array.shape == record.shape
            assert array.dtype == DTYPES[record.dtype]
            if isinstance(content, MaskedTensor):
                assert (opened.mask(record.name) == content.mask).all()
        assert opened.prototype().tobytes() == prng.normal16(SEED, 0, LENGTH).tobytes()
        assert opened.source() == SOURCE
        assert opened.manifest.architecture == ARCHITECTURE
        assert opened.manifest.about == ABOUT
        assert restored["tied"] is restored["half"]  # a tied weight takes its memory once
        assert "tied" in opened
        assert "other" not in opened


def test_same_contents_same_bytes():
    assert archive() == archive()
    shuffled = {key: ABOUT[key] for key in reversed(ABOUT)}
    prototype = Prototype("normal16", prng.normal16(SEED, 0, LENGTH), SEED)
    again = encode(CONTENTS, prototype, architecture=ARCHITECTURE, about=shuffled, source=SOURCE)
    assert again == archive()


def test_the_header_field_by_field():
    data = archive()
    (major, minor, sections, length, elements, restored, stored, raw, coding) = (
        struct.unpack_from(code, data, offset)[0]
        for offset, code in [
            (8, "<H"), (10, "<H"), (12, "<I"), (16, "<Q"), (24, "<Q"), (32, "<Q"),
            (40, "<I"), (44, "<I"), (48, "<I"),
        ]
    )  # fmt: skip
    assert data[:8] == MAGIC
    assert (major, minor, sections, length) == (1, 0, 3, len(data))
    assert elements == 108 + 4 + 35 + 70 + 1 + 4 + 1 + 6 + 10 * 15
    assert restored == 432 + 16 + 70 + 140 + 4 + 16 + 8 + 24 + 15 * (
        1 + 1 + 1 + 2 + 4 + 8 + 2 + 2 + 4 + 8
    )
    assert data[52:64] == bytes(12)
    assert data[64:96] == hashlib.sha256(data[:64] + data[96 : 96 + stored]).digest()
    manifest = zstandard.decompress(data[96 : 96 + stored]) if coding else data[96 : 96 + stored]
    assert len(manifest) == raw
    told = json.loads(manifest)
    assert manifest.decode() == json.dumps(
        told, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert told["prototype"] == {
        "length": 13, "seed": "f" * 16, "stream": "0" * 16, "transform": "normal16",
    }  # fmt: skip
    assert told["about"]["accuracy"] == {"loss": {"f64": "3fb999999999999a"}}
    assert told["tensors"][2] == {
        "dtype": "f16", "name": "half", "shape": [5, 7],
        "positions": {"bytes": 5, "codec": "bitmap", "ones": int(CONTENTS[2].mask.sum())},
        "values": {"kind": "prototype", "offset": 12, "scale": "be99999a"},
    }  # fmt: skip
    assert told["tensors"][1]["values"] == {"bits": "00000000", "kind": "constant"}
    assert told["tensors"][6]["values"] == {"kind": "alias", "of": "half"}
    assert told["tensors"][9]["name"] == "dense.bool"
    assert told["tensors"][9]["values"] == {
        "bytes": 15, "coding": "raw", "dtype": "bool", "kind": "stored",
    }  # fmt: skip


@pytest.mark.parametrize("stored", [False, True])
def test_sections_are_aligned_hashed_and_tile_the_file(stored):
    data = archive(stored=stored)
    told = inspect(data)
    end = 96 + told["manifest_bytes"]
    names = [section["name"] for section in told["sections"]]
    assert names == ["masks", "dense", *(["prototype"] if stored else []), "source"]
    for section in told["sections"]:
        start = section["offset"]
        assert start % 64 == 0
        assert data[end:start] == bytes(start - end)
        assert start - end < 64
        end = start + section["bytes"]
        assert hashlib.sha256(data[start:end]).hexdigest() == section["sha256"]
        assert section["critical"] is (section["name"] != "source")
    assert end == len(data) == told["bytes"]


def test_the_restored_digest_is_the_documented_one():
    assert verify(archive())["restored_sha256"] == documented_digest(CONTENTS)
    assert verify(archive())["tensors"] == len(CONTENTS)


def test_inspect_reads_no_payload_and_verify_reads_them_all(tmp_path):
    data = bytearray(archive())
    data[-1] ^= 1
    path = tmp_path / "model.pemn"
    path.write_bytes(data)
    told = inspect(path)
    assert (told["file"], told["format_version"]) == (str(path), "1.0")
    assert json.loads(json.dumps(told)) == told
    with pytest.raises(ArchiveError, match=r"section 'source'.*altered"):
        verify(path)


def test_a_tensor_needs_only_its_own_section():
    data = bytearray(archive())
    dense_section = next(s for s in inspect(bytes(data))["sections"] if s["name"] == "dense")
    data[dense_section["offset"]] ^= 1
    with open_archive(bytes(data)) as opened:
        assert opened.tensor("tied").shape == (5, 7)
        with pytest.raises(ArchiveError, match="section 'dense'"):
            opened.tensor("dense.f32")


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ([DenseTensor("w", "f32", np.zeros((0, 3), np.float32))], "dimensions of at least 1"),
        ([MaskedTensor("w", "f32", np.zeros((0, 3), bool), 0, 1.0)], "dimensions of at least 1"),
        ([MaskedTensor("w", "f32", np.ones(3, bool), 13, 1.0)], "offset below 13"),
        ([MaskedTensor("w", "f32", np.ones(3, bool), 0, 0.0)], "a scale from"),
        ([MaskedTensor("w", "i32", np.ones(3, bool), 0, 1.0)], "f32, f16, bf16"),
        ([DenseTensor("../w", "u8", np.arange(3, dtype="u1"))], "a name of 1 to 255"),
        ([DenseTensor("w", "f32", np.arange(3.0))], "12 stored bytes, got 24"),
        ([AliasTensor("w", "later")], "'w': expected an earlier tensor, got 'later'"),
        ([dense("w", "u8", (3,)), dense("w", "u8", (3,))], "a unique name"),
        ([dense("w", "u8", (1,) * 9)], "a list of at most 8"),
    ],
)  # fmt: skip
def test_never_writes_what_it_would_not_read(contents, message):
    with pytest.raises(ArchiveError, match=message):
        archive(contents=contents)


def test_writing_needs_a_prototype_for_masks_and_a_codec_that_exists():
    with pytest.raises(ArchiveError, match="expected a prototype"):
        encode(CONTENTS, None)
    with pytest.raises(UnknownNameError, match="codec"):
        archive(codec="zip")
    assert verify(encode([dense("w", "u8", (3,))], None))["sections"] == 1


@law
@given(
    st.sampled_from([0, 0x8000]),
    st.integers(0, 0x7F00),
    st.sampled_from([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF]) | st.integers(0, 0xFFFF),
)
def test_bf16_rounds_to_nearest_even(sign, high, low):
    value = struct.unpack("<f", struct.pack("<HH", low, sign | high))[0]
    got = values.from_float32(np.array([value], np.float32), "bf16")
    assert got.tolist() == [bf16_nearest_even(value)]


def test_a_product_too_large_for_f16_becomes_infinite_without_a_warning():
    content = MaskedTensor("w", "f16", np.ones(LENGTH, bool), 0, 2.0**100)
    with open_archive(archive(contents=[content])) as opened:
        assert np.isinf(opened.restored()["w"].astype(np.float64)).all()


def large_archive(**options):
    random = np.random.default_rng(0)
    contents = [
        DenseTensor("small", "f32", random.random(7, np.float32)),
        DenseTensor("big", "f32", random.random((40, 100), np.float32)),
        MaskedTensor("w", "f32", random.random((30, 20)) < 0.5, 0, 0.5),
    ]
    return encode(contents, Prototype("sign", prng.sign(1, 0, 50), 1), **options)


def test_listing_reads_no_payload(tmp_path):
    path = tmp_path / "cut.pemn"
    data = bytearray(large_archive())
    start = len(data) - 10_000
    data[start:] = bytes(10_000)  # every payload is gone
    path.write_bytes(data)
    with pemn_compress.open(path) as opened:
        assert [tensor.name for tensor in opened.manifest.tensors] == ["small", "big", "w"]
        with pytest.raises(ArchiveError, match="the file was altered"):
            opened.tensor("big")


def test_one_tensor_is_read_without_the_others(tmp_path):
    path = tmp_path / "model.pemn"
    path.write_bytes(large_archive(tensor_digests=True))
    with pemn_compress.open(path) as whole:
        expected = whole.restored()
        offset = whole.section_offsets["dense"]
    data = bytearray(path.read_bytes())
    data[offset] ^= 1  # damages "small" alone
    path.write_bytes(data)
    with pemn_compress.open(path) as opened:
        for name in ("big", "w"):
            assert np.array_equal(opened.tensor(name), expected[name])
        with pytest.raises(ArchiveError, match="tensor 'small': expected SHA-256"):
            opened.tensor("small")


def test_large_tensors_that_are_not_compressed_are_used_where_they_lie(tmp_path):
    path = tmp_path / "model.pemn"
    path.write_bytes(large_archive(compress=False))
    with pemn_compress.open(path, mapped=True) as opened:
        big, rest = opened.tensor("big"), opened.restored()
    assert not big.flags.owndata
    assert not big.flags.writeable
    assert big.ctypes.data % 64 == 0
    with pemn_compress.open(path) as opened:
        for name, array in opened.restored().items():
            assert np.array_equal(array, rest[name])


def test_without_zstd_the_bytes_follow_from_the_content(monkeypatch):
    plain = large_archive(compress=False)

    def forbidden(raw):
        raise AssertionError("no compressor may be asked")

    monkeypatch.setattr("pemn_compress.format.archive.zstd.compress", forbidden)
    assert large_archive(compress=False) == plain
    verify(plain)


WRITE = """
import sys
from tests.test_archive import large_archive
sys.stdout.buffer.write(large_archive(about={"b": [1, 0.5], "a": {"y": 1, "x": "é"}}))
"""


def test_two_processes_with_different_hash_seeds_write_the_same_bytes():
    written = [
        subprocess.run(
            [sys.executable, "-c", WRITE],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert written[0] == written[1]
    verify(written[0])


def test_a_file_that_changes_while_it_is_read(tmp_path):
    path = tmp_path / "model.pemn"
    path.write_bytes(large_archive())
    with pemn_compress.open(path) as opened:
        with path.open("ab") as file:
            file.write(b"more")
        with pytest.raises(ArchiveError, match="the file changed while it was read"):
            opened.unchanged()
    path.write_bytes(large_archive())
    with pemn_compress.open(path) as opened:
        os.truncate(path, 700)
        with pytest.raises(ArchiveError, match="cut short"):
            opened.restored()
