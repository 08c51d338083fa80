"""The specification says what the code does: its examples, tables and constants, taken from it."""

import hashlib
import importlib.util
import json
import re
import struct
from pathlib import Path
from statistics import NormalDist
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import zstandard

import pemn_compress.format.graph
from pemn_compress import __version__
from pemn_compress.errors import ArchiveError
from pemn_compress.format import codecs, prng
from pemn_compress.format.archive import (
    Limits,
    canonical,
    choosing,
    columns,
    dictionary,
    inspect,
    layout,
    open_archive,
    planes,
    records,
    values,
    verify,
    zstd,
)
from pemn_compress.format.archive.filling import masked
from pemn_compress.format.archive.places import dense_layout
from pemn_compress.format.archive.spelling import to_json
from pemn_compress.format.archive.tensors import MAX_SCALE, MIN_SCALE, RESERVED_PREDICTORS
from pemn_compress.format.archive.values import tensor_bytes
from pemn_compress.format.graph import checking, reading, schemas, spelling

FOLDER = Path(__file__).parent.parent / "format_spec"
TEXT = (FOLDER / "SPEC.md").read_text(encoding="utf-8")
SMALL = (FOLDER / "examples" / "small.pemn").read_bytes()
COMPACT = (FOLDER / "examples" / "compact.pemn").read_bytes()
SMALLEST = (FOLDER / "examples" / "smallest.pemn").read_bytes()
_BLOCK = re.compile(r"^```(?:json|text) vector=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WORDS = {
    "f32": "u4", "f16": "u2", "bf16": "u2", "i64": "u8", "u8": "u1", "i16": "u2", "f64": "u8",
}  # fmt: skip


def blocks(name: str) -> list[str]:
    found = [body for key, body in _BLOCK.findall(TEXT) if key == name]
    assert found, f"no block vector={name} in SPEC.md"
    return found


def vectors(name: str) -> list[Any]:
    return [item for block in blocks(name) for item in json.loads(block)]


def heading(title: str) -> str:
    """Return the text under one heading, up to the next heading of any level."""
    parts = re.split(r"^#+ (.*)$", TEXT, flags=re.MULTILINE)
    return parts[parts.index(title) + 1]


def table(title: str, first: str) -> list[list[str]]:
    """Return the rows of the table under a heading whose first column has the given name."""
    rows: list[list[str]] = []
    for line in heading(title).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith(f"| {first} |"):
            rows = [cells]
        elif rows and not line.startswith("|"):
            break
        elif rows:
            rows.append(cells)
    assert rows, f"no table with the column {first!r} under {title!r}"
    return rows[2:]


def hex_words(array: np.ndarray[Any, Any], width: str) -> str:
    bits = np.ascontiguousarray(array).reshape(-1).view(width)
    return " ".join(f"{int(word):0{2 * bits.itemsize}x}" for word in bits)


def number(text: str) -> int:
    return int(text.replace(",", ""))


def program(name: str) -> ModuleType:
    where = FOLDER / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, where)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored_manifest(packed: bytes) -> bytes:
    size, _, coding = struct.unpack_from("<III", packed, 40)
    body = packed[layout.HEADER_BYTES : layout.HEADER_BYTES + size]
    return zstandard.decompress(body) if coding == layout.MANIFEST_ZSTD else body


def section_record(name: str, payload: bytes) -> dict[str, Any]:
    return {
        "bytes": len(payload),
        "critical": True,
        "name": name,
        "sha256": hashlib.sha256(payload).hexdigest(),
    }


def archive_of(
    tensors: list[dict[str, Any]],
    dense: bytes = b"",
    masks: bytes = b"",
    planes: bytes = b"",
    extra: dict[str, Any] | None = None,
    minor: int = 0,
) -> bytes:
    """Return an archive of some tensors, built from the text's tables rather than by the writer.

    Its restored digest is not right, so its tensors are to be read alone.
    """
    parts = {"masks": masks, "planes": planes, "dense": dense}
    payloads = {name: part for name, part in parts.items() if part}
    manifest: dict[str, Any] = {
        "about": {},
        "architecture": {},
        "prototype": None,
        "restored_sha256": "0" * 64,
        "sections": [section_record(name, payload) for name, payload in payloads.items()],
        "tensors": tensors,
    }
    raw = json.dumps(manifest | (extra or {}), sort_keys=True, separators=(",", ":")).encode()
    body = raw
    for payload in payloads.values():
        body += bytes(-(96 + len(body)) % 64) + payload
    counts = [int(np.prod(tensor["shape"])) for tensor in tensors]
    widths = [records.DTYPE_BYTES[tensor["dtype"]] for tensor in tensors]
    fields = struct.pack(
        "<8sHHIQQQIII12s", layout.MAGIC, layout.MAJOR, minor, len(payloads),
        96 + len(body), sum(counts), sum(n * w for n, w in zip(counts, widths, strict=True)),
        len(raw), len(raw), 0, bytes(12),
    )  # fmt: skip
    return fields + hashlib.sha256(fields + raw).digest() + body


