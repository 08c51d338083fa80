"""Reading a manifest: every field checked on its own, then what only fields together can show."""

import re
from collections.abc import Collection, Mapping
from math import prod
from typing import Any

from pemn_compress import prng
from pemn_compress.archive import layout
from pemn_compress.archive.canonical import float32_from_bits
from pemn_compress.archive.records import (
    CODINGS,
    CRITICAL,
    DENSE,
    DTYPE_BYTES,
    MASKABLE_DTYPES,
    MASKS,
    NARROW,
    PROTOTYPE,
    RAW,
    Alias,
    Constant,
    FromPrototype,
    Manifest,
    Positions,
    PrototypeRecord,
    Scale,
    SectionRecord,
    Shuffle,
    Stored,
    TensorRecord,
    Values,
    dense_layout,
)
from pemn_compress.codecs import CODECS
from pemn_compress.errors import ArchiveError

MIN_SCALE, MAX_SCALE = 2.0**-100, 2.0**100

_NAME = re.compile(r"(?!\.)(?!.*\.\.)(?!.*\.$)[A-Za-z0-9_.\-]{1,255}")
_HEX = re.compile(r"[0-9a-f]*")
_MOST_SHOWN = 300  # characters of a file's own text in a message


def from_json(value: Any) -> Manifest:
    """Check plain JSON values field by field and return the manifest; ArchiveError otherwise."""
    got = _fields(
        value,
        "manifest",
        ("about", "architecture", "prototype", "restored_sha256", "sections", "tensors"),
    )
    sections = tuple(_section(s) for s in _list(got["sections"], "sections", layout.MAX_SECTIONS))
    tensors = tuple(_tensor(t) for t in _list(got["tensors"], "tensors", layout.MAX_TENSORS))
    prototype = None if got["prototype"] is None else _prototype(got["prototype"])
    manifest = Manifest(
        tensors,
        sections,
        prototype,
        _digest(got["restored_sha256"], "restored_sha256"),
        _mapping(got["architecture"], "architecture"),
        _mapping(got["about"], "about"),
    )
    check(manifest)
    return manifest


def check(manifest: Manifest) -> None:
    """Check what single fields cannot show: unique names, references, sizes that add up."""
    _unique([s.name for s in manifest.sections], "section")
    _unique([t.name for t in manifest.tensors], "tensor")
    sizes = {s.name: s.size for s in manifest.sections}
    for section in manifest.sections:
        known = CRITICAL.get(section.name)
        if known is None and section.critical:
            raise _bad(f"section {section.name!r}", "a known name", "an unknown critical one")
        if known is not None and known != section.critical:
            raise _bad(f"section {section.name!r}", f"critical {known}", str(section.critical))
    seen: dict[str, TensorRecord] = {}
    for tensor in manifest.tensors:
        _check_tensor(tensor, seen, manifest.prototype)
        seen[tensor.name] = tensor
    needed = {
        MASKS: sum(t.positions.size for t in manifest.tensors if t.positions),
        DENSE: dense_layout(manifest.tensors)[1],
        PROTOTYPE: 0,
    }
    prototype = manifest.prototype
    if prototype is not None and prototype.seed is None:
        needed[PROTOTYPE] = 4 * prototype.length
    for name, size in needed.items():
        if sizes.get(name, 0) != size:
            raise _bad(
                f"section {name!r}", f"{size} bytes as the records say", f"{sizes.get(name, 0)}"
            )
    if any(size == 0 for size in sizes.values()):
        raise _bad("sections", "no empty section", "one")


