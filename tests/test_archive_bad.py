"""Archives altered by chance or whose container lies: refused, and never by accident."""

import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import zstandard
from handmade import GOOD, altered, put_together, refused, rehash, section, take_apart, tensor
from hypothesis import given, settings
from hypothesis import strategies as st

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import Limits, MaskedTensor, Prototype, encode, inspect, verify


def test_the_helpers_rebuild_a_valid_archive():
    verify(GOOD)
    manifest, payloads = take_apart(GOOD)
    verify(put_together(manifest, payloads))
    raw = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    verify(put_together(manifest, payloads, packed=zstandard.compress(raw)))


@pytest.mark.parametrize("value", [0x01, 0x80, 0xFF])
def test_every_changed_byte_is_refused(tmp_path, value):
    path = tmp_path / "model.pemn"
    for position in range(len(GOOD)):
        data = bytearray(GOOD)
        data[position] ^= value
        path.write_bytes(data)
        refused(path, ".")


def test_every_truncation_and_every_appended_byte_is_refused(tmp_path):
    path = tmp_path / "model.pemn"
    for length in range(len(GOOD)):
        path.write_bytes(GOOD[:length])
        refused(path, ".")
    for more in (b"\0", b"\xff", bytes(64), GOOD):
        path.write_bytes(GOOD + more)
        refused(path, "something was appended")


@pytest.mark.parametrize("name", ["m", "manifest", "header", "t.pemn"])
def test_messages_name_the_file_whatever_it_is_called(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    manifest, payloads = take_apart(GOOD)
    for bad in (
        put_together(None, payloads, text=b"{}"),
        put_together(manifest, payloads, text=b"[1.5]"),
        put_together(manifest, payloads, reserved=bytes(11) + b"\1"),
    ):
        Path(name).write_bytes(bad)
        refused(Path(name), f"^{name}: (manifest|header): ")


def test_files_that_are_none(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    refused(tmp_path / "empty", "got an empty file")
    refused(tmp_path / "missing", "no such file")
    refused(tmp_path, "cannot be read")
    for start in (b"PK\x03\x04", b"\x89PEMN\n\x1a\0", b"\x89PEM"):
        refused(start + bytes(200 if len(start) > 4 else 0), "not a .pemn archive")


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_a_pipe_is_refused_like_a_file():
    read, write = os.pipe()
    try:
        refused(f"/dev/fd/{read}", "cannot be read")
    finally:
        os.close(read)
        os.close(write)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"minor": 2}, r"version 1\.2 is newer than .* 1\.1; install a newer pemn-compress"),
        ({"minor": 1}, r"version: expected 1\.0, the lowest that says what .* got 1\.1"),
        ({"major": 2, "minor": 0}, r"version 2\.0 is newer"),
        ({"major": 0, "minor": 3}, r"version: expected 1\.0 to 1\.1, got 0\.3, a draft"),
        ({"length": len(GOOD) ** 2}, "cut short"),
        ({"length": 96}, "something was appended"),
        ({"sections": 65}, "sections: expected at most 64, got 65"),
        ({"sections": 2}, "sections: expected 3, got 2"),
        ({"elements": 30}, "restored elements: expected 29, got 30"),
        ({"restored": 116}, "restored bytes: expected 115, got 116"),
        (
            {"elements": 2**40},
            r"restored elements: expected at most 1073741824 \(limits=Limits\(max_weights=",
        ),
        (
            {"restored": 2**40},
            r"restored bytes: expected at most 4294967296 \(limits=Limits\(max_bytes=",
        ),
        ({"stored": 2**31}, "stored manifest size: expected at most"),
        ({"stored": 0}, "manifest"),
        ({"raw": 2**26 + 1}, "manifest size: expected at most 4194304"),
        ({"raw": 5}, "manifest size"),
        ({"coding": 1}, "zstd frame"),
        ({"coding": 2}, "manifest coding: expected 0 or 1, got 2"),
        ({"reserved": bytes(11) + b"\1"}, "reserved bytes"),
    ],
)
def test_headers_that_lie(header, message):
    refused(altered(lambda manifest, payloads: None, **header), message)


def test_a_header_digest_must_fit():
    data = bytearray(GOOD)
    data[64] ^= 1
    refused(bytes(data), "the file was altered")


@pytest.mark.parametrize("packed", ["longer", "shorter", "trailing", "unsized", "garbage"])
def test_manifest_frames_that_lie(packed):
    manifest, payloads = take_apart(GOOD)
    raw = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    frame = {
        "longer": zstandard.compress(raw + b" "),
        "shorter": zstandard.compress(raw[:-1]),
        "trailing": zstandard.compress(raw) + b"\0",
        "unsized": zstandard.ZstdCompressor(write_content_size=False).compress(raw),
        "garbage": b"\x28\xb5\x2f\xfd" + bytes(8),
    }[packed]
    refused(put_together(manifest, payloads, packed=frame), "manifest: expected")