def stored_archive(vector: dict[str, Any]) -> bytes:
    payload = bytes.fromhex(vector["payload"])
    kept = {"kind": "stored", "dtype": vector["stored"], "coding": vector["coding"]}
    record = {
        "dtype": vector["dtype"],
        "name": "t",
        "shape": vector["shape"],
        "values": kept | {"bytes": len(payload)},
    }
    return archive_of([record], payload)


def record_archive(vector: dict[str, Any]) -> bytes:
    dense, masks, planes = (
        bytes.fromhex(vector.get(name, "")) for name in ("dense", "masks", "planes")
    )
    prototype = {"prototype": vector.get("prototype")}
    return archive_of([vector["record"]], dense, masks, planes, prototype, vector.get("minor", 0))


def test_version_and_caps() -> None:
    version = f"{layout.MAJOR}.{layout.MINOR}"
    assert f"**Version {version}.**" in TEXT
    assert f"format versions 1.0 and {version}, which the header" in TEXT
    assert f"and major {layout.MAJOR}, minor {layout.MINOR}." in TEXT
    rows = {row[2]: row[3] for row in table("2.1 Header", "offset")}
    assert rows["minor"].startswith(f"u16; 0 or {layout.MINOR} in this version")
    told = f"accepts major {layout.MAJOR}, minor 0 and major {layout.MAJOR}, minor {layout.MINOR}"
    assert f"version {version} {told}" in TEXT
    rows = {row[0]: row[1:] for row in table("11. Versions", "format version")}
    assert list(rows)[-1] == version
    assert all(f"pemn_compress {__version__}" in cell for cell in rows[version][:2])
    assert f"frozen since 2026-11-20, version {version} since" in (FOLDER / "README.md").read_text(
        encoding="utf-8"
    )
    changes = (FOLDER / "CHANGES.md").read_text(encoding="utf-8")
    assert re.findall(r"^## ([0-9.]+)", changes, re.MULTILINE)[0] == version
    caps = {row[0].strip("`"): number(row[1]) for row in table("1. Conventions", "name")}
    names = [name for name in vars(layout) if name.startswith("MAX_")]
    assert caps == {name: getattr(layout, name) for name in names}


def test_dtypes() -> None:
    rows = table("1. Conventions", "dtype")
    assert {row[0].strip("`"): int(row[2]) for row in rows} == records.DTYPE_BYTES
    assert [int(row[1]) for row in rows] == list(range(len(rows)))
    assert [row[0].strip("`") for row in rows] == list(records.DTYPE_BYTES)


def test_header_layout() -> None:
    rows = table("2.1 Header", "offset")
    ends = [int(row[0]) + int(row[1]) for row in rows]
    assert [int(row[0]) for row in rows] == [0, *ends[:-1]]
    assert ends[-1] == layout.HEADER_BYTES
    assert ends[-2] == layout.FIELDS.size
    assert bytes.fromhex(rows[0][3].strip("`")) == layout.MAGIC
    sizes = [struct.calcsize("<" + code) for code in re.findall(r"\d*[a-zA-Z]", "8sHHIQQQIII12s")]
    assert layout.FIELDS.format == "<8sHHIQQQIII12s"
    assert [int(row[1]) for row in rows[:-1]] == sizes


def test_sections_and_limits() -> None:
    rows = table("2.2 Sections", "name")
    assert {row[0].strip("`"): row[1] == "true" for row in rows} == records.CRITICAL
    assert f"first multiple of {layout.ALIGNMENT} at or after" in TEXT
    told = [number(row[2]) for row in table("10.2 Limits of the caller", "limit")]
    limits = Limits()
    assert told == [limits.max_weights, limits.max_bytes, limits.max_manifest_bytes]
    assert "from 2^-100 to 2^100" in TEXT
    assert (MIN_SCALE, MAX_SCALE) == (2.0**-100, 2.0**100)


def test_closed_names() -> None:
    assert "`bitmap`, `csr` or `rice`" in TEXT
    assert list(codecs.CODECS) == ["bitmap", "csr", "rice"]
    assert "`normal16`, `uniform24` or `sign`" in TEXT
    assert list(prng.TRANSFORMS) == ["normal16", "uniform24", "sign"]
    assert list(records.MASKABLE_DTYPES) == ["f32", "f16", "bf16"]
    assert "the dtype MUST be `f32`, `f16` or `bf16`" in TEXT
    assert [row[0].strip("`") for row in table("4.3 Stored values", "coding")] == [*records.CODINGS]
    assert "`raw`, `zstd` or `shuffle-zstd`" in TEXT
    assert records.NARROW == {"f32": ("f16", "bf16")}
    assert "own dtype, or `f16` or `bf16` for a tensor of `f32`" in TEXT
    assert "or, with `scale`, `i8` or `i4` (1.1)" in heading("4.2 Values")
    writers = heading("9. Writers")
    assert f"where it saves at least {values.LEAST_SAVED} bytes" in writers
    told = f"level {zstd._LEVEL}, or at level {zstd._FAST_LEVEL} for a content of "
    assert f"{told}{zstd._LARGE_BYTES:,} bytes or more" in writers


