"""Reading a manifest: every field checked on its own, then what only fields together can show."""

from collections.abc import Mapping
from math import prod
from typing import Any

from pemn_compress.format import prng
from pemn_compress.format.archive import fields, layout, places
from pemn_compress.format.archive.canonical import float32_from_bits
from pemn_compress.format.archive.records import (
    CODINGS,
    CRITICAL,
    DENSE,
    DTYPE_BYTES,
    FROM_SOURCE,
    GENERATION,
    MASKABLE_DTYPES,
    MASKS,
    NARROW,
    PLANE_WIDTHS,
    PLANES,
    PROTOTYPE,
    RAW,
    SIGN,
    Alias,
    Constant,
    FromPrototype,
    Manifest,
    Plane,
    Positions,
    PrototypeRecord,
    Scale,
    SectionRecord,
    Shuffle,
    Stored,
    TensorRecord,
    Values,
)
from pemn_compress.format.codecs import CODECS

MIN_SCALE, MAX_SCALE = 2.0**-100, 2.0**100
# a mask may one day be stored as its difference from one of these; no reader of 1.0 can do that
RESERVED_PREDICTORS = ("archive", "scores")


def from_json(value: Any) -> Manifest:
    """Check plain JSON values field by field and return the manifest; ArchiveError otherwise."""
    got = fields.table(
        value,
        "manifest",
        ("about", "architecture", "prototype", "restored_sha256", "sections", "tensors"),
    )
    sections = tuple(
        _section(s) for s in fields.items(got["sections"], "sections", layout.MAX_SECTIONS)
    )
    tensors = tuple(_tensor(t) for t in fields.items(got["tensors"], "tensors", layout.MAX_TENSORS))
    prototype = None if got["prototype"] is None else _prototype(got["prototype"])
    manifest = Manifest(
        tensors,
        sections,
        prototype,
        fields.digest(got["restored_sha256"], "restored_sha256"),
        fields.mapping(got["architecture"], "architecture"),
        fields.mapping(got["about"], "about"),
    )
    check(manifest)
    return manifest


def check(manifest: Manifest) -> None:
    """Check what single fields cannot show: unique names, references, sizes that add up."""
    fields.unique([s.name for s in manifest.sections], "section")
    fields.unique([t.name for t in manifest.tensors], "tensor")
    sizes = {s.name: s.size for s in manifest.sections}
    for section in manifest.sections:
        known = CRITICAL.get(section.name)
        if known is None and section.critical:
            raise fields.bad(f"section {section.name!r}", "a known name", "an unknown critical one")
        if known is not None and known != section.critical:
            raise fields.bad(
                f"section {section.name!r}", f"critical {known}", str(section.critical)
            )
    seen: dict[str, TensorRecord] = {}
    for tensor in manifest.tensors:
        _check_tensor(tensor, seen, manifest.prototype)
        seen[tensor.name] = tensor
    needed = {
        MASKS: sum(t.positions.size for t in manifest.tensors if t.positions),
        PLANES: sum(t.plane.size for t in manifest.tensors if t.plane),
        DENSE: places.dense_layout(manifest.tensors)[1],
        PROTOTYPE: 0,
    }
    prototype = manifest.prototype
    if prototype is not None and prototype.seed is None:
        needed[PROTOTYPE] = 4 * prototype.length
    for name, size in needed.items():
        if sizes.get(name, 0) != size:
            raise fields.bad(
                f"section {name!r}", f"{size} bytes as the records say", f"{sizes.get(name, 0)}"
            )
    if any(size == 0 for size in sizes.values()):
        raise fields.bad("sections", "no empty section", "one")


def _check_tensor(
    tensor: TensorRecord, seen: Mapping[str, TensorRecord], prototype: PrototypeRecord | None
) -> None:
    where = f"tensor {tensor.name!r}"
    values, positions = tensor.values, tensor.positions
    if isinstance(values, Alias):
        target = seen.get(values.of)
        if target is None or isinstance(target.values, Alias):
            raise fields.bad(where, "an alias of an earlier tensor", repr(values.of))
        if positions or (target.shape, target.dtype) != (tensor.shape, tensor.dtype):
            raise fields.bad(where, f"the shape and dtype of {values.of!r}", "others")
        if tensor.sha256 is not None:
            raise fields.bad(where, "no digest of an alias's own", "one")
        return
    if positions is not None and not 0 <= positions.ones <= tensor.numel:
        raise fields.bad(where, f"at most {tensor.numel} ones", str(positions.ones))
    width = DTYPE_BYTES[tensor.dtype]
    if isinstance(values, Stored):
        _check_stored(values, tensor, where)
    if isinstance(values, Constant) and len(values.bits) != 2 * width:
        raise fields.bad(where, f"a constant of {width} bytes", f"{len(values.bits) / 2:g}")
    if isinstance(values, Constant) and tensor.dtype == "bool" and values.bits not in ("00", "01"):
        raise fields.bad(where, "a bool constant of 00 or 01", values.bits)
    if isinstance(values, FromPrototype):
        if tensor.dtype not in MASKABLE_DTYPES:
            raise fields.bad(where, f"a dtype of {', '.join(MASKABLE_DTYPES)}", tensor.dtype)
        if prototype is None:
            raise fields.bad(where, "a prototype in the manifest", "none")
        if values.offset >= prototype.filled_length:
            raise fields.bad(
                where, f"an offset below {prototype.filled_length}", str(values.offset)
            )
        check_scale(values.scale, tensor.shape, where)
    if tensor.plane is not None:
        _check_plane(tensor.plane, tensor, prototype, f"{where} plane")


