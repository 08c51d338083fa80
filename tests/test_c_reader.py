"""The reader in C and the one in Python: the same verdict on every file, the same tensors."""

import copy
import itertools
import json
import re
import struct
import subprocess

import numpy as np
import pytest
import zstandard
from c_tools import SPEC, C
from handmade import (
    GOOD,
    altered,
    put_together,
    rehash,
    restored_digest,
    take_apart,
    tensor,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from test_manifest_bad import FIELDS, setting

from pemn_compress.errors import ArchiveError
from pemn_compress.format import prng
from pemn_compress.format.archive import (
    AliasTensor,
    ConstantTensor,
    DenseTensor,
    MaskedTensor,
    Plane,
    Prototype,
    QuantizedTensor,
    SparseTensor,
    encode,
    layout,
    open_archive,
    verify,
)
from pemn_compress.format.archive.records import Shuffle
from pemn_compress.format.archive.values import tensor_sha256
from pemn_compress.format.codecs import CODECS

TYPES = {
    "bool": "?", "u8": "u1", "i8": "i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
    "bf16": "<u2", "f16": "<f2", "f32": "<f4", "f64": "<f8",
}  # fmt: skip


def verdict(data):
    try:
        verify(data)
    except ArchiveError:
        return False
    return True


def same_verdicts(check, archives):
    """Assert that both readers say the same of all archives; return their verdicts."""
    told = check(list(archives.values()))
    said = {name: one["ok"] for name, one in zip(archives, told, strict=True)}
    differing = {
        name: one.get("error", "accepted in C")
        for (name, data), one in zip(archives.items(), told, strict=True)
        if verdict(data) != one["ok"]
    }
    assert not differing
    return said


def same_tensors(check, archives):
    """Assert that both readers accept all archives and restore the same."""
    for data, told in zip(archives, check(archives), strict=True):
        assert told.get("error") is None
        with open_archive(data) as archive:
            arrays = archive.restored()
            assert told["version"] == f"{archive.version[0]}.{archive.version[1]}"
            assert told["restored_sha256"] == archive.manifest.restored_sha256
            assert told["tensors"] == [
                {
                    "name": record.name,
                    "dtype": record.dtype,
                    "shape": list(record.shape),
                    "sha256": tensor_sha256(record.dtype, arrays[record.name]).hex(),
                }
                | (
                    {"plane": {"kind": plane.kind, "count": plane.positions.ones}}
                    if (plane := record.plane)
                    else {}
                )
                for record in archive.manifest.tensors
            ]


def test_the_accepted_version_is_two_lines():
    text = (C / "pemn.h").read_text()
    version = re.findall(r"^#define PEMN_(MAJOR|MINOR) (\d+)$", text, re.MULTILINE)
    assert version == [("MAJOR", str(layout.MAJOR)), ("MINOR", str(layout.MINOR))]


def test_the_caps_are_those_of_the_format():
    text = "".join(p.read_text() for p in [*C.glob("src/*/*.[ch]"), C / "pemn.h"])
    told = dict(re.findall(r"^#define (MAX_\w+) (.*)$", text, re.MULTILINE))
    for name in (name for name in vars(layout) if name.startswith("MAX_")):
        value = re.sub(r"\((?:uint64_t|size_t)\)", "", told[name])
        assert eval(value.replace("PEMN_MAX_RANK", "8")) == getattr(layout, name)
    defaults = re.findall(r"limits\.(\w+) = \(uint64_t\)1 << (\d+);", text)
    limits = layout.Limits()
    for name in ("max_weights", "max_bytes", "max_manifest_bytes"):
        assert 1 << int(dict(defaults)[name]) == getattr(limits, name)


def with_raw_manifest(data):
    manifest, payloads = take_apart(data)
    elements, restored = struct.unpack_from("<QQ", data, 24)
    return put_together(manifest, payloads, elements=elements, restored=restored)


@pytest.mark.parametrize("codec", ["bitmap", "csr", "rice"])
@pytest.mark.parametrize("transform", prng.TRANSFORMS)
def test_masked_sparse_and_quantized_tensors(check, transform, codec):
    random, archives = np.random.default_rng(1), []
    shuffles = [None, Shuffle(300, 7, 1), Shuffle(40, 2**64 - 1, 2**63 + 5)]
    for seed in (2**64 - 3, None):
        for shuffle in shuffles:
            values = prng.TRANSFORMS[transform](seed or 5, 0, 97)
            contents = [AliasTensor("tied", "0-f32"), AliasTensor("a.tied", "q1")]
            for number, density in enumerate((0.0, 0.02, 0.3, 0.7, 1.0)):
                mask = random.random((5, 3, 20)) < density
                ones = int(mask.sum())
                rows = tuple(float(np.float32(x)) for x in random.standard_normal(5))
                rows = (-(2.0**-100), 2.0**100, 2.0**-20, *rows[3:])
                integers = np.where(mask, random.integers(-128, 128, mask.shape), 0).astype("i1")
                kept = random.standard_normal(ones).astype("<f4")
                contents[:0] = [
                    *(MaskedTensor(f"{number}-{d}", d, mask, 30, rows if number % 2 else 0.3)
                      for d in ("f32", "f16", "bf16")),
                    SparseTensor(f"s{number}", "f32", mask, kept),
                    SparseTensor(f"n{number}", "f32", mask, kept.astype("<f2").astype("<f4"),
                                 "f16"),
                    SparseTensor(f"i{number}", "i64", mask, random.integers(0, 9, ones)),
                    SparseTensor(f"c{number}", "f16", mask, np.full(ones, -2, "<f2")),
                    QuantizedTensor(f"q{number}", "f32", integers, rows, mask),
                    QuantizedTensor(f"b{number}", "bf16", integers, -0.37),
                    QuantizedTensor(f"h{number}", "f16", integers, 2.0**-30, mask),
                ]  # fmt: skip
            data = encode(
                contents,
                Prototype(transform, values, seed, shuffle),
                codec=codec,
                source="# é\n" if seed is None else None,
                tensor_digests=shuffle is not None,
            )
            archives += [data, with_raw_manifest(data)]
    same_tensors(check, archives)


def test_stored_values_of_every_dtype_and_coding(check):
    random, archives = np.random.default_rng(2), []
    for narrow in (None, "f16", "bf16"):
        contents = []
        for name, code in TYPES.items():
            width = np.dtype(code).itemsize
            raw = random.integers(0, 2 if name == "bool" else 256, 6 * width, np.uint8).tobytes()
            short = np.frombuffer(raw, code).reshape(2, 1, 3)
            contents += [
                DenseTensor(name, name, short),
                DenseTensor(f"{name}-long", name, np.tile(short, (40, 1, 1))),
                DenseTensor(f"{name}-scalar", name, np.zeros((), code)),
                DenseTensor(f"{name}-large", name, np.frombuffer(random.bytes(4096), code))
                if name != "bool"
                else DenseTensor("flags", name, np.arange(9) % 2 == 0),
            ]
        all_halves = np.arange(1 << 16, dtype="<u4") << 16
        contents.append(DenseTensor("all", "f32", all_halves.view("<f4"), narrow))
        halves = np.arange(1 << 16, dtype="<u2").view("<f2")
        with np.errstate(all="ignore"):
            wide = halves.astype("<f4")
        contents.append(DenseTensor("halves", "f32", wide[~np.isnan(wide)], narrow))
        contents.append(DenseTensor("smooth", "f64", np.arange(300) / 8))
        data = encode(contents, None, about={"é\n": [0.5, None, {"": -1}]})
        archives += [data, with_raw_manifest(data)]
    archives.append(encode([], None))
    codings = re.findall('"coding": "([a-z-]+)"', json.dumps(take_apart(archives[2])[0]))
    assert {"raw", "zstd", "shuffle-zstd"} == set(codings)
    same_tensors(check, archives)


def test_the_example(check):
    same_tensors(check, [(SPEC / "examples" / "small.pemn").read_bytes()])


def test_every_changed_byte_and_every_cut_of_a_small_archive(check):
    data = (SPEC / "examples" / "small.pemn").read_bytes()
    archives = {"none": b"", "one more": data + b"\0"}
    for position in range(len(data)):
        archives[f"cut at {position}"] = data[:position]
        for bits in (0x01, 0x80, 0xFF):
            changed = bytearray(data)
            changed[position] ^= bits
            archives[f"{position} ^ {bits}"] = bytes(changed)
    assert not any(same_verdicts(check, archives).values())


def test_every_changed_byte_behind_right_digests(check):
    manifest, payloads = take_apart(GOOD)
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    archives = {"good": put_together(manifest, payloads)}
    for position in range(len(text)):
        for bits in (0x01, 0x08, 0x80):
            changed = bytearray(text)
            changed[position] ^= bits
            name = f"manifest {position} ^ {bits}"
            archives[name] = put_together(manifest, payloads, text=bytes(changed))
    for name, payload in payloads.items():
        for position in range(len(payload)):
            changed = bytearray(payload)
            changed[position] ^= 0x11
            told, parts = copy.deepcopy(manifest), payloads | {name: bytes(changed)}
            rehash(told, parts)
            archives[f"{name} {position}"] = put_together(told, parts)
    fields = bytearray(GOOD[:64])
    stored = GOOD[96 : 96 + struct.unpack_from("<I", GOOD, 40)[0]]
    for position in range(64):
        changed = bytearray(fields)
        changed[position] ^= 0x01
        names = ("magic", "major", "minor", "sections", "length", "elements", "restored",
                 "stored", "raw", "coding", "reserved")  # fmt: skip
        header = dict(zip(names, struct.unpack("<8sHHIQQQIII12s", changed), strict=True))
        text = zstandard.decompress(stored)
        archives[f"header {position}"] = put_together(
            manifest, payloads, text=text, packed=stored, **header
        )
    said = same_verdicts(check, archives)
    assert said["good"]
    assert sum(said.values()) < len(said) / 10  # a changed `about` is as good as the first one


def test_every_rule_of_the_manifest(check):
    archives = {
        f"{'.'.join(map(str, path))} {value!r:.60}": altered(setting(path, value))
        for path, value, _ in FIELDS
    }
    assert len(archives) > 100
    assert not any(same_verdicts(check, archives).values())


def text_of(manifest):
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def json_cases():
    """Manifests whose `about` holds unusual JSON, right and wrong."""
    manifest, payloads = take_apart(GOOD)
    manifest["about"] = {"x": "HERE"}
    text = text_of(manifest)
    block = r"^```json vector=not-canonical\n(.*?)^```$"
    spec = re.findall(block, (SPEC / "SPEC.md").read_text(), re.MULTILINE | re.DOTALL)
    parts = [part.encode("utf-8", "surrogatepass") for block in spec for part in json.loads(block)]
    parts += [
        b"0", b"-1", b"-0", b"00", b"01", b"-01", b"1.5", b"1e5", b"+1", b"0x1", b"1_0", b" 1",
        b"1 ",         b"18446744073709551615", b"18446744073709551616", b"-9223372036854775808",
        b"-9223372036854775809", b"99999999999999999999", b"100000000000000000000", b"9" * 4400,
        b"true", b"True", b"nul", b"nulll", b"NaN", b"-Infinity", b'"', b'"a', b"'a'", b"{", b"}",
        b"[1,]", b"[,1]", b"[1 ,2]", b"[1,2", b"[1}", b"{1:2}", b'{"a"}', b'{"a":}', b'{"a":1,}',
        b'{"a":1,"a":2}', b'{"a":1,"B":2}', b'{"B":1,"a":2}', b'{"a":1,"aa":2}', b'{"aa":1,"a":2}',
        '{"z":1,"é":2}'.encode(), '{"é":1,"z":2}'.encode(), '{"\ud7ff":1,"𐀀":2}'.encode(),
        '{"\uffff":1,"𐀀":2}'.encode(), '{"𐀀":1,"\uffff":2}'.encode(), b'{"":1}',
        b'{"\\n":1,"A":2}', b'{"A":1,"\\n":2}', b'{"\\"":1,"#":2}', b'{"\\\\":1,"]":2}',
        b'{"[":1,"\\\\":2}', b'{"\\u001f":1," ":2}', b'{" ":1,"\\u001f":2}',
        *[b'"\\' + bytes([c]) + b'"' for c in b'"\\/bfnrtuvx0'], b'"\\u0000"', b'"\\u000a"',
        b'"\\u000b"', b'"\\u0008"', b'"\\u001F"', b'"\\u0020"', b'"\\u0022"', b'"\\u00e9"',
        b'"\\u007f"',
        b'"\\ud83d\\ude00"', b'"\\u0', b'"\x7f"', b'"\x00"', b'"\n"', b'"\x1f"', b'"/"',
        b'"\xc3\xa9"', b'"\xc3"', b'"\xa9"', b'"\xc0\x80"', b'"\xc1\xbf"', b'"\xe0\x9f\xbf"',
        b'"\xe0\xa0\x80"', b'"\xed\x9f\xbf"', b'"\xed\xa0\x80"', b'"\xed\xbf\xbf"',
        b'"\xee\x80\x80"',
        b'"\xef\xbb\xbf"', b'"\xef\xbf\xbf"', b'"\xf0\x8f\xbf\xbf"', b'"\xf0\x90\x80\x80"',
        b'"\xf4\x8f\xbf\xbf"', b'"\xf4\x90\x80\x80"', b'"\xf5\x80\x80\x80"',
        b'"\xf8\x88\x80\x80\x80"',
        b'"\xff"', b'"\xe2\x82"', b'"\xf0\x9f\x98"', b"\xef\xbb\xbf1",
        *[b'{"f64":"' + x + b'"}' for x in (b"0" * 16, b"f" * 16, b"7ff0000000000000", b"F" * 16,
                                            b"0" * 15, b"0" * 17, b"", b"\xc3\xa9" * 8)],
        b'{"f64":1}', b'{"f64":null}', b'{"f64":["0000000000000000"]}',
        b'{"a":1,"f64":"%s"}' % (b"0" * 16),
        b'{"f64":"%s","g":1}' % (b"0" * 16), b'[{"f64":"%s"}]' % (b"0" * 16), b'{"F64":1}',
        b'{"\\u0066":1}',
        *[b"[" * n + b"]" * n for n in (13, 14, 15, 16, 17, 5000)],
        *[b'{"a":' * n + b"1" + b"}" * n for n in (13, 14, 15, 5000)],
        b'{"a":' * 13 + b'{"f64":"%s"}' % (b"0" * 16) + b"}" * 13,
        b'{"a":' * 14 + b'{"f64":"%s"}' % (b"0" * 16) + b"}" * 14,
        b'"' + b"[" * 40 + b'"', b'"\\"' + b"[" * 40 + b'"',
    ]  # fmt: skip
    cases = {
        f"json {n} {part!r:.50}": put_together(
            manifest, payloads, text=text.replace(b'"HERE"', part, 1)
        )
        for n, part in enumerate(parts)
    }
    whole = [b"", b"{}", b"[]", b"1", b"null", text + b" ", text + text, b" " + text, text[:-1],
             b"\xef\xbb\xbf" + text, text + b"\0", text.replace(b":", b": ", 1),
             text.decode().encode("utf-16")]  # fmt: skip
    cases |= {f"whole {n}": put_together(manifest, payloads, text=t) for n, t in enumerate(whole)}
    for place in ("about", "architecture"):
        for value in ({}, {"f64": "0" * 16}, [], None, "x", {"a": {"f64": "0" * 16}}):
            cases[f"{place} {value}"] = altered(setting((place,), value))
    return cases


def test_json_in_any_spelling(check):
    said = same_verdicts(check, json_cases())
    assert 20 < sum(said.values()) < len(said) / 2


NO_SIZE = zstandard.ZstdCompressor(write_content_size=False)
CHECKSUM = zstandard.ZstdCompressor(write_checksum=True)


def frames(content):
    """Frames around a content, right and wrong."""
    good, checked = zstandard.compress(content), CHECKSUM.compress(content)
    blocks, size = b"", len(content)
    for start in range(0, size, 65536):
        part = content[start : start + 65536]
        blocks += (len(part) << 3 | (start + 65536 >= size)).to_bytes(3, "little") + part
    magic = bytes.fromhex("28b52ffd")
    sized = size.to_bytes(4, "little")
    return {
        "good": good, "checksum": checked,
        "wrong checksum": checked[:-1] + bytes([checked[-1] ^ 1]),
        "unsized": NO_SIZE.compress(content), "cut": good[:-1], "long": good + b"\0",
        "two": good + zstandard.compress(b"x"), "empty after": good + zstandard.compress(b""),
        "skippable after": good + b"\x50\x2a\x4d\x18\0\0\0\0",
        "skippable before": b"\x50\x2a\x4d\x18\0\0\0\0" + good, "only magic": magic, "nothing": b"",
        "longer": zstandard.compress(content + b"\0"), "empty": zstandard.compress(b""),
        "raw blocks": magic + b"\xa0" + sized + blocks,
        "declares more": magic + b"\xa0" + (size + 1).to_bytes(4, "little") + blocks,
        "declares less": magic + b"\xa0" + (size - 1).to_bytes(4, "little") + blocks,
        "size of 8 bytes": magic + b"\xe0" + sized + bytes(4) + blocks,
        "huge": magic + b"\xe0" + b"\xff" * 8 + blocks,
        "unused bit": magic + b"\xb0" + sized + blocks,
        "reserved bit": magic + b"\xa8" + sized + blocks,
        "dictionary 0": magic + b"\xa1\0" + sized + blocks,
        "dictionary": magic + b"\xa1\7" + sized + blocks,
        "dictionary of 4": magic + b"\xa3\0\0\0\1" + sized + blocks,
        **{f"window {w:02x}": magic + b"\x80" + bytes([w]) + sized + blocks
           for w in (0x30, 0x38, 0x60, 0x87, 0x88, 0x89, 0x90, 0xa8, 0xf8, 0xff)},
        "no last block": magic + b"\xa0" + sized + blocks[:2] + b"\0" + blocks[3:],
        "reserved block": magic + b"\xa0" + sized + bytes([blocks[0] | 6]) + blocks[1:],
        "old magic": b"\x27" + good[1:], "gzip": b"\x1f\x8b\x08" + bytes(20),
    }  # fmt: skip


def frame_cases():
    manifest, payloads = take_apart(GOOD)
    text = text_of(manifest)
    cases = {
        f"manifest {name}": put_together(manifest, payloads, text=text, packed=frame)
        for name, frame in frames(text).items()
    }

    def source(payload):
        def change(told, parts):
            parts["source"] = payload
            rehash(told, parts)

        return altered(change)

    for name, frame in frames("# text é\n".encode() * 20).items():
        if frame:
            cases[f"source {name}"] = source(frame)
    for text in (b"\xff", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", "\U0010ffff".encode(), b"\0"):
        cases[f"source {text}"] = source(zstandard.compress(text))
    cases["source of 64 MiB"] = source(zstandard.compress(bytes(2**26)))
    cases["source above it"] = source(zstandard.compress(bytes(2**26 + 1)))
    array = np.tile(np.array([1.5, -2.0, 0.25, 0.0], "<f4"), 100)
    for name, frame in frames(array.tobytes()).items():
        cases[f"stored {name}"] = one_tensor(
            {"dtype": "f32", "shape": [400]},
            {"bytes": len(frame), "coding": "zstd", "dtype": "f32", "kind": "stored"},
            array,
            dense=frame,
        )
    return cases


def one_tensor(
    record, told, array, *, masks=b"", planes=b"", dense=b"", prototype=None, minor=0, **parts
):
    """Return an archive of one tensor, its digests those of `array`."""
    manifest = {
        "about": {}, "architecture": {}, "prototype": prototype,
        "restored_sha256": restored_digest([("t", record["dtype"], array)]),
        "sections": [], "tensors": [record | {"name": "t", "values": told}],
    }  # fmt: skip
    payloads = {"masks": masks, "planes": planes, "dense": dense} | parts
    payloads = {name: payload for name, payload in payloads.items() if payload}
    manifest["sections"] = [
        {"critical": name not in ("source", "other"), "name": name} for name in payloads
    ]
    rehash(manifest, payloads)
    return put_together(manifest, payloads, elements=array.size, restored=array.nbytes, minor=minor)


def test_frames(check):
    said = same_verdicts(check, frame_cases())
    good = {name for name, ok in said.items() if ok and name.startswith("stored ")}
    assert good >= {f"stored {name}" for name in ("good", "checksum")}
    assert said["source of 64 MiB"]


def cases_of_sections():
    def change(function):
        return altered(function)

    def insert(place, name, payload, critical=False):
        def function(manifest, payloads):
            manifest["sections"].insert(place, {"critical": critical, "name": name})
            items = list(payloads.items())
            items.insert(place, (name, payload))
            payloads.clear()
            payloads.update(items)
            rehash(manifest, payloads)

        return change(function)

    def reorder(manifest, payloads):
        manifest["sections"].reverse()
        for name in list(payloads)[::-1]:
            payloads[name] = payloads.pop(name)

    def other_order(manifest, payloads):
        manifest["sections"].reverse()

    def grow(name, extra):
        def function(manifest, payloads):
            payloads[name] += extra
            rehash(manifest, payloads)

        return change(function)

    def many(count):
        def function(manifest, payloads):
            for i in range(count):
                payloads[f"x{i}"] = b"x"
                manifest["sections"].append({"critical": False, "name": f"x{i}"})
            rehash(manifest, payloads)

        return change(function)

    cases = {
        "unknown": insert(0, "more", b"abc"),
        "unknown, last": insert(3, "more", b"abc" * 99),
        "unknown and critical": insert(0, "more", b"abc", critical=True),
        "unneeded prototype": insert(2, "prototype", bytes(36), critical=True),
        "of 0 bytes": insert(1, "more", b""),
        "reversed": change(reorder),
        "records reversed": change(other_order),
        "64 of them": many(61),
        "65 of them": many(62),
        "longer masks": grow("masks", b"\0"),
        "longer dense": grow("dense", b"\0"),
        "one byte after": GOOD + b"\0",
        "64 bytes after": GOOD + bytes(64),
    }
    for position in (struct.unpack_from("<I", GOOD, 40)[0] + 96, len(GOOD) - 70):
        changed = bytearray(GOOD)
        changed[position] ^= 1
        cases[f"padding at {position}"] = bytes(changed)
    for field, values in {
        "sections": (0, 2, 4, 2**32 - 1), "length": (0, 95, 2**64 - 1), "coding": (1, 2, 255),
        "elements": (0, 28, 30, 2**30, 2**30 + 1, 2**64 - 1), "minor": (1, 3, 65535),
        "restored": (0, 114, 116, 2**32 + 1, 2**64 - 1), "stored": (0, 1, 2**32 - 1),
        "raw": (0, 1, 2**22, 2**22 + 1, 2**26, 2**26 + 1, 2**32 - 1), "major": (0, 2, 65535),
        "reserved": (bytes(11) + b"\1", b"\1" + bytes(11)), "magic": (b"\x89PEMN\n\x1a\0",),
    }.items():  # fmt: skip
        for value in values:
            cases[f"header {field} {value}"] = altered(lambda m, p: None, **{field: value})
    return cases


def test_sections_and_headers(check):
    said = same_verdicts(check, cases_of_sections())
    good = {name for name, ok in said.items() if ok}
    assert good == {"unknown", "unknown, last", "reversed", "64 of them"}


def sums_that_overflow():
    """Records whose sizes add up to the right number modulo 2^64 alone."""
    cases = {}
    for fields in ({"bytes": 2**48 - 1}, {"ones": 2**48 - 1}):
        told = {"bytes": 3, "codec": "bitmap", "ones": 7} | fields
        cases[f"positions {fields}"] = altered(setting(("@w", "positions"), told))
    huge = {"dtype": "f64", "shape": [2**47], "values": {"bits": "00" * 8, "kind": "constant"}}
    for count in (2**17, 2**13):

        def change(manifest, payloads, count=count):
            manifest["tensors"] += [huge | {"name": f"n{i}"} for i in range(count)]

        total = count * 2**47
        data = altered(change, elements=(29 + total) % 2**64, restored=(115 + 8 * total) % 2**64)
        cases[f"{count} times 2^47 elements"] = data
    big = {"kind": "stored", "coding": "raw", "dtype": "u8"}
    shape = [2**48 - 1]

    def change(manifest, payloads):
        record = {"dtype": "u8", "name": "x", "shape": shape}
        manifest["tensors"].append(record | {"values": big | {"bytes": 2**48 - 1}})

    cases["a stored tensor of 2^48 - 1"] = altered(change)
    for key, value in (("length", 2**48 - 1), ("length", 2**30 + 1)):
        cases[f"prototype {key} {value}"] = altered(setting(("prototype", key), value))
    for length in (2**48 - 1, 2**30 + 1):
        shuffle = {"length": length, "seed": "0" * 16, "stream": "0" * 16}
        cases[f"shuffle {length}"] = altered(setting(("prototype", "shuffle"), shuffle))
    return cases


def test_sums_that_overflow(check):
    assert not any(same_verdicts(check, sums_that_overflow()).values())


def mask_cases():
    """Mask payloads, right and wrong, of all codecs, some of them at random."""
    random, cases = np.random.default_rng(5), {}
    shapes = [(), (1,), (9,), (64,), (2, 300), (300, 2), (3, 1, 5), (1, 257), (70, 1)]
    for shape in shapes:
        n = int(np.prod(shape))
        for density in (0.0, 0.1, 0.5, 0.6, 1.0):
            mask = random.random(shape) < density
            for codec, (pack, *_) in CODECS.items():
                payload, ones = pack(mask), int(mask.sum())
                for number in range(6):
                    changed = bytearray(payload)
                    if number > 1:
                        at = int(random.integers(len(changed)))
                        changed[at] ^= 1 << int(random.integers(8))
                    if number == 3:
                        changed += b"\0"
                    if number == 4:
                        changed = changed[:-1]
                    told = {
                        "bytes": len(changed),
                        "codec": codec,
                        "ones": min(n, ones + (number == 1)),
                    }
                    try:
                        array = CODECS[codec].decode(bytes(changed), shape, told["ones"])
                    except ArchiveError:
                        array = np.zeros(shape, bool)
                    record = {"dtype": "bool", "shape": list(shape), "positions": told}
                    values = {"bits": "01", "kind": "constant"}
                    name = f"{codec} {shape} {density} {number}"
                    data = one_tensor(record, values, np.asarray(array), masks=bytes(changed))
                    cases[name] = data
    for parameter in range(128):
        payload = bytes([parameter]) + b"\x07" + bytes(-(-3 * (parameter & 63) // 8))
        array = np.zeros(64, bool)
        array[:3] = True
        told = {"bytes": len(payload), "codec": "rice", "ones": 3}
        record = {"dtype": "bool", "shape": [64], "positions": told}
        values = {"bits": "01", "kind": "constant"}
        cases[f"parameter {parameter}"] = one_tensor(record, values, array, masks=payload)
    return cases


def test_masks(check):
    said = same_verdicts(check, mask_cases())
    assert len(said) > 600
    assert all(ok for name, ok in said.items() if name.endswith(" 0") and name[0] != "p")
    assert [said[f"parameter {k}"] for k in range(128)] == [k < 48 for k in range(128)]


def spec_cases(name):
    blocks = re.findall(
        rf"^```json vector={name}\n(.*?)^```$",
        (SPEC / "SPEC.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    return [vector for block in blocks for vector in json.loads(block)]


def of_stored(vector):
    payload = bytes.fromhex(vector["payload"])
    told = {"bytes": len(payload), "coding": vector["coding"], "dtype": vector["stored"]}
    record = {"dtype": vector["dtype"], "shape": vector["shape"]}
    return record | {"values": told | {"kind": "stored"}}, {"dense": payload}


def of_record(vector):
    parts = {name: bytes.fromhex(vector.get(name, "")) for name in ("masks", "planes", "dense")}
    given = {"prototype": vector.get("prototype"), "minor": vector.get("minor", 0)}
    return vector["record"], parts | given


@pytest.mark.parametrize(("kind", "parts"), [("stored", of_stored), ("records", of_record)])
def test_the_vectors_of_the_specification(check, kind, parts):
    archives = []
    for vector in spec_cases(kind):
        record, given = parts(vector)
        raw = b"".join(bytes.fromhex(word)[::-1] for word in vector["elements"].split())
        array = np.frombuffer(raw, TYPES[record["dtype"]]).reshape(record["shape"])
        archives.append(one_tensor(record, record["values"], array, **given))
    same_tensors(check, archives)
    bad = []
    for vector in spec_cases(f"bad-{kind}"):
        record, given = parts(vector)
        array = np.zeros(record["shape"], TYPES.get(record["dtype"], "u1"))
        bad.append(one_tensor(record, record["values"], array, **given))
    for vector, told in zip(spec_cases(f"bad-{kind}"), check(bad), strict=True):
        assert not told["ok"], vector["why"]
        assert "restored tensors" not in told["error"], vector["why"]


def with_planes(random, numel, proto, codec, *, large=False):
    """Return contents with every kind of plane, of random density, and their archive."""
    mask = random.random(numel) < random.choice([0.02, 0.5, 1.0])
    offset = int(random.integers(proto.shuffle.length if proto.shuffle else proto.values.size))
    rows = tuple(float(np.float32(x)) for x in random.standard_normal(numel))
    contents = [AliasTensor("tied", "plain-f32")]
    few = random.random(numel) < random.choice([0.01, 0.3, 1.0])
    deepest = int(random.choice([1, 2, 200, 2**32]))
    kinds = {
        "plain": None,
        "sign": Plane("sign", few),
        "source": Plane("source", np.where(few, random.integers(0, numel, numel), range(numel))),
    }
    if proto.seed is not None:
        drawn = np.where(few, random.integers(1, deepest + 1, numel), 0)
        kinds["generation"] = Plane("generation", drawn, int(random.integers(2**63)))
    for (name, plane), dtype in itertools.product(kinds.items(), ("f32", "f16", "bf16")):
        scale = rows if dtype == "bf16" and not large else -0.7
        contents[:0] = [
            MaskedTensor(f"{name}-{dtype}", dtype, mask, offset, scale, False, plane),
            MaskedTensor(f"{name}-{dtype}-signs", dtype, mask, offset, scale, True, plane),
        ]
    half = np.array([-0.5], "<f2")
    contents.append(ConstantTensor("constant", "f16", half, mask, few))
    return contents, encode(contents, proto, codec=codec, tensor_digests=bool(random.integers(2)))


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32), numel=st.integers(1, 80), length=st.integers(1, 90),
    transform=st.sampled_from(sorted(prng.TRANSFORMS)), stored=st.booleans(),
    shuffled=st.sampled_from([None, 1, 7, 200]), codec=st.sampled_from(["auto", *CODECS]),
)  # fmt: skip
def test_planes(check, seed, numel, length, transform, stored, shuffled, codec):
    random = np.random.default_rng(seed)
    own = int(random.integers(2**63))
    values = prng.TRANSFORMS[transform](own, 0, length)
    shuffle = Shuffle(shuffled, own, 1) if shuffled else None
    proto = Prototype(None if stored else transform, values, None if stored else own, shuffle)
    _, data = with_planes(random, numel, proto, codec)
    same_tensors(check, [data, with_raw_manifest(data)])


@pytest.mark.parametrize("transform", sorted(prng.TRANSFORMS))
def test_tensors_and_prototypes_of_many_chunks(check, transform):
    """The reader works on 4,096 elements at once, and keeps 65,536 values of a prototype."""
    random, archives = np.random.default_rng(4), []
    for length in (97, 65536, 65537):
        proto = Prototype(transform, prng.TRANSFORMS[transform](9, 0, length), 9)
        archives.append(with_planes(random, 140_003, proto, "auto", large=True)[1])
    small = np.array([2.0**-149, -(2.0**-127), 0.0, -0.0, 1.0, 2.0**127, -(2.0**-126)], "<f4")
    proto = Prototype(None, small, None)
    for power in (-100, -1, 0, 1, 100):
        contents = [
            MaskedTensor(f"{dtype}-{numel}", dtype, np.ones(numel, bool), 5, -(2.0**power))
            for dtype in ("f32", "f16", "bf16")
            for numel in (3, 5000)
        ]
        archives.append(encode(contents, proto))
    same_tensors(check, archives)


def test_a_plane_is_told(check):
    proto = Prototype("sign", prng.sign(3, 0, 50), 3)
    plane = Plane("generation", np.arange(20).reshape(4, 5) // 17)
    content = MaskedTensor("w", "f32", np.ones((4, 5), bool), 2, 0.5, False, plane)
    (told,) = check([encode([content], proto)])
    assert told["tensors"][0]["plane"] == {"kind": "generation", "count": 3}


def test_every_changed_byte_of_planes_behind_right_digests(check):
    random = np.random.default_rng(8)
    proto = Prototype("normal16", prng.normal16(5, 0, 30), 5)
    contents, _ = with_planes(random, 23, proto, "rice")
    kept = [content for content in contents if content.name[-4:] != "bf16"]
    data = encode(kept[3::4], proto, codec="rice")
    manifest, payloads = take_apart(data)
    elements, restored = struct.unpack_from("<QQ", data, 24)
    text, archives = text_of(manifest), {}
    sizes = {"elements": elements, "restored": restored}
    for found in re.finditer(rb'"plane":\{[^}]*\}[^}]*\}', text):
        for position in range(*found.span()):
            changed = bytearray(text)
            changed[position] ^= 1
            name = f"manifest {position}"
            archives[name] = put_together(manifest, payloads, text=bytes(changed), **sizes)
    for position in range(len(payloads["planes"])):
        for bits in (0x01, 0x80):
            changed = bytearray(payloads["planes"])
            changed[position] ^= bits
            told, parts = copy.deepcopy(manifest), payloads | {"planes": bytes(changed)}
            rehash(told, parts)
            archives[f"{position} ^ {bits}"] = put_together(told, parts, **sizes)
    assert len(archives) > 300
    said = same_verdicts(check, archives)
    assert sum(said.values()) < len(said) / 10  # one value's sign may be another one's


RESTORE = r"""
#include "pemn.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) /* each tensor alone, then all together, NULL for the first */
{
    char error[PEMN_ERROR_SIZE];
    void *alone[64], *all[64];
    pemn_file *file;
    size_t i, k;
    int status;
    if (argc != 2 || pemn_open(argv[1], NULL, &file, error) != PEMN_OK)
        return 1;
    for (i = 0; i < pemn_tensor_count(file); i++) {
        pemn_tensor info;
        (void)pemn_tensor_info(file, i, &info);
        alone[i] = malloc(info.bytes);
        all[i] = malloc(info.bytes);
        status = pemn_restore(file, i, alone[i], info.bytes, error);
        printf("%s %d ", info.name, status);
        for (k = 0; k < info.bytes; k++)
            printf("%02x", ((unsigned char *)alone[i])[k]);
        printf("\n");
    }
    free(all[0]);
    all[0] = NULL;
    status = pemn_restore_all(file, all, error);
    printf("all %d", status);
    for (i = 1; i < pemn_tensor_count(file); i++) {
        pemn_tensor info;
        (void)pemn_tensor_info(file, i, &info);
        for (k = 0; status != PEMN_OK && k < info.bytes; k++)
            ((unsigned char *)alone[i])[k] = 0;
        printf(" %d", memcmp(alone[i], all[i], info.bytes) == 0);
    }
    printf("\n");
    for (i = 0; i < pemn_tensor_count(file); i++) {
        free(alone[i]);
        free(all[i]);
    }
    pemn_close(file);
    return 0;
}
"""


def test_one_tensor_alone_and_all_together(compiler, single, tmp_path):
    (tmp_path / "restore.c").write_text(RESTORE)
    path = tmp_path / "a.pemn"
    program = compiler.build(
        "-std=c99", *compiler.sanitizers, f"-I{single}", tmp_path / "restore.c",
        single / "pemn.c", name="restore",
    )  # fmt: skip
    random = np.random.default_rng(6)
    proto = Prototype("normal16", prng.normal16(5, 0, 30), 5)
    plane = Plane("generation", random.integers(0, 3, 900))
    contents = [
        MaskedTensor("w", "f32", random.random(900) < 0.5, 2, 0.5, False, plane),
        MaskedTensor("v", "f16", random.random((9, 7)) < 0.5, 2, 0.5),
        AliasTensor("tied", "w"),
        AliasTensor("tied.v", "v"),
        DenseTensor("d", "f64", np.arange(3.0)),
    ]

    def told(data):
        path.write_bytes(data)
        done = subprocess.run([program, path], capture_output=True, text=True, check=True)
        *alone, together = done.stdout.splitlines()
        return [line.split() for line in alone], together

    for digests in (True, False):
        data = encode(contents, proto, tensor_digests=digests)
        with open_archive(data) as archive:
            right = [
                [name, "0", array.tobytes().hex()] for name, array in archive.restored().items()
            ]
            places = {section.name: section for section in archive.manifest.sections}
        assert sorted(told(data)[0]) == sorted(right)
        assert told(data)[1] == "all 0 1 1 1 1"
        manifest, payloads = take_apart(data)
        assert list(places) == list(payloads) == ["masks", "planes", "dense"]
        at = data.index(payloads["planes"]) + len(payloads["planes"]) // 2
        broken = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]  # no digest is made right
        alone, together = told(broken)
        assert together == "all 1 1 1 1 1"  # nothing is handed out: zeros
        zeros = "00" * 3600
        for name, status, text in alone:
            assert [status, text] == (["1", zeros] if name in ("w", "tied") else
                                      next(r[1:] for r in right if r[0] == name))  # fmt: skip
        at = data.index(payloads["masks"]) + manifest["tensors"][0]["positions"]["bytes"] + 1
        broken = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        statuses = {name: status for name, status, _ in told(broken)[0]}
        # with digests of their own, tensors are read without the digests of whole sections
        assert statuses["v"] == "1"
        assert statuses["w"] == ("0" if digests else "1")


def test_the_digest_of_one_tensor_and_gaps(check):
    random = np.random.default_rng(3)
    data = encode(
        [DenseTensor(n, "u8", random.integers(0, 256, s, np.uint8))
         for n, s in (("a", 3), ("b", 4096), ("c", 5), ("d", 5000))],
        None, tensor_digests=True,
    )  # fmt: skip
    manifest, payloads = take_apart(data)
    header = {"elements": 9104, "restored": 9104}
    cases = {"good": put_together(manifest, payloads, **header)}
    for position in (3, 63, 4160 + 5, 4223):
        dense = bytearray(payloads["dense"])
        dense[position] = 1
        told, parts = copy.deepcopy(manifest), {"dense": bytes(dense)}
        rehash(told, parts)
        cases[f"gap {position}"] = put_together(told, parts, **header)
    for name in "abcd":
        told = copy.deepcopy(manifest)
        tensor(told, name)["sha256"] = "0" * 64
        cases[f"digest {name}"] = put_together(told, payloads, **header)
        del tensor(told, name)["sha256"]
        cases[f"none of {name}"] = put_together(told, payloads, **header)
    said = same_verdicts(check, cases)
    assert {name for name, ok in said.items() if ok} == {"good", *(f"none of {n}" for n in "abcd")}


def test_what_no_tensor_uses_is_checked_too(check):
    def with_prototype(payload):
        manifest = {
            "about": {}, "architecture": {}, "prototype": {"length": 2},
            "restored_sha256": restored_digest([]), "tensors": [],
            "sections": [{"critical": True, "name": "prototype"}],
        }  # fmt: skip
        rehash(manifest, {"prototype": payload})
        return put_together(manifest, {"prototype": payload}, elements=0, restored=0)

    finite = struct.pack("<2f", 1.0, -(2.0**-149))
    infinite = struct.pack("<2f", 1.0, float("inf"))
    no_number = struct.pack("<2I", 0x3F800000, 0x7F800001)
    parts = {"finite": finite, "infinite": infinite, "no number": no_number}
    said = same_verdicts(check, {name: with_prototype(part) for name, part in parts.items()})
    assert said == {"finite": True, "infinite": False, "no number": False}


def test_an_alias_has_no_digest_of_its_own(check):
    data = altered(setting(("@tied", "sha256"), "0" * 64))
    (told,) = check([data])
    assert "digest of an alias" in told["error"]
    assert not verdict(data)


def test_limits_are_the_callers(check):
    proto = Prototype("sign", prng.sign(3, 0, 50), 3)
    data = encode([MaskedTensor("w", "f32", np.ones((4, 5), bool), 2, 0.5)], proto)
    for options, ok in (
        (["--max-weights", "50"], True), (["--max-weights", "49"], False),
        (["--max-weights", "19"], False), (["--max-bytes", "200"], True),
        (["--max-bytes", "199"], False), (["--max-bytes", "79"], False),
    ):  # fmt: skip
        assert [one["ok"] for one in check([data], *options)] == [ok]


def test_a_small_file_of_a_large_model_is_refused_at_once(check):
    huge = {"dtype": "f32", "shape": [2**40], "values": {"bits": "0000803f", "kind": "constant"}}
    array = np.zeros(0, "<f4")
    data = one_tensor(huge, huge["values"], array)
    manifest, payloads = take_apart(data)
    data = put_together(manifest, payloads, elements=2**40, restored=2**42)
    (told,) = check([data])
    assert "beyond the limit" in told["error"]
