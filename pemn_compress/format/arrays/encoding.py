"""Arrays to an archive: each stored in the smallest way that gives back the same bits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pemn_compress.errors import DataError, SettingError, UnknownNameError, did_you_mean
from pemn_compress.format import codecs, prng
from pemn_compress.format.archive import filling, records, values, writer
from pemn_compress.format.archive.contents import (
    AliasTensor,
    ConstantTensor,
    Content,
    DenseTensor,
    MaskedTensor,
    Prototype,
    SparseTensor,
)
from pemn_compress.format.archive.layout import MAX_ELEMENTS
from pemn_compress.kinds import check_kind, check_truth, of_kind

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_CODES = {np.dtype(code): name for name, code in values.NUMPY_TYPES.items() if name != "bf16"}
BF16 = "bf16"
_LEAST = 2.0**-100  # of a scale, as the format has it


@dataclass(frozen=True)
class Seeded:
    """Says that a tensor is scale x prototype where its mask is 1, and zero elsewhere.

    Element i, in C order, takes value (offset + i) mod length of the prototype that `seed` and
    `transform` make ("normal16", "uniform24" or "sign"; the product is rounded once to binary32,
    and once more for f16 and bf16). `scale` is one number, or one for each index of the first
    dimension. With `signs` an element is the scale with the sign of its prototype value. All seeded
    tensors of an archive have the same seed, transform and length; `length` None is the least that
    repeats no value.
    """

    seed: int
    scale: float | Sequence[float] = 1.0
    offset: int = 0
    length: int | None = None
    transform: str = "normal16"
    signs: bool = False


def encode(
    arrays: Mapping[str, Any],
    *,
    masks: Mapping[str, Any] | None = None,
    seeds: Mapping[str, Seeded] | None = None,
    dtypes: Mapping[str, str] | None = None,
    codec: str = codecs.AUTO,
    zstd: bool = True,
    compact: bool = True,
    tensor_digests: bool = False,
    about: Mapping[str, Any] | None = None,
    format_version: str = writer.AUTO,
) -> bytes:
    """Return an archive of numpy arrays by name; `decode` gives back the same bits.

    `masks` are arrays of bool that say which elements of a tensor are kept: its positions are then
    stored as a mask, and the kept values alone. All others have to be +0.0 (or 0). `seeds` say
    which tensors are made of a seed (see `Seeded`): nothing but their mask and scale is stored.
    One array under two names is stored once.

    `dtypes` names what numpy has no type for: {"w": "bf16"} for an array of float32 whose values
    all are bfloat16's (or of uint16, their bits). Values of float32 that float16 or bfloat16 hold
    exactly are stored in these. `codec` is that of the masks; `zstd=False` compresses nothing;
    `compact` takes the shorter form of format 1.1 where that pays; `tensor_digests` gives each
    tensor a digest of its own. The same arguments always give the same bytes.

    Raises DataError for an array that is not what its mask or seed says or that has a dtype, shape
    or name that no archive holds; SettingError for arguments that do not go together.
    """
    check_kind("arrays", arrays, Mapping, "a mapping of names to arrays")
    for what, given in (("masks", masks), ("seeds", seeds), ("dtypes", dtypes), ("about", about)):
        if given is not None:
            check_kind(what, given, Mapping, "a mapping")
    check_truth(zstd=zstd, compact=compact, tensor_digests=tensor_digests)
    masks, seeds, dtypes = dict(masks or {}), dict(seeds or {}), dict(dtypes or {})
    for what, named in (("masks", masks), ("seeds", seeds), ("dtypes", dtypes)):
        for name in named:
            if name not in arrays:
                hint = did_you_mean(name, arrays)
                raise SettingError(f"{what}: {name!r}: expected the name of an array{hint}")
    held = {name: _held(name, array, dtypes.get(name)) for name, array in arrays.items()}
    prototype = _prototype({name: held[name][1].size for name in seeds}, seeds)
    contents: list[Content] = []
    first: dict[int, str] = {}
    for name, (dtype, array) in held.items():
        given = arrays[name]
        of = first.setdefault(id(given), name)
        if of != name and _alike(name, of, masks, seeds, held):
            contents.append(AliasTensor(name, of))
            continue
        mask = _mask(name, array, masks[name]) if name in masks else None
        if name in seeds:
            assert prototype is not None
            contents.append(_seeded(name, dtype, array, mask, seeds[name], prototype))
        else:
            contents.append(_stored(name, dtype, array, mask))
    return writer.encode(
        contents,
        prototype,
        codec=codec,
        about=about,
        tensor_digests=tensor_digests,
        compress=zstd,
        compact=compact,
        format_version=format_version,
    )


def _held(name: str, given: Any, asked: str | None) -> tuple[str, Array]:
    """Return an array's dtype in the archive and its elements as archives hold them."""
    array = np.asarray(given)
    if not array.size:
        raise DataError(f"array {name!r}: expected dimensions of at least 1, got {array.shape}")
    if asked is None and array.dtype.name == "bfloat16":  # of a package that adds it to numpy
        return BF16, array.view(np.uint16)
    if asked == BF16 and array.dtype == np.uint16:
        return BF16, array.astype("<u2", copy=False)
    if asked == BF16 and array.dtype == np.float32:
        bits = values.from_float32(np.ascontiguousarray(array), BF16).reshape(array.shape)
        if not _same(values.widen(bits, BF16, "f32"), array):
            raise DataError(f"array {name!r}: expected values of bfloat16, got others of float32")
        return BF16, bits
    little = array.dtype.newbyteorder("<")
    code = _CODES.get(little)
    if code is None or asked not in (None, code):
        known = ", ".join(sorted(values.NUMPY_TYPES))
        if asked is not None and asked not in values.NUMPY_TYPES:
            raise UnknownNameError(f"dtype of {name!r}:", asked, values.NUMPY_TYPES)
        wanted = f"one of {known}" if asked is None else asked
        raise DataError(f"array {name!r}: dtype: expected {wanted}, got {array.dtype}")
    return code, np.ascontiguousarray(array, little).reshape(array.shape)


