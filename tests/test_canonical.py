"""Canonical JSON: one spelling for every value, and no other one accepted."""

import math
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import canonical

law = settings(deadline=None, derandomize=True, max_examples=80)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=6)
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=4).filter("f64".__ne__), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@law
@given(JSON)
def test_canonical_json_round_trip(value):
    raw = canonical.encode(value)
    assert canonical.decode(raw) == value
    assert canonical.encode(canonical.decode(raw)) == raw


@law
@given(st.floats())
def test_floats_keep_their_bits(value):
    raw = canonical.encode([value])
    assert raw == b'[{"f64":"' + struct.pack(">d", value).hex().encode() + b'"}]'
    back = canonical.decode(raw)[0]
    assert back == value or (math.isnan(back) and math.isnan(value))


def test_float32_bits():
    assert canonical.float32_bits(-0.5) == "bf000000"
    assert canonical.float32_from_bits("3dcccccd") == float(np.float32(0.1))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b" {}", b"{} ", b'{"a": 1}', b'{"a":1 }', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b"1.0",
        b"1e3", b"[1e400]", b"NaN", b"[Infinity]", b"-Infinity", b"-0", b"01", b"+1",
        b"123456789012345678901", b"18446744073709551616", b"-9223372036854775809", b'"\\ud800"',
        b'"\\u0041"', b'"\\/"', b'"\xff"', b"\xef\xbb\xbf{}", b"{}{}", b"[1,]", b"{'a':1}", b'"\t"',
        b'"abc', b'"abc\\', b"[" * 17 + b"]" * 17, b"[" * 100_000, b'{"a":' * 100_000,
        b"9" * 100_000, b'["]"' + b"[" * 17 + b"]" * 18,
    ],
    ids=lambda raw: repr(raw[:24]),
)  # fmt: skip
def test_canonical_json_refuses_every_other_spelling(raw):
    with pytest.raises(ArchiveError, match=r"^manifest: expected ") as refused:
        canonical.decode(raw)
    assert len(str(refused.value)) < 300


def test_brackets_in_strings_are_no_nesting():
    for text in ("[" * 99, '\\"[' * 99, "\\" + "{" * 99):
        assert canonical.decode(canonical.encode({"a": text})) == {"a": text}
    assert canonical.decode(b"[" * 16 + b"]" * 16) is not None


def test_a_string_that_never_ends_takes_no_time():
    started = time.perf_counter()
    with pytest.raises(ArchiveError):
        canonical.decode(b'"' + b'\\"' * 30_000)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("use", [1234567890123456, "3FE0000000000000", "", None, {"a": 1}])
def test_the_key_of_floats_has_no_other_use(use):
    raw = canonical.encode({"x": {"key": use}}).replace(b'"key"', b'"f64"')
    with pytest.raises(ArchiveError, match="f64"):
        canonical.decode(raw)
    with pytest.raises(ArchiveError, match="f64"):
        canonical.encode({"f64": use})