@pytest.mark.parametrize("kind", RESERVED_PREDICTORS)
def test_reserved_predictors(kind: str) -> None:
    assert f"`{kind}`" in heading("4.1 Positions")
    positions = {"bytes": 1, "codec": "bitmap", "ones": 1, "predictor": {"kind": "none"}}
    record: dict[str, Any] = {
        "dtype": "u8",
        "name": "t",
        "positions": positions,
        "shape": [2],
        "values": {"kind": "constant", "bits": "07"},
    }
    with open_archive(archive_of([record], masks=b"\1")) as archive:
        assert archive.tensor("t").tolist() == [7, 0]
    positions["predictor"] = {"kind": kind}
    with pytest.raises(ArchiveError, match=f"{kind}, of a later version"):
        open_archive(archive_of([record], masks=b"\1"))


def fields_of(title: str) -> tuple[list[str], set[str]]:
    """Return all fields of a heading's first table, and those that are optional."""
    rows = table(title, "field")
    names = [row[0].strip("`") for row in rows]
    return names, {row[0].strip("`") for row in rows if row[2].startswith("optional")}


def test_manifest_fields() -> None:
    manifest = json.loads(blocks("small-manifest")[0])
    for title, optional, record in (
        ("3.2 Fields of the manifest", set(), manifest),
        ("3.3 Section record", set(), manifest["sections"][0]),
        (
            "3.4 Prototype record",
            {"seed", "shuffle", "stream", "transform"},
            manifest["prototype"],
        ),
        ("4. Tensor records", {"frozen", "positions", "sha256"}, manifest["tensors"][0]),
        ("4.1 Positions", {"predictor"}, manifest["tensors"][0]["positions"]),
    ):
        names, may_miss = fields_of(title)
        assert names == sorted(names)
        assert may_miss == optional
        assert set(names) - optional <= set(record) <= set(names)
    shuffle = heading("3.4 Prototype record").partition("`shuffle` has exactly these fields")[2]
    shown = json.loads(blocks("fill")[2])["shuffle"]
    assert re.findall(r"^\| `(\w+)` \|", shuffle, re.MULTILINE) == sorted(shown)
    fields: dict[str, list[str]] = {}
    for kind, field, *_ in table("4.2 Values", "kind"):
        fields.setdefault(kind.strip("`") or list(fields)[-1], []).append(field.strip("`"))
    for tensor_record in manifest["tensors"]:
        kept = dict(tensor_record["values"])
        told = fields[kept.pop("kind")]
        assert told == sorted(told)
        assert set(told) - set(kept) <= ({"scale"} if "coding" in kept else {"plane"})
        assert set(kept) <= set(told)


@pytest.mark.parametrize("vector", vectors("canonical"), ids=lambda v: v["text"])
def test_canonical(vector: dict[str, Any]) -> None:
    assert canonical.encode(vector["value"]) == vector["text"].encode()
    assert repr(canonical.decode(vector["text"].encode())) == repr(
        {key: vector["value"][key] for key in sorted(vector["value"])}
        if isinstance(vector["value"], dict)
        else vector["value"]
    )


@pytest.mark.parametrize("text", vectors("not-canonical"))
def test_not_canonical(text: str) -> None:
    with pytest.raises(ArchiveError):
        canonical.decode(text.encode())


@pytest.mark.parametrize("vector", vectors("philox"), ids=lambda v: v["key"])
def test_philox(vector: dict[str, str]) -> None:
    counter = tuple(np.array([int(word, 16)], np.uint64) for word in vector["counter"].split())
    first, second = (int(word, 16) for word in vector["key"].split())
    assert len(counter) == 4
    block = prng.philox_block(counter, (first, second))
    assert " ".join(f"{int(word[0]):08x}" for word in block) == vector["block"]


@pytest.mark.parametrize("vector", vectors("transforms"), ids=lambda v: v["seed"])
def test_transforms(vector: dict[str, Any]) -> None:
    seed, stream = int(vector["seed"], 16), int(vector["stream"], 16)
    assert hex_words(prng.words(seed, stream, 8), "u4") == vector["words"]
    for name, transform in prng.TRANSFORMS.items():
        assert hex_words(transform(seed, stream, 8), "u4") == vector[name]


