"""The generator: published answers, pinned values, and what any seed must satisfy."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pemn_compress.errors import SettingError
from pemn_compress.format import prng

law = settings(deadline=None, derandomize=True, max_examples=60)
SEEDS = st.integers(0, 2**64 - 1)
LOW = 0xFFFFFFFF
BLOCKS_AT_ONCE = 16_384
FIRST, SECOND = (0, 0), (0x0123456789ABCDEF, 2**32 + 5)


def philox(counter, key):
    """Return one Philox4x32-10 block in plain integers, written from the paper."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & LOW, (p0 >> 32) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + 0x9E3779B9) & LOW, (k1 + 0xBB67AE85) & LOW
    return [c0, c1, c2, c3]


def block(seed, stream, index):
    counter = (index & LOW, index >> 32, stream & LOW, stream >> 32)
    return philox(counter, (seed & LOW, seed >> 32))


def packages_block(counter, key):
    columns = tuple(np.array([word], np.uint64) for word in counter)
    return [int(word[0]) for word in prng.philox_block(columns, key)]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000",
         "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
         "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
         "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)  # fmt: skip
def test_random123_known_answers(counter, key, expected):
    counter, key, expected = (
        [int(word, 16) for word in row.split()] for row in (counter, key, expected)
    )
    assert packages_block(counter, tuple(key)) == expected
    assert philox(counter, key) == expected


def test_the_standard_c_plus_plus_engines_ten_thousandth_value():
    # std::philox4x32 (C++26): a default engine has key (20111115, 0) and counts blocks from 0
    assert prng.words(20111115, 0, 10_000)[-1] == 1955073260


