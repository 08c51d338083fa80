"""Arrays to an archive and back: the same bits, and refusals that say what is wrong."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pemn_compress
from pemn_compress import Seeded, decode, encode
from pemn_compress.errors import ArchiveError, DataError, ModelError, SettingError
from pemn_compress.format import prng
from pemn_compress.format.archive import Limits, open_archive, verify
from pemn_compress.format.archive.values import NUMPY_TYPES
from pemn_compress.format.arrays.files import (
    npy_bytes,
    read_npy,
    read_npz,
    safetensors_bytes,
    zipped,
)

RNG = np.random.default_rng(2)
W = RNG.standard_normal((8, 6)).astype(np.float32)
MASK = RNG.random((8, 6)) < 0.4
PRUNED = np.where(MASK, W, np.float32(0))

DTYPES = st.sampled_from(["?", "u1", "i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8", ">f4", ">i8"])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, max_side=5)
ARRAYS = st.dictionaries(
    st.from_regex(r"[a-z_][a-z0-9_]{0,3}(\.[a-z0-9]{1,2})?", fullmatch=True),
    hnp.arrays(DTYPES, SHAPES),
    max_size=4,
)


def same(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].shape == array.shape
        little = array.dtype.newbyteorder("<")
        assert found[name].astype(little).tobytes() == array.astype(little).tobytes()


@settings(max_examples=60, deadline=None)
@given(ARRAYS, st.booleans(), st.booleans(), st.booleans())
def test_what_is_encoded_is_decoded(arrays, zstd, compact, digests):
    packed = encode(arrays, zstd=zstd, compact=compact, tensor_digests=digests)
    same(decode(packed), arrays)
    assert encode(arrays, zstd=zstd, compact=compact, tensor_digests=digests) == packed


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["auto", "bitmap", "rice"]))
def test_pruned_arrays_with_masks(data, codec):
    array = data.draw(hnp.arrays(st.sampled_from(["<f4", "<f2", "<f8", "<i8", "?"]), SHAPES))
    mask = data.draw(hnp.arrays(np.bool_, array.shape))
    pruned = np.where(mask, array, np.zeros((), array.dtype))
    packed = encode({"w": pruned}, masks={"w": mask}, codec=codec)
    same(decode(packed), {"w": pruned})
    with open_archive(packed) as archive:
        np.testing.assert_array_equal(archive.mask("w"), mask)


@settings(max_examples=40, deadline=None)
@given(
    st.data(),
    st.sampled_from(sorted(prng.TRANSFORMS)),
    st.integers(0, (1 << 64) - 1),
    st.floats(2**-20, 4, width=32),
    st.integers(0, 5),
    st.sampled_from([None, 1, 7]),
    st.booleans(),
)
def test_seeded_arrays(data, transform, seed, scale, offset, length, signs):
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=4))
    mask = data.draw(hnp.arrays(np.bool_, shape))
    count = int(np.prod(shape))
    whole = prng.TRANSFORMS[transform](seed, 0, length or offset + count)
    values = whole[(offset + np.arange(count)) % len(whole)].reshape(shape)
    if signs:
        values = np.copysign(np.float32(1), values)
    array = np.where(mask, values * np.float32(scale), np.float32(0))
    told = Seeded(seed, scale, offset, length, transform, signs)
    packed = encode({"w": array}, masks={"w": mask}, seeds={"w": told})
    same(decode(packed), {"w": array})
    with open_archive(packed) as archive:
        assert archive.manifest.prototype.seed == seed


def test_a_seeded_network_takes_a_bit_for_a_weight():
    array = prng.normal16(7, 0, 40_000).reshape(200, 200) * np.float32(0.05)
    mask = np.random.default_rng(0).random((200, 200)) < 0.5
    packed = encode(
        {"w": np.where(mask, array, np.float32(0))}, masks={"w": mask}, seeds={"w": Seeded(7, 0.05)}
    )
    assert len(packed) < 40_000 / 8 + 500
    assert verify(packed)["tensors"] == 1


def test_one_scale_for_each_row():
    rows = np.array([0.5, 1, 2, 4], np.float32)
    array = prng.sign(3, 0, 12).reshape(4, 3) * rows[:, None]
    told = Seeded(3, rows.tolist(), transform="sign")
    same(decode(encode({"w": array}, seeds={"w": told})), {"w": array})


def test_one_magnitude_takes_a_bit_for_a_sign():
    signs = RNG.random((100, 100)) < 0.5
    mask = RNG.random((100, 100)) < 0.5
    array = np.where(mask, np.where(signs, np.float32(-0.3), np.float32(0.3)), np.float32(0))
    packed = encode({"w": array}, masks={"w": mask})
    same(decode(packed), {"w": array})
    assert len(packed) < 100 * 100 / 8 * 1.5 + 500


def test_one_array_under_two_names_is_stored_once_and_stays_one():
    found = decode(encode({"a": W, "b": W, "c": W.copy()}))
    assert found["a"] is found["b"]
    assert found["a"] is not found["c"]
    assert len(encode({"a": W, "b": W})) < len(encode({"a": W, "b": W + 1}))
    with pytest.raises(DataError, match="mask of 'b'"):
        encode({"a": W, "b": W}, masks={"b": MASK})


def test_bfloat16_comes_as_float32():
    held = np.array([1.0, -2.5, 0.0, np.inf], np.float32)
    packed = encode({"w": held}, dtypes={"w": "bf16"})
    with open_archive(packed) as archive:
        assert archive.manifest.tensors[0].dtype == "bf16"
    same(decode(packed), {"w": held})
    bits = (held.view(np.uint32) >> 16).astype(np.uint16)
    assert encode({"w": bits}, dtypes={"w": "bf16"}) == packed
    with pytest.raises(DataError, match="expected values of bfloat16"):
        encode({"w": W}, dtypes={"w": "bf16"})


def test_files_and_restored_state(tmp_path):
    (tmp_path / "a.pemn").write_bytes(encode({"w": W, "n": np.int64(3) * np.ones((), np.int64)}))
    same(decode(tmp_path / "a.pemn"), {"w": W, "n": np.array(3)})


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        (({"w": W}, {"masks": {"v": MASK}}), SettingError, "masks: 'v': expected the name"),
        (({"w": W}, {"masks": {"w": MASK}}), DataError, "expected +0 in every element"),
        (({"w": -PRUNED}, {"masks": {"w": MASK}}), DataError, "got -0.0 at"),
        (({"w": PRUNED}, {"masks": {"w": MASK[:2]}}), DataError, "expected bool of shape (8, 6)"),
        (({"w": PRUNED}, {"masks": {"w": MASK * 1}}), DataError, "got int64 of (8, 6)"),
        (({"w": W}, {"seeds": {"w": Seeded(1)}}), DataError, "expected scale x prototype of"),
        (({"w": W}, {"seeds": {"w": Seeded(-1)}}), SettingError, "seed: expected 0 to"),
        (({"w": W}, {"seeds": {"w": Seeded(1, transform="no")}}), SettingError, "unknown"),
        (({"w": W}, {"seeds": {"w": Seeded(1, [1, 2])}}), SettingError, "one number, or 8 of"),
        (({"w": W}, {"seeds": {"w": Seeded(1, length=0)}}), SettingError, "length: expected 1"),
        (({"w": W}, {"seeds": {"w": Seeded(1, np.inf)}}), SettingError, "numbers from 2^-100"),
        (
            ({"w": W, "v": W + 1}, {"seeds": {"w": Seeded(1), "v": Seeded(2)}}),
            SettingError, "one seed, transform and length",
        ),
        (({"w": W > 0}, {"seeds": {"w": Seeded(1)}}), DataError, "expected f32 or f16 or bf16"),
        (({"w": W.astype(complex)}, {}), DataError, "got complex128"),
        (({"w": np.array(["a"])}, {}), DataError, "dtype: expected one of"),
        (({"w": np.array([{}], object)}, {}), DataError, "got object"),
        (({"w": W}, {"dtypes": {"w": "f64"}}), DataError, "expected f64, got float32"),
        (({"w": W}, {"dtypes": {"w": "float"}}), SettingError, "unknown dtype of 'w'"),
        (({"w": np.zeros((0, 3))}, {}), DataError, "dimensions of at least 1"),
        (({"w": np.zeros((1,) * 9)}, {}), ArchiveError, ""),
        (({"": W}, {}), ArchiveError, ""),
        (({"w": PRUNED}, {"masks": {"w": MASK}, "codec": "no"}), SettingError, "unknown codec"),
    ],
)  # fmt: skip
def test_what_no_archive_holds(arguments, kind, said):
    arrays, options = arguments
    with pytest.raises(kind) as error:
        encode(arrays, **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_other_machines_and_processes_write_the_same_bytes():
    code = (
        "import hashlib, numpy as np, pemn_compress as p;"
        "w = np.arange(48, dtype='f4').reshape(8, 6); m = w % 3 == 0;"
        "print(hashlib.sha256(p.encode({'w': w * m, 'b': w}, masks={'w': m}, zstd=False))"
        ".hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    w = np.arange(48, dtype="f4").reshape(8, 6)
    m = w % 3 == 0
    here = pemn_compress.encode({"w": w * m, "b": w}, masks={"w": m}, zstd=False)
    assert run.stdout.strip() == hashlib.sha256(here).hexdigest()


def test_safetensors_are_those_of_the_package_itself():
    save = pytest.importorskip("safetensors.numpy").save
    arrays = {
        f"{name}.{size}": np.ones(size, name)
        for name in ("?", "u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8")
        for size in (1, 3)
    } | {"none": np.array(2.0)}
    codes = {np.dtype(code): name for name, code in NUMPY_TYPES.items() if name != "bf16"}
    state = {name: (codes[array.dtype], array) for name, array in arrays.items()}
    assert safetensors_bytes(state) == save(arrays, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="'__metadata__', which means something else"):
        safetensors_bytes({"__metadata__": ("f4", W)})


def test_npy_and_npz_are_read_back():
    for array in (W, W.T, np.array(3), np.zeros((0, 3), bool), W.astype(">f8")):
        found = read_npy(npy_bytes(array), "x")
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
    found = read_npz(zipped({"a.b": W, "c": MASK}), "x")
    np.testing.assert_array_equal(found["a.b"], W)
    assert zipped({"a": W}) == zipped({"a": W})
    with pytest.raises(DataError, match="more than 5 bytes"):
        read_npz(zipped({"a": W}), "x", Limits(max_bytes=5))
    with pytest.raises(DataError, match="expected an"):
        read_npz(b"no", "x")