def _check_plane(
    plane: Plane, tensor: TensorRecord, prototype: PrototypeRecord | None, where: str
) -> None:
    if not 1 <= plane.positions.ones <= tensor.selected:
        raise fields.bad(where, f"1 to {tensor.selected} ones", str(plane.positions.ones))
    if plane.kind == SIGN and tensor.dtype not in MASKABLE_DTYPES:
        raise fields.bad(where, f"a dtype of {', '.join(MASKABLE_DTYPES)}", tensor.dtype)
    if plane.kind != SIGN and isinstance(tensor.values, Constant):
        raise fields.bad(where, f"kind {SIGN} for a constant", plane.kind)
    if plane.kind == GENERATION:
        if prototype is None or prototype.seed is None:
            raise fields.bad(where, "a prototype with a seed", "none")
        if plane.stream >= 1 << 63:
            raise fields.bad(where, "a stream below 2^63", f"{plane.stream:016x}")


def check_scale(scale: Scale, shape: tuple[int, ...], where: str) -> None:
    """Refuse a list of scales that has not one for each index of the first dimension."""
    if isinstance(scale, tuple) and (not shape or len(scale) != shape[0]):
        raise fields.bad(
            where, f"one scale or {shape[0] if shape else 'no more'}", f"{len(scale)} scales"
        )


def _check_stored(values: Stored, tensor: TensorRecord, where: str) -> None:
    dtype = tensor.dtype
    allowed: tuple[str, ...] = (dtype, *NARROW.get(dtype, ()))
    if values.scale is not None:
        if dtype not in MASKABLE_DTYPES:
            raise fields.bad(
                where, f"a scale for {' or '.join(MASKABLE_DTYPES)} only", f"{dtype} with one"
            )
        allowed = ("i8",)
        check_scale(values.scale, tensor.shape, where)
    if values.dtype not in allowed:
        raise fields.bad(where, f"stored values of {' or '.join(allowed)}", values.dtype)
    decoded = tensor.selected * DTYPE_BYTES[values.dtype]
    if values.coding == RAW and values.size != decoded:
        raise fields.bad(where, f"{decoded} stored bytes", str(values.size))
    if values.coding != RAW and not 0 < values.size < decoded:
        raise fields.bad(where, f"fewer than {decoded} compressed bytes", str(values.size))


def _tensor(value: Any) -> TensorRecord:
    optional = ("positions", "sha256")
    got = fields.table(value, "tensor", ("dtype", "name", "shape", "values"), optional)
    name = fields.name(got["name"], "tensor")
    where = f"tensor {name!r}"
    dtype = fields.choice(got["dtype"], DTYPE_BYTES, f"{where} dtype")
    shape = tuple(
        fields.integer(d, f"{where} shape", low=1)
        for d in fields.items(got["shape"], where, layout.MAX_RANK)
    )
    if prod(shape) > layout.MAX_ELEMENTS:
        raise fields.bad(where, "fewer than 2^48 elements", str(prod(shape)))
    positions = _positions(got["positions"], where) if "positions" in got else None
    digest = fields.digest(got["sha256"], where) if "sha256" in got else None
    return TensorRecord(name, shape, dtype, _values(got["values"], where), positions, digest)


def _positions(value: Any, where: str) -> Positions:
    got = fields.table(value, f"{where} positions", ("bytes", "codec", "ones"), ("predictor",))
    codec = fields.choice(got["codec"], CODECS, f"{where} codec")
    if "predictor" in got:
        predictor = fields.table(got["predictor"], f"{where} predictor", ("kind",))["kind"]
        if predictor in RESERVED_PREDICTORS:
            predictor += ", of a later version of the format"
        fields.choice(predictor, ("none",), f"{where} predictor")
    ones = fields.integer(got["ones"], f"{where} ones")
    return Positions(codec, ones, fields.integer(got["bytes"], where))


