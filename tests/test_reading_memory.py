"""What reading takes: a small multiple of what is restored, whatever the file is made of."""

import hashlib
import struct
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from handmade import put_together, rehash, restored_digest, take_apart

from pemn_compress.errors import ArchiveError, SettingError
from pemn_compress.format import prng
from pemn_compress.format.archive import (
    DenseTensor,
    Limits,
    MaskedTensor,
    Plane,
    Prototype,
    QuantizedTensor,
    SparseTensor,
    encode,
    open_archive,
    verify,
)
from pemn_compress.format.bits import fields, pieces, words_of
from pemn_compress.format.codecs import CODECS

CONSTANT = 8 << 20  # bytes: pieces, sections that are small enough to keep
MOST = 4  # times what is restored
BYTES = 1 << 23  # restored


def peak_of(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def restore(path):
    with open_archive(path) as archive:
        return archive.restored()


def masked_by_hand(codec, payload, shape, array):
    """Return an archive of one tensor of ones where a mask is, its payload given."""
    positions = {"bytes": len(payload), "codec": codec, "ones": int(array.sum())}
    manifest = {
        "about": {}, "architecture": {}, "prototype": None,
        "restored_sha256": restored_digest([("w", "u8", array)]),
        "sections": [{"critical": True, "name": "masks"}],
        "tensors": [
            {"dtype": "u8", "name": "w", "shape": list(shape), "positions": positions,
             "values": {"bits": "01", "kind": "constant"}}
        ],
    }  # fmt: skip
    payloads = {"masks": payload}
    rehash(manifest, payloads)
    return put_together(manifest, payloads, elements=array.size, restored=array.nbytes)


def rice_of_47_bits():
    count = BYTES // 8
    array = np.zeros(2 * count, np.uint8)
    array[:count] = 1
    payload = bytes([47]) + b"\xff" * (count // 8) + bytes(count * 47 // 8)
    return masked_by_hand("rice", payload, array.shape, array)


def all_ones(codec, *shape):
    array = np.ones(shape, np.uint8)
    return masked_by_hand(codec, CODECS[codec].encode(array), shape, array)


def renewed(kind, dtype, codec):
    numel = BYTES // (4 if dtype == "f16" else 8)
    random = np.random.default_rng(0)
    numbers = {
        "sign": lambda: np.ones(numel, bool),
        "generation": lambda: random.integers(1, 2**32, numel, np.uint64),
        "source": lambda: random.integers(0, numel, numel),
    }[kind]()
    content = MaskedTensor(
        "w", dtype, np.ones(numel, bool), 0, 0.5, plane=Plane(kind, numbers, 1 << 40)
    )
    return encode([content], Prototype("sign", prng.sign(1, 0, 1000), 1), codec=codec)


def stored(kind):
    random = np.random.default_rng(0)
    numel = BYTES // 4
    noise = random.integers(0, 2**32, numel, np.uint32).view(np.float32)
    mask = random.random(numel) < 0.9
    if kind == "sparse":
        return encode([SparseTensor("w", "f32", mask, noise[mask])], None)
    if kind == "int8":
        integers = random.integers(-127, 128, 2 * numel).astype("i1")
        return encode([QuantizedTensor("w", "f16", integers, 0.5)], None)
    if kind == "f16":
        half = noise.astype(np.float16).astype(np.float32)
        return encode([DenseTensor("w", "f32", half, "f16")], None)
    return encode([DenseTensor("w", "f32", np.sort(noise))], None)  # shuffled and compressed


FILES = {
    "rice, remainders of 47 bits": rice_of_47_bits,
    "csr, one row": lambda: all_ones("csr", BYTES // 4),
    "csr, one column": lambda: all_ones("csr", BYTES // 4, 1),
    "csr, a matrix": lambda: all_ones("csr", 1 << 11, BYTES >> 13),
    "signs": lambda: renewed("sign", "f16", "csr"),
    "generations": lambda: renewed("generation", "f16", "csr"),
    "generations of f32": lambda: renewed("generation", "f32", "bitmap"),
    "sources": lambda: renewed("source", "f16", "csr"),
    "sparse": lambda: stored("sparse"),
    "int8": lambda: stored("int8"),
    "halves": lambda: stored("f16"),
    "compressed": lambda: stored("compressed"),
}


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("name", FILES)
def test_a_small_multiple_of_what_is_restored(tmp_path, name):
    path = tmp_path / "w.pemn"
    path.write_bytes(FILES[name]())
    with open_archive(path) as archive:
        restored = archive.manifest.restored_bytes
    assert restored >= BYTES // 4
    for read in (verify, restore):
        assert peak_of(lambda read=read: read(path)) < MOST * restored + CONSTANT, read


def test_verify_holds_no_more_than_some_tensors(tmp_path):
    noise = np.random.default_rng(0).integers(0, 2**32, (16, 1 << 18), np.uint32).view(np.float32)
    path = tmp_path / "w.pemn"
    path.write_bytes(encode([DenseTensor(f"w{i}", "f32", n[::-1]) for i, n in enumerate(noise)],
                            None, compress=False))  # fmt: skip
    assert peak_of(lambda: verify(path)) < 1.5 * noise.nbytes


SPARSE = 6 << 30


def sparse_file(path):
    """Write a file of a few blocks with an unknown section that is larger than any memory."""
    manifest = {
        "about": {}, "architecture": {}, "prototype": None, "tensors": [],
        "restored_sha256": hashlib.sha256().hexdigest(),
        "sections": [{"bytes": SPARSE, "critical": False, "name": "junk", "sha256": "0" * 64}],
    }  # fmt: skip
    data = bytearray(put_together(manifest, {"junk": b""}, elements=0, restored=0))
    start = -(-len(data) // 64) * 64
    struct.pack_into("<Q", data, 16, start + SPARSE)
    manifest_end = 96 + struct.unpack_from("<I", data, 40)[0]
    data[64:96] = hashlib.sha256(data[:64] + data[96:manifest_end]).digest()
    with path.open("wb") as file:
        file.write(data)
        file.truncate(start + SPARSE)


def test_a_section_of_gigabytes_is_refused_by_the_callers_limit_where_it_would_be_read(tmp_path):
    path = tmp_path / "sparse.pemn"
    sparse_file(path)

    def refuse():
        with pytest.raises(ArchiveError, match=r"section 'junk': bytes: expected at most 4294"):
            verify(path)

    assert peak_of(refuse) < 1 << 20
    with open_archive(path) as archive:  # whoever skips it does not mind
        assert archive.restored() == {}


def test_sections_are_hashed_in_pieces(tmp_path):
    content = [DenseTensor("w", "u8", np.arange(9, dtype=np.uint8))]
    packed = encode(content, None, source="x = 1\n")
    path = tmp_path / "a.pemn"
    path.write_bytes(packed)
    large = bytes(24 << 20)
    manifest, payloads = take_apart(packed)
    manifest["sections"].append({"critical": False, "name": "more"})
    payloads = {**payloads, "more": large}
    rehash(manifest, payloads)
    path.write_bytes(put_together(manifest, payloads, elements=9, restored=9))
    assert peak_of(lambda: verify(path)) < 8 << 20
    with pytest.raises(ArchiveError, match=r"section 'more': bytes: expected at most 16777216"):
        verify(path, Limits(max_bytes=1 << 24))


def test_a_mask_section_larger_than_any_mask_is_refused_unread():
    array = np.ones(100, np.uint8)
    packed = masked_by_hand("rice", bytes(5000), array.shape, array)
    with pytest.raises(ArchiveError, match="section 'masks': bytes: expected at most 916, got"):
        verify(packed)


def test_a_stored_manifest_is_bounded_by_the_limit_of_the_raw_one():
    array = np.ones(4, np.uint8)
    packed = masked_by_hand("bitmap", b"\x0f", array.shape, array)
    verify(packed, Limits(max_manifest_bytes=1000))
    with pytest.raises(ArchiveError, match=r"manifest size: expected at most 100 \(from Python"):
        verify(packed, Limits(max_manifest_bytes=100))


@pytest.mark.parametrize("value", [None, 1.5, "9"])
def test_limits_are_integers(value):
    with pytest.raises(SettingError, match=f"max_bytes: expected an integer, got {value!r}"):
        Limits(max_bytes=value)
    assert Limits(max_bytes=np.int64(7)).max_bytes == 7


VERIFY = """
import resource, sys
from pemn_compress.format.archive import Limits, verify
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
verify(sys.argv[1], Limits(max_bytes=1 << 23))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_process_of_its_own(tmp_path):
    path = tmp_path / "rice47.pemn"
    path.write_bytes(rice_of_47_bits())
    run = subprocess.run(
        [sys.executable, "-c", VERIFY, path], capture_output=True, text=True, check=True, timeout=60
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(run.stdout) * unit < MOST * (1 << 23) + CONSTANT


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("width", [1, 2, 7, 8, 9, 13, 31, 32, 33, 47, 48])
def test_numbers_of_any_width_from_any_place(width, reverse):
    random = np.random.default_rng(width)
    numbers = random.integers(0, 1 << width, 90, np.uint64)
    bits = [int(n) >> i & 1 for n in numbers
            for i in (range(width - 1, -1, -1) if reverse else range(width))]  # fmt: skip
    packed = b"xyz" + np.packbits(np.array(bits, np.uint8), bitorder="little").tobytes()
    for first, count in ((0, 90), (0, 1), (1, 8), (7, 30), (8, 8), (89, 1), (13, 0)):
        found = fields(packed, 3, first, count, width, reverse=reverse)
        assert found.tolist() == numbers[first : first + count].tolist()


def test_pieces_cover_everything_once():
    assert list(pieces(0)) == []
    assert list(pieces(7, 3)) == [(0, 3), (3, 6), (6, 7)]


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("length", [5, 70_000, 300_001])
@pytest.mark.parametrize("signs", [False, True])
@pytest.mark.parametrize("rows", [False, True])
def test_tensors_of_several_pieces_are_those_of_one(dtype, length, signs, rows, monkeypatch):
    random = np.random.default_rng(1)
    shape = (7, 41_003)
    mask = random.random(shape) < 0.5
    scale = tuple(float(np.float32(s)) for s in random.random(7) + 0.1) if rows else 0.3
    proto = Prototype("normal16", prng.normal16(1, 0, length), 1)
    content = MaskedTensor("w", dtype, mask, length - 2, scale, signs)
    packed = encode([content], proto)
    values = proto.values[(length - 2 + np.arange(mask.size)) % length].reshape(shape)
    values = np.copysign(np.float32(1), values) if signs else values
    wide = values * np.float32(scale if not rows else np.float32(scale).reshape(7, 1))
    if dtype == "bf16":
        bits = wide.view(np.uint32)
        narrow = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    else:
        narrow = wide.astype(dtype.replace("f", "<f").replace("16", "2").replace("32", "4"))
    expected = np.where(mask, narrow, np.zeros(1, narrow.dtype))
    with open_archive(packed) as archive:
        assert archive.tensor("w").tobytes() == expected.tobytes()


def test_threads_may_read_one_archive(tmp_path):
    random = np.random.default_rng(0)
    arrays = [random.integers(0, 256, 40_000, np.uint8) for _ in range(12)]
    path = tmp_path / "w.pemn"
    path.write_bytes(encode([DenseTensor(f"w{i}", "u8", a) for i, a in enumerate(arrays)], None,
                            tensor_digests=True))  # fmt: skip
    failures = []
    with open_archive(path) as archive:

        def read(seed):
            order = np.random.default_rng(seed).permutation(12)
            for index in (*order, *order):
                try:
                    same = np.array_equal(archive.tensor(f"w{index}"), arrays[index])
                except ArchiveError as error:
                    same = str(error)
                if same is not True:
                    failures.append(same)

        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_an_archive_that_was_closed_says_so(tmp_path):
    path = tmp_path / "a.pemn"
    path.write_bytes(encode([DenseTensor("b", "u8", np.arange(3, dtype="u1"))], None))
    archive = open_archive(path)
    archive.close()
    with pytest.raises(ArchiveError, match=r"a\.pemn: the archive was closed before section"):
        archive.tensor("b")


def test_a_name_that_no_tensor_has():
    contents = [DenseTensor(name, "u8", np.arange(3, dtype="u1")) for name in ("conv.weight", "b")]
    with open_archive(encode(contents, None)) as archive:
        for read in (archive.tensor, archive.mask, archive.departures):
            with pytest.raises(ArchiveError, match=r"no tensor 'conv\.wieght'; did you mean 'conv"):
                read("conv.wieght")
            with pytest.raises(ArchiveError, match="no tensor 'xyzzy'; inspect lists them"):
                read("xyzzy")


def test_sources_of_archives(tmp_path):
    packed = encode([DenseTensor("b", "u8", np.arange(3, dtype="u1"))], None)
    for same in (packed, bytearray(packed), memoryview(packed)):
        assert verify(same)["tensors"] == 1
    for odd, told in ((None, "NoneType"), (3, "int"), (["a.pemn"], "list")):
        with pytest.raises(SettingError, match=f"expected a path or bytes, got {told}"):
            verify(odd)
    with pytest.raises(ArchiveError, match="cannot be read: embedded null"):
        verify("a\0b.pemn")
    with pytest.raises(ArchiveError, match="'': no such file"):
        verify("")
    with open_archive(packed, name="here") as archive:
        assert (archive.name, archive.size) == ("here", len(packed))


@pytest.mark.parametrize("order", ["<", ">"])
def test_words_of_an_array_are_its_bits_in_any_byte_order(order):
    array = np.array([1.0, -2.0], f"{order}f4")
    words = words_of(array)
    assert words.tolist() == [0x3F800000, 0xC0000000]
    words ^= np.uint32(1 << 31)
    assert array.tolist() == [-1.0, 2.0]
