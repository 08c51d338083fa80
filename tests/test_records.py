"""Where values come from, beyond one scale and one prototype: rows, sparse, int8, shuffled."""

import numpy as np
import pytest
from handmade import GOOD, put_together, refused, take_apart, tensor
from hypothesis import given, settings
from hypothesis import strategies as st

from pemn_compress.errors import ArchiveError
from pemn_compress.format import prng
from pemn_compress.format.archive import (
    DenseTensor,
    MaskedTensor,
    Prototype,
    QuantizedTensor,
    SparseTensor,
    encode,
    inspect,
    open_archive,
    verify,
)
from pemn_compress.format.archive.records import Shuffle
from pemn_compress.format.archive.values import shuffled

LAW = settings(deadline=None, derandomize=True, max_examples=40)
RNG = np.random.default_rng(5)
MASK = RNG.random((4, 3, 5)) < 0.4
ROWS = tuple(float(np.float32(x)) for x in (0.5, 2.0, -0.25, 3.0))
VALUES = prng.normal16(1, 0, 7)
PROTOTYPE = Prototype("normal16", VALUES, 1)


def restored(content, prototype=PROTOTYPE, **options):
    packed = encode([content], prototype, **options)
    verify(packed)
    with open_archive(packed) as archive:
        return archive.tensor(content.name)


def test_a_scale_for_every_row():
    got = restored(MaskedTensor("w", "f32", MASK, 2, ROWS))
    for index in np.ndindex(MASK.shape):
        drawn = VALUES[(2 + np.ravel_multi_index(index, MASK.shape)) % 7]
        expected = drawn * np.float32(ROWS[index[0]]) if MASK[index] else np.float32(0)
        assert got[index].tobytes() == np.float32(expected).tobytes()


@pytest.mark.parametrize("scale", [(0.5,), ROWS[:3], (*ROWS, 1.0), ()])
def test_a_list_of_scales_has_one_for_every_row(scale):
    with pytest.raises(ArchiveError, match="one scale or 4"):
        encode([MaskedTensor("w", "f32", MASK, 0, scale)], PROTOTYPE)


def test_a_pruned_tensor_keeps_its_values_where_the_mask_is():
    kept = RNG.standard_normal(MASK.sum()).astype("<f4")
    got = restored(SparseTensor("w", "f32", MASK, kept), None)
    assert (got[MASK] == kept).all()
    assert not got[~MASK].any()


def test_a_pruned_tensor_of_one_value_and_one_of_none():
    assert (
        restored(SparseTensor("w", "f32", MASK, np.full(MASK.sum(), 2, "<f4"))) == 2 * MASK
    ).all()
    empty = np.zeros((3, 3), bool)
    assert not restored(SparseTensor("w", "f32", empty, np.empty(0, "<f4"))).any()


@pytest.mark.parametrize("dtype", ["f32", "f16"])
@pytest.mark.parametrize("scale", [0.125, ROWS])
@pytest.mark.parametrize("mask", [None, MASK])
def test_int8_times_a_scale(dtype, scale, mask):
    integers = RNG.integers(-127, 128, MASK.shape).astype("i1")
    if mask is not None:
        integers = np.where(mask, integers, 0).astype("i1")
    got = restored(QuantizedTensor("w", dtype, integers, scale, mask), None)
    rows = np.array(scale, np.float32).reshape(-1, *((1, 1) if isinstance(scale, tuple) else ()))
    expected = integers.astype(np.float32) * rows
    if mask is not None:
        expected = np.where(mask, expected, np.float32(0))
    assert got.tobytes() == expected.astype({"f32": "<f4", "f16": "<f2"}[dtype]).tobytes()


def test_int8_is_for_floating_tensors():
    with pytest.raises(ArchiveError, match="a scale for"):
        encode([QuantizedTensor("w", "i64", np.arange(4, dtype="i1"), 0.5)], None)


@given(length=st.integers(1, 40), repeated=st.integers(1, 200), seed=st.integers(0, 2**64 - 1))
@LAW
def test_a_shuffled_prototype_is_its_repetition_in_another_order(length, repeated, seed):
    values = np.arange(length, dtype=np.float32)
    got = shuffled(values, Shuffle(repeated, seed, 3))
    words = prng.words(seed, 3, repeated).tolist()
    order = [i for _, i in sorted((word, i) for i, word in enumerate(words))]
    assert got.tolist() == [float(i % length) for i in order]


def test_offsets_count_in_the_shuffled_vector():
    shuffle = Shuffle(30, 9, 4)
    prototype = Prototype("normal16", VALUES, 1, shuffle)
    got = restored(MaskedTensor("w", "f32", np.ones(12, bool), 25, 1.0), prototype)
    vector = shuffled(VALUES, shuffle)
    assert got.tolist() == [float(vector[(25 + i) % 30]) for i in range(12)]
    with pytest.raises(ArchiveError, match="an offset below 30"):
        encode([MaskedTensor("w", "f32", np.ones(2, bool), 30, 1.0)], prototype)


def test_large_raw_payloads_are_aligned_and_the_gaps_are_zero():
    noise = RNG.integers(0, 256, 5000, np.uint8)  # nothing to compress
    contents = [DenseTensor("a", "u8", noise[:7]), DenseTensor("b", "u8", noise),
                DenseTensor("c", "u8", noise[:9]), DenseTensor("d", "u8", noise[::-1])]  # fmt: skip
    packed = encode(contents, None)
    told = inspect(packed)
    start = next(s["offset"] for s in told["sections"] if s["name"] == "dense")
    at = {name: packed.index(noise.tobytes()[:: 1 if name == "b" else -1]) for name in "bd"}
    assert [offset % 64 for offset in at.values()] == [0, 0]
    assert not any(packed[start + 7 : at["b"]])
    verify(packed)


def test_one_tensor_with_a_digest_is_read_alone(tmp_path):
    noise = RNG.integers(0, 256, (2, 9000), np.uint8)
    contents = [DenseTensor("a", "u8", noise[0]), DenseTensor("b", "u8", noise[1])]
    for digests in (True, False):
        path = tmp_path / f"{digests}.pemn"
        packed = bytearray(encode(contents, None, tensor_digests=digests))
        packed[packed.index(noise[1].tobytes()) + 100] ^= 1
        path.write_bytes(packed)
        with open_archive(path) as archive:
            if digests:  # damage elsewhere does not matter, damage here is found
                assert (archive.tensor("a") == noise[0]).all()
            with pytest.raises(ArchiveError, match="SHA-256"):
                archive.tensor("b" if digests else "a")


def test_a_mask_alone_is_as_safe_as_its_section(tmp_path):
    packed = bytearray(encode([MaskedTensor("w", "f32", MASK, 0, 1.0)], PROTOTYPE,
                              tensor_digests=True))  # fmt: skip
    start = inspect(bytes(packed))["sections"][0]["offset"]
    packed[start] ^= 0b11
    with open_archive(bytes(packed)) as archive, pytest.raises(ArchiveError, match="SHA-256"):
        archive.mask("w")


def test_an_alias_has_no_digest_of_its_own():
    manifest, payloads = take_apart(GOOD)
    tensor(manifest, "tied")["sha256"] = "0" * 64
    refused(put_together(manifest, payloads), "no digest of an alias's own")
