"""Fuzz the reader of archives: mutated conformance files must be read or refused, and quickly.

    python benchmarks/fuzz_reader.py --count 100000 --seed 1 --processes 2

A third of the inputs have one to three fields of the header, the manifest or a payload changed; a
third have fields and payloads of tensors changed with care, so that sizes still add up; both are
put together again with right digests. The others have bytes flipped, cut, inserted and spliced.
Nothing may happen but success or an ArchiveError of one line, within the bounds of time and memory;
what opens is also described, accounted for and compared, and what is said of it can be printed.
An archive that is refused for its restored digest alone must be read once it has the right one.
Each input depends on the seed and its number alone; the first one that breaks a rule is saved, and
the exit status is 1.
"""

import argparse
import copy
import hashlib
import json
import math
import multiprocessing
import random
import re
import resource
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

from pemn_compress import reporting
from pemn_compress.accounting import archive_account
from pemn_compress.analysis import norms
from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import Archive, Limits, describe, inspect, open_archive, verify
from pemn_compress.format.archive.dictionary import TEXT
from pemn_compress.reporting import ArchiveReport, recorded_accuracy, render
from pemn_compress.reporting.inside import inside_blocks
from pemn_compress.reporting.interchange import json_text
from pemn_compress.reporting.tables import to_table

CORPUS = Path(__file__).parent.parent / "format_spec" / "conformance" / "accept"
LIMITS = Limits(max_weights=1 << 20, max_bytes=1 << 22, max_manifest_bytes=1 << 20)
MOST_SECONDS, MOST_MEBIBYTES, MOST_BYTES = 2.0, 64, 8192
HEADER, HEADER_BYTES = struct.Struct("<8sHHIQQQIII12s"), 96
WIDTHS = {"bool": 1, "u8": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8, "bf16": 2, "f16": 2, "f32": 4,
          "f64": 8}  # fmt: skip
