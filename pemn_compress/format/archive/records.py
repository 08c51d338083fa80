"""The manifest as typed records; `spelling` has them as plain JSON values, `manifest` reads those.

A tensor record says where the non-zeros are (`positions`, or all of them) and where their values
come from (`values`): the prototype, stored bytes, one constant, or another tensor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

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
MASKS, PLANES, DENSE, PROTOTYPE = "masks", "planes", "dense", "prototype"
SOURCE, GRAPH = "source", "graph"  # which a reader of tensors may skip
CRITICAL = {
    MASKS: True, PLANES: True, DENSE: True, PROTOTYPE: True, SOURCE: False, GRAPH: False,
}  # fmt: skip
SIGN, GENERATION, FROM_SOURCE = "sign", "generation", "source"
BITMAP = "bitmap"  # the codec whose payloads have a size that follows from the shape
SCORES = "scores"  # the kind of a predictor
INT4 = "i4"  # of stored values only: no tensor has it
PLANE_WIDTHS = {GENERATION: 32, FROM_SOURCE: 48}  # kind -> most bits of one of its numbers


Scale = float | tuple[float, ...]


def stored_size(dtype: str, count: int) -> int:
    """Return the bytes that `count` stored elements take before compression."""
    return -(-count // 2) if dtype == INT4 else count * DTYPE_BYTES[dtype]


@dataclass(frozen=True)
class Frozen:
    """The `count` elements of a tensor with the lowest words of a stream: a seed says them all.

    Without a seed and a stream (both, or neither) those whose fixed values have the least
    magnitudes. They are selected and have no departures; masks and planes say nothing of them.
    """

    count: int
    seed: int | None = None
    stream: int | None = None


@dataclass(frozen=True)
class Predictor:
    """The mask that seeded first scores predict, of `ones` ones; `flips` bits of it are wrong."""

    ones: int
    flips: int
    seed: int
    stream: int


@dataclass(frozen=True)
class Positions:
    """Where a tensor's non-zeros are: a mask payload of `size` bytes with `ones` ones.

    With a predictor the payload says where the mask differs from the one that is predicted.
    """

    codec: str
    ones: int
    size: int
    predictor: Predictor | None = None


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
    dtype; f16 or bf16 for a tensor of f32, which widen exactly; i8 for a floating tensor, whose
    values are then the integer times `scale` (one, or one for each index of the first dimension);
    or i4 likewise, two integers a byte.
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
    frozen: Frozen | None = None

    @cached_property
    def numel(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def selected(self) -> int:
        """Number of elements that have a value."""
        return self.numel if self.positions is None else self.positions.ones

    @property
    def is_masked(self) -> bool:
        """Whether a mask selects elements, or all of them have values of a seed or signs."""
        of_seed = isinstance(self.values, FromPrototype) or self.plane is not None
        return self.positions is not None or of_seed

    @property
    def frozen_count(self) -> int:
        """Number of elements of which masks and planes say nothing."""
        return 0 if self.frozen is None else self.frozen.count

    @property
    def coded_shape(self) -> tuple[int, ...]:
        """Shape of the mask that the payload of `positions` says."""
        return self.shape if self.frozen is None else (self.numel - self.frozen.count,)

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
    sha256: str | None  # None in the compact form: the header's digest is over everything
    critical: bool


@dataclass(frozen=True)
class Manifest:
    """Everything an archive says about itself. `architecture` and `about` are free-form JSON.

    In the `compact` form sections have no digests and nothing is aligned.
    """

    tensors: tuple[TensorRecord, ...]
    sections: tuple[SectionRecord, ...]
    prototype: PrototypeRecord | None
    restored_sha256: str
    architecture: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    compact: bool = False

    @cached_property
    def elements(self) -> int:
        """Numbers in all restored tensors, aliases not counted twice."""
        return sum(t.numel for t in self.tensors if not isinstance(t.values, Alias))

    @cached_property
    def restored_bytes(self) -> int:
        """Memory that all restored tensors take together."""
        return sum(t.restored_bytes for t in self.tensors)

    @cached_property
    def minor(self) -> int:
        """The minor version of the format that can say this, the lowest one."""
        return int(self.compact or any(map(_is_later, self.tensors)))


def _is_later(tensor: TensorRecord) -> bool:
    values, positions = tensor.values, tensor.positions
    predicted = positions is not None and positions.predictor is not None
    packed = isinstance(values, Stored) and values.dtype == INT4
    return predicted or packed or tensor.frozen is not None