def _same(one: Array, other: Array) -> bool:
    return bytes(values.tensor_bytes(one)) == bytes(values.tensor_bytes(other))


def _alike(
    name: str,
    of: str,
    masks: Mapping[str, Any],
    seeds: Mapping[str, Seeded],
    held: Mapping[str, tuple[str, Array]],
) -> bool:
    """Tell whether a further name says nothing of its own, or the same as the first one."""
    if held[name][0] != held[of][0]:
        return False
    mask = masks.get(name)
    if mask is not None and masks.get(of) is not mask:
        return False
    return name not in seeds or seeds[name] == seeds.get(of)


def _mask(name: str, array: Array, given: Any) -> Mask:
    mask: Mask = np.asarray(given)
    if mask.dtype != np.bool_ or mask.shape != array.shape:
        raise DataError(
            f"mask of {name!r}: expected bool of shape {array.shape}, got {mask.dtype} of "
            f"{mask.shape}"
        )
    raw = np.frombuffer(values.tensor_bytes(array), np.uint8).reshape(array.size, -1)
    others = raw.any(axis=1) & ~mask.reshape(-1)
    if others.any():
        place = int(np.argmax(others))
        told = tuple(map(int, np.unravel_index(place, array.shape)))
        raise DataError(
            f"mask of {name!r}: expected +0 in every element that is not kept, got "
            f"{array[told]} at {told} and {int(others.sum()) - 1} more"
        )
    return np.ascontiguousarray(mask).reshape(mask.shape)


def _stored(name: str, dtype: str, array: Array, mask: Mask | None) -> Content:
    narrow = _narrow(dtype, array)
    if mask is None:
        return DenseTensor(name, dtype, array, narrow)
    kept = np.ascontiguousarray(array[mask])
    if dtype in records.MASKABLE_DTYPES and kept.size:
        bits = kept.view(f"<u{kept.itemsize}")
        negative = bits >> (8 * kept.itemsize - 1) != 0
        size = bits & ~np.array(1 << (8 * kept.itemsize - 1), bits.dtype)
        if (size == size[0]).all() and negative.any():  # one magnitude: a sign for each
            where = np.zeros(mask.shape, np.bool_)
            where[mask] = negative
            return ConstantTensor(name, dtype, size[:1].view(kept.dtype), mask, where)
    return SparseTensor(name, dtype, mask, kept, narrow)


