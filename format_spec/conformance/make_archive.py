"""Archives made by hand, part by part, so that any part of them can be made wrong.

What the format says is written down here again, on purpose: nothing is taken from the package's
own writer and reader but the mask codecs and the generator. Manifests are stored as they are, and
zstd frames are put together from raw and run-length blocks, so that the files do not depend on the
version of a compressor.
"""

import copy
import hashlib
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pemn_compress.format import prng
from pemn_compress.format.codecs import CODECS

Array = np.ndarray[Any, Any]
Json = dict[str, Any]

MAGIC = bytes.fromhex("8950454d4e0d0a1a")
VERSION = (1, 0)
HEADER = struct.Struct("<8sHHIQQQIII12s")
HEADER_BYTES = 96
RAW, ZSTD = 0, 1
TYPES = {
    "bool": "?", "u8": "u1", "i8": "i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
    "bf16": "<u2", "f16": "<f2", "f32": "<f4", "f64": "<f8",
}  # fmt: skip
CODES = {name: code for code, name in enumerate(TYPES)}
ALIGNED_FROM = 4096


@dataclass
class Part:
    """One tensor: its record, its payloads, and what it has to restore to."""

    record: Json
    restored: Array
    mask: bytes = b""
    dense: bytes = b""
    plane: bytes = b""


@dataclass
class Plane:
    """Which selected elements depart, by their numbers among the selected ones, and how.

    `numbers` are as they are stored, `width` bits each; a plane of kind `sign` has none.
    """

    kind: str
    which: Sequence[int]
    numbers: Sequence[int] = ()
    width: int = 0
    stream: int = 0
    codec: str = "bitmap"

    def record(self, size: int) -> Json:
        """Return the record of a plane whose mask has so many bytes."""
        told = {"bytes": size, "codec": self.codec, "ones": len(self.which)}
        record: Json = {"kind": self.kind, "positions": told}
        if self.kind != "sign":
            record["width"] = self.width
        if self.kind == "generation":
            record["stream"] = f"{self.stream:016x}"
        return record

    def packed(self) -> bytes:
        """Return the numbers as bits, least significant first."""
        bits = "".join(f"{number:0{self.width}b}"[::-1] for number in self.numbers)
        bits += "0" * (-len(bits) % 8)
        return bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))


@dataclass
class Prototype:
    """The prototype's record, its values, and the vector that tensors take theirs from."""

    record: Json
    values: Array
    filled: Array


@dataclass
class Draft:
    """A whole archive in parts: change what has to be wrong, then `pack` it."""

    manifest: Json
    payloads: list[bytes] = field(default_factory=list)


def prototype(
    length: int,
    transform: str = "sign",
    seed: int = 3,
    stream: int = 0,
    *,
    stored: Array | None = None,
    shuffle: tuple[int, int, int] | None = None,
) -> Prototype:
    """Make a prototype from the generator, or of `stored` values.

    `shuffle` is the length, seed and stream of one.
    """
    record: Json = {"length": length}
    values = prng.TRANSFORMS[transform](seed, stream, length) if stored is None else stored
    if stored is None:
        record |= {"seed": f"{seed:016x}", "stream": f"{stream:016x}", "transform": transform}
    filled = values
    if shuffle is not None:
        record["shuffle"] = {
            "length": shuffle[0], "seed": f"{shuffle[1]:016x}", "stream": f"{shuffle[2]:016x}",
        }  # fmt: skip
        filled = np.array([values[i % length] for i in shuffled_order(*shuffle)], np.float32)
    return Prototype(record, values, filled)


def shuffled_order(length: int, seed: int, stream: int) -> list[int]:
    """Return the indices below `length` in ascending order of (word of the stream, index)."""
    drawn = prng.words(seed, stream, length).tolist()
    return sorted(range(length), key=lambda i: (drawn[i], i))