@law
@given(SEEDS, SEEDS, st.integers(0, 40))
def test_words_are_the_blocks_in_order(seed, stream, count):
    expected = [word for j in range(-(-count // 4)) for word in block(seed, stream, j)][:count]
    assert prng.words(seed, stream, count).tolist() == expected


@law
@given(SEEDS, SEEDS, st.integers(2**32 - 3, 2**32 + 3) | st.integers(0, 2**64 - 1))
def test_blocks_beyond_32_bits_carry_into_the_second_counter_word(seed, stream, index):
    counter = (index & LOW, index >> 32, stream & LOW, stream >> 32)
    assert packages_block(counter, (seed & LOW, seed >> 32)) == block(seed, stream, index)


def test_a_run_of_blocks_crossing_2_to_the_32_is_each_block_on_its_own():
    index = np.arange(2**32 - 2, 2**32 + 2, dtype=np.uint64)
    zeros = np.zeros_like(index)
    run = prng.philox_block((index & np.uint64(LOW), index >> np.uint64(32), zeros, zeros), (1, 2))
    for column, j in enumerate(range(2**32 - 2, 2**32 + 2)):
        assert [int(word[column]) for word in run] == block(1 + (2 << 32), 0, j)


@pytest.mark.parametrize("transform", sorted(prng.TRANSFORMS))
def test_a_shorter_stream_is_the_start_of_a_longer_one(transform):
    draw = prng.TRANSFORMS[transform]
    edge = 4 * BLOCKS_AT_ONCE
    long = draw(*SECOND, 2 * edge + 9)
    for count in [*range(10), edge - 1, edge, edge + 1, edge + 4, 2 * edge, 2 * edge + 3]:
        short = draw(*SECOND, count)
        assert short.dtype == np.float32
        assert short.shape == (count,)
        assert short.tobytes() == long[:count].tobytes(), count


def test_words_around_the_inner_blocks_edge_are_philoxs():
    got = prng.words(*SECOND, 4 * BLOCKS_AT_ONCE + 8)
    for j in (0, 1, BLOCKS_AT_ONCE - 1, BLOCKS_AT_ONCE, BLOCKS_AT_ONCE + 1):
        assert got[4 * j : 4 * j + 4].tolist() == block(*SECOND, j)


def test_every_half_of_seed_and_stream_matters():
    base = prng.words(0, 0, 8).tobytes()
    others = [
        prng.words(*pair, 8).tobytes()
        for pair in [(1, 0), (2**32, 0), (0, 1), (0, 2**32), (2**64 - 1, 2**64 - 1)]
    ]
    assert len({base, *others}) == 6


@pytest.mark.parametrize(
    ("transform", "pair", "bits"),
    [
        ("normal16", FIRST, "3fab3abc be82fc6f 3f3e92a7 3f96baa1 3ee58b72 3f215330 3f8993b1 "
         "3e88fc0e"),
        ("uniform24", FIRST, "be4ec0bc 3f42d38b 3ef15eb2 3e5806dc 3f71c999 be8d37fe 3ec695d2 "
         "bf6d0201"),
        ("sign", FIRST, "3f800000 bf800000 bf800000 bf800000 bf800000 3f800000 bf800000 "
         "3f800000"),
        ("normal16", SECOND, "3fe0ee0e 3f62732f bfb3653d 3fdb3d96 be01f7dc 3f451807 3ddb79a5 "
         "3fa47f3f"),
        ("uniform24", SECOND, "3f1fa5eb 3f69ca29 3f0f02e7 3f4d1f15 bf64cdb9 bf110e43 3f629829 "
         "bf42de9f"),
        ("sign", SECOND, "bf800000 bf800000 bf800000 bf800000 3f800000 3f800000 bf800000 "
         "3f800000"),
    ],
)  # fmt: skip
def test_first_values_never_change(transform, pair, bits):
    values = prng.TRANSFORMS[transform](*pair, 8)
    assert values.astype(">f4").tobytes().hex(" ", 4) == bits


def test_the_normal_table_is_the_documented_one_and_antisymmetric():
    table = prng.normal_table()
    assert table.dtype == np.float32
    assert len(table) == 65_536
    digest = hashlib.sha256(table[32_768:].astype("<f4").tobytes()).hexdigest()
    assert digest == "6621a18f629e82396c088501c1095eae46f6d8033b42db7b4158e0f4cf34a0ce"
    assert np.array_equal(table, -table[::-1])
    assert (np.diff(table) >= 0).all()
    middle = (2 * np.arange(65_536) + 1) / 2**17
    np.testing.assert_allclose(table, stats.norm.ppf(middle), rtol=1.2e-7)


@law
@given(SEEDS, SEEDS, st.integers(1, 33))
def test_normal16_takes_each_words_low_half_first(seed, stream, count):
    halves = [
        h for word in prng.words(seed, stream, 17).tolist() for h in (word & 0xFFFF, word >> 16)
    ]
    expected = prng.normal_table()[halves[:count]]
    assert prng.normal16(seed, stream, count).tobytes() == expected.tobytes()


@law
@given(SEEDS, SEEDS)
def test_uniform24_is_an_odd_multiple_of_2_to_the_minus_24(seed, stream):
    values = prng.uniform24(seed, stream, 64)
    scaled = values.astype(np.float64) * 2**24
    words = prng.words(seed, stream, 64).tolist()
    assert scaled.tolist() == [2 * (word >> 8) + 1 - 2**24 for word in words]
    assert (scaled % 2 == 1).all()
    assert (np.abs(values) < 1).all()


@pytest.mark.parametrize(("word", "expected"), [(0, 1 - 2**24), (2**32 - 1, 2**24 - 1)])
def test_uniform24_stays_inside_its_ends(monkeypatch, word, expected):
    block = tuple(np.full(1, word, np.uint64) for _ in range(4))
    monkeypatch.setattr(prng, "philox_block", lambda *_: block)
    values = prng.uniform24(0, 0, 3)
    assert values.dtype == np.float32
    assert values.tolist() == [expected * 2**-24] * 3
    assert (np.abs(values) < 1).all()


@law
@given(SEEDS, SEEDS)
def test_sign_is_the_top_bit(seed, stream):
    words = prng.words(seed, stream, 32).tolist()
    assert prng.sign(seed, stream, 32).tolist() == [-1.0 if w >> 31 else 1.0 for w in words]


def test_normal16_looks_normal():
    values = prng.normal16(7, 0, 100_000).astype(np.float64)
    assert abs(values.mean()) < 4 / math.sqrt(100_000)
    assert abs(values.std() - 1) < 0.01
    assert stats.kstest(values, "norm").pvalue > 0.001
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.0127  # four standard errors


def test_uniform24_looks_uniform():
    values = prng.uniform24(7, 0, 100_000).astype(np.float64)
    assert abs(values.mean()) < 4 / math.sqrt(300_000)
    assert abs(values.std() - 1 / math.sqrt(3)) < 0.005
    assert stats.kstest(values, stats.uniform(-1, 2).cdf).pvalue > 0.001


def test_sign_looks_fair():
    negative = int((prng.sign(7, 0, 100_000) < 0).sum())
    assert stats.binomtest(negative, 100_000).pvalue > 0.001


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "1", None, True, np.int64(3)])
def test_refuses_what_is_no_64_bit_seed(seed):
    with pytest.raises(SettingError, match="0 to 2\\^64 - 1"):
        prng.check_seed(seed)
    with pytest.raises(SettingError):
        prng.words(seed, 0, 4)
    with pytest.raises(SettingError):
        prng.words(0, seed, 4)


def test_the_largest_seed_and_stream_are_taken():
    assert len(prng.words(prng.MAX_SEED, prng.MAX_SEED, 4)) == 4


def test_a_machine_that_cannot_make_the_table_is_told(monkeypatch):
    monkeypatch.setattr(prng, "TABLE_SHA256", "0" * 64)
    with pytest.raises(RuntimeError, match="normal16 table"):
        prng.normal_table.__wrapped__()


@law
@given(
    SEEDS, SEEDS, st.sampled_from(sorted(prng.TRANSFORMS)), st.integers(0, 70), st.integers(0, 40)
)
def test_any_part_of_a_stream_can_be_made_alone(seed, stream, name, start, count):
    transform = prng.TRANSFORMS[name]
    whole = transform(seed, stream, start + count)
    assert np.array_equal(transform(seed, stream, count, start), whole[start:])


def test_parts_far_out_in_a_stream():
    start = 8 * (2**32 - 1)  # the block counter needs its second word
    part = prng.normal16(3, 4, 16, start)
    indices = np.arange(start, start + 16, dtype=np.uint64)
    streams = np.full(16, 4, np.uint64)
    assert np.array_equal(part, prng.values_at("normal16", 3, streams, indices))