def _check_tensor(
    tensor: TensorRecord, seen: Mapping[str, TensorRecord], prototype: PrototypeRecord | None
) -> None:
    where = f"tensor {tensor.name!r}"
    values, positions = tensor.values, tensor.positions
    if isinstance(values, Alias):
        target = seen.get(values.of)
        if target is None or isinstance(target.values, Alias):
            raise _bad(where, "an alias of an earlier tensor", repr(values.of))
        if positions or (target.shape, target.dtype) != (tensor.shape, tensor.dtype):
            raise _bad(where, f"the shape and dtype of {values.of!r}", "others")
        if tensor.sha256 is not None:
            raise _bad(where, "no digest of an alias's own", "one")
        return
    if positions is not None and not 0 <= positions.ones <= tensor.numel:
        raise _bad(where, f"at most {tensor.numel} ones", str(positions.ones))
    count = tensor.numel if positions is None else positions.ones
    width = DTYPE_BYTES[tensor.dtype]
    if isinstance(values, Stored):
        _check_stored(values, count, tensor, where)
    if isinstance(values, Constant) and len(values.bits) != 2 * width:
        raise _bad(where, f"a constant of {width} bytes", f"{len(values.bits) / 2:g}")
    if isinstance(values, Constant) and tensor.dtype == "bool" and values.bits not in ("00", "01"):
        raise _bad(where, "a bool constant of 00 or 01", values.bits)
    if isinstance(values, FromPrototype):
        if tensor.dtype not in MASKABLE_DTYPES:
            raise _bad(where, f"a dtype of {', '.join(MASKABLE_DTYPES)}", tensor.dtype)
        if prototype is None:
            raise _bad(where, "a prototype in the manifest", "none")
        if values.offset >= prototype.filled_length:
            raise _bad(where, f"an offset below {prototype.filled_length}", str(values.offset))
        check_scale(values.scale, tensor.shape, where)


def check_scale(scale: Scale, shape: tuple[int, ...], where: str) -> None:
    """Refuse a list of scales that has not one for each index of the first dimension."""
    if isinstance(scale, tuple) and (not shape or len(scale) != shape[0]):
        raise _bad(
            where, f"one scale or {shape[0] if shape else 'no more'}", f"{len(scale)} scales"
        )


def _check_stored(values: Stored, count: int, tensor: TensorRecord, where: str) -> None:
    dtype = tensor.dtype
    allowed: tuple[str, ...] = (dtype, *NARROW.get(dtype, ()))
    if values.scale is not None:
        if dtype not in MASKABLE_DTYPES:
            raise _bad(
                where, f"a scale for {' or '.join(MASKABLE_DTYPES)} only", f"{dtype} with one"
            )
        allowed = ("i8",)
        check_scale(values.scale, tensor.shape, where)
    if values.dtype not in allowed:
        raise _bad(where, f"stored values of {' or '.join(allowed)}", values.dtype)
    decoded = count * DTYPE_BYTES[values.dtype]
    if values.coding == RAW and values.size != decoded:
        raise _bad(where, f"{decoded} stored bytes", str(values.size))
    if values.coding != RAW and not 0 < values.size < decoded:
        raise _bad(where, f"fewer than {decoded} compressed bytes", str(values.size))


def _tensor(value: Any) -> TensorRecord:
    optional = ("positions", "sha256")
    got = _fields(value, "tensor", ("dtype", "name", "shape", "values"), optional)
    name = _name(got["name"], "tensor")
    where = f"tensor {name!r}"
    dtype = _choice(got["dtype"], DTYPE_BYTES, f"{where} dtype")
    shape = tuple(
        _integer(d, f"{where} shape", low=1) for d in _list(got["shape"], where, layout.MAX_RANK)
    )
    if prod(shape) > layout.MAX_ELEMENTS:
        raise _bad(where, "fewer than 2^48 elements", str(prod(shape)))
    positions = _positions(got["positions"], where) if "positions" in got else None
    digest = _digest(got["sha256"], where) if "sha256" in got else None
    return TensorRecord(name, shape, dtype, _values(got["values"], where), positions, digest)


def _positions(value: Any, where: str) -> Positions:
    got = _fields(value, f"{where} positions", ("bytes", "codec", "ones"))
    codec = _choice(got["codec"], CODECS, f"{where} codec")
    return Positions(codec, _integer(got["ones"], f"{where} ones"), _integer(got["bytes"], where))


def _values(value: Any, where: str) -> Values:
    kind = value.get("kind") if isinstance(value, dict) else None
    match kind:
        case "prototype":
            got = _fields(value, f"{where} values", ("kind", "offset", "scale"))
            return FromPrototype(
                _integer(got["offset"], f"{where} offset"), _scale(got["scale"], where)
            )
        case "stored":
            required = ("bytes", "coding", "dtype", "kind")
            got = _fields(value, f"{where} values", required, ("scale",))
            return Stored(
                _integer(got["bytes"], where),
                _choice(got["dtype"], DTYPE_BYTES, f"{where} stored dtype"),
                _choice(got["coding"], CODINGS, f"{where} coding"),
                _scale(got["scale"], where) if "scale" in got else None,
            )
        case "constant":
            got = _fields(value, f"{where} values", ("bits", "kind"))
            return Constant(_hex(got["bits"], None, f"{where} bits"))
        case "alias":
            got = _fields(value, f"{where} values", ("kind", "of"))
            return Alias(_name(got["of"], f"{where} alias"))
    raise _bad(where, "values of kind alias, constant, prototype or stored", repr(kind))