COMPACT = 2
DICTIONARY = zstandard.ZstdCompressionDict(TEXT, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
LATER = (b'"i4"', b'"scores"', b'"frozen"')  # what format 1.0 has not got
NUMBERS = (0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 255, 256, 4095, 4096, 65535, 65536, 2**20, 2**31,
           2**32, 2**47, 2**48 - 1, 2**48, 2**63, 2**64 - 1, -1)  # fmt: skip
STRINGS = ("", "w", "b", "masks", "planes", "dense", "prototype", "source", "rice", "csr",
           "bitmap", "raw", "zstd", "shuffle-zstd", "stored", "constant", "alias", "generation",
           "prototype-sign", "none", "scores", "i4", "frozen", "flips", "normal16", "sign", "00",
           "01", "00000000",
           "7f800000", "3f800000", "0d800000", "71800000", "0" * 16, "f" * 16, "0" * 64,
           *WIDTHS)  # fmt: skip
DIGEST = re.compile(r"restored tensors: expected SHA-256 ([0-9a-f]{64}), got ([0-9a-f]{64})")
OTHERS: tuple[Any, ...] = (
    {"strategy": "\x1b[31m=1", "ratio": []}, {"f64": "7ff8000000000000"}, "\u202e|`\n",
    None, True, False, [], {}, [1], ["3f000000"], ["3f000000"] * 4, [[]], {"f64": "0" * 16},
    {"kind": "alias", "of": "w"}, {"bits": "0000803f", "kind": "constant"},
    {"kind": "prototype", "offset": 0, "scale": "3f000000"},
    {"kind": "prototype-sign", "offset": 0, "scale": "3f000000"},
    {"kind": "sign", "positions": {"bytes": 1, "codec": "bitmap", "ones": 1}},
    {"kind": "source", "positions": {"bytes": 1, "codec": "bitmap", "ones": 1}, "width": 3},
    {"kind": "none"}, {"count": 3, "seed": "0" * 16, "stream": "0" * 16},
    {"kind": "scores", "flips": 2, "ones": 3, "seed": "0" * 16, "stream": "0" * 16},
    {"coding": "raw", "dtype": "i4", "kind": "stored", "scale": "3f000000"},
    {"bytes": 5, "coding": "raw", "dtype": "u8", "kind": "stored"},
    {"bytes": 0, "coding": "raw", "dtype": "f32", "kind": "stored"},
    {"bytes": 3, "coding": "zstd", "dtype": "i8", "kind": "stored", "scale": "3f000000"},
    {"bytes": 0, "codec": "rice", "ones": 0}, {"bytes": 3, "codec": "bitmap", "ones": 7},
    {"bytes": 1, "codec": "rice", "ones": 0}, {"length": 9, "seed": "0" * 16, "stream": "0" * 16},
)  # fmt: skip


@dataclass
class Parts:
    """An archive taken apart."""

    manifest: Any
    payloads: list[bytes]
    coding: int  # of the manifest: 0 as it is, 1 a frame, 2 the compact form


Change = Callable[[Parts, random.Random, dict[str, int]], None]


@dataclass
class Report:
    """What became of a campaign's inputs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    mebibytes: float = 0.0
    failure: tuple[int, str] | None = None

    def add(self, other: "Report") -> None:
        """Take in what another process found."""
        self.outcomes += other.outcomes
        self.messages += other.messages
        self.slowest = max(self.slowest, other.slowest)
        self.mebibytes = max(self.mebibytes, other.mebibytes)
        self.failure = self.failure or other.failure


def corpus() -> list[bytes]:
    """Return the small valid archives of the conformance suite whose manifests are not large."""
    files = [path.read_bytes() for path in sorted(CORPUS.glob("*.pemn"))]
    small = [data for data in files if len(data) <= MOST_BYTES]
    return [d for d in small if struct.unpack_from("<I", d, 44)[0] <= LIMITS.max_manifest_bytes]


def take_apart(data: bytes) -> Parts:
    """Return the manifest and the payloads of a valid archive."""
    stored, _, coding = struct.unpack_from("<III", data, 40)
    raw = data[HEADER_BYTES : HEADER_BYTES + stored]
    if coding:
        given = DICTIONARY if coding == COMPACT else None
        raw = zstandard.ZstdDecompressor(given).decompress(raw)
    manifest = json.loads(raw)
    end, payloads = HEADER_BYTES + stored, []
    for section in manifest["sections"]:
        start = end if coding == COMPACT else -(-end // 64) * 64
        end = start + section["bytes"]
        payloads.append(data[start:end])
    return Parts(manifest, payloads, coding)


def put_together(parts: Parts, draw: random.Random, header: dict[str, int]) -> bytes:
    """Return an archive with right digests, and right sizes but for some of the sections'."""
    manifest = parts.manifest
    sections = manifest.get("sections") if isinstance(manifest, dict) else None
    if isinstance(sections, list) and len(sections) == len(parts.payloads):
        for record, payload in zip(sections, parts.payloads, strict=True):
            if isinstance(record, dict):
                if parts.coding != COMPACT:
                    record["sha256"] = hashlib.sha256(payload).hexdigest()
                record["bytes"] = len(payload) if draw.random() < 0.95 else record.get("bytes")
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    compact = parts.coding == COMPACT
    kept = text
    if parts.coding:
        packer = zstandard.ZstdCompressor(1, dict_data=DICTIONARY if compact else None)
        kept = packer.compress(text)
    body = kept
    for payload in parts.payloads:
        body += (b"" if compact else bytes(-(HEADER_BYTES + len(body)) % 64)) + payload
    later = compact or any(word in text for word in LATER)
    elements, restored = totals(manifest)
    fields = {
        "magic": b"\x89PEMN\r\n\x1a", "major": 1, "minor": int(later),
        "sections": len(parts.payloads),
        "length": HEADER_BYTES + len(body), "elements": elements, "restored": restored,
        "stored": len(kept), "raw": len(text), "coding": parts.coding,
        "reserved": bytes(12),
    }  # fmt: skip
    start = HEADER.pack(*(fields | header).values())
    return start + hashlib.sha256(start + (body if compact else kept)).digest() + body


def totals(manifest: Any) -> tuple[int, int]:
    """Return the elements and restored bytes that a header has to declare, as far as they exist."""
    elements = restored = 0
    records = manifest.get("tensors") if isinstance(manifest, dict) else None
    if isinstance(records, dict):
        columns = [records.get(key) for key in ("dtype", "shape", "values")]
        if all(isinstance(column, list) for column in columns):
            told = zip(*columns, strict=False)
            records = [{"dtype": d, "shape": s, "values": v} for d, s, v in told]
    for record in records if isinstance(records, list) else []:
        if not isinstance(record, dict) or not isinstance(record.get("shape"), list):
            continue
        if isinstance(record.get("values"), dict) and record["values"].get("kind") == "alias":
            continue
        dtype, shape = record.get("dtype"), record["shape"]
        if isinstance(dtype, str) and all(isinstance(size, int) for size in shape):
            elements += math.prod(shape)
            restored += math.prod(shape) * WIDTHS.get(dtype, 0)
    return elements % 2**64, restored % 2**64


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all fields and items within a value."""
    found = []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        found.append((*path, key))
        if isinstance(item, dict | list):
            found += places(item, (*path, key))
    return found


def other_value(value: Any, draw: random.Random) -> Any:
    """Return a value to put in another's place: often one like it."""
    kind = draw.random()
    if isinstance(value, int) and not isinstance(value, bool) and kind < 0.8:
        return draw.choice([value + 1, value - 1, value * 2, value // 2, draw.choice(NUMBERS)])
    if isinstance(value, str) and kind < 0.8:
        digits = set(value) <= set("0123456789abcdef")
        if value and digits and draw.random() < 0.6:
            at = draw.randrange(len(value))
            return value[:at] + draw.choice("0123456789abcdefA") + value[at + 1 :]
        return draw.choice([draw.choice(STRINGS), value + "x", value[:-1]])
    if isinstance(value, list) and kind < 0.8:
        changed = list(value)
        change = draw.choice(["drop", "twice", "swap", "reverse", "add"])
        if changed and change == "drop":
            del changed[draw.randrange(len(changed))]
        elif changed and change == "twice":
            changed.append(copy.deepcopy(draw.choice(changed)))
        elif changed and change == "swap":
            i, j = draw.randrange(len(changed)), draw.randrange(len(changed))
            changed[i], changed[j] = changed[j], changed[i]
        elif change == "reverse":
            changed.reverse()
        else:
            changed.append(draw.choice([draw.choice(NUMBERS), draw.choice(STRINGS), 1]))
        return changed
    return copy.deepcopy(draw.choice([*NUMBERS, *STRINGS, *OTHERS]))


def change_field(parts: Parts, draw: random.Random, header: dict[str, int]) -> None:
    """Change, add or take away a field of the manifest."""
    if not isinstance(parts.manifest, dict):
        return
    *path, key = draw.choice(places(parts.manifest) or [("about",)])
    place = parts.manifest
    for step in path:
        place = place[step]
    action = draw.random()
    if action < 0.75:
        place[key] = other_value(place.get(key) if isinstance(place, dict) else place[key], draw)
    elif action < 0.85:
        del place[key]
    elif isinstance(place, dict):
        new = draw.choice(["sha256", "scale", "positions", "shuffle", "seed", "stream", "plane",
                           "predictor", "width", "extra"])  # fmt: skip
        place[new] = copy.deepcopy(draw.choice([*STRINGS, *OTHERS]))
    else:
        place.append(other_value(place[key], draw))


def change_payload(parts: Parts, draw: random.Random, header: dict[str, int]) -> None:
    """Change bytes of one section; its size and digest follow."""
    if parts.payloads:
        at = draw.randrange(len(parts.payloads))
        parts.payloads[at] = change_bytes(parts.payloads[at], draw)


def change_header(parts: Parts, draw: random.Random, header: dict[str, int]) -> None:
    """Let a field of the header lie."""
    name, most = draw.choice(
        [("minor", 2**16), ("sections", 2**32), ("length", 2**64), ("elements", 2**64),
         ("restored", 2**64), ("stored", 2**32), ("raw", 2**32), ("coding", 2**32)]
    )  # fmt: skip
    header[name] = draw.choice([*NUMBERS, draw.randrange(1000)]) % most


def change_coding(parts: Parts, draw: random.Random, header: dict[str, int]) -> None:
    """Store the manifest in the other way."""
    parts.coding = draw.choice([0, 1, 1 - parts.coding % 2, COMPACT])


def change_tensor(parts: Parts, draw: random.Random, header: dict[str, int]) -> None:
    """Change a tensor or the prototype, payload included, such that all sizes still add up."""
    if parts.coding == COMPACT:  # sizes that follow are not there: fields and payloads do
        change_field(parts, draw, header)
        return
    records, prototype = parts.manifest["tensors"], parts.manifest["prototype"]
    if prototype is not None and (draw.random() < 0.2 or not records):
        change_prototype(parts, prototype, draw)
        return
    if not records:
        return
    masks, planes, dense = tensor_payloads(parts)
    at = draw.randrange(len(records))
    record, values = records[at], records[at]["values"]
    numel = math.prod(record["shape"])
    match draw.randrange(11):
        case 9 if "positions" in record:
            predictor = {"kind": "scores", "flips": record["positions"]["ones"]}
            predictor |= {"ones": draw.choice([0, 1, numel // 2]), "seed": "0" * 16}
            record["positions"]["predictor"] = predictor | {"stream": "0" * 16}
        case 10:
            told = {"count": draw.choice([1, 2, max(1, numel // 2), numel]), "seed": "0" * 16}
            record["frozen"] = told | {"stream": draw.choice(["0" * 16, "f" * 16])}
        case 0 if "positions" in record:
            masks[at] = change_bytes(masks[at], draw)
        case 1 if "positions" in record:
            record["positions"]["ones"] = draw.choice(
                [min(numel, max(0, record["positions"]["ones"] + draw.choice([-1, 1]))), numel, 0]
            )
        case 2 if "positions" in record:
            record["positions"]["codec"] = draw.choice(["bitmap", "csr", "rice"])
        case 3:
            record["shape"] = draw.choice(
                [[numel], [1, numel], [numel, 1], record["shape"][::-1], [*record["shape"], 1][:8],
                 [draw.choice([1, 2, 3, 64, 300, 70000]), draw.choice([1, 2, 5])], []]
            )  # fmt: skip
        case 4:
            record["dtype"] = draw.choice(list(WIDTHS))
            if "dtype" in values and draw.random() < 0.7:
                values["dtype"] = draw.choice([record["dtype"], "i8", "i4"])
        case 5 if values["kind"] == "stored":
            dense[at] = change_bytes(dense[at], draw)
            if draw.random() < 0.3:
                values["coding"] = draw.choice(["raw", "zstd", "shuffle-zstd"])
                dense[at] = zstandard.compress(bytes(draw.choice([40, 80, 5000])))
        case 6 if values["kind"] in ("prototype", "prototype-sign"):
            values["kind"] = draw.choice(["prototype", "prototype", "prototype-sign"])
            values["offset"] = draw.choice([0, 1, 3, 8, draw.randrange(40)])
            values["scale"] = draw.choice(
                ["71800000", "0d800000", "bf800001", ["3f000000"] * (record["shape"] or [1])[0]]
            )
        case 7 if "positions" not in record and values["kind"] != "alias":
            record["positions"] = {"codec": "bitmap", "ones": numel}
            bits = (1 << min(numel, 1 << 16)) - 1
            masks[at] = bits.to_bytes(-(-bits.bit_length() // 8), "little")
        case 8 if values["kind"] in ("prototype", "prototype-sign", "constant"):
            change_plane(record, planes, at, draw)
    for index, other in enumerate(records):
        if "positions" in other:
            other["positions"]["bytes"] = len(masks[index])
        if "plane" in other["values"]:
            told = other["values"]["plane"]
            numbers = -(-told["positions"]["ones"] * told.get("width", 0) // 8)
            told["positions"]["bytes"] = max(0, len(planes[index]) - numbers)
        if other["values"]["kind"] == "stored":
            fit_stored(other, dense, index, draw)
    place_payloads(parts, masks, planes, dense)


def change_plane(record: Any, planes: list[bytes], at: int, draw: random.Random) -> None:
    """Change a tensor's plane, or give it one whose payload has the right size."""
    values = record["values"]
    if "plane" in values and draw.random() < 0.4:
        planes[at] = change_bytes(planes[at], draw)
        return
    count = record["positions"]["ones"] if "positions" in record else math.prod(record["shape"])
    size = min(-(-count // 8), 1 << 14)
    mask = bytearray(size)
    ones = min(count, size * 8, draw.choice([1, 1, 2, 7]))
    for place in draw.sample(range(min(count, size * 8)), ones):
        mask[place // 8] |= 1 << place % 8
    plane: dict[str, Any] = {"kind": draw.choice(["sign", "generation", "source"])}
    plane["positions"] = {"bytes": size, "codec": "bitmap", "ones": ones}
    width = draw.choice([1, 2, 5, 17, 32, 48]) if plane["kind"] != "sign" else 0
    if width:
        plane["width"] = width
    if plane["kind"] == "generation":
        plane["stream"] = draw.choice(["0" * 16, "7" + "f" * 15, "0000010000000000"])
    values["plane"] = plane
    numbers = draw.getrandbits(ones * width) if width and draw.random() < 0.5 else 0
    planes[at] = bytes(mask) + numbers.to_bytes(-(-ones * width // 8), "little")


def change_prototype(parts: Parts, prototype: Any, draw: random.Random) -> None:
    """Change the prototype, its shuffle or its stored values."""
    names = [record["name"] for record in parts.manifest["sections"]]
    match draw.randrange(4):
        case 0 if "seed" in prototype:
            prototype["length"] = draw.choice([1, 5, prototype["length"] + 1, 70000])
        case 1:
            key = "transform" if "seed" not in prototype else draw.choice(["seed", "transform"])
            prototype[key] = draw.choice(
                ["normal16", "uniform24", "sign"] if key == "transform" else ["f" * 16, "0" * 16]
            )
        case 2:
            prototype["shuffle"] = {
                "length": draw.choice([1, 9, 40, 70000]), "seed": "0" * 16, "stream": "f" * 16,
            }  # fmt: skip
        case 3 if "prototype" in names:
            at = names.index("prototype")
            changed = bytearray(parts.payloads[at])
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
            parts.payloads[at] = bytes(changed)


def fit_stored(record: Any, dense: list[bytes], at: int, draw: random.Random) -> None:
    """Make a stored payload as long as its record says it is, most of the time."""
    values = record["values"]
    if values["coding"] == "raw" and draw.random() < 0.95:
        positions = record.get("positions")
        count = math.prod(record["shape"]) if positions is None else positions["ones"]
        held = values["dtype"]
        size = min(-(-count // 2) if held == "i4" else count * WIDTHS[held], 1 << 16)
        dense[at] = dense[at][:size] + bytes(size - len(dense[at][:size]))
    values["bytes"] = len(dense[at])


def tensor_payloads(parts: Parts) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Return the mask, the plane and the stored payload of every tensor, b"" where none is."""
    sections = dict(
        zip([s["name"] for s in parts.manifest["sections"]], parts.payloads, strict=True)
    )
    masks, planes, dense, mask_end, plane_end, end = [], [], [], 0, 0, 0
    for record in parts.manifest["tensors"]:
        size = record.get("positions", {"bytes": 0})["bytes"]
        masks.append(sections.get("masks", b"")[mask_end : mask_end + size])
        mask_end += size
        values = record["values"]
        if "plane" in values:
            told = values["plane"]
            size = told["positions"]["bytes"]
            size += -(-told["positions"]["ones"] * told.get("width", 0) // 8)
            planes.append(sections.get("planes", b"")[plane_end : plane_end + size])
            plane_end += size
        else:
            planes.append(b"")
        size = values.get("bytes", 0)
        end += -end % 64 if size >= 4096 and values["coding"] == "raw" else 0
        dense.append(sections.get("dense", b"")[end : end + size])
        end += size
    return masks, planes, dense


def place_payloads(
    parts: Parts, masks: list[bytes], planes: list[bytes], dense: list[bytes]
) -> None:
    """Put payloads into their sections; take away a section without bytes."""
    section = b""
    for record, payload in zip(parts.manifest["tensors"], dense, strict=True):
        if record["values"].get("coding") == "raw" and len(payload) >= 4096:
            section += bytes(-len(section) % 64)
        section += payload
    found = {"masks": b"".join(masks), "planes": b"".join(planes), "dense": section}
    for name, payload in found.items():
        names = [record["name"] for record in parts.manifest["sections"]]
        if name in names:
            at = names.index(name)
            parts.payloads[at] = payload
            if not payload:
                del parts.payloads[at], parts.manifest["sections"][at]
        elif payload:
            parts.payloads.append(payload)
            parts.manifest["sections"].append({"critical": True, "name": name})


CHANGES: Sequence[Change] = (
    *[change_field] * 12, *[change_payload] * 5, change_header, change_coding,
)  # fmt: skip


def change_bytes(data: bytes, draw: random.Random) -> bytes:
    """Flip, overwrite, insert, repeat or cut bytes."""
    changed = bytearray(data)
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        at = draw.randrange(len(changed) + 1)
        match draw.randrange(6):
            case 0 if at < len(changed):
                changed[at] ^= 1 << draw.randrange(8)
            case 1 if at < len(changed):
                changed[at] = draw.choice([0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)])
            case 2:
                changed[at:at] = draw.randbytes(draw.choice([1, 2, 8, 64]))
            case 3:
                del changed[at : at + draw.choice([1, 2, 8, 64])]
            case 4:
                start = draw.randrange(len(changed) + 1)
                changed[at:at] = changed[start : start + draw.choice([1, 8, 64, 512])]
            case 5 if draw.random() < 0.3:
                del changed[at:]
    return bytes(changed)


def make_input(files: Sequence[bytes], seed: int, number: int) -> bytes:
    """Return the input of that number."""
    draw = random.Random(f"{seed}:{number}")
    data = draw.choice(files)
    if number % 3:
        parts, header = take_apart(data), {}
        changes: Sequence[Change] = CHANGES if number % 3 == 1 else [change_tensor]
        for _ in range(draw.randint(1, 3)):
            draw.choice(changes)(parts, draw, header)
        return put_together(parts, draw, header)
    if draw.random() < 0.1:
        other = draw.choice(files)
        data = data[: draw.randrange(len(data))] + other[draw.randrange(len(other)) :]
    data = change_bytes(data, draw)
    return fix_hashes(data) if draw.random() < 0.7 else data


def fix_hashes(data: bytes) -> bytes:
    """Return damaged bytes with a header whose length and digest are right."""
    if len(data) < HEADER_BYTES:
        return data
    stored, _, coding = struct.unpack_from("<III", data, 40)
    stored = len(data) if coding == COMPACT else stored  # that digest is over all
    start = data[:16] + struct.pack("<Q", len(data)) + data[24:64]
    end = HEADER_BYTES + min(stored, len(data))
    digest = hashlib.sha256(start + data[HEADER_BYTES:end]).digest()
    return start + digest + data[HEADER_BYTES:]


def try_one(data: bytes) -> tuple[str, str]:
    """Return what the reader makes of an input, and its message.

    Raises AssertionError for a message that is not one short line, and whatever the reader raises
    that is no ArchiveError.
    """
    outcome, message = "restored", ""
    try:
        verify(data, LIMITS)
    except ArchiveError as error:
        outcome, message = "refused", str(error)
        assert message.startswith("archive: "), f"a message without the name: {message!r}"
        assert len(message) < 1000, f"a long message: {message!r}"
        assert len(message.splitlines()) == 1, f"a message of several lines: {message!r}"
    if (found := DIGEST.search(message)) is not None:
        expected, got = found.groups()
        again = data.replace(expected.encode(), got.encode())
        if again != data:  # the manifest is not compressed
            told = verify(fix_hashes(again), LIMITS)
            assert told["restored_sha256"] == got, "another restored digest"
            outcome = "restored with another digest"
    try:
        inspect(data, LIMITS)
    except ArchiveError:
        return f"{outcome} unopened", message
    with open_archive(data, LIMITS) as archive:  # each part on its own
        tell(archive)
        with suppress(ArchiveError):
            norms(archive)
        for record in archive.manifest.tensors:
            for read in (archive.tensor, archive.mask):
                try:
                    array = read(record.name)
                    assert array.shape == record.shape, f"the shape of {record.name!r}"
                except ArchiveError:
                    continue
    return outcome, message


def tell(archive: Archive) -> None:
    """Describe an open archive in every form that is printed; AssertionError for what cannot be."""
    json.loads(json_text(describe(archive)), parse_constant=_no_number)
    manifest = archive.manifest
    settings, training = (
        told if isinstance(told := manifest.about.get(key), dict) else {}
        for key in ("settings", "training")
    )
    told = ArchiveReport(
        "archive", manifest.architecture, settings, training,
        recorded_accuracy(manifest.about.get("accuracy")), archive_account(archive),
    )  # fmt: skip
    report = reporting.Report((told,))
    json.loads(render(report, "json"), parse_constant=_no_number)
    texts = [render(report, form) for form in ("table", "markdown", "csv")]
    texts.append(to_table(inside_blocks(describe(archive)), width=80))
    for text in texts:
        assert all(line.isprintable() for line in text.split("\n")), "characters for terminals"


def _no_number(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def campaign(seed: int, numbers: range) -> Report:
    """Try the inputs with the given numbers; stop at the first failure."""
    files, report = corpus(), Report()
    base = _mebibytes()
    for number in numbers:
        data = make_input(files, seed, number)
        start = time.process_time()  # of the processor: the machine may be busy
        failure = ""
        try:
            outcome, message = try_one(data)
        except Exception as error:
            outcome, message = "failed", ""
            failure = f"{type(error).__name__}: {error}"
        seconds = time.process_time() - start
        report.outcomes[outcome] += 1
        report.messages[message.partition(", got")[0][:60]] += 1
        report.slowest = max(report.slowest, (seconds, number))
        report.mebibytes = _mebibytes() - base
        if seconds > MOST_SECONDS:
            failure = failure or f"took {seconds:.1f} s"
        if report.mebibytes > MOST_MEBIBYTES:
            failure = failure or f"took {report.mebibytes:.0f} MiB"
        if failure:
            report.failure = number, failure
            break
    return report


def _mebibytes() -> float:
    """Return the peak memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def run(count: int, seed: int, processes: int) -> Report:
    """Try `count` inputs, shared between processes."""
    shares = [range(first, count, processes) for first in range(processes)]
    report = Report()
    if processes == 1:
        report.add(campaign(seed, shares[0]))
        return report
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for found in pool.starmap(campaign, [(seed, share) for share in shares]):
            report.add(found)
    return report


def main() -> int:
    """Run a campaign, print its counts, save an input that failed; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="number of inputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--messages", action="store_true", help="count the messages too")
    parser.add_argument("--save", type=Path, default=Path("fuzz-failure.pemn"), metavar="FILE",
                        help="where to put an input that failed")  # fmt: skip
    options = parser.parse_args()
    start = time.perf_counter()
    report = run(options.count, options.seed, options.processes)
    seconds = time.perf_counter() - start
    done = sum(report.outcomes.values())
    print(
        f"{done} inputs of {len(corpus())} files in {seconds:.0f} s: {done / seconds:.0f} a second"
    )
    print(", ".join(f"{key} {value}" for key, value in sorted(report.outcomes.items())))
    print(f"slowest {report.slowest[0] * 1000:.0f} ms (number {report.slowest[1]}), "
          f"{report.mebibytes:.0f} MiB at most")  # fmt: skip
    if options.messages:
        for message, times in report.messages.most_common():
            print(f"{times:8} {message}")
    if report.failure is None:
        return 0
    number, failure = report.failure
    options.save.write_bytes(make_input(corpus(), options.seed, number))
    print(f"input {number} failed, saved as {options.save}: {failure}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
