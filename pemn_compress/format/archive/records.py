"""The manifest as typed records, and those as plain JSON values.

A tensor record says where the non-zeros are (`positions`, or all of them) and where their values
come from (`values`): the prototype, stored bytes, one constant, or another tensor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

from pemn_compress.format.archive.canonical import float32_bits

DTYPE_BYTES = {
    "bool": 1, "u8": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8,
    "bf16": 2, "f16": 2, "f32": 4, "f64": 8,
}  # fmt: skip
MASKABLE_DTYPES = ("f32", "f16", "bf16")
NARROW = {
    "f32": ("f16", "bf16")
}  # restored dtype -> narrower ones that its values may be stored in
RAW, ZSTD, SHUFFLE_ZSTD = "raw", "zstd", "shuffle-zstd"
CODINGS = (RAW, ZSTD, SHUFFLE_ZSTD)
ALIGNED_FROM = 4096  # a raw payload of so many bytes starts at a multiple of layout.ALIGNMENT
MASKS, PLANES, DENSE, PROTOTYPE, SOURCE = "masks", "planes", "dense", "prototype", "source"
CRITICAL = {MASKS: True, PLANES: True, DENSE: True, PROTOTYPE: True, SOURCE: False}
SIGN, GENERATION, FROM_SOURCE = "sign", "generation", "source"
PLANE_WIDTHS = {GENERATION: 32, FROM_SOURCE: 48}  # kind -> most bits of one of its numbers


Scale = float | tuple[float, ...]


@dataclass(frozen=True)
class Positions:
    """Where a tensor's non-zeros are: a mask payload of `size` bytes with `ones` ones."""

    codec: str
    ones: int
    size: int


@dataclass(frozen=True)
class Plane:
    """One number for each selected element, most of them 0: how its value departs from the rule.

    `positions` says which selected elements have a number; the numbers follow, `width` bits each.
    "sign" (no width): the element is negated. "generation": it is drawn again, generation g from
    stream `stream` + g. "source": it takes the value of the element of that number.
    """

    kind: str
    positions: Positions
    width: int = 0
    stream: int = 0

    @property
    def size(self) -> int:
        """Bytes of the whole payload."""
        return self.positions.size + -(-self.positions.ones * self.width // 8)


@dataclass(frozen=True)
class FromPrototype:
    """Value of element i: scale x prototype[(offset + i) mod length], in binary32.

    `scale` is one number, or one for each index of the first dimension. With `signs` the element
    is the scale itself, with the sign of the prototype's value.
    """

    offset: int
    scale: Scale
    signs: bool = False
    plane: Plane | None = None


@dataclass(frozen=True)
class Stored:
    """Values as a payload of `size` bytes in the dense section.

    Decoded (`coding`), it holds little-endian elements of `dtype` in C order: the tensor's own
    dtype; f16 or bf16 for a tensor of f32, which widen exactly; or i8 for a floating tensor, whose
    values are then the integer times `scale` (one, or one for each index of the first dimension).
    """

    size: int
    dtype: str
    coding: str = "raw"
    scale: Scale | None = None


@dataclass(frozen=True)
class Constant:
    """Every element has the same bits, but for a plane of signs: little-endian, as hex digits."""

    bits: str
    plane: Plane | None = None


@dataclass(frozen=True)
class Alias:
    """The very same tensor as the one of that name (a tied weight)."""

    of: str


Values = FromPrototype | Stored | Constant | Alias


@dataclass(frozen=True)
class TensorRecord:
    """One tensor of the restored state dict; without `positions` every element has a value.

    `sha256` is the restored tensor's digest: with it, one tensor can be read and trusted alone.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    values: Values
    positions: Positions | None = None
    sha256: str | None = None

    @cached_property
    def numel(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def selected(self) -> int:
        """Number of elements that have a value."""
        return self.numel if self.positions is None else self.positions.ones

    @property
    def plane(self) -> Plane | None:
        """The plane of its values, if they have one."""
        return self.values.plane if isinstance(self.values, FromPrototype | Constant) else None

    @property
    def restored_bytes(self) -> int:
        """Memory that the restored tensor takes; an alias takes none of its own."""
        return 0 if isinstance(self.values, Alias) else self.numel * DTYPE_BYTES[self.dtype]


@dataclass(frozen=True)
class Shuffle:
    """Repeat the prototype to `length` values, then permute them by a stream's random words."""

    length: int
    seed: int
    stream: int


@dataclass(frozen=True)
class PrototypeRecord:
    """The prototype: regenerated from `seed`, or (seed None) stored in its own section.

    `transform` is there exactly if the seed is. `shuffle` is PEMN's `rand` mode: tensors then take
    values from the shuffled vector.
    """

    transform: str | None
    length: int
    seed: int | None
    stream: int = 0
    shuffle: Shuffle | None = None

    @property
    def filled_length(self) -> int:
        """Length of the vector that offsets count in."""
        return self.shuffle.length if self.shuffle else self.length


@dataclass(frozen=True)
class SectionRecord:
    """One section of payload bytes. A reader may skip an unknown one only if it is not critical."""

    name: str
    size: int
    sha256: str
    critical: bool


@dataclass(frozen=True)
class Manifest:
    """Everything an archive says about itself. `architecture` and `about` are free-form JSON."""

    tensors: tuple[TensorRecord, ...]
    sections: tuple[SectionRecord, ...]
    prototype: PrototypeRecord | None
    restored_sha256: str
    architecture: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def elements(self) -> int:
        """Numbers in all restored tensors, aliases not counted twice."""
        return sum(t.numel for t in self.tensors if not isinstance(t.values, Alias))

    @cached_property
    def restored_bytes(self) -> int:
        """Memory that all restored tensors take together."""
        return sum(t.restored_bytes for t in self.tensors)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain JSON values."""
        return {
            "about": dict(self.about),
            "architecture": dict(self.architecture),
            "prototype": None if self.prototype is None else _prototype_json(self.prototype),
            "restored_sha256": self.restored_sha256,
            "sections": [
                {"bytes": s.size, "critical": s.critical, "name": s.name, "sha256": s.sha256}
                for s in self.sections
            ],
            "tensors": [_tensor_json(tensor) for tensor in self.tensors],
        }


def _tensor_json(tensor: TensorRecord) -> dict[str, Any]:
    values: dict[str, Any]
    match tensor.values:
        case FromPrototype(offset, scale, signs):
            kind = "prototype-sign" if signs else "prototype"
            values = {"kind": kind, "offset": offset, "scale": _scale_json(scale)}
        case Stored(size, dtype, coding, quantum):
            values = {"bytes": size, "coding": coding, "dtype": dtype, "kind": "stored"}
            if quantum is not None:
                values["scale"] = _scale_json(quantum)
        case Constant(bits):
            values = {"bits": bits, "kind": "constant"}
        case Alias(of):
            values = {"kind": "alias", "of": of}
    record = {
        "dtype": tensor.dtype,
        "name": tensor.name,
        "shape": list(tensor.shape),
        "values": values,
    }
    if tensor.plane is not None:
        values["plane"] = _plane_json(tensor.plane)
    if tensor.positions is not None:
        record["positions"] = _positions_json(tensor.positions)
    if tensor.sha256 is not None:
        record["sha256"] = tensor.sha256
    return record


def _positions_json(positions: Positions) -> dict[str, Any]:
    return {"bytes": positions.size, "codec": positions.codec, "ones": positions.ones}


def _plane_json(plane: Plane) -> dict[str, Any]:
    positions = _positions_json(plane.positions)
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