def _scale(value: Any, where: str) -> Scale:
    if isinstance(value, list):
        return tuple(_one_scale(one, where) for one in value)
    return _one_scale(value, where)


def _one_scale(value: Any, where: str) -> float:
    scale = float32_from_bits(_hex(value, 8, f"{where} scale"))
    if not MIN_SCALE <= abs(scale) <= MAX_SCALE:
        raise _bad(where, "a scale from 2^-100 to 2^100", f"{scale!r}")
    return scale


def _prototype(value: Any) -> PrototypeRecord:
    where = "prototype"
    got = _fields(value, where, ("length", "transform"), ("seed", "shuffle", "stream"))
    if ("seed" in got) != ("stream" in got):
        raise _bad(where, "seed and stream together", "one of them")
    transform = _choice(got["transform"], prng.TRANSFORMS, f"{where} transform")
    length = _integer(got["length"], f"{where} length", low=1, high=layout.MAX_ELEMENTS)
    shuffle = _shuffle(got["shuffle"]) if "shuffle" in got else None
    if "seed" not in got:
        return PrototypeRecord(transform, length, None, 0, shuffle)
    return PrototypeRecord(transform, length, *_stream(got, where), shuffle)


def _shuffle(value: Any) -> Shuffle:
    where = "prototype shuffle"
    got = _fields(value, where, ("length", "seed", "stream"))
    length = _integer(got["length"], f"{where} length", low=1, high=layout.MAX_ELEMENTS)
    return Shuffle(length, *_stream(got, where))


def _stream(got: Mapping[str, Any], where: str) -> tuple[int, int]:
    seed, stream = (int(_hex(got[key], 16, f"{where} {key}"), 16) for key in ("seed", "stream"))
    return seed, stream


def _section(value: Any) -> SectionRecord:
    got = _fields(value, "section", ("bytes", "critical", "name", "sha256"))
    name = _name(got["name"], "section")
    if not isinstance(got["critical"], bool):
        raise _bad(f"section {name!r}", "critical true or false", repr(got["critical"]))
    return SectionRecord(
        name,
        _integer(got["bytes"], f"section {name!r}"),
        _digest(got["sha256"], f"section {name!r}"),
        got["critical"],
    )


def _bad(where: str, expected: str, got: str) -> ArchiveError:
    return ArchiveError(f"{where}: expected {expected}, got {got[:_MOST_SHOWN]}")


# names that later versions will use: told apart from mistakes, refused all the same
RESERVED = {"predictor", "plane"}


def _fields(
    value: Any, where: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _bad(where, "an object", type(value).__name__)
    missing = [key for key in required if key not in value]
    unknown = [key for key in value if key not in required + optional]
    if missing:
        raise _bad(where, f"the field {missing[0]!r}", "none")
    if unknown:
        later = " (of a later version of the format)" if unknown[0] in RESERVED else ""
        raise _bad(where, "no other fields", repr(unknown[0]) + later)
    return value


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _bad(where, "an object", type(value).__name__)
    return value


def _list(value: Any, where: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise _bad(where, f"a list of at most {most}", type(value).__name__)
    return value


def _choice(value: Any, known: Collection[str], where: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise _bad(where, f"one of {', '.join(known)}", repr(value))
    return value


def _integer(value: Any, where: str, *, low: int = 0, high: int = layout.MAX_ELEMENTS) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _bad(where, f"an integer from {low} to {high}", repr(value))
    return value


def _hex(value: Any, digits: int | None, where: str) -> str:
    even = isinstance(value, str) and _HEX.fullmatch(value) and len(value) % 2 == 0
    if not even or (digits is not None and len(value) != digits):
        raise _bad(where, f"{digits or 'an even number of'} hex digits", repr(value))
    return str(value)


def _digest(value: Any, where: str) -> str:
    return _hex(value, 64, where)


def _name(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _bad(
            where, "a name of 1 to 255 letters, digits, '_', '-' and single inner dots", repr(value)
        )
    return value


def _unique(names: list[str], kind: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _bad(f"{kind} {name!r}", "a unique name", "two")
        seen.add(name)