def masked(
    name: str,
    dtype: str,
    shape: Sequence[int],
    drawn_from: Prototype,
    *,
    mask: Array | None = None,
    offset: int = 0,
    scale: str | list[str] = "3f000000",
    codec: str = "bitmap",
    payload: bytes | None = None,
    signs: bool = False,
    plane: Plane | None = None,
) -> Part:
    """Return a tensor of kind `prototype`; without a mask every element is selected.

    With `signs` it is one of kind `prototype-sign`.
    """
    numel, filled = math.prod(shape), drawn_from.filled
    drawn = filled[(offset + np.arange(numel)) % len(filled)]
    selected = np.arange(numel) if mask is None else np.flatnonzero(mask)
    if plane is not None and plane.kind != "sign":
        for which, number in zip(plane.which, plane.numbers, strict=True):
            i = selected[which]
            if plane.kind == "source":
                drawn[i] = filled[(offset + number) % len(filled)]
            else:
                generate = prng.TRANSFORMS[drawn_from.record["transform"]]
                seed = int(drawn_from.record["seed"], 16)
                drawn[i] = generate(seed, plane.stream + number + 1, i + 1)[i]
    if signs:
        drawn = np.where(np.signbit(drawn), np.float32(-1), np.float32(1))
    restored = scaled(drawn.reshape(shape), scale, mask, dtype)
    values = {"kind": "prototype-sign" if signs else "prototype", "offset": offset, "scale": scale}
    part = _part(name, dtype, shape, values, restored, mask, codec, payload)
    return part if plane is None else _planed(part, plane, selected)


def _planed(part: Part, plane: Plane, selected: Array) -> Part:
    """Give a tensor a plane; one of signs changes what the tensor restores to."""
    which = np.zeros(len(selected), np.bool_)
    which[list(plane.which)] = True
    packed = CODECS[plane.codec].encode(which)
    part.record["values"]["plane"] = plane.record(len(packed))
    part.plane = packed + plane.packed()
    if plane.kind == "sign":
        flat = part.restored.reshape(-1).copy()
        bits = flat.view(f"u{flat.itemsize}")
        bits[selected[which]] ^= 1 << (8 * flat.itemsize - 1)
        part.restored = flat.reshape(part.restored.shape)
    return part


def stored(
    name: str,
    dtype: str,
    array: Array,
    *,
    raw: bytes | None = None,
    held: str | None = None,
    coding: str = "raw",
    payload: bytes | None = None,
    mask: Array | None = None,
    codec: str = "bitmap",
) -> Part:
    """Return a tensor of kind `stored` that restores to `array`.

    `raw` is the raw form of its selected elements where it is not that of `array`'s own ones,
    `payload` what is in the file where that is not the raw form, `held` the payload's dtype.
    """
    assert array.dtype.itemsize == np.dtype(TYPES[dtype]).itemsize
    selected = array if mask is None else array[mask]
    dense = raw if raw is not None else selected.tobytes()
    dense = payload if payload is not None else dense
    values = {"bytes": len(dense), "coding": coding, "dtype": held or dtype, "kind": "stored"}
    part = _part(name, dtype, array.shape, values, array, mask, codec, None)
    part.dense = dense
    return part


def quantized(
    name: str,
    dtype: str,
    integers: Array,
    scale: str | list[str],
    *,
    mask: Array | None = None,
    codec: str = "bitmap",
    bits: int = 8,
    coding: str = "raw",
    payload: bytes | None = None,
) -> Part:
    """Return a floating tensor of integers of 8 or 4 bits times a scale, or one scale per row."""
    restored = scaled(integers.astype(np.float32), scale, mask, dtype)
    chosen = (integers if mask is None else integers[mask]).reshape(-1)
    raw, held = chosen.astype("i1").tobytes(), "i8"
    if bits == 4:
        digits = [f"{number & 15:x}" for number in chosen.tolist()] + ["0"] * (chosen.size % 2)
        pairs = zip(digits[::2], digits[1::2], strict=True)
        raw, held = bytes.fromhex("".join(high + low for low, high in pairs)), "i4"
    part = stored(name, dtype, restored, raw=raw, held=held, mask=mask, codec=codec,
                  coding=coding, payload=payload)  # fmt: skip
    part.record["values"]["scale"] = scale
    return part


