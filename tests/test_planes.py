"""Planes and signs: what was renewed or negated comes back, and costs what its payload costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pemn_compress.errors import ArchiveError
from pemn_compress.format import prng
from pemn_compress.format.archive import (
    ConstantTensor,
    MaskedTensor,
    Plane,
    Prototype,
    Shuffle,
    encode,
    open_archive,
    verify,
)

SEED = 5


def prototype(transform="normal16", length=11, shuffle=None):
    return Prototype(transform, prng.TRANSFORMS[transform](SEED, 0, length), SEED, shuffle)


def restored(contents, proto, **options):
    data = encode(contents, proto, **options)
    verify(data)
    with open_archive(data) as archive:
        return archive.manifest.tensors[0], archive.tensor("w")


@given(
    transform=st.sampled_from(sorted(prng.TRANSFORMS)),
    places=st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 999)), max_size=40),
)
def test_single_values_are_those_of_the_whole_stream(transform, places):
    streams = np.array([stream for stream, _ in places], np.uint64)
    indices = np.array([index for _, index in places], np.uint64)
    found = prng.values_at(transform, SEED, streams, indices)
    expected = [prng.TRANSFORMS[transform](SEED, stream, i + 1)[i] for stream, i in places]
    assert found.tolist() == [float(value) for value in expected]


@settings(deadline=None)
@given(
    numel=st.integers(1, 60),
    ones=st.integers(0, 60),
    renewed=st.integers(0, 60),
    deepest=st.sampled_from([1, 2, 3, 2**32]),
    transform=st.sampled_from(sorted(prng.TRANSFORMS)),
    signs=st.booleans(),
    codec=st.sampled_from(["bitmap", "csr", "rice", "auto"]),
    seed=st.integers(0, 99),
)
def test_generations(numel, ones, renewed, deepest, transform, signs, codec, seed):
    random = np.random.default_rng(seed)
    mask = np.zeros(numel, bool)
    mask[random.permutation(numel)[: min(ones, numel)]] = True
    generations = np.zeros(numel, np.int64)
    places = random.permutation(numel)[: min(renewed, numel)]
    generations[places] = random.integers(1, deepest + 1, places.size)
    stream = 1 << 40
    content = MaskedTensor(
        "w", "f32", mask, 4, 0.5, signs, Plane("generation", generations, stream)
    )
    record, array = restored([content], prototype(transform), codec=codec)
    first = prng.TRANSFORMS[transform](SEED, 0, 11)
    for i in range(numel):
        value = first[(4 + i) % 11]
        if generations[i]:
            value = prng.values_at(
                transform, SEED, *np.array([[stream + generations[i]], [i]], np.uint64)
            )[0]
        if signs:
            value = np.copysign(np.float32(1), value)
        expected = np.float32(0.5) * value if mask[i] else np.float32(0)
        assert array[i].tobytes() == expected.tobytes()
    kept = generations[mask]
    assert (record.plane is not None) == bool(kept.any())
    if record.plane:
        assert record.plane.positions.ones == np.count_nonzero(kept)


@settings(deadline=None)
@given(numel=st.integers(1, 50), seed=st.integers(0, 99), shuffled=st.booleans())
def test_sources(numel, seed, shuffled):
    random = np.random.default_rng(seed)
    mask = random.random(numel) < 0.6
    sources = np.where(random.random(numel) < 0.3, random.integers(0, numel, numel), range(numel))
    proto = prototype(shuffle=Shuffle(29, SEED, 1) if shuffled else None)
    content = MaskedTensor("w", "bf16", mask, 3, 2.0, False, Plane("source", sources))
    record, array = restored([content], proto)
    plain = MaskedTensor("w", "bf16", np.ones(numel, bool), 3, 2.0)
    _, whole = restored([plain], proto)
    assert np.array_equal(array, np.where(mask, whole[sources], 0))
    assert (record.plane is None) == bool((sources == range(numel))[mask].all())


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
def test_signs_of_a_constant_and_of_fixed_values(dtype):
    random = np.random.default_rng(0)
    mask, negative = random.random((2, 6, 7)) < 0.5
    value = np.array(
        [0x3F00 if dtype == "bf16" else 0.5], {"bf16": "<u2", "f16": "<f2"}.get(dtype, "<f4")
    )
    signed = np.where(negative, -1.0, 1.0)
    record, array = restored([ConstantTensor("w", dtype, value, mask, negative)], None)
    floats = (array.astype(np.uint32) << 16).view(np.float32) if dtype == "bf16" else array
    assert np.array_equal(floats, np.where(mask, 0.5 * signed, 0))
    assert not np.signbit(floats[~mask]).any()
    assert record.plane.size == -(-int(mask.sum()) // 8)  # one bit for each kept weight
    content = MaskedTensor("w", "f32", mask, 0, 1.0, False, Plane("sign", negative))
    _, array = restored([content], prototype(length=42))
    drawn = prng.normal16(SEED, 0, 42).reshape(6, 7)
    assert np.array_equal(array, np.where(mask, drawn * signed.astype(np.float32), 0))


def test_a_plane_is_its_payload_and_nothing_where_it_says_nothing():
    mask = np.ones((40, 50), bool)
    generations = np.zeros((40, 50), np.int32)
    plain = encode([MaskedTensor("w", "f32", mask, 0, 1.0)], prototype())
    same = MaskedTensor("w", "f32", mask, 0, 1.0, False, Plane("generation", generations))
    assert encode([same], prototype()) == plain
    generations[3, 4] = 7
    with open_archive(encode([same], prototype())) as archive:
        plane = archive.manifest.tensors[0].plane
        sections = {section.name: section.size for section in archive.manifest.sections}
        departures = archive.departures("w")
    assert (plane.width, sections["planes"]) == (3, plane.size)
    assert (departures.indices.tolist(), departures.numbers.tolist()) == ([154], [7])


def test_generations_need_a_seed():
    values = prng.normal16(SEED, 0, 11)
    content = MaskedTensor(
        "w", "f32", np.ones(5, bool), 0, 1.0, False, Plane("generation", np.ones(5))
    )
    with pytest.raises(ArchiveError, match="plane: expected a prototype with a seed, got none"):
        encode([content], Prototype(None, values, None))