def _narrow(dtype: str, array: Array) -> str | None:
    """Return the narrower dtype that holds an array of f32 exactly, if there is one."""
    if dtype != "f32":
        return None
    with np.errstate(all="ignore"):
        for narrow in ("f16", BF16):
            tried = values.from_float32(np.ascontiguousarray(array, np.float32), narrow)
            if _same(values.widen(tried, narrow, dtype), array):
                return narrow
    return None


def _prototype(sizes: Mapping[str, int], seeds: Mapping[str, Seeded]) -> Prototype | None:
    """Return the prototype that all seeded tensors share. Raises SettingError."""
    if not seeds:
        return None
    for name, one in seeds.items():
        check_kind(f"seeds: {name!r}", one, Seeded, "a pemn_compress.Seeded")
        check_truth(signs=one.signs)
    told = [(one.seed, one.transform, one.length) for one in seeds.values()]
    if any(one != told[0] for one in told):
        raise SettingError(
            "seeds: expected one seed, transform and length for all tensors of an archive, got "
            "several"
        )
    seed, transform, length = told[0]
    if not isinstance(transform, str) or transform not in prng.TRANSFORMS:
        raise UnknownNameError("transform", transform, prng.TRANSFORMS)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 1 << 64:
        raise SettingError(f"seeds: seed: expected 0 to 2^64 - 1, got {seed!r}")
    for name, one in seeds.items():
        if not isinstance(one.offset, int) or not 0 <= one.offset <= MAX_ELEMENTS:
            raise SettingError(
                f"seeds: {name!r}: offset: expected 0 to {MAX_ELEMENTS}, got {one.offset!r:.60}"
            )
    if length is None:
        length = max(one.offset + sizes[name] for name, one in seeds.items())
    if not isinstance(length, int) or isinstance(length, bool) or not 1 <= length <= MAX_ELEMENTS:
        raise SettingError(f"seeds: length: expected 1 to {MAX_ELEMENTS}, got {length!r:.60}")
    return Prototype(transform, prng.TRANSFORMS[transform](seed, 0, length), seed)


def _seeded(
    name: str, dtype: str, array: Array, mask: Mask | None, told: Seeded, prototype: Prototype
) -> Content:
    if dtype not in records.MASKABLE_DTYPES:
        wanted = " or ".join(records.MASKABLE_DTYPES)
        raise DataError(f"array {name!r}: a seeded tensor: expected {wanted}, got {dtype}")
    kept = np.ones(array.shape, np.bool_) if mask is None else mask
    scale = _scale(name, told.scale, array.shape)
    offset = told.offset % len(prototype.values)
    fill = records.FromPrototype(offset, scale, told.signs, None)
    made = filling.masked(prototype.values, fill, kept, dtype)
    if not _same(made, array):
        word = f"<u{array.itemsize}"
        other = made.view(word).reshape(-1) != np.ascontiguousarray(array).view(word).reshape(-1)
        place = int(np.argmax(other))
        told_at = tuple(map(int, np.unravel_index(place, array.shape)))
        raise DataError(
            f"array {name!r}: expected scale x prototype of seed {told.seed}, got another in "
            f"{int(other.sum())} of {array.size} elements, the first at {told_at}: "
            f"{made[told_at]} expected, {array[told_at]} got"
        )
    return MaskedTensor(name, dtype, kept, offset, scale, told.signs)


def _scale(name: str, given: float | Sequence[float], shape: tuple[int, ...]) -> records.Scale:
    """Return a scale as archives hold it: binary32 numbers. Raises SettingError."""
    try:
        numbers = np.asarray(given, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise SettingError(
            f"seeds: {name!r}: scale: expected one number, or a list of them, got {of_kind(given)}"
        ) from None
    with np.errstate(all="ignore"):
        single = numbers.astype(np.float32)
    if numbers.ndim > 1 or (numbers.ndim and (not shape or len(numbers) != shape[0])):
        raise SettingError(
            f"seeds: {name!r}: scale: expected one number, or {shape[0] if shape else 1} of them, "
            f"got shape {numbers.shape}"
        )
    if not ((single >= _LEAST) & (single <= 1 / _LEAST)).all():
        raise SettingError(
            f"seeds: {name!r}: scale: expected numbers from 2^-100 to 2^100, got {given!r:.60}"
        )
    return tuple(single.tolist()) if numbers.ndim else float(single)