def constant(
    name: str,
    dtype: str = "f32",
    shape: Sequence[int] = (2,),
    bits: str = "0000803f",
    *,
    mask: Array | None = None,
    codec: str = "bitmap",
    plane: Plane | None = None,
) -> Part:
    """Return a tensor of kind `constant`."""
    element = np.frombuffer(bytes.fromhex(bits), TYPES[dtype])[0]
    restored = np.full(shape, element) if math.prod(shape) < 1 << 20 else np.empty(0)
    if mask is not None:
        restored = np.where(mask, restored, np.zeros((), restored.dtype))
    values = {"bits": bits, "kind": "constant"}
    part = _part(name, dtype, shape, values, restored, mask, codec, None)
    if plane is None:
        return part
    return _planed(part, plane, np.arange(restored.size) if mask is None else np.flatnonzero(mask))


def alias(name: str, of: Part) -> Part:
    """Return a further name of an earlier tensor."""
    record = {key: of.record[key] for key in ("dtype", "shape")} | {"name": name}
    return Part(record | {"values": {"kind": "alias", "of": of.record["name"]}}, of.restored)


def scaled(values: Array, scale: str | list[str], mask: Array | None, dtype: str) -> Array:
    """Return values times a scale or a scale per row in binary32, rounded to `dtype`."""
    factors = [struct.unpack(">f", bytes.fromhex(bits))[0] for bits in np.atleast_1d(scale)]
    rows = np.array(factors, np.float32)
    rows = rows.reshape(-1, *(1,) * (values.ndim - 1)) if isinstance(scale, list) else rows[0]
    with np.errstate(all="ignore"):
        product = np.asarray(values * rows, np.float32)
        if mask is not None:
            product = np.where(mask, product, np.float32(0))
        if dtype == "bf16":
            bits = product.view(np.uint32).astype(np.uint64)
            return np.asarray((bits + 0x7FFF + (bits >> 16) % 2) >> 16, "<u2")
        return product.astype(TYPES[dtype])


def chosen(seed: int, stream: int, n: int, count: int, *, of: Array | None = None,
           scores: bool = False) -> Array:  # fmt: skip
    """Return which of n elements a seed chooses, of those that `of` has, as a mask.

    Those with the lowest words, or with the greatest magnitudes of `scores`; ties to the lower one.
    """
    keys = prng.words(seed, stream, n).tolist()
    if scores:
        keys = [-abs(2 * (word >> 8) + 1 - 2**24) for word in keys]
    places = range(n) if of is None else np.flatnonzero(of).tolist()
    mask = np.zeros(n, np.bool_)
    mask[sorted(places, key=lambda i: (keys[i], i))[:count]] = True
    return mask


def predict(
    part: Part, mask: Array, seed: int, stream: int, ones: int, codec: str = "bitmap",
    free: Array | None = None,
) -> Part:  # fmt: skip
    """Store a tensor's mask as its difference from the one that first scores predict.

    `free` are the elements that are not frozen, where some are.
    """
    guess = chosen(seed, stream, mask.size, ones, of=free, scores=True)
    flips = mask ^ guess.reshape(mask.shape)
    flips = flips if free is None else flips.reshape(-1)[free]
    part.mask = CODECS[codec].encode(flips)
    part.record["positions"] |= {
        "bytes": len(part.mask), "codec": codec,
        "predictor": {
            "flips": int(flips.sum()), "kind": "scores", "ones": ones, "seed": f"{seed:016x}",
            "stream": f"{stream:016x}",
        },
    }  # fmt: skip
    return part


def freeze(part: Part, mask: Array | None, seed: int, stream: int, count: int,
           codec: str = "bitmap", fixed: Array | None = None) -> Array:  # fmt: skip
    """Make a tensor's record say that elements are frozen; return which are not.

    Its `mask`, which has all of them, is then stored without them. With the `fixed` values of its
    elements those of the least magnitudes are frozen, whatever the seed.
    """
    n = math.prod(part.record["shape"])
    part.record["frozen"] = {"count": count}
    if fixed is None:
        free = ~chosen(seed, stream, n, count)
        part.record["frozen"] |= {"seed": f"{seed:016x}", "stream": f"{stream:016x}"}
    else:
        free = np.ones(n, np.bool_)
        free[np.lexsort((np.arange(n), np.abs(fixed.reshape(-1))))[:count]] = False
    if mask is not None:
        assert mask.reshape(-1)[~free].all()
        part.mask = CODECS[codec].encode(mask.reshape(-1)[free])
        part.record["positions"] |= {"bytes": len(part.mask), "codec": codec}
    return free