def test_the_table_is_what_integers_make_of_it() -> None:
    packed, nearest, index = program("make_table").upper_half()
    assert hashlib.sha256(packed).hexdigest() == prng.TABLE_SHA256
    assert packed == prng.normal_table()[32768:].astype("<f4").tobytes()
    text = heading("5.2 Transforms")
    told = re.search(r"that of k = (\d+), which is ([0-9.]+) x 10\^-5 of a unit", text)
    assert told is not None
    assert (int(told[1]), float(told[2])) == (index, round(nearest * 1e5, 2))
    assert nearest * 2**-24 > 2**-41  # of a number, a unit in the last place is 2^-24 at least
    shown = re.search(r"c = 1 / sqrt\(2 pi\) = ([0-9.]+?)\.\.\.", text)
    assert shown is not None
    exact = program("make_table").DENSITY_AT_0
    assert f"{exact * 10**32 >> 128:032d}" == shown[1].removeprefix("0.")


def test_single_precision_does_not_make_the_table() -> None:
    quantile = NormalDist().inv_cdf
    near = [quantile((2 * k + 1) / 2**17) * (1 + 2e-9) for k in range(32768, 65536)]
    assert (np.array(near, "<f4") != prng.normal_table()[32768:]).any()


def test_normal_table() -> None:
    assert prng.TABLE_SHA256 in heading("5.2 Transforms")
    values = prng.normal_table()
    for index, bits in json.loads(blocks("normal-table")[0]).items():
        assert hex_words(values[int(index) : int(index) + 1], "u4") == bits


def scale_of(told: str | list[str]) -> records.Scale:
    if isinstance(told, list):
        return tuple(canonical.float32_from_bits(one) for one in told)
    return canonical.float32_from_bits(told)


def order_by_words(words: list[int]) -> list[int]:
    """Return the order of section 6.1, spelled out."""
    return [index for _, index in sorted((word, index) for index, word in enumerate(words))]


@pytest.mark.parametrize("block", blocks("fill"))
def test_fill(block: str) -> None:
    told = json.loads(block)
    seed, stream = int(told["seed"], 16), int(told["stream"], 16)
    prototype = prng.TRANSFORMS[told["transform"]](seed, stream, told["length"])
    assert hex_words(prototype, "u4") == told["prototype"]
    if "shuffle" in told:
        length = told["shuffle"]["length"]
        seed, stream = (int(told["shuffle"][key], 16) for key in ("seed", "stream"))
        words = prng.words(seed, stream, length)
        assert hex_words(words, "u4") == told["words"]
        assert order_by_words(words.tolist()) == told["order"]
        wanted = [told["prototype"].split()[i % told["length"]] for i in told["order"]]
        prototype = values.shuffled(prototype, records.Shuffle(length, seed, stream))
        assert hex_words(prototype, "u4") == told["vector"] == " ".join(wanted)
    fill = records.FromPrototype(told["offset"], scale_of(told["scale"]))
    for dtype in records.MASKABLE_DTYPES:
        filled = masked(prototype, fill, np.ones(told["shape"], np.bool_), dtype)
        assert hex_words(filled, _WORDS[dtype]) == told[dtype]


def test_equal_words_keep_their_order() -> None:
    told = json.loads(blocks("shuffle-ties")[0])
    seed, stream, length = int(told["seed"], 16), int(told["stream"], 16), told["length"]
    words = prng.words(seed, stream, length)
    assert [f"{int(words[index]):08x}" for index in told["indices"]] == [told["word"]] * 2
    vector = values.shuffled(np.arange(length, dtype=np.float32), records.Shuffle(
        length, seed, stream))  # fmt: skip
    order = vector.astype("<u4")
    assert [int(order[place]) for place in told["places"]] == told["indices"]
    assert order.tolist() == order_by_words(words.tolist())
    assert hashlib.sha256(order.tobytes()).hexdigest() == told["order_sha256"]
    drawn = prng.uniform24(seed, stream, 100)
    ascending = values.shuffled(drawn, records.Shuffle(100, seed, stream))
    assert ascending.tolist() == sorted(drawn.tolist())


@pytest.mark.parametrize("vector", vectors("stored"), ids=lambda v: v["payload"])
def test_stored(vector: dict[str, Any]) -> None:
    with open_archive(stored_archive(vector)) as archive:
        restored = archive.tensor("t")
    assert list(restored.shape) == vector["shape"]
    assert hex_words(restored, _WORDS[vector["dtype"]]) == vector["elements"]


@pytest.mark.parametrize("vector", vectors("bad-stored"), ids=lambda v: v["why"])
def test_bad_stored(vector: dict[str, Any]) -> None:
    with pytest.raises(ArchiveError), open_archive(stored_archive(vector)) as archive:
        archive.tensor("t")


@pytest.mark.parametrize("vector", vectors("records"), ids=lambda v: json.dumps(v["record"]))
def test_records(vector: dict[str, Any]) -> None:
    with open_archive(record_archive(vector)) as archive:
        restored = archive.tensor("t")
        record = archive.manifest.tensors[0]
    assert to_json(records.Manifest((record,), (), None, ""))["tensors"] == [vector["record"]]
    assert list(restored.shape) == vector["record"]["shape"]
    assert hex_words(restored, _WORDS[record.dtype]) == vector["elements"]


