"""Reading tensor records, every field on its own; `manifest` checks what fields say together.

In the compact form the sizes of bitmaps and of raw values are not there: they follow from shapes.
"""

from math import prod
from typing import Any

from pemn_compress.format.archive import fields, layout
from pemn_compress.format.archive.canonical import float32_from_bits
from pemn_compress.format.archive.records import (
    BITMAP,
    CODINGS,
    DTYPE_BYTES,
    FROM_SOURCE,
    GENERATION,
    INT4,
    PLANE_WIDTHS,
    RAW,
    SCORES,
    SIGN,
    Alias,
    Constant,
    FromPrototype,
    Frozen,
    Plane,
    Positions,
    Predictor,
    Scale,
    Stored,
    TensorRecord,
    Values,
    stored_size,
)
from pemn_compress.format.codecs import CODECS

MIN_SCALE, MAX_SCALE = 2.0**-100, 2.0**100
# a mask may one day be stored as its difference from that of another archive
RESERVED_PREDICTORS = ("archive",)
STORED_DTYPES = (*DTYPE_BYTES, INT4)


def read_tensor(value: Any, compact: bool) -> TensorRecord:
    """Return a tensor record. Raises ArchiveError."""
    optional = ("frozen", "positions", "sha256")
    got = fields.table(value, "tensor", ("dtype", "name", "shape", "values"), optional)
    name = fields.name(got["name"], "tensor")
    where = f"tensor {name!r}"
    dtype = fields.choice(got["dtype"], DTYPE_BYTES, f"{where} dtype")
    shape = tuple(
        fields.integer(d, f"{where} shape", low=1)
        for d in fields.items(got["shape"], where, layout.MAX_RANK)
    )
    numel = prod(shape)
    if numel > layout.MAX_ELEMENTS:
        raise fields.bad(where, "fewer than 2^48 elements", str(numel))
    frozen = _frozen(got["frozen"], numel, where) if "frozen" in got else None
    count = 0 if frozen is None else frozen.count
    positions = None
    if "positions" in got:
        positions = _positions(got["positions"], numel - count, compact, where)
    digest = fields.digest(got["sha256"], where) if "sha256" in got else None
    selected = numel if positions is None else positions.ones
    values = _values(got["values"], selected, count, compact, where)
    return TensorRecord(name, shape, dtype, values, positions, digest, frozen)


def _frozen(value: Any, numel: int, where: str) -> Frozen:
    where = f"{where} frozen"
    drawn = ("seed", "stream") if isinstance(value, dict) and value.keys() != {"count"} else ()
    got = fields.table(value, where, ("count", *drawn))
    count = fields.integer(got["count"], f"{where} count", low=1, high=numel - 1)
    return Frozen(count, *fields.stream(got, where)) if drawn else Frozen(count)


def _positions(value: Any, places: int, compact: bool, where: str) -> Positions:
    """Return positions among so many places."""
    codec = value.get("codec") if isinstance(value, dict) else None
    told = not (compact and codec == BITMAP)
    required = ("codec", "ones", *(("bytes",) if told else ()))
    got = fields.table(value, f"{where} positions", required, ("predictor",))
    codec = fields.choice(codec, CODECS, f"{where} codec")
    ones = fields.integer(got["ones"], f"{where} ones")
    size = fields.integer(got["bytes"], where) if told else -(-places // 8)
    predictor = _predictor(got["predictor"], f"{where} predictor") if "predictor" in got else None
    return Positions(codec, ones, size, predictor)


def _predictor(value: Any, where: str) -> Predictor | None:
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind in RESERVED_PREDICTORS:
        kind += ", of a later version of the format"
    own = ("flips", "ones", "seed", "stream") if kind == SCORES else ()
    got = fields.table(value, where, ("kind", *own))
    if fields.choice(kind, ("none", SCORES), where) != SCORES:
        return None
    ones, flips = (fields.integer(got[key], f"{where} {key}") for key in ("ones", "flips"))
    return Predictor(ones, flips, *fields.stream(got, where))


def _values(value: Any, selected: int, frozen: int, compact: bool, where: str) -> Values:
    kind = value.get("kind") if isinstance(value, dict) else None
    free = selected - frozen
    match kind:
        case "prototype" | "prototype-sign":
            got = fields.table(value, f"{where} values", ("kind", "offset", "scale"), ("plane",))
            return FromPrototype(
                fields.integer(got["offset"], f"{where} offset"),
                _scale(got["scale"], where),
                kind == "prototype-sign",
                _plane(got["plane"], free, compact, where) if "plane" in got else None,
            )
        case "stored":
            told = not (compact and value.get("coding") == RAW)
            required = ("coding", "dtype", "kind", *(("bytes",) if told else ()))
            got = fields.table(value, f"{where} values", required, ("scale",))
            dtype = fields.choice(got["dtype"], STORED_DTYPES, f"{where} stored dtype")
            return Stored(
                fields.integer(got["bytes"], where) if told else stored_size(dtype, selected),
                dtype,
                fields.choice(got["coding"], CODINGS, f"{where} coding"),
                _scale(got["scale"], where) if "scale" in got else None,
            )
        case "constant":
            got = fields.table(value, f"{where} values", ("bits", "kind"), ("plane",))
            return Constant(
                fields.hex_digits(got["bits"], None, f"{where} bits"),
                _plane(got["plane"], free, compact, where) if "plane" in got else None,
            )
        case "alias":
            got = fields.table(value, f"{where} values", ("kind", "of"))
            return Alias(fields.name(got["of"], f"{where} alias"))
    kinds = "alias, constant, prototype, prototype-sign or stored"
    raise fields.bad(where, f"values of kind {kinds}", repr(kind))


def _plane(value: Any, free: int, compact: bool, where: str) -> Plane:
    where = f"{where} plane"
    kind = value.get("kind") if isinstance(value, dict) else None
    kind = fields.choice(kind, (FROM_SOURCE, GENERATION, SIGN), f"{where} kind")
    own = {SIGN: (), FROM_SOURCE: ("width",), GENERATION: ("stream", "width")}[kind]
    got = fields.table(value, where, ("kind", "positions", *own))
    positions = _positions(got["positions"], free, compact, where)
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