def _part(
    name: str,
    dtype: str,
    shape: Sequence[int],
    values: Json,
    restored: Array,
    mask: Array | None,
    codec: str,
    payload: bytes | None,
) -> Part:
    record: Json = {"dtype": dtype, "name": name, "shape": list(shape), "values": values}
    packed = b""
    if mask is not None:
        packed = CODECS[codec].encode(mask) if payload is None else payload
        record["positions"] = {"bytes": len(packed), "codec": codec, "ones": int(mask.sum())}
    return Part(record, restored, packed)


def tensor_digest(part: Part) -> bytes:
    """Return the SHA-256 of a restored tensor: dtype, rank, dimensions, elements."""
    dtype, shape = part.record["dtype"], part.record["shape"]
    head = struct.pack(f"<BB{len(shape)}Q", CODES[dtype], len(shape), *shape)
    return hashlib.sha256(head + part.restored.tobytes()).digest()


def restored_digest(parts: Sequence[Part]) -> str:
    """Return the SHA-256 over all names and tensor digests, in ascending order of the names."""
    whole = hashlib.sha256()
    for name, digest in sorted((p.record["name"].encode(), tensor_digest(p)) for p in parts):
        whole.update(struct.pack("<H", len(name)) + name + digest)
    return whole.hexdigest()


def draft(
    *parts: Part,
    prototype: Prototype | None = None,
    store: bool = False,
    sections: Sequence[tuple[str, bool, bytes]] = (),
    order: Sequence[str] = (),
    digests: bool = False,
    about: Json | None = None,
    architecture: Json | None = None,
    align: int = 64,
) -> Draft:
    """Put tensors together; `store` puts the prototype into the file, `sections` are further ones.

    `order` names the sections that come first, `digests` gives every tensor its own, `align` is 1
    where the compact form aligns nothing.
    """
    found: dict[str, tuple[bool, bytes]] = {
        "masks": (True, b"".join(part.mask for part in parts)),
        "planes": (True, b"".join(part.plane for part in parts)),
        "dense": (True, dense_section(parts, align)),
    }
    if prototype is not None and store:
        found["prototype"] = (True, prototype.values.astype("<f4").tobytes())
    found |= {name: (critical, payload) for name, critical, payload in sections}
    names = [*order, *(name for name in found if name not in order)]
    kept = {name: found[name] for name in names if found[name][1]}
    records = []
    for part in parts:
        record = dict(part.record)
        if digests and record["values"]["kind"] != "alias":
            record["sha256"] = tensor_digest(part).hex()
        records.append(record)
    made = Draft(
        {
            "about": about or {},
            "architecture": architecture or {},
            "prototype": prototype.record if prototype is not None else None,
            "restored_sha256": restored_digest(parts) if _whole(parts) else "0" * 64,
            "sections": [
                {"bytes": 0, "critical": critical, "name": name, "sha256": ""}
                for name, (critical, _) in kept.items()
            ],
            "tensors": records,
        },
        [payload for _, payload in kept.values()],
    )
    return rehash(made)


def _whole(parts: Sequence[Part]) -> bool:
    """Whether all tensors are small enough to have been restored."""
    return all(part.restored.size == math.prod(part.record["shape"]) for part in parts)


def dense_section(parts: Sequence[Part], align: int = 64) -> bytes:
    """Return the stored payloads one after the other, large raw ones at multiples of 64."""
    section = b""
    for part in parts:
        if part.record["values"].get("coding") == "raw" and len(part.dense) >= ALIGNED_FROM:
            section += bytes(-len(section) % align)
        section += part.dense
    return section


def rehash(made: Draft) -> Draft:
    """Make the section records fit the payloads, size and digest."""
    for record, payload in zip(made.manifest["sections"], made.payloads, strict=True):
        record["bytes"] = len(payload)
        record["sha256"] = hashlib.sha256(payload).hexdigest()
    return made


