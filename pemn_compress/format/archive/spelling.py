"""Records as plain JSON values: what `manifest` reads."""

from typing import Any

from pemn_compress.format.archive.canonical import float32_bits
from pemn_compress.format.archive.columns import to_columns
from pemn_compress.format.archive.records import (
    BITMAP,
    GENERATION,
    RAW,
    SCORES,
    SIGN,
    Alias,
    Constant,
    FromPrototype,
    Manifest,
    Plane,
    Positions,
    PrototypeRecord,
    Scale,
    Stored,
    TensorRecord,
)


def to_json(manifest: Manifest, *, compact: bool = False) -> dict[str, Any]:
    """Return the manifest as plain JSON values; `compact` has tensors in columns.

    Then sizes that follow from other fields are left out. Digests of sections are there where the
    record has one.
    """
    sections: list[dict[str, Any]] = []
    for s in manifest.sections:
        sections.append({"bytes": s.size, "critical": s.critical, "name": s.name})
        if s.sha256 is not None:
            sections[-1]["sha256"] = s.sha256
    told = [_tensor_json(tensor, compact) for tensor in manifest.tensors]
    return {
        "about": dict(manifest.about),
        "architecture": dict(manifest.architecture),
        "prototype": None if manifest.prototype is None else _prototype_json(manifest.prototype),
        "restored_sha256": manifest.restored_sha256,
        "sections": sections,
        "tensors": to_columns(told) if compact else told,
    }


def _tensor_json(tensor: TensorRecord, compact: bool) -> dict[str, Any]:
    values: dict[str, Any]
    match tensor.values:
        case FromPrototype(offset, scale, signs):
            kind = "prototype-sign" if signs else "prototype"
            values = {"kind": kind, "offset": offset, "scale": _scale_json(scale)}
        case Stored(size, dtype, coding, quantum):
            values = {"bytes": size, "coding": coding, "dtype": dtype, "kind": "stored"}
            if compact and coding == RAW:
                del values["bytes"]
            if quantum is not None:
                values["scale"] = _scale_json(quantum)
        case Constant(bits):
            values = {"bits": bits, "kind": "constant"}
        case Alias(of):
            values = {"kind": "alias", "of": of}
    record: dict[str, Any] = {
        "dtype": tensor.dtype,
        "name": tensor.name,
        "shape": list(tensor.shape),
        "values": values,
    }
    if tensor.plane is not None:
        values["plane"] = _plane_json(tensor.plane, compact)
    if tensor.positions is not None:
        record["positions"] = _positions_json(tensor.positions, compact)
    if tensor.sha256 is not None:
        record["sha256"] = tensor.sha256
    if tensor.frozen is not None:
        record["frozen"] = {"count": tensor.frozen.count}
        if tensor.frozen.seed is not None and tensor.frozen.stream is not None:
            record["frozen"] |= _stream_json(tensor.frozen.seed, tensor.frozen.stream)
    return record


def _positions_json(positions: Positions, compact: bool) -> dict[str, Any]:
    record: dict[str, Any] = {"codec": positions.codec, "ones": positions.ones}
    if not (compact and positions.codec == BITMAP):
        record["bytes"] = positions.size
    if positions.predictor is not None:
        p = positions.predictor
        told = {"flips": p.flips, "kind": SCORES, "ones": p.ones}
        record["predictor"] = told | _stream_json(p.seed, p.stream)
    return record


def _plane_json(plane: Plane, compact: bool) -> dict[str, Any]:
    positions = _positions_json(plane.positions, compact)
    record: dict[str, Any] = {"kind": plane.kind, "positions": positions}
    if plane.kind != SIGN:
        record["width"] = plane.width
    if plane.kind == GENERATION:
        record["stream"] = _u64_json(plane.stream)
    return record


def _scale_json(scale: Scale) -> str | list[str]:
    if isinstance(scale, tuple):
        return [float32_bits(one) for one in scale]
    return float32_bits(scale)


def _prototype_json(prototype: PrototypeRecord) -> dict[str, Any]:
    record: dict[str, Any] = {"length": prototype.length}
    if prototype.seed is not None:
        record |= _stream_json(prototype.seed, prototype.stream)
        record["transform"] = prototype.transform
    if prototype.shuffle is not None:
        s = prototype.shuffle
        record["shuffle"] = {"length": s.length, **_stream_json(s.seed, s.stream)}
    return record


def _stream_json(seed: int, stream: int) -> dict[str, str]:
    return {"seed": _u64_json(seed), "stream": _u64_json(stream)}


def _u64_json(number: int) -> str:
    return f"{number:016x}"  # hex digits: many JSON parsers cut integers above 2^53