def _values(value: Any, where: str) -> Values:
    kind = value.get("kind") if isinstance(value, dict) else None
    match kind:
        case "prototype" | "prototype-sign":
            got = fields.table(value, f"{where} values", ("kind", "offset", "scale"), ("plane",))
            return FromPrototype(
                fields.integer(got["offset"], f"{where} offset"),
                _scale(got["scale"], where),
                kind == "prototype-sign",
                _plane(got["plane"], where) if "plane" in got else None,
            )
        case "stored":
            required = ("bytes", "coding", "dtype", "kind")
            got = fields.table(value, f"{where} values", required, ("scale",))
            return Stored(
                fields.integer(got["bytes"], where),
                fields.choice(got["dtype"], DTYPE_BYTES, f"{where} stored dtype"),
                fields.choice(got["coding"], CODINGS, f"{where} coding"),
                _scale(got["scale"], where) if "scale" in got else None,
            )
        case "constant":
            got = fields.table(value, f"{where} values", ("bits", "kind"), ("plane",))
            return Constant(
                fields.hex_digits(got["bits"], None, f"{where} bits"),
                _plane(got["plane"], where) if "plane" in got else None,
            )
        case "alias":
            got = fields.table(value, f"{where} values", ("kind", "of"))
            return Alias(fields.name(got["of"], f"{where} alias"))
    kinds = "alias, constant, prototype, prototype-sign or stored"
    raise fields.bad(where, f"values of kind {kinds}", repr(kind))


def _plane(value: Any, where: str) -> Plane:
    where = f"{where} plane"
    kind = value.get("kind") if isinstance(value, dict) else None
    kind = fields.choice(kind, (FROM_SOURCE, GENERATION, SIGN), f"{where} kind")
    own = {SIGN: (), FROM_SOURCE: ("width",), GENERATION: ("stream", "width")}[kind]
    got = fields.table(value, where, ("kind", "positions", *own))
    positions = _positions(got["positions"], where)
    if kind == SIGN:
        return Plane(kind, positions)
    width = fields.integer(got["width"], f"{where} width", low=1, high=PLANE_WIDTHS[kind])
    stream = int(fields.hex_digits(got["stream"], 16, where), 16) if kind == GENERATION else 0
    return Plane(kind, positions, width, stream)


def _scale(value: Any, where: str) -> Scale:
    if isinstance(value, list):
        return tuple(_one_scale(one, where) for one in value)
    return _one_scale(value, where)


def _one_scale(value: Any, where: str) -> float:
    scale = float32_from_bits(fields.hex_digits(value, 8, f"{where} scale"))
    if not MIN_SCALE <= abs(scale) <= MAX_SCALE:
        raise fields.bad(where, "a scale from 2^-100 to 2^100", f"{scale!r}")
    return scale


def _prototype(value: Any) -> PrototypeRecord:
    where = "prototype"
    seeded = ("seed", "stream", "transform")
    there = isinstance(value, dict) and any(key in value for key in seeded)
    got = fields.table(value, where, ("length", *(seeded if there else ())), ("shuffle",))
    length = fields.integer(got["length"], f"{where} length", low=1)
    shuffle = _shuffle(got["shuffle"]) if "shuffle" in got else None
    if not there:
        return PrototypeRecord(None, length, None, 0, shuffle)
    transform = fields.choice(got["transform"], prng.TRANSFORMS, f"{where} transform")
    return PrototypeRecord(transform, length, *_stream(got, where), shuffle)


def _shuffle(value: Any) -> Shuffle:
    where = "prototype shuffle"
    got = fields.table(value, where, ("length", "seed", "stream"))
    length = fields.integer(got["length"], f"{where} length", low=1, high=layout.MAX_ELEMENTS)
    return Shuffle(length, *_stream(got, where))


def _stream(got: Mapping[str, Any], where: str) -> tuple[int, int]:
    seed, stream = (
        int(fields.hex_digits(got[key], 16, f"{where} {key}"), 16) for key in ("seed", "stream")
    )
    return seed, stream


def _section(value: Any) -> SectionRecord:
    got = fields.table(value, "section", ("bytes", "critical", "name", "sha256"))
    name = fields.name(got["name"], "section")
    if not isinstance(got["critical"], bool):
        raise fields.bad(f"section {name!r}", "critical true or false", repr(got["critical"]))
    return SectionRecord(
        name,
        fields.integer(got["bytes"], f"section {name!r}"),
        fields.digest(got["sha256"], f"section {name!r}"),
        got["critical"],
    )
