"""Reading a manifest: every field checked on its own, then what only fields together can show."""

from collections.abc import Mapping
from typing import Any

from pemn_compress.format import prng
from pemn_compress.format.archive import fields, layout, places
from pemn_compress.format.archive.columns import from_columns
from pemn_compress.format.archive.records import (
    CRITICAL,
    DENSE,
    DTYPE_BYTES,
    GENERATION,
    INT4,
    MASKABLE_DTYPES,
    MASKS,
    NARROW,
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
    stored_size,
)
from pemn_compress.format.archive.tensors import read_tensor


def from_json(value: Any, *, compact: bool = False) -> Manifest:
    """Check plain JSON values field by field and return the manifest; ArchiveError otherwise.

    `compact` is how the header says that it is stored: without what follows from other fields.
    """
    got = fields.table(
        value,
        "manifest",
        ("about", "architecture", "prototype", "restored_sha256", "sections", "tensors"),
    )
    sections = tuple(
        _section(s, compact) for s in fields.items(got["sections"], "sections", layout.MAX_SECTIONS)
    )
    told = from_columns(got["tensors"]) if compact else got["tensors"]
    told = fields.items(told, "tensors", layout.MAX_TENSORS)
    tensors = tuple(read_tensor(one, compact) for one in told)
    prototype = None if got["prototype"] is None else _prototype(got["prototype"])
    manifest = Manifest(
        tensors,
        sections,
        prototype,
        fields.digest(got["restored_sha256"], "restored_sha256"),
        fields.mapping(got["architecture"], "architecture"),
        fields.mapping(got["about"], "about"),
        compact,
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
        DENSE: places.dense_layout(manifest.tensors, manifest.compact)[1],
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
        if tensor.frozen is not None:
            raise fields.bad(where, "no frozen elements of an alias's own", "some")
        return
    if positions is not None:
        _check_positions(positions, tensor, where)
    if tensor.frozen is not None and not isinstance(values, FromPrototype):
        raise fields.bad(where, "frozen elements of values that a seed gives", "others")
    if tensor.frozen is not None and positions is None and tensor.plane is None:
        raise fields.bad(where, "positions or a plane, which say nothing of what is frozen", "none")
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


def _check_positions(positions: Positions, tensor: TensorRecord, where: str) -> None:
    least, most = tensor.frozen_count, tensor.numel
    if not least <= positions.ones <= most:
        told = f"{least} to {most} ones" if least else f"at most {most} ones"
        raise fields.bad(where, told, str(positions.ones))
    predictor, most = positions.predictor, most - least
    if predictor is not None and max(predictor.ones, predictor.flips) > most:
        found = f"{predictor.ones} and {predictor.flips}"
        raise fields.bad(where, f"a predictor with at most {most} ones and flips", found)


def _check_plane(
    plane: Plane, tensor: TensorRecord, prototype: PrototypeRecord | None, where: str
) -> None:
    free = tensor.selected - tensor.frozen_count
    if not 1 <= plane.positions.ones <= free:
        raise fields.bad(where, f"1 to {free} ones", str(plane.positions.ones))
    if plane.positions.predictor is not None:
        raise fields.bad(where, "positions without a predictor", "one")
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
        allowed = ("i8", INT4)
        check_scale(values.scale, tensor.shape, where)
    if values.dtype not in allowed:
        raise fields.bad(where, f"stored values of {' or '.join(allowed)}", values.dtype)
    decoded = stored_size(values.dtype, tensor.selected)
    if values.coding == RAW and values.size != decoded:
        raise fields.bad(where, f"{decoded} stored bytes", str(values.size))
    if values.coding != RAW and not 0 < values.size < decoded:
        raise fields.bad(where, f"fewer than {decoded} compressed bytes", str(values.size))


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
    return PrototypeRecord(transform, length, *fields.stream(got, where), shuffle)


def _shuffle(value: Any) -> Shuffle:
    where = "prototype shuffle"
    got = fields.table(value, where, ("length", "seed", "stream"))
    length = fields.integer(got["length"], f"{where} length", low=1, high=layout.MAX_ELEMENTS)
    return Shuffle(length, *fields.stream(got, where))


def _section(value: Any, compact: bool) -> SectionRecord:
    got = fields.table(
        value, "section", ("bytes", "critical", "name", *(() if compact else ("sha256",)))
    )
    name = fields.name(got["name"], "section")
    if not isinstance(got["critical"], bool):
        raise fields.bad(f"section {name!r}", "critical true or false", repr(got["critical"]))
    return SectionRecord(
        name,
        fields.integer(got["bytes"], f"section {name!r}"),
        None if compact else fields.digest(got["sha256"], f"section {name!r}"),
        got["critical"],
    )
