"""What an archive is made of, as a writer takes it: tensors of every kind, and the prototype."""

from dataclasses import dataclass

from pemn_compress.format.archive import records, values
from pemn_compress.format.archive.values import F32, Array, Mask


@dataclass(frozen=True)
class Plane:
    """How values depart from what their record says; `numbers` has the tensor's shape.

    "sign": True negates an element. "generation": g above 0 draws element i again, as value i of
    the prototype's seed and transform in stream `stream` + g. "source": element i takes the value
    that the element of that number has without a plane; its own number changes nothing. Only the
    numbers of selected elements are stored.
    """

    kind: str
    numbers: Array
    stream: int = 0


@dataclass(frozen=True)
class MaskedTensor:
    """A tensor of fixed random values times a mask. `mask` has the tensor's shape.

    With `signs` an element is the scale with the sign of its fixed value (Biprop). Elements that
    are `frozen` are all selected, have no departures, and cost no bits. `first_scores`, the seed
    and the stream of what training started from, may predict the mask: it is stored as its
    difference from that where this is smaller.
    """

    name: str
    dtype: str
    mask: Mask
    offset: int
    scale: records.Scale
    signs: bool = False
    plane: Plane | None = None
    frozen: records.Frozen | None = None
    first_scores: tuple[int, int] | None = None


@dataclass(frozen=True)
class ConstantTensor:
    """One magnitude, a mask and signs: `negative` and `mask` are bool in the tensor's shape.

    `value` is an array of one element, of the tensor's dtype.
    """

    name: str
    dtype: str
    value: Array
    mask: Mask
    negative: Mask


@dataclass(frozen=True)
class DenseTensor:
    """A tensor that is stored value by value; bf16 comes as its 16-bit patterns.

    `narrow` ("f16" or "bf16", for a tensor of f32) is what its values are stored in where that
    loses nothing.
    """

    name: str
    dtype: str
    array: Array
    narrow: str | None = None


@dataclass(frozen=True)
class SparseTensor:
    """A pruned tensor: `kept` holds the values where `mask` is 1, in C order; others are zero."""

    name: str
    dtype: str
    mask: Mask
    kept: Array
    narrow: str | None = None


@dataclass(frozen=True)
class QuantizedTensor:
    """A floating tensor of int8 x scale: `integers` in its shape, zero where `mask` is 0.

    `scale` is one number, or one for each index of the first dimension. With `bits` 4 the integers
    are int8 from -8 to 7, and two are stored in a byte.
    """

    name: str
    dtype: str
    integers: Array
    scale: records.Scale
    mask: Mask | None = None
    bits: int = 8


@dataclass(frozen=True)
class AliasTensor:
    """A further name of an earlier tensor."""

    name: str
    of: str


Content = MaskedTensor | ConstantTensor | DenseTensor | SparseTensor | QuantizedTensor | AliasTensor


@dataclass(frozen=True)
class Prototype:
    """The shared random values; `seed` None stores them instead of regenerating them.

    `transform` is what the seed's values are made by. `shuffle` permutes their repetition; offsets
    then count in the shuffled vector.
    """

    transform: str | None
    values: F32
    seed: int | None
    shuffle: records.Shuffle | None = None

    def record(self) -> records.PrototypeRecord:
        """Return what the manifest says of it."""
        transform = None if self.seed is None else self.transform
        return records.PrototypeRecord(transform, len(self.values), self.seed, 0, self.shuffle)

    def filled(self) -> F32:
        """Return the vector that tensors take their values from."""
        return self.values if self.shuffle is None else values.shuffled(self.values, self.shuffle)