@pytest.mark.parametrize("vector", vectors("bad-records"), ids=lambda v: v["why"])
def test_bad_records(vector: dict[str, Any]) -> None:
    with pytest.raises(ArchiveError), open_archive(record_archive(vector)) as archive:
        archive.tensor("t")


def test_two_roundings() -> None:
    vector = next(v for v in vectors("records") if v["elements"] == "5418")
    scale = canonical.float32_from_bits(vector["record"]["values"]["scale"])
    exact = bytes.fromhex(vector["dense"])[0] * scale  # 7 and 24 bits fit in binary64
    assert hex_words(np.array([exact], "<f2"), "u2") == "5417"
    assert hex_words(np.array([exact], "<f4").astype("<f2"), "u2") == "5418"
    low, high = (float(np.array(bits, "<u2").view("<f2")) for bits in (0x5417, 0x5418))
    assert exact < (low + high) / 2 == float(np.float32(exact))


def test_layout_of_dense() -> None:
    told = json.loads(blocks("layout")[0])
    text = heading("4.6 Places in the section `dense`")
    assert f"`bytes` is {records.ALIGNED_FROM} or more" in text
    assert f"rounded up to a multiple of {layout.ALIGNMENT}" in text
    tensors = [
        {
            "dtype": "u8",
            "name": f"t{index}",
            "shape": [kept["bytes"] if kept["coding"] == "raw" else 2 * kept["bytes"]],
            "values": kept | {"dtype": "u8", "kind": "stored"},
        }
        for index, kept in enumerate(told["payloads"])
    ]
    with open_archive(archive_of(tensors, bytes(told["section"]))) as archive:
        starts, size = dense_layout(archive.manifest.tensors)
    assert ([*starts.values()], size) == (told["starts"], told["section"])
    for wrong in (-1, 1):
        with pytest.raises(ArchiveError, match="section 'dense'"):
            open_archive(archive_of(tensors, bytes(told["section"] + wrong)))
    end = 0
    for row, kept, start in zip(
        table("4.6 Places in the section `dense`", "`coding`"),
        told["payloads"],
        told["starts"],
        strict=True,
    ):
        assert row[0] == f"`{kept['coding']}`"
        assert [int(cell) for cell in row[1:]] == [
            kept["bytes"], end, start, start + kept["bytes"],
        ]  # fmt: skip
        end = start + kept["bytes"]


def test_gaps_are_zero() -> None:
    tensors = [
        {
            "dtype": "u8",
            "name": name,
            "shape": [size],
            "values": {"bytes": size, "coding": "raw", "dtype": "u8", "kind": "stored"},
        }
        for name, size in (("a", 3), ("b", 4096))
    ]
    good = b"abc" + bytes(61) + b"x" * 4096
    with open_archive(archive_of(tensors, good)) as archive:
        assert bytes(archive.tensor("b")) == b"x" * 4096
    for offset in (3, 63):
        bad = bytearray(good)
        bad[offset] = 1
        with (
            open_archive(archive_of(tensors, bytes(bad))) as archive,
            pytest.raises(ArchiveError, match="expected zeros before 'b'"),
        ):
            archive.tensor("a")


def test_worked_frame() -> None:
    rows = table("4.3 Stored values", "bytes")
    frame = bytes.fromhex("".join(row[0].replace("`", "") for row in rows))
    assert frame in [bytes.fromhex(vector["payload"]) for vector in vectors("stored")]
    shuffled = bytes([0x80] * 10 + [0] * 10 + [0x3F] * 20)
    assert zstandard.decompress(frame) == shuffled
    raw = bytes.fromhex("803f" * 10 + "003f" * 10)
    assert all(raw[e * 2 + b] == shuffled[b * 20 + e] for e in range(20) for b in range(2))


@pytest.mark.parametrize("vector", vectors("codec"), ids=lambda v: f"{v['codec']} {v['payload']}")
def test_codec(vector: dict[str, Any]) -> None:
    codec, payload = codecs.CODECS[vector["codec"]], bytes.fromhex(vector["payload"])
    mask = np.zeros(vector["shape"], np.bool_)
    mask.reshape(-1)[vector["positions"]] = True
    assert codec.encode(mask) == payload
    decoded = codec.decode(payload, tuple(vector["shape"]), vector["ones"])
    np.testing.assert_array_equal(decoded, mask, strict=True)


@pytest.mark.parametrize("vector", vectors("bad-codec"), ids=lambda v: f"{v['codec']}: {v['why']}")
def test_bad_codec(vector: dict[str, Any]) -> None:
    codec, payload = codecs.CODECS[vector["codec"]], bytes.fromhex(vector["payload"])
    with pytest.raises(ArchiveError):
        codec.decode(payload, tuple(vector["shape"]), vector["ones"])


