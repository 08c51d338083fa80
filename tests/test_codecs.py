"""Mask codecs: exact bytes, round trips, sizes against the limit, and refusals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from pemn_compress.errors import ArchiveError, UnknownNameError
from pemn_compress.format import codecs
from pemn_compress.format.codecs import CODECS, bitmap, csr, rice
from pemn_compress.masking.rules.plan import kept_count

law = settings(deadline=None, derandomize=True, max_examples=120)
NAMES = sorted(CODECS)


def random_mask(numel, ones, seed=0):
    mask = np.zeros(numel, bool)
    mask[np.random.default_rng(seed).choice(numel, ones, replace=False)] = True
    return mask


def bits(text, shape=None):
    return np.array([c == "1" for c in text]).reshape(shape or -1)


@st.composite
def masks(draw):
    shape = tuple(draw(st.lists(st.integers(1, 9), max_size=4)))
    numel = math.prod(shape)
    ones = draw(st.sampled_from([0, 1, numel // 2, numel - 1, numel]) | st.integers(0, numel))
    return random_mask(numel, min(ones, numel), draw(st.integers(0, 99))).reshape(shape)


@law
@given(masks())
def test_every_codec_gives_back_every_mask(mask):
    ones = int(mask.sum())
    for name, codec in CODECS.items():
        payload = codec.encode(mask)
        back = codec.decode(payload, mask.shape, ones)
        assert back.dtype == np.bool_, name
        assert back.shape == mask.shape, name
        assert (back == mask).all(), name
        assert codecs.encode(name, mask) == (name, payload)


@pytest.mark.parametrize("numel", [1, 7, 8, 9, 63, 64, 65, 4096])
@pytest.mark.parametrize("name", NAMES)
def test_edges_of_size_and_count(name, numel):
    for ones in sorted({0, 1, numel // 2, numel - 1, numel}):
        mask = random_mask(numel, ones)
        payload = CODECS[name].encode(mask)
        assert (CODECS[name].decode(payload, (numel,), ones) == mask).all()


@law
@given(masks())
def test_memory_order_does_not_matter(mask):
    for codec in CODECS.values():
        assert codec.encode(np.asfortranarray(mask)) == codec.encode(mask)


@law
@given(masks())
def test_auto_takes_the_smallest_the_first_by_name_on_ties(mask):
    payloads = {name: CODECS[name].encode(mask) for name in NAMES}
    smallest = min(len(p) for p in payloads.values())
    winner = next(name for name in NAMES if len(payloads[name]) == smallest)
    assert codecs.encode("auto", mask) == (winner, payloads[winner])


@law
@given(masks())
def test_no_payload_is_smaller_than_told_at_once(mask):
    for name, codec in CODECS.items():
        assert codec.least(mask) <= len(codec.encode(mask)), name


def test_a_half_dense_mask_is_not_tried_with_what_cannot_be_smallest():
    mask = random_mask(1 << 16, 1 << 15)
    size = len(bitmap.encode(mask))
    assert all(CODECS[name].least(mask) >= size for name in ("csr", "rice"))
    few = random_mask(1 << 16, 1 << 9)
    assert rice.least(few) <= len(rice.encode(few)) <= 1.1 * rice.least(few)


def test_an_unknown_codec_is_named_with_the_choices():
    with pytest.raises(UnknownNameError, match=r"'zip'.*auto, bitmap, csr, rice"):
        codecs.encode("zip", np.ones(3, bool))


@pytest.mark.parametrize(
    ("codec", "mask", "payload"),
    [
        (bitmap, bits("1"), "01"),
        (bitmap, bits("10110000" "1"), "0d 01"),
        (bitmap, bits("00000001"), "80"),
        (bitmap, bits("0000"), "00"),
        (csr, bits("011001", (2, 3)), "00 02 03 01 02 02"),
        (csr, bits("0110"), "00 02 01 02"),  # one dimension: one row
        (csr, bits("01100110", (2, 2, 2)), "00 02 04 01 02 01 02"),
        (csr, bits("000000", (3, 2)), "00 00 00 00"),
        (csr, np.array(True), "00 01 00"),
        # 300 ones need two bytes a pointer, 512 columns two bytes an index
        (csr, np.arange(512) < 300,
         "00 00 2c 01 " + " ".join(f"{i % 256:02x} {i // 256:02x}" for i in range(300))),
        (rice, bits("00000000"), "00"),
        (rice, bits("11111111"), "80"),
        (rice, bits("1010"), "00 05"),  # gaps 0 and 1: unary 1, 01; two of four are no majority
        (rice, bits("1110"), "80 08"),  # the zero is rarer: gap 3
        (rice, np.isin(np.arange(64), [3, 20, 63]), "04 25 0c 05"),
        # gaps 9 and 9, k = 2: unary 001 001, remainders 01 01, most significant bit first
        (rice, np.isin(np.arange(64), [9, 19]), "02 24 0a"),
    ],
)  # fmt: skip
def test_payloads_byte_for_byte(codec, mask, payload):
    assert codec.encode(mask).hex(" ") == payload
    decoded = codec.decode(bytes.fromhex(payload), mask.shape, int(mask.sum()))
    assert (decoded == mask).all()


def rice_bytes(gaps, k):
    """Return the payload's size for a parameter, from the format's words alone."""
    unary = sum((int(g) >> k) + 1 for g in gaps)
    return -(-unary // 8) + -(-len(gaps) * k // 8)


@law
@given(st.lists(st.integers(0, 2**47) | st.integers(0, 40), max_size=90))
def test_the_rice_parameter_is_the_best_of_all(gaps):
    sizes = [rice_bytes(gaps, k) for k in range(rice.MAX_PARAMETER + 1)]
    best = rice.best_parameter(np.array(gaps, np.int64))
    assert best == (sizes.index(min(sizes)) if gaps else 0)


def test_whole_bytes_can_favour_a_parameter_above_the_gaps_own_length():
    gaps = [128, 128, 128, 127, 127, 127, 126]  # their mean has 7 bits
    assert [rice_bytes(gaps, k) for k in (5, 6, 7, 8, 9)] == [9, 9, 9, 8, 9]
    assert rice.best_parameter(np.array(gaps)) == 8


@pytest.mark.parametrize("mean", [1, 1.5, 2, 3.9, 4, 63, 64, 1000, 2**20, 2**40])
@pytest.mark.parametrize("count", [64, 65, 500])
def test_the_rice_parameter_is_the_best_for_geometric_gaps(mean, count):
    gaps = np.random.default_rng(count).geometric(1 / mean, count).astype(np.int64) - 1
    sizes = [rice_bytes(gaps, k) for k in range(rice.MAX_PARAMETER + 1)]
    assert rice.best_parameter(gaps) == sizes.index(min(sizes))


@pytest.mark.parametrize("density", [0.5, 0.3, 0.1, 0.05, 0.01])
def test_size_is_within_one_and_a_half_percent_of_the_limit(density):
    numel = 2_359_296  # 512 x 512 x 3 x 3
    ones = kept_count(numel, density)
    mask = random_mask(numel, ones, seed=1)
    nats = gammaln(numel + 1) - gammaln(ones + 1) - gammaln(numel - ones + 1)
    limit = nats / math.log(2) / 8
    name, payload = codecs.encode("auto", mask)
    assert limit <= len(payload) <= 1.015 * limit
    assert (CODECS[name].decode(payload, (numel,), ones) == mask).all()


MASK = bits("1010")  # rice: header, then unary bits 1, 0 1


@pytest.mark.parametrize(
    ("name", "payload", "shape", "ones", "message"),
    [
        ("bitmap", "", (8,), 0, "expected 1 bytes, got 0"),
        ("bitmap", "01 00", (8,), 1, "expected 1 bytes, got 2"),
        ("bitmap", "01", (8,), 2, "expected 2 ones, got 1"),
        ("bitmap", "81", (7,), 2, "unused bits"),
        ("csr", "00 02 01", (4,), 2, "expected 4 bytes, got 3"),
        ("csr", "00 02 01 02 03", (4,), 2, "expected 4 bytes, got 5"),
        ("csr", "01 02 01 02", (4,), 2, "row pointers"),
        ("csr", "00 01 01 02", (4,), 2, "row pointers"),
        ("csr", "00 03 02 00 01", (2, 2), 2, "row pointers"),
        ("csr", "00 02 01 04", (4,), 2, "below 4, got 4"),
        ("csr", "00 02 02 01", (4,), 2, "rise within each row"),
        ("csr", "00 02 01 01", (4,), 2, "rise within each row"),
        ("rice", "", (4,), 0, "at least 1 byte"),
        ("rice", "00 05 00", (4,), 2, "end at its last one"),
        ("rice", "00 00", (4,), 0, "end at its last one"),
        ("rice", "00", (4,), 2, "expected 2 ones in the unary stream, got 0"),
        ("rice", "00 0d", (4,), 2, "expected 2 ones in the unary stream, got 3"),
        ("rice", "80 05", (4,), 2, "rarer symbol"),
        ("rice", "00 07", (4,), 3, "rarer symbol"),
        ("rice", "30 05", (4,), 2, "parameter up to 47, got 48"),
        ("rice", "40 05", (4,), 2, "parameter up to 47, got 64"),
        ("rice", "2f 05", (4,), 2, "do not fit"),
        ("rice", "00 09", (4,), 2, None),  # gaps 0, 2: positions 0, 3 fit
        ("rice", "00 11", (4,), 2, "beyond its end"),
        ("rice", "00 00 01", (4,), 1, "beyond its end"),
        ("rice", "04 25 0c 15", (64,), 3, "padding bits"),
        ("rice", "01 01 01", (1, 2), 1, None),  # gap 1, k = 1: position 1 fits
        ("rice", "01 01 01", (3, 1), 1, None),
        ("rice", "02 01 02", (3,), 1, None),  # remainder 01
        ("rice", "02 01 01", (2,), 1, "beyond its end"),
        ("rice", "2f 03" + " ff" * 11 + " 3f", (100,), 2, "beyond its end"),
    ],
)
def test_decoders_account_for_every_byte(name, payload, shape, ones, message):
    decode = CODECS[name].decode
    if message is None:
        assert int(decode(bytes.fromhex(payload), shape, ones).sum()) == ones
        return
    with pytest.raises(ArchiveError, match=message) as refused:
        decode(bytes.fromhex(payload), shape, ones)
    assert str(refused.value).startswith(f"{name}: ")


@pytest.mark.parametrize("index", [2**64 - 1, 2**63, 2**32 + 1])
def test_csr_refuses_eight_byte_indices_beyond_the_row(index):
    payload = bytes([0, 1]) + index.to_bytes(8, "little")
    with pytest.raises(ArchiveError, match="below 4294967297"):
        csr.decode(payload, (2**32 + 1,), 1)


def test_rice_refuses_gaps_whose_sum_wraps_around():
    count = 2**17  # gaps of 2^47 - 1: their sum is 2^64 - 2^17, which 64 bits call small
    payload = bytes([47]) + b"\xff" * (count // 8) + b"\xff" * (count * 47 // 8)
    with pytest.raises(ArchiveError, match="beyond its end"):
        rice.decode(payload, (2**19,), count)


@law
@given(masks(), st.sampled_from(NAMES), st.data())
def test_damage_is_refused_or_yields_the_right_count(mask, name, data):
    ones = int(mask.sum())
    payload = bytearray(CODECS[name].encode(mask))
    if data.draw(st.booleans(), "flip"):
        bit = data.draw(st.integers(0, 8 * len(payload) - 1), "bit")
        payload[bit // 8] ^= 1 << bit % 8
    else:
        del payload[data.draw(st.integers(0, len(payload) - 1), "cut") :]
    try:
        decoded = CODECS[name].decode(bytes(payload), mask.shape, ones)
    except ArchiveError:
        return
    assert decoded.shape == mask.shape
    assert int(decoded.sum()) == ones


@law
@given(st.binary(max_size=24), st.sampled_from(NAMES), st.integers(1, 80), st.data())
def test_arbitrary_bytes_are_refused_or_yield_the_right_count(payload, name, numel, data):
    ones = data.draw(st.integers(0, numel))
    try:
        decoded = CODECS[name].decode(payload, (numel,), ones)
    except ArchiveError:
        return
    assert int(decoded.sum()) == ones


@pytest.mark.parametrize("name", ["bitmap", "csr"])
@law
@given(mask=masks(), cut=st.integers(0, 5), grow=st.binary(min_size=1, max_size=3))
def test_codecs_of_fixed_length_refuse_every_other_length(name, mask, cut, grow):
    payload, ones = CODECS[name].encode(mask), int(mask.sum())
    for wrong in (payload[: max(0, len(payload) - 1 - cut)], payload + grow):
        with pytest.raises(ArchiveError, match="bytes, got"):
            CODECS[name].decode(wrong, mask.shape, ones)