def canonical(value: object) -> bytes:
    """Return canonical JSON; the value has no floats."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def pack(
    made: Draft,
    *,
    text: bytes | None = None,
    packed: bytes | None = None,
    padding: bytes = b"\0",
    align: int = 64,
    tail: bytes = b"",
    **header: Any,
) -> bytes:
    """Return the bytes of an archive, every size and digest right but for what is given.

    `text` is the manifest where it is not the canonical one, `packed` its zstd frame, `padding` the
    byte between sections, `tail` what follows the last one.
    """
    text = canonical(made.manifest) if text is None else text
    body = kept = text if packed is None else packed
    for payload in made.payloads:
        body += padding * (-(HEADER_BYTES + len(body)) % align) + payload
    body += tail
    elements, restored = totals(made.manifest)
    fields = {
        "magic": MAGIC, "major": VERSION[0], "minor": VERSION[1], "sections": len(made.payloads),
        "length": HEADER_BYTES + len(body), "elements": elements, "restored": restored,
        "stored": len(kept), "raw": len(text), "coding": RAW if packed is None else ZSTD,
        "reserved": bytes(12),
    }  # fmt: skip
    assert not header.keys() - fields.keys()
    start = HEADER.pack(*(fields | header).values())
    kept = body[: (fields | header)["stored"]]
    return start + hashlib.sha256(start + kept).digest() + body


def compact(made: Draft) -> Json:
    """Return the manifest of an archive in the compact form."""
    told = copy.deepcopy(made.manifest)
    for record in told["sections"]:
        del record["sha256"]
    columns: Json = {}
    for key in ("dtype", "frozen", "name", "positions", "sha256", "shape", "values"):
        column = [record.get(key) for record in told["tensors"]]
        if key in ("dtype", "name", "shape", "values") or any(item is not None for item in column):
            columns[key] = column
    last: list[str] = []
    names = []
    for name in columns["name"]:
        parts = name.split(".")
        same = 0
        while same < min(len(last), len(parts) - 1) and last[same] == parts[same]:
            same += 1
        names += [same, ".".join(parts[same:])]
        last = parts
    columns["name"] = names
    for values in columns["values"]:
        if values.get("coding") == "raw":
            del values["bytes"]
        _shorten(values.get("plane", {}).get("positions"))
    for positions in columns.get("positions", ()):
        _shorten(positions)
    return told | {"tensors": columns}


def _shorten(positions: Json | None) -> None:
    if positions is not None and positions["codec"] == "bitmap":
        del positions["bytes"]


def pack_compact(
    made: Draft, told: Json | None = None, *, packed: bytes | None = None, gap: bytes = b"",
    damage: int | None = None, tail: bytes = b"", **header: Any,
) -> bytes:  # fmt: skip
    """Return the bytes of an archive in the compact form.

    `told` is its manifest where it is not `compact(made)`, `packed` that as a frame where it is not
    one of a raw block, `gap` is before each section, and `damage` the place of a byte that is
    changed behind the digest's back.
    """
    text = canonical(compact(made) if told is None else told)
    kept = frame(text) if packed is None else packed
    rest = b"".join(gap + payload for payload in made.payloads) + tail
    elements, restored = totals(made.manifest)
    fields = {
        "magic": MAGIC, "major": VERSION[0], "minor": 1, "sections": len(made.payloads),
        "length": HEADER_BYTES + len(kept + rest), "elements": elements, "restored": restored,
        "stored": len(kept), "raw": len(text), "coding": 2, "reserved": bytes(12),
    }  # fmt: skip
    start = HEADER.pack(*(fields | header).values())
    whole = bytearray(start + hashlib.sha256(start + kept + rest).digest() + kept + rest)
    if damage is not None:
        whole[damage] ^= 1
    return bytes(whole)


def totals(manifest: Json) -> tuple[int, int]:
    """Return the header's elements and restored bytes; what makes no sense counts as nothing."""
    elements = restored = 0
    for record in manifest.get("tensors", ()):
        try:
            if record["values"]["kind"] != "alias":
                count = math.prod(record["shape"])
                restored += count * np.dtype(TYPES[record["dtype"]]).itemsize
                elements += count
        except (KeyError, TypeError):
            continue
    return elements % 2**64, restored % 2**64