def test_the_two_orders_of_bits() -> None:
    told = json.loads(blocks("bit-order")[0])
    number, width = told["number"], told["width"]
    payload = bytes([width, 1]) + bytes.fromhex(told["remainder"])
    mask = codecs.CODECS["rice"].decode(payload, (64,), 1)
    assert np.flatnonzero(mask).tolist() == [number]  # the first gap
    plane = records.Plane("source", records.Positions("bitmap", 1, 1), width)
    taken = planes.decode(
        b"\x01" + bytes.fromhex(told["plane"]), plane, np.arange(8, dtype=np.uint64), 8
    )
    assert taken.numbers.tolist() == [number]


def test_every_parameter_is_accepted() -> None:
    shape, at = (64,), [3, 20, 63]
    gaps = [3, 16, 42]
    for k in range(48):
        unary = "".join("0" * (gap >> k) + "1" for gap in gaps)
        rest = "".join(f"{gap % 2**k:0{k}b}" for gap in gaps) if k else ""
        payload = bytes([k]) + b"".join(
            int(bits[::-1] or "0", 2).to_bytes(-(-len(bits) // 8), "little")
            for bits in (unary, rest)
        )
        assert np.flatnonzero(codecs.CODECS["rice"].decode(payload, shape, 3)).tolist() == at


def test_the_first_page_shows_the_smallest_archive_byte_by_byte() -> None:
    page = heading("On one page")
    assert len([line for line in page.splitlines() if line]) <= 62
    shown, notes = b"", {}
    for line in blocks("smallest-dump")[0].splitlines():
        offset, content, note = re.split(r"  +", line, maxsplit=2)
        assert int(offset, 16) == len(shown)
        notes[len(shown)] = note
        if content.startswith("00 x "):
            shown += bytes(int(content.removeprefix("00 x ")))
        else:
            shown += bytes.fromhex(content)
    assert shown == SMALLEST == program("make_small").make_smallest()
    assert f"has {len(SMALLEST)} bytes" in page
    starts = [int(row[0]) for row in table("2.1 Header", "offset")]
    assert {*starts} - {*notes} == {10, 44}  # each shares a line with the field before
    size = struct.unpack_from("<I", SMALLEST, 40)[0]
    raw = SMALLEST[96 : 96 + size]
    assert "".join(note for at, note in notes.items() if 96 <= at < 96 + size) == raw.decode()
    assert f"{size} bytes" in notes[40]
    packed = program("make_small").make_smallest(compress=True)
    if zstandard.ZSTD_VERSION == (1, 5, 7):  # other versions may make another frame
        assert f"make it {len(SMALLEST) - len(packed)} bytes shorter" in page


def test_the_smallest_archive_restores_as_the_first_page_says() -> None:
    shown = json.loads(blocks("smallest-restored")[0])
    verify(SMALLEST)
    with open_archive(SMALLEST) as archive:
        restored = archive.restored()
        assert np.flatnonzero(archive.mask("w")).tolist() == [1, 2, 4, 7]
    assert {name: hex_words(array, "u4") for name, array in restored.items()} == shown
    vector = next(v for v in vectors("transforms") if v["seed"] == "000000000000002a")
    drawn = vector["normal16"].split()
    assert shown["w"].split() == [drawn[i] if i in (1, 2, 4, 7) else "0" * 8 for i in range(8)]


def test_small_is_what_the_text_shows() -> None:
    dump = "".join(line.split("  ")[1] for line in blocks("small-dump")[0].splitlines())
    assert bytes.fromhex(dump) == SMALL
    assert f"`examples/small.pemn` has {len(SMALL)} bytes" in TEXT
    rows = table("12. A whole archive", "offset")
    assert b"".join(bytes.fromhex(row[1].strip("`")) for row in rows) == SMALL[:96]
    assert [int(row[0]) for row in rows] == [int(r[0]) for r in table("2.1 Header", "offset")]
    told = inspect(SMALL)
    assert told["elements"] == 31
    assert told["restored_bytes"] == 128
    rest = heading("12. A whole archive").partition("Rest of the file")[2]
    rows = re.findall(r"^\| (\d+) \| `([0-9a-f ]+)` \|", rest, re.MULTILINE)
    parts = [(int(offset), bytes.fromhex(shown)) for offset, shown in rows]
    dense = next(s for s in told["sections"] if s["name"] == "dense")
    assert b"".join(shown for _, shown in parts) == SMALL[dense["offset"] :]
    assert all(SMALL[offset : offset + len(shown)] == shown for offset, shown in parts)
    for section in told["sections"]:
        assert f"| {section['offset']} | {section['bytes']} | section `{section['name']}`" in rest
    shown = json.loads(blocks("small-manifest")[0])
    raw = json.dumps(shown, sort_keys=True, separators=(",", ":")).encode()
    assert stored_manifest(SMALL) == raw
    assert len(raw) == struct.unpack_from("<I", SMALL, 44)[0]


def test_small_restores_as_the_text_shows() -> None:
    assert verify(SMALL)["tensors"] == 5
    with open_archive(SMALL) as archive:
        restored = archive.restored()
        shown = json.loads(blocks("small-restored")[0])
        assert list(shown) == list(restored)
        for name, array in restored.items():
            dtype = next(t.dtype for t in archive.manifest.tensors if t.name == name)
            assert hex_words(array, _WORDS[dtype]) == shown[name]
        whole = bytes.fromhex(blocks("restored-bytes")[0])
        assert hashlib.sha256(whole).hexdigest() == archive.manifest.restored_sha256
        digests = {told["name"]: bytes.fromhex(told["sha256"]) for told in vectors("tensor-bytes")}
        for told in vectors("tensor-bytes"):
            of = bytes.fromhex(told["bytes"])
            assert hashlib.sha256(of).digest() == digests[told["name"]]
            assert of.endswith(bytes(tensor_bytes(restored[told["name"]])))
        digests["head.weight"] = digests["fc.weight"]
        assert sorted(digests) == sorted(restored)
        assert whole == b"".join(
            struct.pack("<H", len(name)) + name.encode() + digests[name] for name in sorted(digests)
        )


def without_frames(packed: bytes) -> dict[str, Any]:
    """Return the manifest without what depends on how well zstd compresses."""
    manifest: dict[str, Any] = json.loads(stored_manifest(packed))
    manifest["sections"] = [section["name"] for section in manifest["sections"]]
    for tensor in manifest["tensors"]:
        if tensor["values"]["kind"] == "stored":
            del tensor["values"]["bytes"], tensor["values"]["coding"]
    return manifest


def test_small_is_what_its_program_makes() -> None:
    made = program("make_small").make()
    assert without_frames(made) == without_frames(SMALL)
    with open_archive(made) as new, open_archive(SMALL) as old:
        assert new.section("masks") == old.section("masks")
        for name, array in old.restored().items():
            assert bytes(tensor_bytes(new.restored()[name])) == bytes(tensor_bytes(array))
    if zstandard.ZSTD_VERSION == (1, 5, 7):  # other versions may make another frame
        assert made == SMALL


def test_every_change_is_found() -> None:
    for offset in range(len(SMALL)):
        altered = bytearray(SMALL)
        altered[offset] ^= 1 << offset % 8
        with pytest.raises(ArchiveError):
            verify(bytes(altered))
    for size in range(len(SMALL)):
        with pytest.raises(ArchiveError):
            verify(SMALL[:size])


def test_the_folder_is_whole() -> None:
    for file in FOLDER.glob("*.md"):
        text = file.read_text(encoding="utf-8")
        assert not [line for line in text.splitlines() if line != line.rstrip()]
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (FOLDER / link).exists(), f"{file.name}: {link}"
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"a whole archive of {len(SMALL)} bytes" in readme
    assert f"an archive of {len(SMALLEST)} bytes" in readme
    assert f"version 1.1, {len(COMPACT)} bytes" in readme
    for name in ("SPEC.md", "CHANGES.md", "ERRATA.md", "SECURITY.md"):
        assert f"[{name}]({name})" in readme
    for path in (FOLDER / "examples").glob("*.*"):
        assert f"[examples/{path.name}](examples/{path.name})" in readme


def test_errata_name_sections_and_files_that_are_there() -> None:
    errata = (FOLDER / "ERRATA.md").read_text(encoding="utf-8")
    assert f"## Version {layout.MAJOR}.{layout.MINOR}" in errata
    titles = re.findall(r"^#+ ([0-9.]+?)\.? ", TEXT, re.MULTILINE)
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", errata, re.MULTILINE)
    assert len(rows) > 10
    for where, *_ in rows[1:]:
        if where.startswith("`"):
            assert (FOLDER / where.strip("`")).exists()
        elif where not in ("section", "---"):  # heads of tables
            assert set(where.split(", ")) <= set(titles), where


def test_the_bound_of_blocks() -> None:
    text = heading("2.1 Header")
    assert f"the lesser of its window and {zstd.MAX_BLOCK_BYTES:,} bytes" in text
    assert "compressed block of 2 bytes" in text
    assert zstd._LEAST_COMPRESSED == 3
    assert f"whose Block_Size is {zstd.MAX_BLOCK_BYTES:,};" in text


def test_the_text_is_tidy() -> None:
    assert not [line for line in TEXT.splitlines() if line != line.rstrip()]
    titles = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]*)\)", TEXT)) <= anchors
    numbers = {title.split()[0].rstrip(".") for title in titles}
    assert set(re.findall(r"sections? (\d+(?:\.\d+)?)", TEXT)) <= numbers