def test_limits_are_the_callers():
    verify(GOOD, Limits(max_weights=29, max_bytes=115))
    refused(GOOD, "at most 28", Limits(max_weights=28))
    refused(GOOD, "at most 114", Limits(max_bytes=114))


def stretch_masks(manifest, payloads):
    for name in ("w", "tied"):
        tensor(manifest, name)["shape"] = [2**40]


def declare_huge(manifest, payloads):
    huge = {
        "dtype": "f32", "name": "huge", "shape": [2**20, 2**20],
        "values": {"kind": "constant", "bits": "00000000"},
    }  # fmt: skip
    manifest["tensors"].append(huge)


@pytest.mark.parametrize(
    ("change", "header", "message"),
    [
        (declare_huge, {"elements": 29 + 2**40}, "at most 1073741824 "),
        (declare_huge, {}, "restored elements: expected"),
        (lambda m, p: m["prototype"].update(length=2**40), {}, "prototype length"),
        (stretch_masks, {}, "restored elements: expected 1099511627785, got 29"),
        (stretch_masks, {"elements": 2**40 + 9}, "at most 1073741824 "),
    ],
)  # fmt: skip
def test_a_small_file_that_declares_a_huge_model_costs_nothing(change, header, message):
    data = altered(change, **header)
    assert len(data) < 3000
    tracemalloc.start()
    try:
        refused(data, message)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_sections_must_end_where_the_file_ends():
    def shift(manifest, payloads):
        section(manifest, "source")["bytes"] -= 1

    refused(altered(shift), "sections: expected them to end at")

    def beyond(manifest, payloads):
        section(manifest, "source")["bytes"] = 2**48 - 1

    refused(altered(beyond), "sections: expected them to end at")


def test_padding_must_be_zero():
    told = inspect(GOOD)
    first = next(s for s in told["sections"] if s["offset"] > 96 + told["manifest_bytes"])
    data = bytearray(GOOD)
    data[first["offset"] - 1] = 1
    refused(bytes(data), "padding .*expected zeros")


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], (*path, index))


PLACES = [path for path in places(take_apart(GOOD)[0]) if path]
VALUES = st.sampled_from(
    [None, True, False, 0, 1, 2, -1, 2**31, 2**48 - 1, 2**64 - 1, "", "w", "tied", "masks", "f16",
     "bool", "rice", "csr", "stored", "alias", "zstd", "shuffle-zstd", "bf16",
     "00", "0" * 16, "3f800000", "7f800000", [], [1], [[]], {},
     {"f64": "7ff8000000000000"}, {"kind": "stored", "bytes": 20},
     {"kind": "stored", "bytes": 16, "coding": "raw", "dtype": "f32"},
     {"kind": "stored", "bytes": 15, "coding": "zstd", "dtype": "f32"},
     {"kind": "stored", "bytes": 2, "coding": "raw", "dtype": "f16"}, {"kind": "alias", "of": "w"},
     {"kind": "constant", "bits": "00000000"}, {"bytes": 3, "codec": "csr", "ones": 1}]
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3))
def test_whatever_fields_are_changed_the_answer_is_an_archive_error_or_the_same_tensors(changes):
    def change(manifest, payloads):
        for path, value in changes:
            place = manifest
            try:
                for key in path[:-1]:
                    place = place[key]
                place[path[-1]] = value
            except (TypeError, KeyError, IndexError):
                continue  # an earlier change took the place away

    data = altered(change)
    told, message = {}, "archive: "
    try:
        told = verify(data, Limits(max_weights=1000, max_bytes=10_000))
    except ArchiveError as error:
        message = str(error)
    assert message.startswith("archive: ")
    assert not told or told["restored_sha256"] == take_apart(data)[0]["restored_sha256"]


def test_a_source_of_an_empty_frame_and_junk_is_refused():
    def change(manifest, payloads):
        payloads["source"] = zstandard.compress(b"") + b"junk"
        rehash(manifest, payloads)

    refused(altered(change), "source")


def test_a_stored_prototype_must_be_finite():
    mask = np.ones((2, 2), np.bool_)
    stored = Prototype("normal16", np.array([1, np.inf], np.float32), None)
    refused(encode([MaskedTensor("w", "f32", mask, 0, 1.0)], stored), "finite")


def test_a_prototype_counts_as_restored_bytes():
    values = np.ones(100, np.float32)
    mask = np.ones(4, np.bool_)
    data = encode([MaskedTensor("w", "f32", mask, 0, 1.0)], Prototype("normal16", values, None))
    verify(data, Limits(max_bytes=400))
    refused(data, "prototype bytes: expected at most 399 .*, got 400", Limits(max_bytes=399))
    refused(data, "prototype length: expected at most 99 .*, got 100", Limits(max_weights=99))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_that_nobody_writes_to_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        refused(path, "expected a regular file, got a device or a pipe; read it and pass its bytes")