@dataclass(frozen=True)
class Packed:
    """A compressed block: its content, and how many bytes that regenerates."""

    content: bytes
    regenerated: int


# a raw block, a byte and how often it is repeated, or a compressed block
Block = bytes | tuple[int, int] | Packed
LITERALS = {1 << code - 19: code for code in range(25, 36)}  # lengths 64, 128, ... 65536
MATCHES = {3 + (1 << code - 36): code for code in range(43, 53)}  # 131, 259, ... 65539


def copies(byte: int, literals: int, match: int, offset: int = 0) -> Packed:
    """Return a compressed block: a byte `literals` times, then `match` bytes from `offset` back.

    It has one sequence, all three of whose codes are in tables of one symbol. Without an offset it
    takes the last one of the frame, at first 1, so that it is literals + match times the byte;
    `literals` is 64 to 131,071, `match` 131 to 131,074.
    """
    least, low = max((least, code) for least, code in LITERALS.items() if least <= literals)
    start, high = max((least, code) for least, code in MATCHES.items() if least <= match)
    section = (0b01 | 0b11 << 2 | literals << 4).to_bytes(3, "little") + bytes([byte])
    told = offset + 3 if offset else 1
    middle = told.bit_length() - 1
    tables = bytes([1, 0b01_01_01_00, low, middle, high])
    bits = total = 0  # read from the end: the offset's bits first, then the match's
    for number, width in ((literals - least, low - 19), (match - start, high - 36),
                          (told - (1 << middle), middle)):  # fmt: skip
        bits |= number << total
        total += width
    stream = (bits | 1 << total).to_bytes(total // 8 + 1, "little")
    return Packed(section + tables + stream, literals + match)


def literal(content: bytes) -> Packed:
    """Return a compressed block of raw literals alone, larger than what it regenerates."""
    head = (0b00 | 0b11 << 2 | len(content) << 4).to_bytes(3, "little")
    return Packed(head + content + b"\0", len(content))


def frame(
    *blocks: Block,
    declared: int | None = None,
    window: int | None = None,
    dictionary: int | None = None,
    checksum: bytes = b"",
    sized: bool = True,
    last: bool = True,
) -> bytes:
    """Return one zstd frame of blocks; the defaults make a valid one.

    `window` is a window descriptor (then the frame is not of one segment), `dictionary` an
    identifier below 256, `checksum` four bytes after the last block; without `sized` no content
    size is declared, without `last` no block is marked as the last one.
    """
    size = sum(map(regenerated, blocks)) if declared is None else declared
    single = window is None and sized
    flag, width = next(
        (flag, width)
        for flag, width, least, most in (
            (0, 1, 0, 255), (1, 2, 256, 65791), (2, 4, 0, 2**32 - 1), (3, 8, 0, 2**64 - 1),
        )
        if least <= size <= most and (single or flag > 1 or not sized)
    )  # fmt: skip
    flag = flag if sized else 0
    head = flag << 6 | single << 5 | bool(checksum) << 2 | (dictionary is not None)
    out = b"\x28\xb5\x2f\xfd" + bytes([head])
    if not single:
        out += bytes([0 if window is None else window])
    if dictionary is not None:
        out += bytes([dictionary])
    if sized:
        out += (size - (256 if width == 2 else 0)).to_bytes(width, "little")
    for index, block in enumerate(blocks):
        final = last and index == len(blocks) - 1
        kind, count, content = 0, 0, b""
        match block:
            case bytes():
                kind, count, content = 0, len(block), block
            case Packed():
                kind, count, content = 2, len(block.content), block.content
            case (byte, count):
                kind, content = 1, bytes([byte])
        out += (final | kind << 1 | count << 3).to_bytes(3, "little") + content
    return out + checksum


def regenerated(block: Block) -> int:
    """Return how many bytes of content a block stands for."""
    match block:
        case bytes():
            return len(block)
        case Packed():
            return block.regenerated
        case (_, count):
            return count


def skippable(content: bytes) -> bytes:
    """Return a skippable zstd frame."""
    return b"\x50\x2a\x4d\x18" + struct.pack("<I", len(content)) + content