def test_the_dictionary_is_the_same_everywhere() -> None:
    lines = (FOLDER / "dictionary.txt").read_text("ascii").splitlines()
    assert "".join(lines).encode() == dictionary.TEXT
    told = heading("3.6 The compact form")
    assert f"{len(dictionary.TEXT):,} bytes of ASCII" in told
    assert f"`{hashlib.sha256(dictionary.TEXT).hexdigest()}`" in told
    source = (FOLDER / "c" / "src" / "zstd" / "dictionary.c").read_text("ascii")
    shown = re.findall(r'^    "(.*)",$', source, re.MULTILINE)
    assert [line.replace('\\"', '"') for line in shown] == lines
    header = (FOLDER / "c" / "src" / "zstd" / "dictionary.h").read_text("ascii")
    assert f"#define DICTIONARY_BYTES {len(dictionary.TEXT)}\n" in header


def test_names_in_a_column() -> None:
    vector = json.loads(blocks("columns")[0])
    records_told = [{"name": name} for name in vector["names"]]
    assert columns.to_columns(records_told)["name"] == vector["column"]
    others = {key: [0] * len(records_told) for key in ("dtype", "shape", "values")}
    found = columns.from_columns(others | {"name": vector["column"]})
    assert [record["name"] for record in found] == vector["names"]


def test_compact_is_what_the_text_shows() -> None:
    size, raw, coding = struct.unpack_from("<III", COMPACT, 40)
    assert (COMPACT[8:12], coding) == (b"\1\0\1\0", layout.MANIFEST_COMPACT)
    text = zstd.decompress(COMPACT[96 : 96 + size], raw, raw, "", dictionary.TEXT)
    assert json.loads(text) == json.loads(blocks("compact-manifest")[0])
    assert f"The file has {len(COMPACT)} bytes" in heading("3.6 The compact form")
    assert COMPACT[64:96] == hashlib.sha256(COMPACT[:64] + COMPACT[96:]).digest()
    with open_archive(COMPACT) as archive, open_archive(SMALL) as small:
        assert archive.manifest.restored_sha256 == small.manifest.restored_sha256
        assert archive.section("masks") == small.section("masks")
    assert verify(program("make_small").make(compact=True)) == verify(COMPACT)


def test_elements_that_a_seed_chooses() -> None:
    vector = json.loads(blocks("chosen")[0])
    seed, stream = int(vector["seed"], 16), int(vector["stream"], 16)
    assert hex_words(prng.words(seed, stream, 8), "u4") == vector["words"]
    for count in range(9):
        none = np.empty(0, np.float32)  # with a seed the values do not matter
        frozen = choosing.frozen_elements(records.Frozen(count, seed, stream), 8, none)
        assert sorted(vector["lowest"][:count]) == np.flatnonzero(frozen).tolist()
        guess = choosing.predicted(records.Predictor(count, 0, seed, stream), None, 8)
        assert sorted(vector["greatest"][:count]) == np.flatnonzero(guess).tolist()
    scores = np.abs(prng.uniform24(seed, stream, 8)) * 2**24
    assert scores.tolist() == vector["magnitudes"]


def test_the_list_of_operators_is_the_one_that_the_code_reads() -> None:
    there = Path(pemn_compress.format.graph.__file__).parent / "operators.txt"
    assert (FOLDER / "operators.txt").read_bytes() == there.read_bytes()
    assert "version 1" in there.read_text().splitlines()[0]
    assert [row[0].strip("`") for row in table("14.2 Fields of a graph", "field")] == [
        "version", "operators", "inputs", "sizes", "tensors", "buffers", "constants", "nodes",
        "call", "result",
    ]  # fmt: skip


def test_the_graph_of_the_example() -> None:
    (body,) = blocks("graph")
    with open_archive(FOLDER / "conformance" / "accept" / "graph-linear.pemn") as archive:
        raw = zstandard.ZstdDecompressor().decompress(bytes(archive.section(records.GRAPH)))
        graph = pemn_compress.format.graph.graph_of(archive)
    length = int.from_bytes(raw[:4], "little")
    assert raw[4:] == body.strip().encode()
    assert length == len(raw) - 4
    assert graph is not None
    assert graph.operators == ["linear", "relu"]


def test_the_bounds_of_graphs() -> None:
    told = heading("14.2 Fields of a graph")
    for bound in (reading.MAX_INPUTS, reading.MAX_CONSTANTS, reading.MAX_NODES):
        assert f"at most {bound:,}" in told
    assert f"{spelling.MOST_TEXT:,} printable characters" in told
    assert f"at most {spelling.MOST_KEY} characters" in told
    assert f"below {checking.MOST_RESULTS:,}" in heading("14.3 Operators")
    for name in schemas.MEMORY_FORMATS:
        assert f"`{name}`" in told
